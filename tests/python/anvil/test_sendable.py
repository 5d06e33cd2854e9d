# SPDX-License-Identifier: Apache-2.0
"""What the sequencer does not take."""

from __future__ import annotations

import pytest

from cortensor.anvil.precompiles import ARB_SYS
from cortensor.anvil.rpc import RpcError
from cortensor.anvil.sendable import check_limit, check_sendable, intrinsic_gas
from tests.python.gas.signed import TO, signed

ACCESS = [{"address": TO, "storageKeys": ["0x" + "01" * 32] * 2}]


@pytest.mark.parametrize(
    ("raw", "gas"),
    [
        (signed(), 21_000),
        (signed(b"\0\1"), 21_020),
        (signed(b"\0\1", gasPrice=10**9), 21_020),
        (signed(accessList=ACCESS), 21_000 + 2_400 + 2 * 1_900),
        (signed(b"\1" * 33, to=""), 21_000 + 33 * 16 + 32_000 + 4),
        (b"\2no transaction", 0),
    ],
)
def test_intrinsic_gas(raw: bytes, gas: int) -> None:
    assert intrinsic_gas(raw) == gas


def test_a_limit_covers_the_start_and_the_bytes() -> None:
    check_limit(signed(gas=21_007), 7)
    with pytest.raises(RpcError, match="intrinsic gas too low: have 21007, want 21008"):
        check_limit(signed(gas=21_007), 8)


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"", "empty"),
        (signed(bytes(300)), "oversized data: transaction size 4"),
        (b"\3\xc0", "not supported: 0x3"),
        (b"\x6a\xc0", "not supported: 0x6a"),
        (signed(to=ARB_SYS), "ArbSys"),
        (signed(to=ARB_SYS, gasPrice=1), "ArbSys"),
    ],
)
def test_refused(raw: bytes, told: str) -> None:
    with pytest.raises(RpcError, match=told):
        check_sendable(raw, 300)


def test_what_cannot_be_read_is_left_to_anvil() -> None:
    check_sendable(b"\2no transaction", 300)
    check_limit(b"\2no transaction", 7)
