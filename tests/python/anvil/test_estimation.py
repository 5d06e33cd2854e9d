# SPDX-License-Identifier: Apache-2.0
"""Nitro's guess for the bytes of what nobody signed."""

from __future__ import annotations

import pytest
import rlp

from cortensor.anvil.estimation import (
    ANY_CAP,
    ANY_GAS,
    ANY_NONCE,
    ANY_TIP,
    Message,
    gas_for_estimate,
    l1_component,
    made_up,
    message_of,
    padded_units,
)
from cortensor.anvil.rpc import RpcError
from cortensor.gas.arbitrum import poster_units


def test_the_arbitrary_numbers_are_nitros() -> None:
    assert (ANY_NONCE, ANY_TIP, ANY_CAP, ANY_GAS) == (
        0xA844CBCAD86EB849,
        0x39BA7D26,
        0xF1AA387F,
        0xB8480CA2,
    )


def test_what_is_made_up_has_the_fields_that_were_given() -> None:
    to, key = b"\x22" * 20, b"\x01" * 32
    raw = made_up(Message(to, b"\5" * 9, 7, 3, access=((to, (key,)),)))
    fields = rlp.decode(raw[1:])
    assert raw[0] == 2
    words = ("39ba7d26", "f1aa387f", "b8480ca2")
    assert fields[:5] == [b"", b"\3", *map(bytes.fromhex, words)]
    assert fields[5:9] == [to, b"\7", b"\5" * 9, [[to, [key]]]]
    assert int.from_bytes(fields[9], "big") == 126_483


def test_units_are_padded_by_bytes_and_by_a_hundredth() -> None:
    message = Message(b"\x22" * 20, b"data")
    assert padded_units(message, 1) == (poster_units(made_up(message), 1) + 256) * 101 // 100


def test_prices_are_padded_and_a_congested_fee_is_taken_for_lower() -> None:
    assert gas_for_estimate(1000, 10**6, 200_000_000, 200_000_000) == 1_100_000_000 // 200_000_000
    assert gas_for_estimate(10**6, 10**6, 400_000_000, 200_000_000) == 11 * 10**11 // 350_000_000
    assert l1_component(10**6, 10**6, 400_000_000) == 11 * 10**11 // 400_000_000
    assert gas_for_estimate(1000, 10**6, 0, 0) == l1_component(1000, 10**6, 0) == 0


def test_a_call_is_read_as_nodes_read_it() -> None:
    call = {"to": "0x" + "22" * 20, "data": "0x01", "input": "0x02", "gasPrice": "0x5"}
    assert message_of(call) == Message(b"\x22" * 20, b"\2", tip=5, cap=5)
    assert message_of({}) == Message()


@pytest.mark.parametrize("call", [{"data": "0xzz"}, {"value": "much"}, {"accessList": [{}]}, "x"])
def test_a_call_that_is_none_is_refused(call: object) -> None:
    with pytest.raises(RpcError, match="cannot read the call"):
        message_of(call)  # type: ignore[arg-type]
