# SPDX-License-Identifier: Apache-2.0
"""Where ArbOS keeps its parameters: slots of one account, which any node shows.

A value's slot is made of its *space* and its key: keccak256(space, the key's first 31 bytes), with
the key's last byte in place of the hash's. A space inside another is keccak256(outer, id).
Source: OffchainLabs/nitro, arbos/storage/storage.go, arbos/arbosState, as read at 6dce8d13.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cortensor.errors import InvalidInput
from cortensor.gas.base_fee import Constraint, Constraints, Controller, OneBacklog
from cortensor.receipts.keccak import WORD_BYTES, keccak256

if TYPE_CHECKING:
    from collections.abc import Callable

ACCOUNT = "0xa4b05fffffffffffffffffffffffffffffffffff"
MAX_CONSTRAINTS = 32
CONSTRAINTS_SINCE_ARBOS = 50
TIPS_SINCE_ARBOS = 60


def inner(space: bytes, identity: bytes) -> bytes:
    """Return the space of an id inside another; the outermost is empty."""
    return keccak256(space + identity)


def slot(space: bytes, key: int) -> int:
    """Return the slot of a numbered value in a space."""
    word = key.to_bytes(WORD_BYTES, "big")
    return int.from_bytes(keccak256(space + word[:-1])[:-1] + word[-1:], "big")


ROOT = b""
L1_PRICING = inner(ROOT, b"\0")
L2_PRICING = inner(ROOT, b"\1")
CONSTRAINTS = inner(L2_PRICING, b"\0")

VERSION, BROTLI_LEVEL = slot(ROOT, 0x00), slot(ROOT, 0x07)
COLLECTS_TIPS = slot(ROOT, 0x0B)
PRICE_PER_UNIT = slot(L1_PRICING, 0x07)
SPEED_LIMIT, BASE_FEE, MIN_BASE_FEE = (slot(L2_PRICING, key) for key in (0x00, 0x02, 0x03))
BACKLOG, INERTIA, TOLERANCE = (slot(L2_PRICING, key) for key in (0x04, 0x05, 0x06))
CONSTRAINT_COUNT = slot(CONSTRAINTS, 0x00)


class ArbosState(NamedTuple):
    """What ArbOS says of fees. `base_fee` is the next block's, in wei like `price_per_unit`."""

    arbos: int
    brotli_level: int
    price_per_unit: int
    base_fee: int
    min_base_fee: int
    controller: Controller


class ReadState(NamedTuple):
    """What was read, of which chain and block; `timestamp` is the block's, in unix seconds."""

    chain_id: int
    block: int
    timestamp: int
    state: ArbosState


def read(load: Callable[[int], int]) -> ArbosState:
    """Return the state that an account's storage holds.

    Args:
        load: returns the value of a slot of `ACCOUNT`.

    Raises:
        InvalidInput: there is no ArbOS there, or one that charges tips (`collects_tips`).
    """
    arbos, min_base_fee = load(VERSION), load(MIN_BASE_FEE)
    if arbos == 0:
        raise InvalidInput(
            "this chain has no ArbOS state: it is no Arbitrum chain, or the node shows none of it",
            field="rpc",
            code="no_arbos",
        )
    if arbos >= TIPS_SINCE_ARBOS and load(COLLECTS_TIPS) != 0:
        # A unit of gas then costs what the sender offered, which no fee here is computed with.
        raise InvalidInput(
            "this chain collects tips: its fees are not base fee times gas, and are not computed",
            field="rpc",
            code="collects_tips",
        )
    count = load(CONSTRAINT_COUNT) if arbos >= CONSTRAINTS_SINCE_ARBOS else 0
    if count > MAX_CONSTRAINTS:
        raise InvalidInput(f"{count} constraints are not believable", field="rpc", code="no_arbos")
    controller: Controller
    if count:
        controller = Constraints.of(min_base_fee, (_constraint(load, at) for at in range(count)))
    else:
        controller = OneBacklog(
            min_base_fee, load(SPEED_LIMIT), load(INERTIA), load(TOLERANCE), load(BACKLOG)
        )
    return ArbosState(
        arbos=arbos,
        brotli_level=load(BROTLI_LEVEL),
        price_per_unit=load(PRICE_PER_UNIT),
        base_fee=load(BASE_FEE),
        min_base_fee=min_base_fee,
        controller=controller,
    )


def written(state: ArbosState) -> dict[int, int]:
    """Return slot -> value of a state, as `read` would find it."""
    words = {
        VERSION: state.arbos,
        BROTLI_LEVEL: state.brotli_level,
        PRICE_PER_UNIT: state.price_per_unit,
        BASE_FEE: state.base_fee,
        MIN_BASE_FEE: state.min_base_fee,
        CONSTRAINT_COUNT: 0,
    }
    if isinstance(state.controller, OneBacklog):
        _floor, *values = state.controller
        return words | dict(zip((SPEED_LIMIT, INERTIA, TOLERANCE, BACKLOG), values, strict=True))
    words[CONSTRAINT_COUNT] = len(state.controller.items)
    for number, item in enumerate(state.controller.items):
        space = _space_of(number)
        words |= {slot(space, key): value for key, value in enumerate(item)}
    return words


def constraint_slots(count: int) -> list[int]:
    """Return the slots of the first constraints: target, window and backlog of each."""
    return [slot(_space_of(number), key) for number in range(count) for key in range(3)]


def _space_of(number: int) -> bytes:
    return inner(CONSTRAINTS, number.to_bytes(8, "big"))


def _constraint(load: Callable[[int], int], number: int) -> Constraint:
    space = _space_of(number)
    return Constraint(*(load(slot(space, key)) for key in range(3)))
