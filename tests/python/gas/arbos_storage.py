# SPDX-License-Identifier: Apache-2.0
"""ArbOS' storage as a node has it: for readers, and to put onto an Anvil."""

from __future__ import annotations

from collections.abc import Sequence

from cortensor.gas.arbos_state import (
    BACKLOG,
    BASE_FEE,
    BROTLI_LEVEL,
    CONSTRAINT_COUNT,
    CONSTRAINTS,
    INERTIA,
    MIN_BASE_FEE,
    PRICE_PER_UNIT,
    SPEED_LIMIT,
    TOLERANCE,
    VERSION,
    inner,
    slot,
)


def storage_of(
    arbos: int, min_base_fee: int = 10_000_000, constraints: Sequence[tuple[int, int, int]] = ()
) -> dict[int, int]:
    """Return slot -> value."""
    words = {
        VERSION: arbos,
        BROTLI_LEVEL: 1,
        PRICE_PER_UNIT: 986_426,
        BASE_FEE: 12_000_000,
        MIN_BASE_FEE: min_base_fee,
        SPEED_LIMIT: 7_000_000,
        INERTIA: 102,
        TOLERANCE: 10,
        BACKLOG: 5_000_000,
        CONSTRAINT_COUNT: len(constraints),
    }
    for number, values in enumerate(constraints):
        space = inner(CONSTRAINTS, number.to_bytes(8, "big"))
        words |= {slot(space, key): value for key, value in enumerate(values)}
    return words


LEGACY = storage_of(40)
SIX = storage_of(51, 20_000_000, [(60_000_000, 9, 123), (10_000_000, 86_400, 456)])
