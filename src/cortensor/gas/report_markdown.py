# SPDX-License-Identifier: Apache-2.0
"""Measured gas as a Markdown table, to paste into a review."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cortensor.gas import kinds
from cortensor.gas.baseline import percent
from cortensor.gas.report_costs import cost_tables, priced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cortensor.gas.baseline import Change, Diff
    from cortensor.gas.kept_profiles import Kept, Profiles
    from cortensor.gas.measured import Measurement, Row
    from cortensor.gas.report_costs import CostTable

PARTS = {
    "computation": (kinds.COMPUTATION,),
    "storage": (kinds.STORAGE_READ, kinds.STORAGE_WRITE, kinds.STORAGE_GROWTH),
    "events": (kinds.HISTORY_GROWTH,),
    "calldata": (kinds.L2_CALLDATA,),
}
"""Heading -> the classes that it sums up, before the refund."""


def markdown(measured: Measurement, profiles: Profiles, moved: Diff | None = None) -> str:
    """Return a table of every scenario, and one of its costs a network.

    With a comparison, of those that changed.

    Args:
        measured: scenarios.
        profiles: where their gas went.
        moved: what changed since a baseline.

    Raises:
        InvalidInput: as `cost_tables`.
    """
    header = measured.header
    how = (
        f"Gas: {header['metric']}; {header['compiler']}, EVM {header['evm']}, "
        f"Anvil {header['anvil']} `--hardfork {header['hardfork']}`. Parts are before the refund."
    )
    lines = [how, ""]
    if moved is None:
        lines += _table(("scenario", "gas", "per item"), measured, profiles, None)
    elif moved.changes:
        lines += _table(("scenario", "before", "now", "change"), measured, profiles, moved)
    if moved is not None:
        total = f"{moved.before:,} -> {moved.after:,} ({percent(moved.total_bps)})"
        lines += ["", f"{len(moved.changes)} changed; all that both have: {total}"]
    names = set(measured.scenarios) if moved is None else {each.name for each in moved.changes}
    for table in cost_tables(measured):
        lines += _costs(table, names)
    if names:
        lines += ["", f"ETH, COR and USD are of what is charged; {priced(measured).sentence}."]
    return "\n".join(lines) + "\n"


def _costs(table: CostTable, names: set[str]) -> Iterator[str]:
    rows = {name: cells for name, cells in table.rows.items() if name in names}
    if rows:
        yield from ("", f"Costs on {table.network}, {table.at}:", "")
        yield _line(("scenario", *table.heads))
        yield "|---|" + "--:|" * len(table.heads)
        for name, cells in rows.items():
            yield _line((f"`{name}`", *(cell.text for cell in cells)))


def _table(
    first: tuple[str, ...], measured: Measurement, profiles: Profiles, moved: Diff | None
) -> Iterator[str]:
    yield _line((*first, *PARTS, "dearest variable"))
    yield "|---|" + "--:|" * (len(first) - 1 + len(PARTS)) + "---|"
    if moved is None:
        for name, row in measured.scenarios.items():
            yield _line((*_plain(name, row), *_parts(profiles.scenarios.get(name))))
    else:
        for change in moved.changes:
            yield _line((*_changed(change), *_parts(profiles.scenarios.get(change.name))))


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def _plain(name: str, row: Row) -> tuple[str, ...]:
    return f"`{name}`", f"{row.gas_used:,}", f"{row.gas_per_item:,}" if row.items > 1 else ""


def _changed(change: Change) -> tuple[str, ...]:
    before = "" if change.before is None else f"{change.before:,}"
    after = "" if change.after is None else f"{change.after:,}"
    if change.before is None or change.after is None or change.bps is None:
        how = "new" if change.before is None else "gone"
    else:
        how = f"{change.after - change.before:+,} ({percent(change.bps)})"
    return f"`{change.name}`", before, after, how


def _parts(kept: Kept | None) -> tuple[str, ...]:
    if kept is None:
        return ("",) * (len(PARTS) + 1)
    sums = [sum(kept.classes.get(kind, 0) for kind in group) for group in PARTS.values()]
    most = max(kept.storage.items(), key=lambda each: each[1]["gas"], default=None)
    dearest = "" if most is None else f"`{most[0]}` {most[1]['gas']:,}"
    return (*(f"{gas:,}" if gas else "" for gas in sums), dearest)
