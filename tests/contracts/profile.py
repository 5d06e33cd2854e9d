# SPDX-License-Identifier: Apache-2.0
"""How many examples a property gets: a share of what the Hypothesis profile asks for."""

from __future__ import annotations

from hypothesis import settings

CI_EXAMPLES = 200


def examples(in_ci: int) -> int:
    """Return the number of examples for a property that should get `in_ci` of them in CI.

    The other profiles scale it: `dev` to an eighth, `deep` to fifty times.
    """
    return max(settings.default.max_examples * in_ci // CI_EXAMPLES, 1)
