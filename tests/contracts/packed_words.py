# SPDX-License-Identifier: Apache-2.0
"""What the tests of packed words share: fields at random, edges often, and a library on its own."""

from __future__ import annotations

from typing import Any

import boa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tests.contracts.profile import examples
from tests.contracts.protocol import CONTRACTS, U96

U40 = 2**40 - 1
WEI = st.one_of(st.just(0), st.just(U96), st.integers(0, U96))
TIMES = st.one_of(st.just(0), st.just(U40), st.integers(0, U40))


def library(source: str) -> Any:
    """Deploy a contract whose source shows a library's functions to the outside."""
    boa.interpret.set_search_paths([str(CONTRACTS.parent)])
    return boa.loads(source)


def property_of(count: int) -> settings:
    """Return the settings of a property that gets `count` examples in CI."""
    return settings(
        max_examples=examples(count),
        suppress_health_check=[HealthCheck.function_scoped_fixture],
        deadline=None,
    )
