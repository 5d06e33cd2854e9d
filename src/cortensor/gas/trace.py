# SPDX-License-Identifier: Apache-2.0
"""A transaction's steps: which frame each belongs to, and what each took by itself.

A step's own cost is how much less gas its frame has at the next step; of a call, without what the
called frame used. A frame's last step has no next one: its cost is what the frame used in all, less
what was used before it. Nobody says that of the outermost frame without adding up what is to be
checked, so there it follows from the opcode's rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from msgspec import Struct

from cortensor.errors import VerificationFailed
from cortensor.gas import opcodes

WORD_BYTES = 32
CODE_BYTE_GAS = 200
MEMORY_WORD_GAS, MEMORY_SQUARE = 3, 512


class Enter(NamedTuple):
    """From a step on, another frame runs: at this depth (the first is 1), on this storage."""

    step: int
    depth: int
    address: str


class End(NamedTuple):
    """The last step of a called frame, what gas the frame used in all, whether it failed."""

    step: int
    used: int
    is_failed: bool


class Detail(NamedTuple):
    """Operands of a step that a profile needs, in hex without 0x, as `chain.tracer` notes them."""

    step: int
    words: list[str]


class Trace(Struct, frozen=True):
    """The steps of a transaction: opcodes, gas left before each, and what is not in each.

    `pcs` is where in its code each step is; of use to flame graphs only.
    """

    ops: list[int]
    gas: list[int]
    enters: list[Enter]
    details: list[Detail]
    ends: list[End]
    pcs: list[int] = []


class Frame(NamedTuple):
    """One frame. `opener` is the step that called it, None for the outermost; `last` its last."""

    address: str
    opener: int | None
    last: int
    is_failed: bool
    is_creation: bool


class Steps(NamedTuple):
    """What `read_steps` found: a step's own cost, and the place of its frame in `frames`."""

    costs: list[int]
    frame_of: list[int]
    frames: list[Frame]


def truncated(reason: str) -> VerificationFailed:
    """Return the error for a trace that does not hold every step."""
    return VerificationFailed(
        f"the node's trace is not whole: {reason}", field="trace", code="truncated_trace"
    )


def memory_gas(size: int) -> int:
    """Return what so many bytes of memory take in all."""
    words = -(-size // WORD_BYTES)
    return MEMORY_WORD_GAS * words + words * words // MEMORY_SQUARE


@dataclass
class _Open:
    """A frame that still runs."""

    place: int
    address: str
    opener: int | None
    first: int
    last: int


class _Reader:
    """Reads a trace once, from its first step to its last."""

    def __init__(self, trace: Trace, *, is_creation: bool, is_failed: bool) -> None:
        self.trace = trace
        self.is_creation = is_creation
        self.is_failed = is_failed
        self.costs = [0] * len(trace.ops)
        self.frame_of: list[int] = []
        self.frames: list[Frame | None] = []
        self.open: list[_Open] = []
        self.ends = {end.step: end for end in trace.ends}
        self.details = {detail.step: detail.words for detail in trace.details}

    def read(self) -> Steps:
        trace = self.trace
        if len(trace.ops) != len(trace.gas):
            raise truncated(f"{len(trace.ops)} opcodes, {len(trace.gas)} amounts of gas")
        enters = {enter.step: enter for enter in trace.enters}
        for step, gas in enumerate(trace.gas):
            self._go_to(step, gas, enters.get(step))
            self.open[-1].last = step
            self.frame_of.append(self.open[-1].place)
        if trace.ops:
            if len(self.open) != 1:
                raise truncated(f"it ends inside a call, {len(self.open)} frames deep")
            self._end_outermost(self.open[0])
        whole = [frame for frame in self.frames if frame is not None]
        return Steps(self.costs, self.frame_of, whole)

    def _go_to(self, step: int, gas: int, enter: Enter | None) -> None:
        depth = len(self.open)
        if enter is not None and enter.depth == depth + 1:
            opener = self.open[-1].last if self.open else None
            if opener is not None and self.trace.ops[opener] not in opcodes.CALLS | opcodes.CREATES:
                raise truncated(f"step {step} is in a frame that nothing called")
            self.open.append(_Open(len(self.frames), enter.address, opener, step, step))
            self.frames.append(None)
            return
        used = 0
        if enter is not None:
            if depth <= 1 or enter.depth != depth - 1:
                raise truncated(f"step {step} is at depth {enter.depth}, after depth {depth}")
            used = self._end_called(self.open.pop())
        if not self.open:
            raise truncated("its first step is in no frame")
        before = self.open[-1].last
        self.costs[before] = self.trace.gas[before] - gas - used

    def _end_called(self, frame: _Open) -> int:
        end = self.ends.get(frame.last)
        if end is None:
            raise truncated(f"nothing says what the frame used that ends at step {frame.last}")
        at_first, at_last = self.trace.gas[frame.first], self.trace.gas[frame.last]
        is_reverted = self.trace.ops[frame.last] == opcodes.REVERT
        # Whoever fails without REVERT loses all; nodes do not agree on what to report there.
        used = at_first if end.is_failed and not is_reverted else end.used
        self.costs[frame.last] = used - (at_first - at_last)
        self._keep(frame, is_failed=end.is_failed)
        return used

    def _end_outermost(self, frame: _Open) -> None:
        op, left = self.trace.ops[frame.last], self.trace.gas[frame.last]
        is_reverted = op == opcodes.REVERT
        is_done = op in (opcodes.STOP, opcodes.RETURN, opcodes.SELFDESTRUCT)
        if not (is_done or is_reverted or self.is_failed) or (is_reverted and not self.is_failed):
            raise truncated(f"it ends with {opcodes.name_of(op)}, and the transaction went through")
        if self.is_failed and not is_reverted:
            self.costs[frame.last] = left
        elif op in (opcodes.RETURN, opcodes.REVERT):
            self.costs[frame.last] = self._return_gas(frame)
        self._keep(frame, is_failed=self.is_failed)

    def _return_gas(self, frame: _Open) -> int:
        words = self.details.get(frame.last)
        if words is None:
            raise truncated("the operands of its last step are missing")
        offset, size, memory = (int(word, 16) for word in words)
        grown = memory_gas(max(offset + size if size else 0, memory)) - memory_gas(memory)
        deposit = size * CODE_BYTE_GAS if self.is_creation and not self.is_failed else 0
        return grown + deposit

    def _keep(self, frame: _Open, *, is_failed: bool) -> None:
        creates = (
            self.is_creation
            if frame.opener is None
            else self.trace.ops[frame.opener] in opcodes.CREATES
        )
        self.frames[frame.place] = Frame(
            frame.address, frame.opener, frame.last, is_failed, creates
        )


def read_steps(trace: Trace, *, is_creation: bool, is_failed: bool) -> Steps:
    """Return each step's own cost, and the frames.

    Args:
        trace: as a node gave it.
        is_creation: whether the transaction creates a contract.
        is_failed: whether its receipt says that it failed.

    Raises:
        VerificationFailed: steps are missing (`truncated_trace`).
    """
    return _Reader(trace, is_creation=is_creation, is_failed=is_failed).read()
