# SPDX-License-Identifier: Apache-2.0
"""web3.py, as anybody has it, against the front: what is charged, to the unit and the wei."""

from __future__ import annotations

import json

import msgspec
import pytest
from click.testing import CliRunner
from eth_account import Account
from web3 import Web3

from cortensor.anvil.mining import POOL
from cortensor.cli import main
from cortensor.gas.arbitrum import poster_gas, poster_units
from cortensor.gas.envelope import parse_envelope
from cortensor.gas.estimate import estimate
from cortensor.gas.snapshot import load_snapshot
from scripts._anvil import ROOT
from tests.ape.anvil.fronts import (
    BASE_FEE,
    KEEPER,
    PRICE,
    SEPOLIA,
    STRANGER,
    asked,
    result,
    web3_of,
)

pytestmark = pytest.mark.anvil

# Nobody else's, so that its nonces are the same on both chains.
PAYER = Account.from_key("0x8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba")

SHAPES = {
    "nothing": b"",
    "zeros": bytes(320),
    "words": b"".join(at.to_bytes(32, "big") for at in range(40)),
    "text": b"a sentence that comes again and again. " * 100,
    "noise": bytes((at * at * 7919 >> 5) % 251 + 1 for at in range(3000)),
}
ACCESS = [{"address": STRANGER, "storageKeys": ["0x" + "01" * 32]}]
FEES = [
    {"gasPrice": 10**9},
    {"gasPrice": 10**9, "accessList": ACCESS},
    {"maxFeePerGas": 10**10, "maxPriorityFeePerGas": 10**9},
]


def signed(web3, to, data, **fees):
    fields = {
        "nonce": web3.eth.get_transaction_count(PAYER.address),
        "chainId": SEPOLIA,
        "gas": 20_000_000,
        "value": 0,
        "data": data,
        **(fees or {"maxFeePerGas": 10**10, "maxPriorityFeePerGas": 0}),
    }
    target = {} if to is None else {"to": to}
    return bytes(PAYER.sign_transaction({**fields, **target}).raw_transaction)


@pytest.fixture(scope="module")
def keepers(front, plain):
    """The same contract on both, and their receipts."""
    found = []
    for url in (plain.url, front.url):
        web3 = web3_of(url)
        raw = signed(web3, None, KEEPER)
        found.append(
            (raw, web3.eth.wait_for_transaction_receipt(web3.eth.send_raw_transaction(raw)))
        )
    assert found[0][0] == found[1][0]
    return found


def bytes_gas(raw):
    return poster_gas(poster_units(raw, 1), PRICE, BASE_FEE)


def test_a_deployment_takes_its_bytes_as_well(keepers):
    (raw, there), (_, here) = keepers
    assert here["gasUsed"] == there["gasUsed"] + bytes_gas(raw)
    assert int(here["gasUsedForL1"], 16) == bytes_gas(raw) > there["gasUsed"]
    assert here["contractAddress"] == there["contractAddress"]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("fees", FEES, ids=["legacy", "access list", "tip"])
def test_a_receipt_is_a_plain_one_and_the_formula(front, plain, keepers, shape, fees):
    to = keepers[0][1]["contractAddress"]
    receipts, raws, paid = [], [], []
    for url in (plain.url, front.url):
        web3 = web3_of(url)
        raws.append(signed(web3, to, SHAPES[shape], **fees))
        before = web3.eth.get_balance(PAYER.address)
        tx_hash = web3.eth.send_raw_transaction(raws[-1])
        receipts.append(web3.eth.wait_for_transaction_receipt(tx_hash))
        paid.append(before - web3.eth.get_balance(PAYER.address))
    assert raws[0] == raws[1]
    plain_receipt, receipt = receipts
    assert receipt["status"] == plain_receipt["status"] == 1
    assert receipt["gasUsed"] == plain_receipt["gasUsed"] + bytes_gas(raws[1])
    assert receipt["cumulativeGasUsed"] == receipt["gasUsed"]
    assert receipt["effectiveGasPrice"] == BASE_FEE
    assert paid[1] == receipt["gasUsed"] * BASE_FEE
    # Before it was sent, this is what the estimate would have said.
    snapshot = load_snapshot(ROOT / "config/fees/arbitrum-sepolia.toml")
    snapshot = msgspec.structs.replace(snapshot, price_per_unit_wei=str(PRICE))
    told = estimate(parse_envelope(raws[1]), snapshot, plain_receipt["gasUsed"])
    assert told.total_wei == paid[1]


