# SPDX-License-Identifier: Apache-2.0
"""Where a mined transaction's gas went: one account of all of it, closed to the unit."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from cortensor.errors import InvalidInput, NotFound
from cortensor.gas import kinds, opcodes
from cortensor.gas.calldata import Calldata, read_calldata
from cortensor.gas.classes import classify
from cortensor.gas.closure import Closure, close
from cortensor.gas.events import Event, events_of
from cortensor.gas.heat import Heat, heat_of
from cortensor.gas.trace import read_steps

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cortensor.gas.known import Known
    from cortensor.gas.transaction import Traced, Transaction


PROFILED_TYPES = (0, 1, 2)
UNNAMED = {
    "unknown_selector": "deployments",
    "missing_layout": "layouts",
    "unknown_address": "deployments",
    "unknown_slot": "layouts",
}
"""Codes of notes that say that something has no name -> the option that would give one."""


class ClassGas(NamedTuple):
    """A class of gas: what was taken before the first step, and what by steps."""

    name: str
    intrinsic: int
    execution: int


class OpcodeGas(NamedTuple):
    """An opcode: how many steps, and their own gas."""

    name: str
    steps: int
    gas: int


class Note(NamedTuple):
    """What the profile could not say, and why."""

    code: str
    reason: str


class Profile(Struct, frozen=True):
    """All of a transaction's gas. Classes and opcodes are before the refund."""

    tx_hash: str
    contract: str
    is_failed: bool
    closure: Closure
    classes: list[ClassGas]
    heat: list[Heat]
    opcodes: list[OpcodeGas]
    events: list[Event]
    calldata: Calldata
    notes: list[Note]


def profile(traced: Traced, contracts: Mapping[str, Known], brotli_level: int) -> Profile:
    """Return a transaction's profile.

    Args:
        traced: a node's answers.
        contracts: address in lower case -> what is known of it.
        brotli_level: the chain's, for calldata units.

    Raises:
        InvalidInput: it is of a type whose rules are not known here (`unknown_transaction_type`).
        VerificationFailed: the trace is not whole (`truncated_trace`), or its parts are not what
            the receipt says (`not_closed`).
    """
    transaction, receipt = traced.transaction, traced.receipt
    if transaction.tx_type not in PROFILED_TYPES:
        raise InvalidInput(
            f"is of type {transaction.tx_type}; profiles are of types 0, 1 and 2",
            field="tx_hash",
            code="unknown_transaction_type",
        )
    steps = read_steps(
        traced.trace, is_creation=transaction.to is None, is_failed=receipt.is_failed
    )
    found = classify(traced.trace, steps, transaction, receipt, traced.originals)
    closure = close(transaction, receipt, found.gas, found.refund)
    intrinsic = transaction.intrinsic()
    if closure.poster:
        intrinsic[kinds.SINGLE_DIM] = closure.poster
    classes = [
        ClassGas(kind, intrinsic.get(kind, 0), found.classes.get(kind, 0)) for kind in kinds.ALL
    ]
    target = transaction.to or transaction.created or ""
    known = contracts.get(target)
    calldata = read_calldata(transaction, None if known is None else known.abi, brotli_level)
    heat = heat_of(found, contracts)
    counted = [OpcodeGas(opcodes.name_of(op), *each) for op, each in found.opcodes.items()]
    return Profile(
        transaction.tx_hash,
        target if known is None else known.name,
        receipt.is_failed,
        closure,
        classes,
        heat,
        sorted(counted, key=lambda each: (-each.gas, each.name)),
        events_of(receipt.logs, contracts),
        calldata,
        _notes(transaction, contracts, heat, calldata),
    )


def must_be_named(found: Profile) -> None:
    """Check that all that a profile tells has a name.

    Raises:
        NotFound: something has none: the first such note's code and reason (`unknown_selector`,
            `missing_layout`, `unknown_address`, `unknown_slot`).
    """
    unnamed = [note for note in found.notes if note.code in UNNAMED]
    if unnamed:
        first, *rest = unnamed
        more = f" (and {len(rest)} more)" if rest else ""
        raise NotFound(
            f"{first.reason}{more}; --allow-unknown shows the rest",
            field=UNNAMED[first.code],
            code=first.code,
        )


def _notes(
    transaction: Transaction, contracts: Mapping[str, Known], heat: list[Heat], calldata: Calldata
) -> list[Note]:
    notes = []
    if calldata.selector is not None and calldata.function is None:
        reason = f"no known function has selector {calldata.selector}: arguments are not told apart"
        notes.append(Note("unknown_selector", reason))
    unnamed = sorted({each.contract for each in heat if each.variable is None})
    without = {known.name for known in contracts.values() if known.variables is None}
    for contract in unnamed:
        if contract in without:
            reason = f"no layout of {contract}: its slots have no names"
            notes.append(Note("missing_layout", reason))
        elif contract.startswith("0x"):
            reason = f"{contract} is in no deployment record: its slots have no names"
            notes.append(Note("unknown_address", reason))
        else:
            notes.append(Note("unknown_slot", f"{contract} has slots that its layout lacks"))
    if transaction.raw is None:
        notes.append(Note("no_signed_bytes", "the node gives none, so there are no calldata units"))
    elif not transaction.is_signed:
        reason = "sent without a signature, by a node that impersonates: signed, it has more units"
        notes.append(Note("not_signed", reason))
    return notes
