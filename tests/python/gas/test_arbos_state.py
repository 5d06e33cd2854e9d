# SPDX-License-Identifier: Apache-2.0
"""Slots of ArbOS: the spaces that Arbitrum One has, and what is read from them."""

from __future__ import annotations

import pytest

from cortensor.errors import InvalidInput
from cortensor.gas import arbos_state
from cortensor.gas.arbos_state import (
    BASE_FEE,
    COLLECTS_TIPS,
    CONSTRAINT_COUNT,
    CONSTRAINTS,
    L1_PRICING,
    L2_PRICING,
    ROOT,
    inner,
    read,
    slot,
    written,
)
from cortensor.gas.base_fee import Constraint, Constraints, OneBacklog
from tests.python.gas.arbos_storage import LEGACY, SIX, storage_of

# The first 31 bytes of every slot of a space, as seen on the chain.
PREFIXES = {
    "root": (ROOT, "15fed0451499512d95f3ec5a41c878b9de55f21878b5b4e190d4667ec709b4"),
    "L1 pricing": (L1_PRICING, "a9f6f085d78d1d37c5819e5c16c9e03198bd14e08cd1f6f8191bc6207b9e97"),
    "L2 pricing": (L2_PRICING, "e54de2a4cdacc0a0059d2b6e16348103df8c4aff409c31e40ec73d11926c82"),
    "constraints": (CONSTRAINTS, "52232757544c763eb1c1511dc67b97f352c88a089b72a204b89e1c66fc2783"),
    "constraint 0": (
        inner(CONSTRAINTS, bytes(8)),
        "3f7acd5dfea0f400b20ee8227e84b8c9f0440358ededd3c2043024a9485264",
    ),
    "constraint 1": (
        inner(CONSTRAINTS, bytes(7) + b"\1"),
        "b030e80be1d37b800ea9902aab7481a1eea35835f84698282506b483b74721",
    ),
}


@pytest.mark.parametrize(("space", "prefix"), PREFIXES.values(), ids=PREFIXES)
def test_the_spaces_are_where_the_chain_has_them(space: bytes, prefix: str) -> None:
    for key in (0, 7, 255):
        assert f"{slot(space, key):064x}" == f"{prefix}{key:02x}"


def test_an_older_chain_has_one_backlog() -> None:
    state = read(lambda at: LEGACY.get(at, 0))
    assert state.controller == OneBacklog(10_000_000, 7_000_000, 102, 10, 5_000_000)
    assert state[:5] == (40, 1, 986_426, 12_000_000, 10_000_000)


def test_a_newer_one_has_constraints() -> None:
    state = read(lambda at: SIX.get(at, 0))
    assert state.controller == Constraints.of(
        20_000_000, [Constraint(60_000_000, 9, 123), Constraint(10_000_000, 86_400, 456)]
    )


def test_a_newer_one_without_constraints_has_one_backlog() -> None:
    words = storage_of(arbos=51)
    assert isinstance(read(lambda at: words.get(at, 0)).controller, OneBacklog)


@pytest.mark.parametrize(("arbos", "is_refused"), [(59, False), (60, True), (61, True)])
def test_a_chain_that_collects_tips_is_refused(arbos: int, is_refused: bool) -> None:
    words = storage_of(arbos) | {COLLECTS_TIPS: 1}
    if not is_refused:
        assert read(lambda at: words.get(at, 0)).arbos == arbos
        return
    with pytest.raises(InvalidInput, match="collects tips") as caught:
        read(lambda at: words.get(at, 0))
    assert caught.value.code == "collects_tips"


def test_another_chain_has_none() -> None:
    with pytest.raises(InvalidInput, match="no Arbitrum chain") as caught:
        read(lambda _: 0)
    assert (caught.value.code, caught.value.field) == ("no_arbos", "rpc")


def test_a_count_that_nobody_would_set_is_refused() -> None:
    words = storage_of(arbos=51) | {CONSTRAINT_COUNT: 10**6}
    with pytest.raises(InvalidInput, match="not believable"):
        read(lambda at: words.get(at, 0))


def test_the_account_is_known() -> None:
    assert arbos_state.ACCOUNT == "0xa4b05" + "f" * 35
    assert BASE_FEE != 0


@pytest.mark.parametrize("words", [LEGACY, SIX])
def test_what_is_written_is_read(words: dict[int, int]) -> None:
    state = read(lambda slot: words.get(slot, 0))
    again = written(state)
    assert again.items() <= words.items()
    assert read(lambda slot: again.get(slot, 0)) == state
