# SPDX-License-Identifier: Apache-2.0
"""What the sequencer does not take."""

from __future__ import annotations

import pytest

from cortensor.anvil.precompiles import ARB_SYS
from cortensor.anvil.rpc import RpcError
from cortensor.anvil.sendable import check_limit, check_sendable
from tests.python.gas.signed import signed


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
