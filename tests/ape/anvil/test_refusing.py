# SPDX-License-Identifier: Apache-2.0
"""What the front refuses, and what it passes on as it came."""

from __future__ import annotations

import json
from urllib.request import Request, urlopen

import pytest
from eth_abi import decode, encode
from web3 import Web3
from web3.exceptions import ContractLogicError

from cortensor.anvil.precompiles import ARB_GAS_INFO, ARB_SYS, NODE_INTERFACE, selector
from tests.ape.anvil.fronts import (
    BASE_FEE,
    L3,
    PAYER,
    PRICE,
    SEPOLIA,
    STRANGER,
    asked,
    result,
    run_front,
    web3_of,
)

pytestmark = pytest.mark.anvil


def post(url, body):
    """The bytes that answer bytes."""
    request = Request(url, body, {"content-type": "application/json"})
    with urlopen(request, timeout=20) as response:
        return response.read()


def signed(nonce, **more):
    fields = {
        "nonce": nonce,
        "chainId": SEPOLIA,
        "gas": 30_000_000,
        "maxFeePerGas": 10**10,
        "maxPriorityFeePerGas": 0,
        "to": STRANGER,
        "value": 0,
        **more,
    }
    return PAYER.sign_transaction(fields).raw_transaction.to_0x_hex()


def refusal(url, method, *parameters: object):
    """The message of an error."""
    answer = asked(url, method, *parameters)
    assert "result" not in answer, answer
    return answer["error"]["message"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"jsonrpc":"2.0","id":"a","method":"eth_chainId","params":[]}',
        b'{"jsonrpc":"2.0","id":7,"method":"no_such"}',
        b'{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[{"to":"0x00"}]}',
        b'[{"jsonrpc":"2.0","id":1,"method":"eth_chainId"},{"jsonrpc":"2.0","id":2,"method":"x"}]',
        b"no json",
        b"[]",
        b"[1,2]",
        b"{}",
    ],
)
def test_what_is_not_arbitrums_is_byte_for_byte_anvils(front, plain, body):
    assert post(front.url, body) == post(plain.url, body)


def test_a_batch_keeps_ids_order_and_errors(front):
    calls = [
        {"jsonrpc": "2.0", "id": "first", "method": "eth_gasPrice", "params": []},
        {"jsonrpc": "2.0", "id": -2, "method": "no_such", "params": []},
        {"jsonrpc": "2.0", "id": None, "method": "eth_getBlockByNumber", "params": ["0x0", False]},
        {"jsonrpc": "2.0", "id": 4, "method": "eth_getTransactionReceipt", "params": []},
        {"jsonrpc": "2.0", "id": 5, "method": "eth_chainId"},
    ]
    answers = json.loads(post(front.url, json.dumps(calls).encode()))
    assert [each["id"] for each in answers] == ["first", -2, None, 4, 5]
    assert answers[0]["result"] == hex(BASE_FEE)
    assert answers[1]["error"]["code"] == -32601
    assert answers[2]["result"]["gasLimit"] == hex(2**50)
    assert answers[3]["error"]["code"] == -32602
    assert answers[4]["result"] == hex(SEPOLIA)


def test_a_block_is_one_of_nitros(front):
    result(front.url, "evm_mine")
    block = result(front.url, "eth_getBlockByNumber", "latest", False)
    assert block["l1BlockNumber"] == block["number"]
    assert (block["gasLimit"], block["sendCount"]) == (hex(2**50), "0x0")
    assert block["miner"] == "0xa4b000000000000000000073657175656e636572"
    assert block["sendRoot"] == "0x" + "00" * 32
    assert result(front.url, "eth_getBlockByHash", block["hash"], False) == block


def test_nobody_is_tipped(front):
    assert result(front.url, "eth_maxPriorityFeePerGas") == "0x0"
    assert result(front.url, "eth_gasPrice") == hex(BASE_FEE)
    result(front.url, "anvil_mine", "0x2")
    history = result(front.url, "eth_feeHistory", "0x2", "latest", [10, 90])
    assert history["baseFeePerGas"] == [hex(BASE_FEE)] * 3
    assert history["reward"] == [["0x0", "0x0"]] * 2


def test_what_the_sequencer_does_not_take(front):
    nonce = web3_of(front.url).eth.get_transaction_count(PAYER.address)
    send = "eth_sendRawTransaction"
    assert refusal(front.url, send, signed(nonce, data=bytes(94_999))).startswith("oversized data")
    assert refusal(front.url, send, "0x03c0") == "transaction type not supported: 0x3"
    assert refusal(front.url, send, "0x6ac0") == "transaction type not supported: 0x6a"
    assert "intrinsic gas too low" in refusal(front.url, send, signed(nonce, gas=21_100))
    assert "ArbSys" in refusal(front.url, send, signed(nonce, to=ARB_SYS))
    assert "hex" in refusal(front.url, send, "0xzz")
    assert refusal(front.url, "eth_estimateGas", {"to": NODE_INTERFACE}).startswith("NodeInterface")
    assert "--block-every" in refusal(front.url, "evm_setIntervalMining", 1)
    assert web3_of(front.url).eth.get_transaction_count(PAYER.address) == nonce


