# SPDX-License-Identifier: Apache-2.0
"""Turns straight runs of EVM code into Python functions.

A run starts where a program can arrive, and goes on through the instructions that only move numbers
between stack, memory and calldata. It ends before the first one that does more: py-evm takes that
one. So state, calls, logs, returns, reverts and every failure stay py-evm's own.

What a run takes for granted it checks first: gas for all of it, and room and items on the stack.
Where there is not enough, py-evm takes every instruction, and fails where it must.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eth.constants import GAS_COPY, GAS_SHA3, GAS_SHA3WORD
from eth.vm.forks.prague.computation import PragueComputation
from eth_hash.auto import keccak

if TYPE_CHECKING:
    from collections.abc import Callable

STACK_LIMIT = 1_024
MOST_INSTRUCTIONS = 400
#: What a run returns is the pc to go on at, or a pc below nothing by one of these.
BY_PY_EVM = -(2**32)
STEP_BY_STEP = -(2**33)

POP, MLOAD, MSTORE, JUMP, JUMPI, PC, JUMPDEST, MCOPY = (
    0x50,
    0x51,
    0x52,
    0x56,
    0x57,
    0x58,
    0x5B,
    0x5E,
)
SHA3, CALLDATACOPY, CODECOPY = 0x20, 0x37, 0x39
PUSH0, PUSH32, DUP1, DUP16, SWAP1, SWAP16 = 0x5F, 0x7F, 0x80, 0x8F, 0x90, 0x9F

#: Instruction -> a Python expression over its operands, in the order in which they are popped.
EXPRESSIONS = {
    0x01: ("({0} + {1}) & WORD", 2),
    0x02: ("({0} * {1}) & WORD", 2),
    0x03: ("({0} - {1}) & WORD", 2),
    0x04: ("{0} // {1} if {1} else 0", 2),
    0x06: ("{0} % {1} if {1} else 0", 2),
    0x10: ("1 if {0} < {1} else 0", 2),
    0x11: ("1 if {0} > {1} else 0", 2),
    0x12: ("1 if ({0} ^ SIGN) < ({1} ^ SIGN) else 0", 2),
    0x13: ("1 if ({0} ^ SIGN) > ({1} ^ SIGN) else 0", 2),
    0x14: ("1 if {0} == {1} else 0", 2),
    0x15: ("0 if {0} else 1", 1),
    0x16: ("{0} & {1}", 2),
    0x17: ("{0} | {1}", 2),
    0x18: ("{0} ^ {1}", 2),
    0x19: ("{0} ^ WORD", 1),
    0x1B: ("({1} << {0}) & WORD if {0} < 256 else 0", 2),
    0x1C: ("{1} >> {0} if {0} < 256 else 0", 2),
    0x30: ("frame.own_address", 0),
    0x33: ("frame.caller", 0),
    0x34: ("frame.value", 0),
    0x35: ('number(frame.calldata[{0} : {0} + 32].ljust(32, b"\\0"))', 1),
    0x36: ("len(frame.calldata)", 0),
}
#: Where the bytes of an instruction that copies come from.
SOURCES = {
    CALLDATACOPY: 'frame.calldata[{0} : {0} + {1}].ljust({1}, b"\\0")',
    CODECOPY: 'frame.raw_code[{0} : {0} + {1}].ljust({1}, b"\\0")',
    MCOPY: "memory[{0} : {0} + {1}]",
}
SIMPLE = {*EXPRESSIONS, *range(PUSH0, SWAP16 + 1), POP, PC, JUMPDEST}
#: Gas of those whose gas depends on nothing.
GAS = {
    code: PragueComputation.opcodes[code].gas_cost for code in {*SIMPLE, MLOAD, MSTORE, JUMP, JUMPI}
}


def number(value: bytes) -> int:
    """Return 32 bytes as a number."""
    return int.from_bytes(value, "big")


def is_literal(text: str) -> bool:
    """Return whether an expression is a number that is known now."""
    return text.startswith("0x")


def words(size: int) -> int:
    """Return how many words so many bytes take."""
    return (size + 31) // 32


class Program:
    """A contract's code, without what is different in each deployment; compiled as it is used."""

    def __init__(self, code: bytes) -> None:
        self.code = code
        self.runs: dict[int, Callable[..., int]] = {}
        self.jumpdests = set()
        pc = 0
        while pc < len(code):
            if code[pc] == JUMPDEST:
                self.jumpdests.add(pc)
            pc += self.size_at(pc)

    def size_at(self, pc: int) -> int:
        """Return how many bytes an instruction takes."""
        return self.code[pc] - PUSH0 + 1 if PUSH0 <= self.code[pc] <= PUSH32 else 1

    def compile(self, pc: int) -> Callable[..., int]:
        """Return the run that starts at a pc, from now on in `runs`."""
        self.runs[pc] = run = Run(self, pc).compiled()
        return run