def test_several_transactions_of_a_block(front):
    web3 = web3_of(front.url)
    result(front.url, "evm_setAutomine", False)
    try:
        nonce = web3.eth.get_transaction_count(PAYER.address)
        raws = [
            bytes(
                PAYER.sign_transaction(
                    {
                        "nonce": nonce + at,
                        "chainId": SEPOLIA,
                        "gas": 3_000_000,
                        "maxFeePerGas": 10**10,
                        "maxPriorityFeePerGas": 0,
                        "to": STRANGER,
                        "value": 1,
                        "data": bytes(at * 9),
                    }
                ).raw_transaction
            )
            for at in range(3)
        ]
        hashes = [web3.eth.send_raw_transaction(raw) for raw in raws]
        assert (
            asked(front.url, "eth_getTransactionReceipt", hashes[0].to_0x_hex())["result"] is None
        )
        result(front.url, "evm_mine")
    finally:
        result(front.url, "evm_setAutomine", True)
    receipts = [web3.eth.get_transaction_receipt(each) for each in hashes]
    block = web3.eth.get_block(receipts[0]["blockNumber"])
    assert [int(each["gasUsedForL1"], 16) for each in receipts] == [bytes_gas(raw) for raw in raws]
    totals = [sum(each["gasUsed"] for each in receipts[: at + 1]) for at in range(3)]
    assert [each["cumulativeGasUsed"] for each in receipts] == totals
    assert block["gasUsed"] == totals[-1]
    assert web3.eth.get_block_receipts(block["number"]) == receipts


def test_the_pool_of_posters_has_what_was_paid_for_bytes(front):
    web3 = web3_of(front.url)
    pool = Web3.to_checksum_address(POOL)
    before = web3.eth.get_balance(pool)
    raw = signed(web3, STRANGER, b"\1\2\3")
    receipt = web3.eth.wait_for_transaction_receipt(web3.eth.send_raw_transaction(raw))
    told = int(receipt["gasUsedForL1"], 16)
    assert web3.eth.get_balance(pool) - before == told * BASE_FEE > 0


def test_a_node_that_signs_fills_in_what_covers_the_bytes(front):
    web3 = web3_of(front.url)
    call = {"from": PAYER.address, "to": STRANGER, "data": "0x" + "5a" * 900}
    receipt = web3.eth.wait_for_transaction_receipt(web3.eth.send_transaction(call))
    shown = web3.eth.get_transaction(receipt["transactionHash"])
    assert receipt["gasUsed"] < shown["gas"] < 2 * receipt["gasUsed"]


@pytest.mark.parametrize("fees", FEES, ids=["legacy", "access list", "tip"])
def test_the_check_computes_the_same(front, fees):
    web3 = web3_of(front.url)
    tx_hash = web3.eth.send_raw_transaction(signed(web3, STRANGER, SHAPES["text"], **fees))
    words = ["gas", "check", tx_hash.to_0x_hex(), "--rpc", front.url, "--json"]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["is_equal"]
    assert told["price_per_unit_wei"] == str(PRICE)
    assert told["computed"] == int(web3.eth.get_transaction_receipt(tx_hash)["gasUsedForL1"], 16)


def test_the_check_of_a_plain_receipt_is_one_error(plain, keepers):
    tx_hash = keepers[0][1]["transactionHash"].to_0x_hex()
    done = CliRunner().invoke(main, ["gas", "check", tx_hash, "--rpc", plain.url])
    assert (done.exit_code, done.output.count("\n")) == (2, 1)
    assert "[no_arbos]" in done.output


def test_a_price_that_rises_is_the_next_blocks(front):
    web3 = web3_of(front.url)
    snapshot = result(front.url, "evm_snapshot")
    first = web3.eth.send_raw_transaction(signed(web3, STRANGER, b"\1"))
    result(front.url, "anvil_setNextBlockBaseFeePerGas", hex(2 * BASE_FEE))
    second = web3.eth.send_raw_transaction(signed(web3, STRANGER, b"\1"))
    gas = [
        int(web3.eth.get_transaction_receipt(each)["gasUsedForL1"], 16) for each in (first, second)
    ]
    assert abs(gas[0] - 2 * gas[1]) <= 1
    result(front.url, "anvil_mine", "0x3")
    fees = [web3.eth.get_block(web3.eth.block_number - at)["baseFeePerGas"] for at in range(5)]
    assert fees == [2 * BASE_FEE] * 4 + [BASE_FEE]
    result(front.url, "evm_revert", snapshot)
    assert web3.eth.gas_price == BASE_FEE