def test_a_gap_in_nonces_is_not_waited_for_and_closes(front):
    web3 = web3_of(front.url)
    nonce = web3.eth.get_transaction_count(PAYER.address)
    later = result(front.url, "eth_sendRawTransaction", signed(nonce + 1))
    assert result(front.url, "eth_getTransactionReceipt", later) is None
    first = result(front.url, "eth_sendRawTransaction", signed(nonce))
    receipts = [web3.eth.wait_for_transaction_receipt(each, 5) for each in (first, later)]
    assert {each["effectiveGasPrice"] for each in receipts} == {BASE_FEE}
    assert web3.eth.block_number == receipts[-1]["blockNumber"]
    assert web3.eth.get_block("latest")["baseFeePerGas"] == BASE_FEE


def call(url, address, name, inputs, outputs, *arguments: object):
    data = "0x" + (selector(name, inputs) + encode(inputs, arguments)).hex()
    answer = result(url, "eth_call", {"from": PAYER.address, "to": address, "data": data}, "latest")
    return decode(outputs, bytes.fromhex(answer[2:]))


def test_arbos_contracts_answer(front):
    result(front.url, "evm_mine")
    height = web3_of(front.url).eth.block_number
    assert call(front.url, ARB_SYS, "arbBlockNumber", [], ["uint256"]) == (height,)
    assert call(front.url, ARB_SYS, "arbOSVersion", [], ["uint256"]) == (55 + 61,)
    assert call(front.url, ARB_GAS_INFO, "getL1BaseFeeEstimate", [], ["uint256"]) == (PRICE,)
    parent = web3_of(front.url).eth.get_block(height - 1)["hash"]
    found = call(front.url, ARB_SYS, "arbBlockHash", ["uint256"], ["bytes32"], height - 1)
    assert found == (bytes(parent),)
    assert web3_of(front.url).eth.get_code(Web3.to_checksum_address(ARB_GAS_INFO)) == b"\xfe"
    unknown = refusal(front.url, "eth_call", {"to": ARB_GAS_INFO, "data": "0xdeadbeef"}, "latest")
    assert "ArbGasInfo" in unknown
    assert "0xdeadbeef" in unknown
    assert call(front.url, ARB_GAS_INFO, "getMaxTxGasLimit", [], ["uint256"]) == (32_000_000,)
    # A library tells a refusal by a contract from a node's own by how it begins.
    refused = {"to": ARB_GAS_INFO, "data": "0x" + selector("getMultiGasBaseFee", []).hex()}
    with pytest.raises(ContractLogicError, match=r"ArbGasInfo\.getMultiGasBaseFee is not answered"):
        web3_of(front.url).eth.call({**refused, "to": Web3.to_checksum_address(ARB_GAS_INFO)})


def test_an_estimate_is_what_components_say(front):
    inputs, outputs = ["address", "bool", "bytes"], ["uint64", "uint64", "uint256", "uint256"]
    data = bytes(range(200))
    whole = {"from": PAYER.address, "to": STRANGER, "data": "0x" + data.hex()}
    total = int(result(front.url, "eth_estimateGas", whole), 16)
    told = call(
        front.url, NODE_INTERFACE, "gasEstimateComponents", inputs, outputs, STRANGER, False, data
    )
    assert told[0] == total
    assert told[2:] == (BASE_FEE, PRICE)
    nonce = web3_of(front.url).eth.get_transaction_count(PAYER.address)
    sent = result(front.url, "eth_sendRawTransaction", signed(nonce, data=data, gas=total))
    receipt = result(front.url, "eth_getTransactionReceipt", sent)
    charged = int(receipt["gasUsedForL1"], 16)
    assert 1.11 < told[1] / charged < 1.54
    assert total - told[1] == int(receipt["gasUsed"], 16) - charged


def test_the_l3_has_its_own_id_fees_and_limit():
    with run_front("--base-fee", "70000000", network="cor-l3") as front:
        web3 = web3_of(front.url)
        assert (web3.eth.chain_id, web3.eth.gas_price) == (L3, 70_000_000)
        oversized = signed(0, chainId=L3, data=bytes(84_999))
        told = refusal(front.url, "eth_sendRawTransaction", oversized)
        assert told.startswith("oversized data")
        fits = signed(0, chainId=L3, data=bytes(80_000))
        assert result(front.url, "eth_sendRawTransaction", fits)
