# SPDX-License-Identifier: Apache-2.0
"""One small change to one source file, and the name under which it is talked about."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Edit:
    """A change as an operator makes it.

    Attributes:
        operator: Short name of the operator.
        start: Offset of the first replaced character.
        end: Offset behind the last one.
        text: What stands there instead.
        scope: Name of the function or constant around it.
    """

    operator: str
    start: int
    end: int
    text: str
    scope: str


@dataclass(frozen=True)
class Mutant:
    """A change with a name.

    Attributes:
        path: File, relative to the repository root.
        line: 1-based line where it starts.
        digest: Eight hex digits over everything but the place: they survive edits elsewhere.
        edit: The change.
        before: The replaced text.
    """

    path: str
    line: int
    digest: str
    edit: Edit
    before: str

    @property
    def key(self) -> str:
        """What names the mutant whatever line it is on: `path:operator:digest`."""
        return f"{self.path}:{self.edit.operator}:{self.digest}"

    @property
    def id(self) -> str:
        """What a person reads and gives to `--only`: `path:line:operator:digest`."""
        return f"{self.path}:{self.line}:{self.edit.operator}:{self.digest}"

    @property
    def change(self) -> str:
        """The change on one line."""
        return f"`{_one_line(self.before)}` -> `{_one_line(self.edit.text)}`"

    def apply(self, source: str) -> str:
        """Returns the source with the change in it."""
        return source[: self.edit.start] + self.edit.text + source[self.edit.end :]


def key_of(mutant_id: str) -> str:
    """Drops the line from an id.

    Args:
        mutant_id: `path:line:operator:digest`.

    Returns:
        `path:operator:digest`.

    Raises:
        ValueError: If it is not an id.
    """
    parts = mutant_id.split(":")
    if len(parts) != 4 or not parts[1].isdigit():  # noqa: PLR2004 - the four parts of an id
        raise ValueError(f"`{mutant_id}` is no id; one reads path:line:operator:digest")
    return ":".join((parts[0], *parts[2:]))


class Text:
    """A source with the positions of the compiler's syntax tree turned into offsets."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._starts: list[int] = [0]
        for line in source.split("\n"):
            self._starts.append(self._starts[-1] + len(line) + 1)

    def start(self, node: Any) -> int:
        """Returns the offset of a node's first character."""
        return self._starts[int(node.lineno) - 1] + int(node.col_offset)

    def end(self, node: Any) -> int:
        """Returns the offset behind a node's last character."""
        return self._starts[int(node.end_lineno) - 1] + int(node.end_col_offset)

    def of(self, node: Any) -> str:
        """Returns a node's text."""
        return self.source[self.start(node) : self.end(node)]

    def line_at(self, offset: int) -> tuple[int, str]:
        """Returns the 1-based number of the line that an offset is in, and the line."""
        number = self.source.count("\n", 0, offset) + 1
        return number, self.source[self._starts[number - 1] : self._starts[number] - 1]


def name_mutants(path: str, source: str, edits: Iterable[Edit]) -> list[Mutant]:
    """Gives each change of a file its name.

    Args:
        path: The file, relative to the repository root.
        source: Its text.
        edits: Changes; those that change nothing and repetitions are left out.

    Returns:
        Mutants, in the order of the file.
    """
    text = Text(source)
    seen: dict[str, int] = {}
    mutants: list[Mutant] = []
    for edit in sorted(set(edits), key=lambda e: (e.start, e.end, e.operator, e.text)):
        before = source[edit.start : edit.end]
        if before == edit.text:
            continue
        number, line = text.line_at(edit.start)
        column = edit.start - source.rfind("\n", 0, edit.start) - 1
        column -= len(line) - len(line.lstrip())
        facts = (edit.scope, edit.operator, line.strip(), str(column), before, edit.text)
        told = "\0".join(_one_line(fact) for fact in facts)
        # The same line twice in one function: the second one is another mutant.
        seen[told] = seen.get(told, 0) + 1
        digest = hashlib.sha256(f"{told}\0{seen[told]}".encode()).hexdigest()[:8]
        mutants.append(Mutant(path, number, digest, edit, before))
    return mutants


def _one_line(text: str) -> str:
    return " ".join(text.split())
