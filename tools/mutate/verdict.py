# SPDX-License-Identifier: Apache-2.0
"""What the outcomes mean: the share that was killed, and which survivors have an argument."""

from __future__ import annotations

import tomllib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools.mutate.mutant import key_of
from tools.mutate.suites import CannotRunError
from tools.mutate.trial import INVALID, KILLED, SAME, SURVIVED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from tools.mutate.mutant import Mutant
    from tools.mutate.runner import Outcome

LEAST_KILLED_PERCENT = 90
_FIELDS = {"ids", "change", "reason"}


@dataclass(frozen=True)
class Argued:
    """A survivor that somebody looked at.

    Attributes:
        id: The mutant's id; its line may be out of date.
        change: What it changes, for the reader.
        reason: Why no test can or need tell it from the original.
    """

    id: str
    change: str
    reason: str


def read_argued(path: Path) -> dict[str, Argued]:
    """Reads the argued survivors.

    Args:
        path: A TOML file of `[[argued]]` tables: ids of mutants, what they change, and the reason
            that holds for all of them.

    Returns:
        Key of the mutant -> entry.

    Raises:
        CannotRunError: If an entry lacks something, or a mutant is there twice.
    """
    found: dict[str, Argued] = {}
    tables = tomllib.loads(path.read_text(encoding="utf-8")).get("argued", [])
    for number, table in enumerate(tables, 1):
        is_whole = set(table) == _FIELDS and isinstance(table["ids"], list)
        if not is_whole or not all(str(value).strip(" []") for value in table.values()):
            raise CannotRunError(f"{path.name}: entry {number} needs ids, change and reason")
        for mutant_id in table["ids"]:
            try:
                key = key_of(mutant_id)
            except ValueError as error:
                raise CannotRunError(f"{path.name}: entry {number}: {error}") from error
            if key in found:
                raise CannotRunError(f"{path.name}: {mutant_id} is argued twice")
            found[key] = Argued(mutant_id, table["change"], table["reason"])
    return found


def gone(argued: dict[str, Argued], mutants: Iterable[Mutant]) -> list[Argued]:
    """Lists arguments about mutants that the sources no longer have.

    Args:
        argued: As `read_argued` returns them.
        mutants: All mutants of all money contracts.

    Returns:
        Entries to delete.
    """
    keys = {mutant.key for mutant in mutants}
    return [entry for key, entry in argued.items() if key not in keys]


@dataclass(frozen=True)
class Verdict:
    """What the check says.

    Attributes:
        outcomes: All trials.
        argued: Key -> argument.
        gone: Arguments about mutants that are no more.
    """

    outcomes: Sequence[Outcome]
    argued: dict[str, Argued]
    gone: Sequence[Argued] = ()

    def count(self, status: str) -> int:
        """Returns how many trials ended so."""
        return sum(outcome.result.status == status for outcome in self.outcomes)

    @property
    def survivors(self) -> list[Outcome]:
        """Mutants that every test passed with, in the order of the sources."""
        alive = [outcome for outcome in self.outcomes if outcome.result.status == SURVIVED]
        return sorted(alive, key=lambda outcome: (outcome.mutant.path, outcome.mutant.edit.start))

    def complaints(self) -> list[str]:
        """Returns why the check fails; nothing if it does not."""
        found = []
        killed, counted = self.count(KILLED), self.count(KILLED) + self.count(SURVIVED)
        if not counted:
            found.append("no mutant counted: nothing was checked")
        elif killed * 100 < LEAST_KILLED_PERCENT * counted:
            found.append(f"{killed} of {counted} killed, at least {LEAST_KILLED_PERCENT} % needed")
        found += [
            f"{outcome.mutant.id} survived: kill it, or argue in argued.toml why it may live"
            for outcome in self.survivors
            if outcome.mutant.key not in self.argued
        ]
        found += [f"{entry.id} is argued and gone: delete the entry" for entry in self.gone]
        found += [
            f"{outcome.mutant.id} is argued and was killed: delete the entry"
            for outcome in self.outcomes
            if outcome.result.status == KILLED and outcome.mutant.key in self.argued
        ]
        return found

    def lines(self) -> Iterator[str]:
        """Writes the result as Markdown."""
        yield from self._table("file", lambda mutant: mutant.path)
        yield ""
        yield from self._table("operator", lambda mutant: mutant.edit.operator)
        yield ""
        invalid, same = self.count(INVALID), self.count(SAME)
        yield f"Not counted: {invalid} that do not compile, {same} that compile to the same code."
        for outcome in self.survivors:
            entry = self.argued.get(outcome.mutant.key)
            yield ""
            yield f"- {outcome.mutant.id}: {outcome.mutant.change}"
            yield f"  {entry.reason.strip() if entry else 'survived, without an argument'}"

    def _table(self, title: str, group: Callable[[Mutant], str]) -> Iterator[str]:
        killed: Counter[str] = Counter()
        counted: Counter[str] = Counter()
        for outcome in self.outcomes:
            if outcome.counts:
                counted[group(outcome.mutant)] += 1
                killed[group(outcome.mutant)] += outcome.result.status == KILLED
        yield f"| {title} | mutants | killed |"
        yield "|---|--:|--:|"
        for name in sorted(counted):
            yield f"| {name} | {counted[name]} | {killed[name]} |"
        yield f"| all | {counted.total()} | {killed.total()} |"
