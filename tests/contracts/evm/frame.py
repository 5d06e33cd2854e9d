# SPDX-License-Identifier: Apache-2.0
"""py-evm's loop over a contract's code, quicker: what it need not see itself is compiled.

py-evm asks a code stream for the next instruction and executes it. This stream executes runs of
simple instructions itself, and hands out only those that py-evm must take.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import boa
from boa.contracts.vyper.vyper_contract import FrameDetail, StorageModel
from boa.vm import py_evm
from boa.vm.gas_meters import GasMeter
from boa.vm.py_evm import TracingCodeStream
from eth.constants import GAS_MEMORY, GAS_MEMORY_QUADRATIC_DENOMINATOR, STACK_DEPTH_LIMIT
from eth.vm.gas_meter import allow_negative_refund_strategy

from tests.contracts.evm.compiler import BY_PY_EVM, STEP_BY_STEP, Program

if TYPE_CHECKING:
    from collections.abc import Iterator

STOP = 0

_programs: dict[bytes, Program] = {}


def program_of(code: bytes, immutables: int) -> Program:
    """Return a code's program; deployments that differ in their immutables only share it."""
    program = _programs.get(code)
    if program is None:
        shared = code[: len(code) - immutables]
        program = _programs.get(shared) or Program(shared)
        _programs[code] = _programs[shared] = program
    return program


class CompiledCode(TracingCodeStream):
    """The code of one call."""

    def __init__(self, computation: Any) -> None:
        message = computation.msg
        super().__init__(
            message.code,
            start_pc=getattr(message, "_start_pc", 0),
            fake_codesize=getattr(message, "_fake_codesize", None),
        )
        # Not the computation, which holds this: only a search for garbage would free the two.
        self.message = message
        self.meter = computation._gas_meter
        self.memory = computation._memory
        self.stack = computation._stack.values
        self.env = computation.env

    def __iter__(self) -> Iterator[int]:
        message = self.message
        if message.is_create or type(self.meter) is not GasMeter:
            yield from super().__iter__()
            return
        contract = self.env._contracts.get(message.code_address)
        code = self.raw_code = message.code
        self.own_address = int.from_bytes(message.storage_address, "big")
        self.caller = int.from_bytes(message.sender, "big")
        self.value = message.value
        self.calldata = message.data_as_bytes
        self.preimages = self.env.sha3_trace
        program = program_of(code, getattr(contract, "data_section_size", 0))
        runs, stack, meter, trace = program.runs, self.stack, self.meter, self._trace
        pc = self.program_counter
        while True:
            run = runs.get(pc) or program.compile(pc)
            pc = run(self, stack, meter, trace)
            if pc >= 0:
                continue
            if pc < BY_PY_EVM:
                self.program_counter = pc - STEP_BY_STEP
                yield from super().__iter__()
                return
            pc -= BY_PY_EVM
            if pc >= len(code):
                self.program_counter = pc
                yield STOP
                return
            trace.append(pc)
            self.program_counter = pc + 1
            yield code[pc]
            pc = self.program_counter
            if stack and stack[-1].__class__ is bytes:
                stack[-1] = int.from_bytes(stack[-1], "big")

    def grow(self, end: int, needed: int) -> bytearray | None:
        """Let memory reach an end and pay for it, if `needed` gas is left for sure."""
        after = (end + 31) // 32
        before = len(self.memory) // 32
        fee = GAS_MEMORY * (after - before)
        fee += after**2 // GAS_MEMORY_QUADRATIC_DENOMINATOR
        fee -= before**2 // GAS_MEMORY_QUADRATIC_DENOMINATOR
        meter = self.meter
        if meter.gas_remaining < needed + fee:
            return None
        meter.gas_remaining -= fee
        self.memory.extend(0, end)
        return self.memory._bytes


def install() -> None:
    """Let titanoboa's environment execute compiled code, and touch accounts its quick way."""
    boa.env.enable_fast_mode()
    # With each revert titanoboa describes the contract and all its storage, for a message that no
    # test reads; and it fails where another contract's hashes look like entries of a map.
    StorageModel.dump = lambda _: FrameDetail("storage")
    state = boa.env.evm.vm.state
    plain = state.computation_class

    class Computation(plain):
        # What titanoboa copies for each call, for the case that somebody changes it meanwhile.
        opcodes: ClassVar[dict[int, Any]] = plain.opcodes | py_evm._opcode_overrides
        _precompiles: ClassVar[dict[bytes, Any]] = plain._precompiles | py_evm._precompiles

        def __init__(self, state: Any, message: Any, context: Any) -> None:
            super(py_evm.titanoboa_computation, self).__init__(state, message, context)
            self._gas_meter = self._gas_meter_class(
                message.gas, refund_strategy=allow_negative_refund_strategy
            )
            self.code = CompiledCode(self)
            if hasattr(self._gas_meter, "_set_code"):
                self._gas_meter._set_code(self.code)
            self._child_pcs = []
            self._contract_repr_before_revert = None

        @classmethod
        def apply_message(
            cls, state: Any, message: Any, transaction_context: Any, parent_computation: Any = None
        ) -> Any:
            # What makes up a half of a short view: thirty journals of py-evm's, one or two for each
            # account, begin something that could be undone. A static call leaves only warm slots.
            is_static = message.is_static and not message.value
            if not is_static or message.depth > STACK_DEPTH_LIMIT:
                return super().apply_message(
                    state, message, transaction_context, parent_computation=parent_computation
                )
            warm = state._account_db._journal_accessed_state
            checkpoint = warm.record()
            state.touch_account(message.storage_address)
            computation = cls.apply_computation(
                state, message, transaction_context, parent_computation=parent_computation
            )
            (warm.discard if computation.is_error else warm.commit)(checkpoint)
            return computation

    state.computation_class = Computation
