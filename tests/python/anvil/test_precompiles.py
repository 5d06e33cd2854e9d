# SPDX-License-Identifier: Apache-2.0
"""ArbOS' contracts: each function's answer, read back by its ABI."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
from eth_abi.abi import decode, encode

from cortensor.anvil.estimation import Message, gas_for_estimate, l1_component, padded_units
from cortensor.anvil.precompiles import (
    ARB_GAS_INFO,
    ARB_OWNER_PUBLIC,
    ARB_SYS,
    NODE_INTERFACE,
    View,
    asked,
    selector,
    slots_read,
)
from cortensor.anvil.rpc import RpcError
from cortensor.gas.arbos_state import L1_PRICING, ROOT, constraint_slots, slot
from tests.python.gas.arbos_storage import SIX

FEE, FLOOR, PRICE = 25_000_000, 20_000_000, 986_426
TO = "0x" + "22" * 20
WORDS = defaultdict(int, SIX) | {
    slot(L1_PRICING, 0x09): 2**256 - 5,
    slot(ROOT, 0x03): int(TO, 16),
}
VIEW = View(421_614, 9, FEE, WORDS.__getitem__, Message(nonce=4), 77, {8: b"\7" * 32})


def call(
    address: str, name: str, outputs: list[str], inputs: list[str] | None = None, *words: Any
) -> tuple[Any, ...]:
    data = selector(name, inputs or []) + encode(inputs or [], words)
    return decode(outputs, asked(address, data).answer(VIEW))


@pytest.mark.parametrize(
    ("address", "name", "kinds", "expected"),
    [
        (ARB_SYS, "arbBlockNumber", ["uint256"], (9,)),
        (ARB_SYS, "arbChainID", ["uint256"], (421_614,)),
        (ARB_SYS, "arbOSVersion", ["uint256"], (106,)),
        (ARB_GAS_INFO, "getL1BaseFeeEstimate", ["uint256"], (PRICE,)),
        (ARB_GAS_INFO, "getMinimumGasPrice", ["uint256"], (FLOOR,)),
        (ARB_GAS_INFO, "getPerBatchGasCharge", ["int64"], (-5,)),
        (ARB_GAS_INFO, "getGasBacklog", ["uint64"], (5_000_000,)),
        (ARB_GAS_INFO, "getCurrentTxL1GasFees", ["uint256"], (0,)),
        (
            ARB_GAS_INFO,
            "getPricesInWei",
            ["uint256"] * 6,
            (140 * 16 * PRICE, 16 * PRICE, 20_000 * FEE, FLOOR, FEE - FLOOR, FEE),
        ),
        (
            ARB_GAS_INFO,
            "getPricesInArbGas",
            ["uint256"] * 3,
            (140 * 16 * PRICE // FEE, 16 * PRICE // FEE, 20_000),
        ),
        (
            ARB_GAS_INFO,
            "getGasPricingConstraints",
            ["uint64[3][]"],
            (((60_000_000, 9, 123), (10_000_000, 86_400, 456)),),
        ),
        (ARB_OWNER_PUBLIC, "getBrotliCompressionLevel", ["uint64"], (1,)),
        (ARB_OWNER_PUBLIC, "getNetworkFeeAccount", ["address"], (TO,)),
        (NODE_INTERFACE, "nitroGenesisBlock", ["uint256"], (0,)),
    ],
)
def test_a_function_answers(
    address: str, name: str, kinds: list[str], expected: tuple[Any, ...]
) -> None:
    assert call(address, name, kinds) == expected


def test_estimates_are_of_the_senders_message() -> None:
    inputs, words = ["address", "bool", "bytes"], (TO, False, b"data")
    units = padded_units(Message(b"\x22" * 20, b"data", nonce=4), 1)
    assert call(
        NODE_INTERFACE,
        "gasEstimateComponents",
        ["uint64", "uint64", "uint256", "uint256"],
        inputs,
        *words,
    ) == (77, gas_for_estimate(units, PRICE, FEE, FLOOR), FEE, PRICE)
    outputs = ["uint64", "uint256", "uint256"]
    expected = (l1_component(units, PRICE, FEE), FEE, PRICE)
    assert call(NODE_INTERFACE, "gasEstimateL1Component", outputs, inputs, *words) == expected


def test_a_block_that_is_not_among_the_last_has_no_hash() -> None:
    assert call(ARB_SYS, "arbBlockHash", ["bytes32"], ["uint256"], 8) == (b"\7" * 32,)
    with pytest.raises(RpcError, match="block 3 is not among"):
        call(ARB_SYS, "arbBlockHash", ["bytes32"], ["uint256"], 3)


def test_an_unknown_function_is_named() -> None:
    with pytest.raises(RpcError, match=r"ArbGasInfo \(0x0*6c\) has no function 0xdeadbeef"):
        asked(ARB_GAS_INFO, bytes.fromhex("deadbeef"))
    with pytest.raises(RpcError, match="cannot read its arguments"):
        asked(ARB_SYS, selector("arbBlockHash", ["uint256"]))


def test_all_that_is_shown_is_loaded() -> None:
    there = {*slots_read(), *constraint_slots(2)}
    assert SIX.keys() <= there
