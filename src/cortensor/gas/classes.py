# SPDX-License-Identifier: Apache-2.0
"""Steps into classes of gas, as Arbitrum's nodes divide it; on the way, each access to storage.

Whether an account or slot is cold, and which price of a write applies, is worked out from what the
transaction touched before. Where a step then took anything else than the rules say, the trace is
not what it seems, and there is no profile.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from cortensor.errors import VerificationFailed
from cortensor.gas import kinds, opcodes
from cortensor.gas.storage_gas import COLD_SLOT_GAS, WARM_GAS, write
from cortensor.gas.touched import Touched
from cortensor.gas.trace import CODE_BYTE_GAS, Trace, truncated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cortensor.gas.trace import Frame, Steps
    from cortensor.gas.transaction import Receipt, Transaction

COLD_ACCOUNT_GAS = 2_500  # beside the 100 that any access takes
NEW_ACCOUNT_GAS, VALUE_GAS, STIPEND_GAS = 25_000, 9_000, 2_300
LOG_BYTE_GAS, LOG_TOPIC_GAS = 8, 256  # of a topic's 375 gas, for its bytes in the history
COPY_WORD_GAS, WORD_BYTES = 3, 32
READ = "read"
PRECOMPILES = tuple(range(1, 11))
ARBOS_PRECOMPILES = (*range(0x64, 0x75), 0xFF)


class Access(NamedTuple):
    """One access to a slot: `kind` is `read` or that of a write, `gas` all that it took."""

    address: str
    slot: int
    kind: str
    is_cold: bool
    is_redundant: bool
    gas: int
    refund: int


class Preimage(NamedTuple):
    """Two words that a contract hashed to one: how Vyper finds an entry of a map."""

    address: str
    words: bytes


class Execution(Struct, frozen=True):
    """A transaction's steps, added up. `refund` is the counter, before its cap."""

    classes: dict[str, int]
    opcodes: dict[int, tuple[int, int]]
    accesses: list[Access]
    preimages: list[Preimage]
    refund: int

    @property
    def gas(self) -> int:
        """What all steps took."""
        return sum(self.classes.values())


def classify(
    trace: Trace,
    steps: Steps,
    transaction: Transaction,
    receipt: Receipt,
    originals: Mapping[tuple[str, int], int],
) -> Execution:
    """Return a transaction's gas by class and opcode, and its accesses to storage.

    Args:
        trace: its steps.
        steps: what each took.
        transaction: it.
        receipt: its receipt.
        originals: address in lower case and slot -> value before the transaction; 0 if not there.

    Raises:
        VerificationFailed: a step took what the rules do not say (`not_closed`), or an operand is
            missing (`truncated_trace`).
    """
    return _Classifier(trace, steps, _start(transaction, receipt, originals)).run()


def _start(
    transaction: Transaction, receipt: Receipt, originals: Mapping[tuple[str, int], int]
) -> Touched:
    numbers = PRECOMPILES + (ARBOS_PRECOMPILES if receipt.poster_gas is not None else ())
    warm = {f"0x{number:040x}" for number in numbers}
    own = (transaction.sender, transaction.to, transaction.created, transaction.coinbase)
    warm |= {address for address in own if address}
    warm |= {address for address, _ in transaction.access_list}
    places = [(address, slot) for address, slots in transaction.access_list for slot in slots]
    return Touched(warm, places, originals)


