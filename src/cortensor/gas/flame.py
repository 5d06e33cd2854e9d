# SPDX-License-Identifier: Apache-2.0
"""Execution gas by contract, function and source line, calls inside the lines that make them.

Each step's own gas goes to the line that its instruction comes from. An instruction without a line
belongs to the one that ran before it in its frame; before the first, to `(dispatch)`. Vyper's
functions never call themselves, so which internal functions run is known from where steps are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from cortensor.gas import opcodes
from cortensor.gas.line_map import NOWHERE
from cortensor.gas.trace import CODE_BYTE_GAS, truncated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cortensor.gas.line_map import Code, LineMap
    from cortensor.gas.trace import Frame, Steps, Trace

CONTRACT, FUNCTION, LINE = "contract", "function", "line"
DISPATCH = "(dispatch)"
CREATION = "(creation)"
DEPOSIT = "(code on chain)"


class Source(NamedTuple):
    """A contract by name, and its line map if there is one."""

    name: str
    lines: LineMap | None = None


@dataclass
class Box:
    """A box of the graph: `gas` is its own; `total` also what is in it.

    A line's `name` is its file and number, as in `sessions.vy:134`, and `text` what stands there.
    """

    kind: str
    name: str
    file: str = ""
    text: str = ""
    gas: int = 0
    inside: dict[tuple[str, str, str], Box] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Its own gas and that of all in it."""
        return self.gas + sum(each.total for each in self.inside.values())

    def box(self, kind: str, name: str, file: str = "", text: str = "") -> Box:
        """Return a box in it, made if there is none."""
        return self.inside.setdefault((kind, name, file), Box(kind, name, file, text))

    def add(self, other: Box) -> None:
        """Add another graph's gas, box by box."""
        self.gas += other.gas
        for each in other.inside.values():
            self.box(each.kind, each.name, each.file, each.text).add(each)


def root_box() -> Box:
    """Return a graph in which nothing is yet."""
    return Box("root", "execution")


class Hot(Struct, frozen=True):
    """What a source line takes by itself, wherever it was called from."""

    contract: str
    function: str
    line: str
    text: str
    gas: int


def code_addresses(trace: Trace, steps: Steps, outermost: str) -> list[str]:
    """Return whose code each frame runs, which under DELEGATECALL is not whose storage it has.

    Args:
        trace: a transaction's steps.
        steps: what `read_steps` found.
        outermost: what the transaction calls or creates.
    """
    words = {detail.step: detail.words for detail in trace.details}
    found = []
    for frame in steps.frames:
        if frame.opener is None:
            found.append(outermost)
        elif trace.ops[frame.opener] in opcodes.CALLS and frame.opener in words:
            found.append(f"0x{int(words[frame.opener][0], 16) & (1 << 160) - 1:040x}")
        else:
            found.append(frame.address)
    return found


def flame(trace: Trace, steps: Steps, codes: list[str], sources: Mapping[str, Source]) -> Box:
    """Return a box that holds the contract called, with all that execution took.

    Args:
        trace: a transaction's steps, with `pcs`.
        steps: what each took.
        codes: whose code each frame runs, from `code_addresses`.
        sources: address in lower case -> contract. One that is not there has its address as name,
            and is one box.

    Raises:
        VerificationFailed: the trace does not say where each step is (`truncated_trace`).
    """
    if len(trace.pcs) != len(trace.ops):
        raise truncated(f"{len(trace.ops)} opcodes, {len(trace.pcs)} program counters")
    root = root_box()
    runs: dict[int, _Run] = {}
    words = {detail.step: detail.words for detail in trace.details}
    for step, cost in enumerate(steps.costs):
        place = steps.frame_of[step]
        frame = steps.frames[place]
        run = runs.get(place)
        if run is None:
            opener = None if frame.opener is None else runs[steps.frame_of[frame.opener]]
            source = sources.get(codes[place]) or Source(codes[place])
            run = runs[place] = _Run(root if opener is None else opener.now, source, frame)
        run.go_to(trace.pcs[step])
        deposit = 0
        if frame.is_creation and step == frame.last and trace.ops[step] == opcodes.RETURN:
            deposit = 0 if frame.is_failed else CODE_BYTE_GAS * int(words[step][1], 16)
            run.base.box(FUNCTION, DEPOSIT).gas += deposit
        run.now.gas += cost - deposit
    return root


class _Called(NamedTuple):
    """An internal function that runs: its place in the map, and its box."""

    function: int
    box: Box


class _Run:
    """One frame as it runs; `now` is the box of what runs."""

    def __init__(self, caller: Box, source: Source, frame: Frame) -> None:
        self.lines = source.lines
        self.code: Code | None = None
        if self.lines is not None:
            self.code = self.lines.creation if frame.is_creation else self.lines.runtime
        self.base = caller.box(CONTRACT, source.name)
        self.stack: list[_Called] = []
        started = CREATION if frame.is_creation else DISPATCH
        self.now = self.base.box(FUNCTION, started) if self.code else self.base

    def go_to(self, pc: int) -> None:
        if self.code is None or self.lines is None:
            return
        run = self.code.at(pc)
        if run.function == NOWHERE:
            return
        function = self._function(run.function)
        if run.line != NOWHERE:
            line = self.lines.lines[run.line]
            file = self.lines.files[line.file]
            name = f"{file.rpartition('/')[2]}:{line.number}"
            self.now = function.box(LINE, name, file, line.text)

    def _function(self, place: int) -> Box:
        """Return a function's box: of one that runs, after all that it called, or called now."""
        if self.lines is None:
            return self.base
        while any(each.function == place for each in self.stack):
            if self.stack[-1].function == place:
                return self.stack[-1].box
            self.stack.pop()
        told = self.lines.functions[place]
        caller = self.now if self.stack else self.base
        box = caller.box(FUNCTION, told.name, self.lines.files[told.file])
        self.stack.append(_Called(place, box))
        return box


def hottest(root: Box, count: int) -> list[Hot]:
    """Return the lines that take most by themselves, the dearest first."""
    found: dict[tuple[str, str, str], Hot] = {}

    def walk(box: Box, contract: str, function: str) -> None:
        contract = box.name if box.kind == CONTRACT else contract
        function = box.name if box.kind == FUNCTION else function
        if box.gas:
            line = box.name if box.kind == LINE else ""
            key = (contract, function, line)
            before = found[key].gas if key in found else 0
            found[key] = Hot(*key, box.text, before + box.gas)
        for each in box.inside.values():
            walk(each, contract, function)

    walk(root, "", "")
    return sorted(found.values(), key=lambda hot: (-hot.gas, hot.contract, hot.line))[:count]
