# SPDX-License-Identifier: Apache-2.0
"""Struct logs, which every tracing node gives, as a trace."""

from __future__ import annotations

from typing import Any

from cortensor.gas import opcodes
from cortensor.gas.trace import CODE_BYTE_GAS, Detail, End, Enter, Trace, truncated

WORD_DIGITS = 64
PAIR_BYTES = 64
OPERANDS = {
    opcodes.SLOAD: (0,),
    opcodes.SSTORE: (0, 1),
    opcodes.BALANCE: (0,),
    opcodes.EXTCODESIZE: (0,),
    opcodes.EXTCODEHASH: (0,),
    opcodes.EXTCODECOPY: (0, 3),
    opcodes.CALL: (1, 2),
    opcodes.CALLCODE: (1, 2),
    opcodes.DELEGATECALL: (1,),
    opcodes.STATICCALL: (1,),
    opcodes.RETURN: (0, 1),
    opcodes.REVERT: (0, 1),
    **dict.fromkeys(opcodes.LOGS, (1,)),
}
"""Opcode -> which places of the stack, from its top, a profile needs."""

KEEPS_STORAGE = (opcodes.DELEGATECALL, opcodes.CALLCODE)


def trace_of(answer: Any, outermost: str = "") -> Trace:
    """Return struct logs, with memory and stack, as a trace.

    Args:
        answer: of `debug_traceTransaction` without a tracer.
        outermost: the address that the first frame's storage belongs to.

    Raises:
        VerificationFailed: parts are missing (`truncated_trace`).
    """
    try:
        return _Reader(answer["structLogs"], outermost).read()
    except (KeyError, TypeError, IndexError, ValueError) as error:
        raise truncated(f"struct logs without {error}") from error


class _Reader:
    """Reads the logs once; what a frame returned shows in its caller's next step."""

    def __init__(self, logs: list[dict[str, Any]], outermost: str) -> None:
        self.logs = logs
        self.outermost = outermost
        self.ops: list[int] = []
        self.gas: list[int] = []
        self.pcs: list[int] = []
        self.details: list[Detail] = []
        self.frames: list[tuple[str, int]] = []
        self.enters: list[Enter] = []
        self.ends: list[End] = []

    def read(self) -> Trace:
        for step, log in enumerate(self.logs):
            self._frame(step, log)
            op = _number_of(str(log["op"]))
            self.ops.append(op)
            self.gas.append(_number(log["gas"]))
            self.pcs.append(_number(log["pc"]))
            words = _words(op, log)
            if words is not None:
                self.details.append(Detail(step, words))
        return Trace(self.ops, self.gas, self.enters, self.details, self.ends, self.pcs)

    def _frame(self, step: int, log: dict[str, Any]) -> None:
        depth = int(log["depth"])
        if not self.frames:
            self._enter(step, 1, self.outermost)
        elif depth > len(self.frames):
            self._enter(step, len(self.frames) + 1, self._callee(step))
        elif depth < len(self.frames):
            _, first = self.frames.pop()
            self._end(step, first, log)
            self.enters.append(Enter(step, len(self.frames), self.frames[-1][0]))

    def _enter(self, step: int, depth: int, address: str) -> None:
        self.frames.append((address, step))
        self.enters.append(Enter(step, depth, address))

    def _callee(self, step: int) -> str:
        caller = self.logs[step - 1]
        op = self.ops[step - 1]
        if op in KEEPS_STORAGE:
            return self.frames[-1][0]
        if op in opcodes.CREATES:
            return self._created(step, int(caller["depth"]))
        return _address(_stack(caller)[-2])

    def _created(self, step: int, depth: int) -> str:
        """Return what a creation leaves on its caller's stack; 0 if it failed."""
        for log in self.logs[step:]:
            if int(log["depth"]) == depth:
                return _address(_stack(log)[-1])
        raise truncated("it ends inside a creation")

    def _end(self, step: int, first: int, log: dict[str, Any]) -> None:
        last = step - 1
        op = self.ops[last]
        is_failed = not int(_hex(_stack(log)[-1]), 16)
        cost = self.gas[last] if op not in opcodes.ENDS else _number(self.logs[last]["gasCost"])
        opener = self.ops[first - 1]
        if opener in opcodes.CREATES and op == opcodes.RETURN and not is_failed:
            cost += CODE_BYTE_GAS * int(_hex(_stack(self.logs[last])[-2]), 16)
        self.ends.append(End(last, self.gas[first] - self.gas[last] + cost, is_failed))


def _words(op: int, log: dict[str, Any]) -> list[str] | None:
    if op == opcodes.KECCAK256:
        offset, size = (int(_hex(word), 16) for word in _stack(log)[-1:-3:-1])
        memory = _memory(log)
        pair = memory[2 * offset : 2 * (offset + PAIR_BYTES)]
        return [pair] if size == PAIR_BYTES and len(pair) == 2 * PAIR_BYTES else None
    places = OPERANDS.get(op)
    if places is None:
        return None
    stack = _stack(log)
    words = [_hex(stack[-1 - place]) for place in places]
    if op in (opcodes.RETURN, opcodes.REVERT):
        words.append(f"{len(_memory(log)) // 2:x}")
    elif op in opcodes.CALLS and op not in opcodes.PAYING_CALLS:
        words.append("0")
    return words


def _stack(log: dict[str, Any]) -> list[str]:
    return list(log["stack"])


def _memory(log: dict[str, Any]) -> str:
    words = log.get("memory") or []
    return "".join(_hex(word).rjust(WORD_DIGITS, "0") for word in words)


def _hex(word: str) -> str:
    return word.removeprefix("0x")


def _number(value: int | str) -> int:
    return int(value, 16) if isinstance(value, str) else int(value)


def _address(word: str) -> str:
    return f"0x{int(_hex(word), 16) & (1 << 160) - 1:040x}"


def _number_of(name: str) -> int:
    name = {"SHA3": "KECCAK256", "DIFFICULTY": "PREVRANDAO"}.get(name, name)
    number = opcodes.NUMBERS.get(name)
    return opcodes.INVALID if number is None else number