class _Classifier:
    """Goes through the steps once."""

    def __init__(self, trace: Trace, steps: Steps, touched: Touched) -> None:
        self.trace = trace
        self.steps = steps
        self.touched = touched
        self.words = {detail.step: detail.words for detail in trace.details}
        self.classes: Counter[str] = Counter()
        self.counts: Counter[int] = Counter()
        self.gas: Counter[int] = Counter()
        self.accesses: list[Access] = []
        self.preimages: list[Preimage] = []
        self.read: set[tuple[str, int]] = set()
        self.marks: list[tuple[int, int]] = []

    def run(self) -> Execution:
        lasts = {frame.last: frame for frame in self.steps.frames}
        seen: set[int] = set()
        for step, place in enumerate(self.steps.frame_of):
            frame = self.steps.frames[place]
            if place not in seen:
                seen.add(place)
                self._enter(place, frame)
            self._step(step, frame)
            ended = lasts.get(step)
            if ended is not None:
                self._leave(step, ended)
        return Execution(
            dict(self.classes),
            {op: (count, self.gas[op]) for op, count in self.counts.items()},
            self.accesses,
            self.preimages,
            self.touched.refund,
        )

    def _enter(self, place: int, frame: Frame) -> None:
        if frame.is_creation:
            self.touched.account(frame.address)
        self.marks.append((place, self.touched.mark()))

    def _leave(self, step: int, frame: Frame) -> None:
        _, mark = self.marks.pop()
        if frame.is_failed:
            self.touched.back_to(mark)
        elif frame.is_creation and self.trace.ops[step] == opcodes.RETURN:
            deposit = CODE_BYTE_GAS * self._numbers(step)[1]
            self._move(step, deposit, kinds.STORAGE_GROWTH)

    def _step(self, step: int, frame: Frame) -> None:
        op, cost = self.trace.ops[step], self.steps.costs[step]
        self.counts[op] += 1
        self.gas[op] += cost
        self.classes[kinds.COMPUTATION] += cost
        if frame.is_failed and step == frame.last and op != opcodes.REVERT:
            return  # whatever it was to do, it took all that was left
        if op == opcodes.SLOAD:
            self._load(step, frame)
        elif op == opcodes.SSTORE:
            self._store(step, frame)
        elif op in opcodes.LOGS:
            topics = op - opcodes.LOG0
            moved = LOG_BYTE_GAS * self._numbers(step)[0] + LOG_TOPIC_GAS * topics
            self._move(step, moved, kinds.HISTORY_GROWTH)
        elif op in opcodes.ACCOUNT_READS:
            self._account(step)
        elif op in opcodes.CALLS:
            self._call(step)
        elif op == opcodes.KECCAK256 and step in self.words:
            self.preimages.append(Preimage(frame.address, bytes.fromhex(self.words[step][0])))

    def _load(self, step: int, frame: Frame) -> None:
        place = (frame.address, self._numbers(step)[0])
        is_cold = self.touched.place(place)
        gas = self._must_be(step, COLD_SLOT_GAS if is_cold else WARM_GAS)
        if is_cold:
            self._move(step, COLD_SLOT_GAS - WARM_GAS, kinds.STORAGE_READ)
        is_redundant = place in self.read
        self.read.add(place)
        self.accesses.append(Access(*place, READ, is_cold, is_redundant, gas, 0))

    def _store(self, step: int, frame: Frame) -> None:
        slot, value = self._numbers(step)
        place = (frame.address, slot)
        is_cold = self.touched.place(place)
        before = self.touched.value(place)
        done = write(self.touched.original(place), before, value)
        gas = self._must_be(step, done.gas + (COLD_SLOT_GAS if is_cold else 0))
        if is_cold:
            self._move(step, COLD_SLOT_GAS, kinds.STORAGE_READ)
        if done.gas > WARM_GAS:
            grows = kinds.STORAGE_GROWTH if before == 0 else kinds.STORAGE_WRITE
            self._move(step, done.gas, grows)
        self.touched.write(place, value, done.refund)
        self.read.discard(place)
        self.accesses.append(Access(*place, done.kind, is_cold, False, gas, done.refund))

    def _account(self, step: int) -> None:
        address, *more = self.words.get(step, ("",))
        is_cold = self.touched.account(_address(address))
        if self.trace.ops[step] != opcodes.EXTCODECOPY:
            self._must_be(step, WARM_GAS + (COLD_ACCOUNT_GAS if is_cold else 0))
        if is_cold:
            self._move(step, COLD_ACCOUNT_GAS, kinds.STORAGE_READ)
        if more:
            copied = COPY_WORD_GAS * -(-int(more[0], 16) // WORD_BYTES)
            self._move(step, copied, kinds.STORAGE_READ)

    def _call(self, step: int) -> None:
        address, value = self.words.get(step, ("", "0"))
        left = self.steps.costs[step] - WARM_GAS
        if self.touched.account(_address(address)):
            self._move(step, COLD_ACCOUNT_GAS, kinds.STORAGE_READ)
            left -= COLD_ACCOUNT_GAS
        if int(value, 16) and self.trace.ops[step] in opcodes.PAYING_CALLS:
            left -= VALUE_GAS - STIPEND_GAS
            # What remains is memory; never so much, unless an account was made.
            if left >= NEW_ACCOUNT_GAS and self.trace.ops[step] == opcodes.CALL:
                self._move(step, NEW_ACCOUNT_GAS, kinds.STORAGE_GROWTH)
                left -= NEW_ACCOUNT_GAS
        if left < 0:
            self._must_be(step, self.steps.costs[step] - left)

    def _numbers(self, step: int) -> list[int]:
        words = self.words.get(step)
        if words is None:
            name = opcodes.name_of(self.trace.ops[step])
            raise truncated(f"the operands of step {step}, {name}, are missing")
        return [int(word, 16) for word in words]

    def _must_be(self, step: int, expected: int) -> int:
        cost, name = self.steps.costs[step], opcodes.name_of(self.trace.ops[step])
        if cost != expected:
            raise VerificationFailed(
                f"step {step}, {name}, took {cost} gas; by the rules of Cancun {expected}",
                field="trace",
                code="not_closed",
            )
        return cost

    def _move(self, step: int, gas: int, kind: str) -> None:
        if gas > self.steps.costs[step]:
            self._must_be(step, gas)
        self.classes[kinds.COMPUTATION] -= gas
        self.classes[kind] += gas


def _address(word: str) -> str:
    """Return a word of the stack as an address."""
    if not word:
        raise truncated("the address of a call is missing")
    return f"0x{int(word, 16) & (1 << 160) - 1:040x}"
