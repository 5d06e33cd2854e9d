# SPDX-License-Identifier: Apache-2.0
"""Compiled code leaves what py-evm leaves alone: stack, memory, gas, trace, output and error."""

from __future__ import annotations

import boa
import pytest
from boa.vm.py_evm import TracingCodeStream
from eth.vm.forks.frontier.computation import FrontierComputation
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts.evm.compiler import EXPRESSIONS, PUSH0
from tests.contracts.evm.frame import CompiledCode
from tests.contracts.profile import examples
from tests.contracts.protocol import COR

ADDRESS = "0x" + "c0de" * 10
EDGES = (0, 1, 31, 32, 64, 255, 256, 2**64, 2**128, 2**255 - 1, 2**255, 2**256 - 2, 2**256 - 1)
NUMBERS = st.one_of(st.sampled_from(EDGES), st.integers(0, 2**256 - 1), st.integers(0, 300))
SMALL = st.one_of(st.integers(0, 200), st.sampled_from((0, 32, 64, 96, 2_000, 2**256 - 1)))
RETURN, REVERT, STOP = 0xF3, 0xFD, 0x00


def push(value: int, size: int | None = None) -> bytes:
    """Return a PUSH of a number, as short as can be unless a size is told."""
    size = (value.bit_length() + 7) // 8 if size is None else size
    return bytes([PUSH0 + size]) + value.to_bytes(size, "big")


@st.composite
def steps(draw: st.DrawFn) -> bytes:
    """Draw an instruction, most often with operands that make sense."""
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return push(draw(NUMBERS))
    if kind <= 3:
        code = draw(st.sampled_from([*EXPRESSIONS, 0x05, 0x07, 0x08, 0x0A, 0x0B, 0x1A, 0x1D]))
        arity = EXPRESSIONS.get(code, ("", 3 if code == 0x08 else 2))[1]
        return b"".join(push(draw(NUMBERS)) for _ in range(arity)) + bytes([code])
    if kind == 4:
        return bytes([draw(st.integers(0x80, 0x9F))])
    if kind == 5:
        return (
            push(draw(NUMBERS)) + push(draw(SMALL)) + bytes([draw(st.sampled_from((0x52, 0x53)))])
        )
    if kind == 6:
        return push(draw(SMALL)) + bytes([draw(st.sampled_from((0x51, 0x51, 0x54)))])
    if kind == 7:
        return push(draw(SMALL)) + push(draw(SMALL)) + b"\x20"
    if kind == 8:
        operands = b"".join(push(draw(SMALL)) for _ in range(3))
        return operands + bytes([draw(st.sampled_from((0x37, 0x39, 0x5E)))])
    # What has no operands, or takes those that happen to be there.
    return bytes(
        [draw(st.sampled_from([0x50, 0x58, 0x59, 0x5A, 0x5B, 0x33, 0x01, 0x15, 0x20, 0x51]))]
    )


@st.composite
def programs(draw: st.DrawFn) -> bytes:
    """Draw a program of blocks that jump to each other, or to where no jump may go."""
    blocks = draw(st.lists(st.lists(steps(), max_size=8), min_size=1, max_size=6))
    bodies = [b"\x5b" + b"".join(block) for block in blocks]
    starts, at = [], 16 * 3
    for body in bodies:
        starts.append(at)
        at += len(body) + 8
    code = b"".join(push(draw(st.integers(0, 2**16 - 1)), 2) for _ in range(16))
    for body in bodies:
        target = draw(st.one_of(st.sampled_from(starts), st.integers(0, at)))
        end = draw(st.sampled_from(("jump", "jumpi", "found", "stop", "return", "revert", "next")))
        tail = {
            "jump": push(target, 2) + b"\x56",
            "jumpi": push(draw(st.integers(0, 1)), 1) + push(target, 2) + b"\x57",
            # The target is not next to the jump, so nothing knows it before.
            "found": push(target, 2) + b"\x34\x01\x56",
            "stop": bytes([STOP]),
            "return": push(64, 1) + push(0, 1) + bytes([RETURN]),
            "revert": push(64, 1) + push(0, 1) + bytes([REVERT]),
            "next": b"",
        }[end]
        code += body + tail.ljust(8, b"\x5b")
    return code


