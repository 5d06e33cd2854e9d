# SPDX-License-Identifier: Apache-2.0
"""A profile for people, and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from cortensor.gas.heat import Heat
    from cortensor.gas.profile import Profile

SHOWN_OPCODES = 12
METRIC = "receipt gasUsed; classes and opcodes before the refund, opcodes without called frames"
HEADINGS = {
    "cold_reads": "cold",
    "warm_reads": "warm",
    "redundant_reads": "again",
    "sets": "0→x",
    "resets": "x→y",
    "clears": "x→0",
    "rewrites": "dirty",
    "same": "same",
}
"""Field of `Heat` -> its heading."""


def profile_json(found: Profile, fees: dict[str, Any] | None) -> dict[str, Any]:
    """Return a profile as JSON data; gas is a number, money a string of wei."""
    closure = {**found.closure._asdict(), "gas_used": found.closure.used}
    return {
        "metric": METRIC,
        "tx_hash": found.tx_hash,
        "contract": found.contract,
        "is_failed": found.is_failed,
        "closure": closure,
        "classes": {
            each.name: {"intrinsic": each.intrinsic, "execution": each.execution}
            for each in found.classes
        },
        "heat": [msgspec.to_builtins(each) for each in found.heat],
        "opcodes": {each.name: {"steps": each.steps, "gas": each.gas} for each in found.opcodes},
        "events": [msgspec.to_builtins(each) for each in found.events],
        "calldata": {
            **msgspec.to_builtins(found.calldata),
            "arguments": [each._asdict() for each in found.calldata.arguments],
        },
        "fees": fees,
        "notes": [each._asdict() for each in found.notes],
    }


def show_profile(console: Console, found: Profile) -> None:
    """Print a profile, but for its fees and notes."""
    function = found.calldata.function or found.calldata.selector or "(no call)"
    failed = ", failed" if found.is_failed else ""
    console.print(f"{found.contract} {function}{failed}", highlight=False, soft_wrap=True)
    console.print(str(found.closure), highlight=False, soft_wrap=True)
    for title, table in _tables(found):
        console.print(f"\n{title}", style="italic", highlight=False, soft_wrap=True)
        if table.row_count:
            console.print(table)


def _tables(found: Profile) -> Iterator[tuple[str, Table]]:
    yield "Gas by class", _classes(found)
    if found.heat:
        yield "Storage", _heat(found.heat)
    if found.opcodes:
        yield "Opcodes", _opcodes(found)
    if found.events:
        yield "Events", _events(found)
    told = found.calldata
    units = "" if told.units is None else f", {told.units:,} units"
    title = f"Calldata: {told.zero_bytes:,} zero bytes, {told.nonzero_bytes:,} others{units}"
    yield title, _calldata(found)


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(first, overflow="fold")
    for heading in others:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _classes(found: Profile) -> Table:
    table = _table("class", "intrinsic", "execution", "all")
    for each in found.classes:
        numbers = (each.intrinsic, each.execution, each.intrinsic + each.execution)
        if any(numbers):
            table.add_row(each.name, *(_number(number) for number in numbers))
    return table


def _heat(heat: list[Heat]) -> Table:
    # A column that holds nothing is left out.
    shown = [name for name in HEADINGS if any(getattr(each, name) for each in heat)]
    headings = [HEADINGS[name] for name in shown]
    table = _table("variable", "slots", *headings, "gas", "refund")
    for each in heat:
        counts = [_number(getattr(each, name)) for name in shown]
        numbers = (_number(each.gas), _number(each.refund))
        table.add_row(each.name, str(len(each.slots)), *counts, *numbers)
    return table


def _opcodes(found: Profile) -> Table:
    table = _table("opcode", "steps", "gas")
    for each in found.opcodes[:SHOWN_OPCODES]:
        table.add_row(each.name, _number(each.steps), _number(each.gas))
    rest = found.opcodes[SHOWN_OPCODES:]
    if rest:
        count, gas = sum(each.steps for each in rest), sum(each.gas for each in rest)
        table.add_row(f"{len(rest)} others", _number(count), _number(gas))
    return table


def _events(found: Profile) -> Table:
    table = _table("event", "count", "topics", "data bytes", "gas")
    for each in found.events:
        numbers = (each.count, each.topics, each.data_bytes, each.gas)
        table.add_row(f"{each.contract}.{each.name}", *(_number(number) for number in numbers))
    return table


def _calldata(found: Profile) -> Table:
    table = _table("argument", "bytes", "adds units")
    for each in found.calldata.arguments:
        added = "" if each.units is None else f"{each.units:,}"
        table.add_row(f"{each.name} ({each.type})", f"{each.bytes:,}", added)
    return table


def _number(number: int) -> str:
    return f"{number:,}" if number else ""
