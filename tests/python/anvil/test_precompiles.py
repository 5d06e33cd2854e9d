# SPDX-License-Identifier: Apache-2.0
"""ArbOS' contracts: each function's answer, read back by its ABI."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import decode, encode

from cortensor.anvil.estimation import Message, gas_for_estimate, l1_component, padded_units
from cortensor.anvil.precompiles import (
    ARB_GAS_INFO,
    ARB_OWNER_PUBLIC,
    ARB_SYS,
    DUE_TO_POSTERS,
    NODE_INTERFACE,
    View,
    asked,
    selector,
    slots_read,
)
from cortensor.anvil.rpc import RpcError
from cortensor.gas.arbos_state import (
    INERTIA,
    L1_PRICING,
    L2_PRICING,
    MIN_BASE_FEE,
    PRICE_PER_UNIT,
    ROOT,
    SPEED_LIMIT,
    VERSION,
    constraint_slots,
    slot,
)
from tests.python.gas.arbos_storage import SIX

FEE, FLOOR, PRICE = 25_000_000, 20_000_000, 986_426
VECTORS = Path(__file__).parents[3].parent / "shared" / "vectors" / "arbitrum_txs.json"
TO = "0x" + "22" * 20
WORDS = defaultdict(int, SIX) | {
    slot(L1_PRICING, 0x09): 2**256 - 5,
    slot(ROOT, 0x03): int(TO, 16),
    slot(L2_PRICING, 0x01): 33_000_000,
    slot(L2_PRICING, 0x07): 32_000_000,
    slot(L1_PRICING, 0x05): 2**256 - 20,
    slot(L1_PRICING, 0x0B): 1_000,
    DUE_TO_POSTERS: 700,
    INERTIA: 102,
    SPEED_LIMIT: 7_000_000,
}
VIEW = View(421_614, 9, FEE, WORDS.__getitem__, Message(nonce=4), 77, 2, {8: b"\7" * 32})


def call(
    address: str,
    name: str,
    outputs: list[str],
    inputs: list[str] | None = None,
    *words: Any,
    view: View = VIEW,
) -> tuple[Any, ...]:
    data = selector(name, inputs or []) + encode(inputs or [], words)
    return decode(outputs, asked(address, data).answer(view))


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
        (ARB_GAS_INFO, "getL1GasPriceEstimate", ["uint256"], (PRICE,)),
        (ARB_GAS_INFO, "getMaxTxGasLimit", ["uint256"], (32_000_000,)),
        (ARB_GAS_INFO, "getMaxBlockGasLimit", ["uint64"], (33_000_000,)),
        (ARB_GAS_INFO, "getL1PricingSurplus", ["int256"], (1_000 - (700 - 20),)),
        (ARB_GAS_INFO, "getPricingInertia", ["uint64"], (102,)),
        (
            ARB_GAS_INFO,
            "getGasAccountingParams",
            ["uint256"] * 3,
            (7_000_000, 33_000_000, 33_000_000),
        ),
        (ARB_SYS, "isTopLevelCall", ["bool"], (True,)),
        (ARB_SYS, "wasMyCallersAddressAliased", ["bool"], (False,)),
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


def test_blocks_and_batches_of_the_parent() -> None:
    # The block that was forked is 2; what is made here is of the parent's block of its number.
    assert call(NODE_INTERFACE, "blockL1Num", ["uint64"], ["uint64"], 7) == (7,)
    outputs = ["uint64", "uint64"]
    assert call(NODE_INTERFACE, "l2BlockRangeForL1", outputs, ["uint64"], 9) == (9, 9)
    for block in (2, 10):
        with pytest.raises(RpcError, match=f"no L2 block has the L1 block number {block}"):
            call(NODE_INTERFACE, "l2BlockRangeForL1", outputs, ["uint64"], block)
    with pytest.raises(RpcError, match="block 9 is in no batch"):
        call(NODE_INTERFACE, "findBatchContainingBlock", ["uint64"], ["uint64"], 9)
    with pytest.raises(RpcError, match="there is no block 10"):
        call(NODE_INTERFACE, "findBatchContainingBlock", ["uint64"], ["uint64"], 10)
    assert call(NODE_INTERFACE, "getL1Confirmations", ["uint64"], ["bytes32"], bytes(32)) == (0,)


def test_an_alias_is_an_address_moved_by_what_is_fixed() -> None:
    inputs = ["address", "address"]
    words = ("0xfe" + "ff" * 19, TO)
    found = call(ARB_SYS, "mapL1SenderContractAddressToL2Alias", ["address"], inputs, *words)
    assert found == ("0x1011" + "00" * 16 + "1110",)


@pytest.mark.parametrize(
    ("address", "name", "inputs"),
    [
        (ARB_SYS, "sendTxToL1", ["address", "bytes"]),
        (ARB_GAS_INFO, "getMultiGasBaseFee", []),
        (ARB_GAS_INFO, "getMultiGasPricingConstraints", []),
        (NODE_INTERFACE, "constructOutboxProof", ["uint64", "uint64"]),
    ],
)
def test_what_cannot_be_answered_reverts_by_name(
    address: str, name: str, inputs: list[str]
) -> None:
    with pytest.raises(RpcError, match=rf"^execution reverted: \w+\.{name} is not answered here: "):
        asked(address, selector(name, inputs))


def test_an_older_chain_lacks_what_came_later() -> None:
    older = WORDS | {VERSION: 40}
    view = VIEW._replace(load=older.__getitem__)
    told = "ArbGasInfo.getMaxTxGasLimit is of ArbOS 50 and later; this chain has 40"
    with pytest.raises(RpcError, match=f"^execution reverted: {told}$"):
        call(ARB_GAS_INFO, "getMaxTxGasLimit", ["uint256"], view=view)
    assert call(ARB_GAS_INFO, "getPricingInertia", ["uint64"], view=view)


@pytest.mark.skipif(not VECTORS.is_file(), reason="the recorded blocks are not beside this")
def test_prices_are_what_recorded_blocks_charged() -> None:
    """`getPricesInWei` and `getPricesInArbGas` of each recorded block, against its transactions."""
    blocks = json.loads(VECTORS.read_text())["blocks"]
    for block in blocks:
        price, fee, floor = (block[x] for x in ("price_per_unit", "base_fee", "min_base_fee"))
        words = WORDS | {PRICE_PER_UNIT: price, MIN_BASE_FEE: floor}
        view = VIEW._replace(base_fee=fee, load=words.__getitem__)
        found = call(ARB_GAS_INFO, "getPricesInWei", ["uint256"] * 6, view=view)
        assert found[1] == 16 * price
        assert found[3] + found[4] == found[5] == fee
        assert call(ARB_GAS_INFO, "getL1BaseFeeEstimate", ["uint256"], view=view) == (price,)
        for tx in block["txs"]:
            # A unit is a sixteenth of a byte as it is priced here.
            assert tx["poster_gas"] == found[1] * tx["units"] // (16 * found[5])


def test_all_that_is_shown_is_loaded() -> None:
    there = {*slots_read(), *constraint_slots(2)}
    assert SIX.keys() <= there
