# SPDX-License-Identifier: Apache-2.0
"""What the pool machine draws: picks, amounts, parts of amounts, waits."""

from __future__ import annotations

from hypothesis import strategies as st

DAY = 86_400

PICKS = st.integers(0, 2**16)
OWNERS = st.sampled_from(("payer", "other_payer"))
AMOUNTS = st.one_of(st.integers(1, 5_000), st.integers(300, 3_000), st.integers(0, 5))
# Parts of what there is: one, some, all, more than all.
PARTS = st.sampled_from(("one", "some", "some", "most", "all", "over", "none"))
RARELY = st.sampled_from((False,) * 7 + (True,))
WAITS = st.sampled_from((1, 3_600, DAY, 2 * DAY, 3 * DAY))


def part(of: int, kind: str) -> int:
    """Return a part of an amount."""
    parts = {"one": min(of, 1), "some": (of + 2) // 3, "most": of - of // 10, "all": of}
    return parts.get(kind, of + 1 if kind == "over" else 0)