class Run:
    """Writes one function. What its stack holds are names and numbers of the function's text."""

    def __init__(self, program: Program, start: int) -> None:
        self.program = program
        self.start = start
        self.lines: list[str] = []
        self.stack: list[str] = []
        #: Items of the frame's stack that were taken over into `stack`.
        self.found = 0
        #: The most items above those that were there before.
        self.growth = 0
        self.gas = 0
        self.trace: list[int] = []
        self.names = 0
        #: What memory is known to hold already: a number of bytes, and ends of places.
        self.memory = 0
        self.places: set[str] = set()

    def compiled(self) -> Callable[..., int]:
        """Return the function."""
        self.lines.append(self.leave(self.write()))
        least, most = self.found, STACK_LIMIT - self.growth
        text = "\n ".join(
            [
                "def run(frame, stack, meter, trace):",
                f"if meter.gas_remaining < {self.gas} or not {least} <= len(stack) <= {most}:",
                f" return {STEP_BY_STEP + self.start}",
                "memory = frame.memory._bytes",
                *(f"found{depth} = stack[-{depth}]" for depth in range(1, self.found + 1)),
                *self.lines,
            ]
        )
        names: dict[str, Any] = {
            "WORD": 2**256 - 1,
            "SIGN": 2**255,
            "JUMPDESTS": self.program.jumpdests,
            "keccak": keccak,
            "number": number,
            "ALL_GAS": self.gas,
        }
        exec(compile(text, f"<evm code from {self.start}>", "exec"), names)
        return names["run"]

    def write(self) -> str:
        """Write instructions as far as it goes; return where to go on, as an expression."""
        code, pc, seen = self.program.code, self.start, set()
        while pc not in seen and len(seen) < MOST_INSTRUCTIONS:
            seen.add(pc)
            if pc >= len(code) or pc + self.program.size_at(pc) > len(code):
                return str(BY_PY_EVM + pc)
            if code[pc] == JUMP:
                target = self.jump(pc)
                if not is_literal(target):
                    return target
                pc = int(target, 16)
                continue
            gas = self.instruction(pc, code[pc])
            if gas is None:
                return str(BY_PY_EVM + pc)
            self.gas += gas
            self.trace.append(pc)
            pc += self.program.size_at(pc)
        return str(pc)

    def instruction(self, pc: int, code: int) -> int | None:
        """Write an instruction and return its gas, or nothing where py-evm takes it."""
        if code in SIMPLE:
            self.simple(pc, code)
            return GAS[code]
        if code in (MLOAD, MSTORE):
            self.word_of_memory(pc, code)
            return GAS[code]
        if code == JUMPI:
            return self.jumpi(pc)
        if code == SHA3:
            return self.sha3(pc)
        return self.copy(pc, code) if code in SOURCES else None

    def simple(self, pc: int, code: int) -> None:
        """Write what needs the stack and the call only."""
        if code in EXPRESSIONS:
            text, arity = EXPRESSIONS[code]
            self.push(self.named(text.format(*self.pop(arity))))
        elif PUSH0 <= code <= PUSH32:
            self.push(hex(number(self.program.code[pc + 1 : pc + self.program.size_at(pc)])))
        elif DUP1 <= code <= DUP16:
            self.push(self.peek(code - DUP1 + 1))
        elif SWAP1 <= code <= SWAP16:
            depth = code - SWAP1 + 2
            self.stack[-depth], self.stack[-1] = self.peek(1), self.peek(depth)
        elif code == POP:
            self.pop(1)
        elif code == PC:
            self.push(hex(pc))

    # The stack.

    def peek(self, depth: int) -> str:
        """Return an item, 1 for the top one."""
        while len(self.stack) < depth:
            self.found += 1
            self.stack.insert(0, f"found{self.found}")
        return self.stack[-depth]

    def pop(self, count: int) -> list[str]:
        """Take items off, the top one first."""
        items = [self.peek(depth) for depth in range(1, count + 1)]
        del self.stack[len(self.stack) - count :]
        return items

    def push(self, item: str) -> None:
        """Put an item on."""
        self.stack.append(item)
        self.growth = max(self.growth, len(self.stack) - self.found)

    def named(self, text: str) -> str:
        """Give the value of an expression a name."""
        self.names += 1
        self.lines.append(f"v{self.names} = {text}")
        return f"v{self.names}"

    # Leaving the function.

    def leave(self, where: str, gas: int = 0, trace: tuple[int, ...] = ()) -> str:
        """Return statements that make the frame what it is now, and leave."""
        kept = 0
        while kept < min(self.found, len(self.stack)):
            if self.stack[kept] != f"found{self.found - kept}":
                break
            kept += 1
        dropped, items = self.found - kept, ", ".join(self.stack[kept:])
        parts = []
        if dropped:
            parts.append(f"stack[-{dropped}:] = [{items}]")
        elif items:
            parts.append(f"stack += [{items}]")
        if self.gas + gas:
            parts.append(f"meter.gas_remaining -= {self.gas + gas}")
        if told := (*self.trace, *trace):
            parts.append(f"trace += {told}")
        return "; ".join([*parts, f"return {where}"])

    def unless(self, condition: str, pc: int) -> None:
        """Let py-evm take an instruction where a condition does not hold."""
        self.lines.append(f"if not ({condition}): {self.leave(str(BY_PY_EVM + pc))}")

    # Jumps.

    def jump(self, pc: int) -> str:
        """Write a jump; return where to, or the way out."""
        target = self.peek(1)
        if is_literal(target):
            if int(target, 16) not in self.program.jumpdests:
                return str(BY_PY_EVM + pc)
        else:
            self.unless(f"{target} in JUMPDESTS", pc)
        self.pop(1)
        self.gas += GAS[JUMP]
        self.trace.append(pc)
        return target

    def jumpi(self, pc: int) -> int | None:
        """Leave where the condition holds; else the run goes on."""
        target = self.peek(1)
        if not is_literal(target) or int(target, 16) not in self.program.jumpdests:
            return None
        _, condition = self.pop(2)
        way_out = self.leave(str(int(target, 16)), GAS[JUMPI], (pc,))
        self.lines.append(f"if {condition}: {way_out}")
        return GAS[JUMPI]

    # Memory.

    def reach(self, pc: int, place: str, size: int) -> None:
        """Let memory grow, or py-evm take the instruction where there might not be gas for it."""
        if is_literal(place):
            end = int(place, 16) + size
            if end <= self.memory:
                return
            self.memory, last = end, str(end)
        else:
            last = f"{place} + {size}"
            if last in self.places:
                return
            self.places.add(last)
        self.lines += [
            f"if {last} > len(memory):",
            f" memory = frame.grow({last}, ALL_GAS)",
            f" if memory is None: {self.leave(str(BY_PY_EVM + pc))}",
        ]

    def word_of_memory(self, pc: int, code: int) -> None:
        """Write MLOAD or MSTORE."""
        place = self.peek(1)
        self.reach(pc, place, 32)
        if code == MLOAD:
            self.pop(1)
            self.push(self.named(f"number(memory[{place} : {place} + 32])"))
        else:
            _, value = self.pop(2)
            self.lines.append(f'memory[{place} : {place} + 32] = ({value}).to_bytes(32, "big")')

    def sha3(self, pc: int) -> int | None:
        """Write SHA3 of a length that is known now."""
        place, size = self.peek(1), self.peek(2)
        if not is_literal(size) or not 0 < int(size, 16) <= STACK_LIMIT:
            return None
        length = int(size, 16)
        self.reach(pc, place, length)
        self.pop(2)
        preimage = self.named(f"bytes(memory[{place} : {place} + {length}])")
        image = self.named(f"keccak({preimage})")
        if length == 64:
            # titanoboa's way to tell a map's key from its slot.
            self.lines.append(f"frame.preimages[{image}] = {preimage}")
        self.push(self.named(f"number({image})"))
        return GAS_SHA3 + GAS_SHA3WORD * words(length)

    def copy(self, pc: int, code: int) -> int | None:
        """Write a copy into memory, of a length that is known now."""
        target, source, size = self.peek(1), self.peek(2), self.peek(3)
        if not is_literal(size) or not 0 < int(size, 16) <= STACK_LIMIT:
            return None
        length = int(size, 16)
        self.reach(pc, target, length)
        if code == MCOPY:
            self.reach(pc, source, length)
        self.pop(3)
        copied = SOURCES[code].format(source, length)
        self.lines.append(f"memory[{target} : {target} + {length}] = {copied}")
        return PragueComputation.opcodes[code].gas_cost + GAS_COPY * words(length)