class Plain(TracingCodeStream):
    """titanoboa's own code stream, made as the compiled one is."""

    def __init__(self, computation) -> None:
        message = computation.msg
        super().__init__(message.code, start_pc=0, fake_codesize=None)


def forget_what_is_warm() -> None:
    """Make every slot cold. Cleared and not replaced: an earlier checkpoint finds its way back."""
    boa.env.evm.vm.state._account_db._journal_accessed_state.clear()


def outcome(stream: type, code: bytes, data: bytes, gas: int, monkeypatch) -> tuple:
    """Return what a program leaves when its code runs so."""
    monkeypatch.setattr("tests.contracts.evm.frame.CompiledCode", stream)
    with boa.env.anchor():
        forget_what_is_warm()
        boa.env.set_code(ADDRESS, code)
        done = boa.env.execute_code(ADDRESS, data=data, gas=gas)
        stack = [
            int.from_bytes(v, "big") if isinstance(v, bytes) else v for v in done._stack.values
        ]
        error = done._error
        left = (type(error), stack, bytes(done._memory._bytes), done.code._trace)
        if error is not None and error.burns_gas:
            # How far it came before is nobody's business: all is undone, and all gas is gone.
            left = (type(error),)
        return (*left, done.output, done.get_gas_used(), dict(boa.env.sha3_trace))


@pytest.mark.fuzz
@settings(max_examples=examples(300))
@given(code=programs(), data=st.binary(max_size=80), gas=st.sampled_from((10**5, 10**5, 400, 150)))
def test_any_program_leaves_the_same(code, data, gas):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boa.env, "sha3_trace", {})
        plain = outcome(Plain, code, data, gas, patch)
        assert outcome(CompiledCode, code, data, gas, patch) == plain


def test_a_settlement_takes_the_same_gas_and_the_same_way(protocol):
    left = []
    for stream in (Plain, CompiledCode):
        with boa.env.anchor(), pytest.MonkeyPatch.context() as patch:
            patch.setattr("tests.contracts.evm.frame.CompiledCode", stream)
            forget_what_is_warm()
            request = protocol.request(salt=b"\1" * 32)
            session = protocol.payment.open(request, sender=protocol.payer)
            opened = protocol.payment._computation
            batch = protocol.batch((session, COR), root=b"\2" * 32)
            protocol.payment.settle(batch, sender=protocol.settler)
            done = protocol.payment._computation
            left.append(
                [
                    (one.net_gas_used, one.code._trace, one.get_raw_log_entries())
                    for one in (opened, done)
                ]
            )
    plain, compiled = left
    assert compiled == plain
    assert len(plain[1][1]) > 500


@pytest.mark.parametrize("gas", [10**6, 3_000])
def test_a_view_leaves_the_same(protocol, monkeypatch, gas):
    """Whether its gas is enough or not: output, gas, what is warm, and as many open journals."""
    state = boa.env.evm.vm.state
    quick = state.computation_class
    theirs = classmethod(FrontierComputation.apply_message.__func__)
    plain = type("Plain", (quick,), {"apply_message": theirs})
    data = protocol.payment.session.prepare_calldata(protocol.open())
    left = []
    for kind in (plain, quick):
        monkeypatch.setattr(state, "computation_class", kind)
        with boa.env.anchor():
            forget_what_is_warm()
            done = boa.env.execute_code(
                protocol.payment.address, data=data, gas=gas, is_modifying=False
            )
            journal = state._account_db._journal_accessed_state._journal
            warm, depth = dict(journal._current_values), len(journal._checkpoint_stack)
            left.append((done.is_error, done.output, done.get_gas_used(), warm, depth))
    assert left[0] == left[1]
    assert left[0][0] == (gas == 3_000)
