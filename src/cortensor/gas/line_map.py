# SPDX-License-Identifier: Apache-2.0
"""Which source line each instruction of a contract comes from, as `ape run lines` writes it."""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec import Struct

from cortensor.errors import InvalidInput, VerificationFailed
from cortensor.receipts.keccak import keccak256, to_hex

if TYPE_CHECKING:
    from pathlib import Path

HOW = "`ape run lines` at the commit that was deployed writes it"
NOWHERE = -1


class Function(NamedTuple):
    """A function of a source file, by the place of that in `LineMap.files`."""

    name: str
    file: int
    line: int


class Line(NamedTuple):
    """A line of a source file that instructions come from."""

    file: int
    number: int
    text: str


class Run(NamedTuple):
    """From an instruction on: places in `functions` and `lines`, or -1 for none."""

    pc: int
    function: int
    line: int


class Code(Struct, frozen=True, dict=True):
    """A contract's code, and where its instructions come from.

    What is on chain begins with so many bytes of this hash; immutables or arguments stand behind.
    """

    size: int
    keccak: str
    runs: list[Run]

    @cached_property
    def _starts(self) -> list[int]:
        return [run.pc for run in self.runs]

    def at(self, pc: int) -> Run:
        """Return where an instruction comes from."""
        place = bisect_right(self._starts, pc) - 1
        return self.runs[place] if place >= 0 else Run(0, NOWHERE, NOWHERE)

    def is_of(self, code: bytes) -> bool:
        """Return whether code on chain, or what created it, is this."""
        return to_hex(keccak256(code[: self.size])) == self.keccak


class LineMap(Struct, frozen=True):
    """Where the instructions of a contract come from, on chain and while it is created."""

    contract: str
    integrity: str
    files: list[str]
    functions: list[Function]
    lines: list[Line]
    runtime: Code
    creation: Code


def load_line_map(folder: Path, contract: str) -> LineMap | None:
    """Return a contract's line map; None if the folder has none.

    Raises:
        InvalidInput: the file is no line map (`missing_line_map`).
    """
    path = folder / f"{contract}.json"
    if not path.is_file():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=LineMap)
    except msgspec.DecodeError as error:
        raise InvalidInput(
            f"{path} is no line map; {HOW}", field="lines", code="missing_line_map"
        ) from error


def must_be_of(code: Code, contract: str, address: str, there: bytes) -> None:
    """Check that a map is of what is on chain.

    Raises:
        VerificationFailed: it is of other code (`wrong_line_map`).
    """
    if not code.is_of(there):
        raise VerificationFailed(
            f"the line map of {contract} is of other code than {address} has; {HOW}",
            field="lines",
            code="wrong_line_map",
        )
