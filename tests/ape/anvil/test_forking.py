# SPDX-License-Identifier: Apache-2.0
"""Forks: of our own front, and of a chain with ArbOS' own transactions, which Anvil ends over."""

from __future__ import annotations

import functools

import pytest
from click.testing import CliRunner

from cortensor.anvil.precompiles import NODE_INTERFACE, selector
from cortensor.cli import main
from tests.ape.anvil.fronts import (
    BASE_FEE,
    PAYER,
    PRICE,
    SEPOLIA,
    STRANGER,
    asked,
    result,
    run_front,
    web3_of,
)
from tests.ape.running import changed

pytestmark = pytest.mark.anvil

ARBOS = "0x00000000000000000000000000000000000a4b05"


def test_a_fork_of_a_fork_has_its_fees_and_tells_its_receipts(front):
    send = {"from": PAYER.address, "to": STRANGER, "data": "0x" + "7b" * 100}
    before = result(front.url, "eth_sendTransaction", send)
    receipt = result(front.url, "eth_getTransactionReceipt", before)
    with run_front("--fork", front.url) as fork, run_front("--fork", fork.url) as second:
        for url in (fork.url, second.url):
            assert result(url, "eth_getTransactionReceipt", before) == receipt
            assert result(url, "eth_gasPrice") == hex(BASE_FEE)
            fork_block = result(url, "eth_blockNumber")
            assert result(url, "eth_getBlockReceipts", fork_block) == [receipt]
            after = result(url, "eth_sendTransaction", send)
            told = result(url, "eth_getTransactionReceipt", after)
            assert int(told["gasUsedForL1"], 16) > PRICE // BASE_FEE * 16 * 100 // 2
            for tx_hash in (before, after):
                done = CliRunner().invoke(main, ["gas", "check", tx_hash, "--rpc", url])
                assert done.exit_code == 0, done.output
                assert ": equal" in done.output


def asked_of(url, name, word, kind="uint64"):
    """What NodeInterface says of a block: numbers, or the refusal's words."""
    data = "0x" + (selector(name, [kind]) + word).hex()
    answer = asked(url, "eth_call", {"to": NODE_INTERFACE, "data": data})
    if "error" in answer:
        return answer["error"]["message"]
    found = bytes.fromhex(answer["result"][2:])
    return [int.from_bytes(found[at : at + 32], "big") for at in range(0, len(found), 32)]


def test_blocks_from_before_are_the_forked_nodes_to_tell(front):
    def seven(call, answer):
        is_call = isinstance(call, dict) and call["method"] == "eth_call"
        told = {"jsonrpc": "2.0", "id": 1, "result": "0x" + "07".zfill(64)}
        return told if is_call else answer

    with changed(front.url, seven) as parent, run_front("--fork", parent) as fork:
        before = web3_of(fork.url).eth.block_number
        result(fork.url, "evm_mine")
        old, new, none = (at.to_bytes(32, "big") for at in (before, before + 1, before + 2))
        for name in ("blockL1Num", "l2BlockRangeForL1", "findBatchContainingBlock"):
            assert asked_of(fork.url, name, old) == [7]
        assert asked_of(fork.url, "blockL1Num", new) == [before + 1]
        assert asked_of(fork.url, "l2BlockRangeForL1", new) == [before + 1, before + 1]
        assert "is in no batch" in asked_of(fork.url, "findBatchContainingBlock", new)
        assert "no L2 block has" in asked_of(fork.url, "l2BlockRangeForL1", none)
        hashes = [web3_of(fork.url).eth.get_block(at)["hash"] for at in (before, before + 1)]
        told = [asked_of(fork.url, "getL1Confirmations", each, "bytes32") for each in hashes]
        assert told == [[7], [0]]
        assert "there is no block 0x" in asked_of(
            fork.url, "getL1Confirmations", bytes(32), "bytes32"
        )


def test_a_fork_of_another_chain_is_refused(front):
    done = CliRunner().invoke(main, ["anvil", "--as", "cor-l3", "--fork", front.url])
    assert (done.exit_code, done.output.count("\n")) == (2, 1)
    assert "is of chain 421614, and not 18964747554 [wrong_chain]" in done.output


