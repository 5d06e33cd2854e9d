# SPDX-License-Identifier: Apache-2.0
"""Where the storage gas goes: accesses by the variable's name."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from cortensor.gas.classes import READ
from cortensor.gas.layout import Slots
from cortensor.gas.storage_gas import CLEAR, RESET, REWRITE, SAME, SET

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cortensor.gas.classes import Access, Execution
    from cortensor.gas.known import Known


class Named(NamedTuple):
    """A slot's contract and variable, None where unknown, and its name in full or its number."""

    contract: str
    variable: str | None
    shown: str


class Heat(Struct):
    """What one variable, or one unknown slot, took."""

    contract: str
    variable: str | None
    slots: list[str]
    cold_reads: int = 0
    warm_reads: int = 0
    redundant_reads: int = 0
    sets: int = 0
    resets: int = 0
    clears: int = 0
    rewrites: int = 0
    same: int = 0
    cold_writes: int = 0
    gas: int = 0
    refund: int = 0

    @property
    def name(self) -> str:
        """Contract and variable, for people."""
        return f"{self.contract}.{self.variable or self.slots[0]}"

    def add(self, access: Access) -> None:
        """Count an access."""
        self.gas += access.gas
        self.refund += access.refund
        if access.kind == READ:
            self.cold_reads += access.is_cold
            self.warm_reads += not access.is_cold
            self.redundant_reads += access.is_redundant
            return
        self.cold_writes += access.is_cold
        self.sets += access.kind == SET
        self.resets += access.kind == RESET
        self.clears += access.kind == CLEAR
        self.rewrites += access.kind == REWRITE
        self.same += access.kind == SAME


def heat_of(execution: Execution, contracts: Mapping[str, Known]) -> list[Heat]:
    """Return what each variable took, the dearest first.

    Args:
        execution: a classified transaction.
        contracts: address in lower case -> what is known of it.
    """
    slots = {
        address: Slots(known.variables)
        for address, known in contracts.items()
        if known.variables is not None
    }
    for preimage in execution.preimages:
        if preimage.address in slots:
            slots[preimage.address].learn(preimage.words)
    found: dict[tuple[str, str], Heat] = {}
    for access in execution.accesses:
        named = _named(access, slots.get(access.address), contracts.get(access.address))
        key = (access.address, named.variable or named.shown)
        heat = found.setdefault(key, Heat(named.contract, named.variable, []))
        if named.shown not in heat.slots:
            heat.slots.append(named.shown)
        heat.add(access)
    return sorted(found.values(), key=lambda heat: (-heat.gas, heat.name))


def _named(access: Access, slots: Slots | None, known: Known | None) -> Named:
    contract = access.address if known is None else known.name
    place = None if slots is None else slots.place(access.slot)
    if place is None:
        return Named(contract, None, f"0x{access.slot:064x}")
    return Named(contract, place.variable, place.variable + place.inside)