def test_a_fork_of_nobody_is_refused():
    url = "http://127.0.0.1:9/KEY"
    done = CliRunner().invoke(main, ["anvil", "--as", "cor-l3", "--fork", url])
    nobody = "nobody answers at http://127.0.0.1:9 (connection refused)"
    assert done.exit_code == 2
    assert done.output == f"error: fork: the forked node: {nobody} [chain_unavailable]\n"


def as_arbos(tree, tx_hash):
    """A node's answer in which one transaction is one that ArbOS made."""
    if isinstance(tree, list):
        return [as_arbos(each, tx_hash) for each in tree]
    if not isinstance(tree, dict):
        return tree
    if tree.get("transactionHash") == tx_hash and "logsBloom" in tree:
        return tree | {"type": "0x6a", "gasUsed": "0x0", "gasUsedForL1": "0x0"}
    if tree.get("hash") == tx_hash and "input" in tree:
        kept = ("hash", "blockHash", "blockNumber", "transactionIndex", "chainId", "input")
        zeros = dict.fromkeys(("gas", "gasPrice", "nonce", "value", "v", "r", "s"), "0x0")
        own = {"type": "0x6a", "from": ARBOS, "to": ARBOS}
        return {name: tree[name] for name in kept} | zeros | own
    return {name: as_arbos(value, tx_hash) for name, value in tree.items()}


def overcharged(_call, tree):
    """A node's answer in which a receipt says a unit of gas more for the bytes."""
    found = tree["result"]
    if isinstance(found, dict) and "gasUsedForL1" in found:
        more = hex(int(found["gasUsedForL1"], 16) + 1)
        return tree | {"result": found | {"gasUsedForL1": more}}
    return tree


def test_transactions_of_arbos_are_told_and_end_nothing(front):
    send = {"from": PAYER.address, "to": STRANGER, "value": "0x1"}
    tx_hash = result(front.url, "eth_sendTransaction", send)
    block = result(front.url, "eth_getTransactionReceipt", tx_hash)["blockNumber"]
    result(front.url, "anvil_mine", "0x1")
    own = functools.partial(as_arbos, tx_hash=tx_hash)
    with (
        changed(front.url, lambda _call, answer: own(answer)) as upstream,
        run_front("--fork", upstream) as fork,
    ):
        assert result(fork.url, "eth_getTransactionByHash", tx_hash)["type"] == "0x6a"
        assert result(fork.url, "eth_getTransactionReceipt", tx_hash)["type"] == "0x6a"
        assert [each["type"] for each in result(fork.url, "eth_getBlockReceipts", block)] == [
            "0x6a"
        ]
        asking = [
            ("debug_getRawTransaction", tx_hash),
            ("eth_getRawTransactionByHash", tx_hash),
            ("eth_getRawTransactionByBlockNumberAndIndex", block, "0x0"),
        ]
        for method, *words in asking:
            told = asked(fork.url, method, *words)["error"]["message"]
            assert told.startswith("type 0x6a is ArbOS' own")
        done = CliRunner().invoke(main, ["gas", "check", tx_hash, "--rpc", fork.url])
        assert done.exit_code == 2
        assert "[unknown_transaction_type]" in done.output
        # It is still there.
        assert web3_of(fork.url).eth.chain_id == SEPOLIA
        assert result(fork.url, "eth_sendTransaction", send)


def test_the_check_of_a_chain_that_charges_otherwise_says_by_how_much(front):
    send = {"from": PAYER.address, "to": STRANGER, "data": "0x0102"}
    tx_hash = result(front.url, "eth_sendTransaction", send)
    with changed(front.url, overcharged) as node:
        done = CliRunner().invoke(main, ["gas", "check", tx_hash, "--rpc", node])
        assert done.exit_code == 1
        assert done.output.endswith(": +1 beside the formula\n")
        unknown = "0x" + "00" * 32
        done = CliRunner().invoke(main, ["gas", "check", unknown, "--rpc", node])
        assert (done.exit_code, done.output.count("\n")) == (2, 1)
        assert "[unknown_transaction]" in done.output
