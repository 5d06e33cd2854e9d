# SPDX-License-Identifier: Apache-2.0
"""Calls of the agents' keys on a real node: once, whoever was killed; and logs of strangers."""

from __future__ import annotations

import secrets
import threading

import pytest
from eth_abi import encode
from eth_account import Account

from cortensor.chain.caller import Caller
from cortensor.chain.erc8004_registries import IdentityRegistry, ValidationRegistry
from cortensor.chain.rpc import connect
from cortensor.errors import Conflict, Unavailable
from scripts._anvil import run_anvil
from tests.ape.agents.registries import deploy_all
from tests.ape.running import rpc

pytestmark = pytest.mark.anvil

VALIDATOR = "0x" + "5e" * 20
GWEI = 10**9


@pytest.fixture(scope="module")
def node():
    with run_anvil() as anvil:
        web3 = connect(anvil.url)
        yield anvil.url, web3, deploy_all(web3)


@pytest.fixture
def owner(node):
    """An account with coin and one agent: its key and the agent's id."""
    url, web3, addresses = node
    account = Account.create()
    rpc(url, "anvil_setBalance", account.address, hex(10**20))
    key = "0x" + bytes(account.key).hex()
    identity = IdentityRegistry(web3, addresses["identity"])
    mined = Caller(web3, key).call(identity.address, identity.register_data("data:,x"))
    return key, identity.registered_id(mined.receipt)


@pytest.fixture
def unmined(node):
    """Nothing is mined until `mine`."""
    url = node[0]
    rpc(url, "evm_setAutomine", False)

    def mine():
        rpc(url, "evm_setAutomine", True)
        rpc(url, "evm_mine")

    yield mine
    mine()


def nonce_of(web3, key):
    return web3.eth.get_transaction_count(Account.from_key(key).address)


def asking(node, agent_id, key=None):
    """A registry's address, and a call that it takes once."""
    registry = ValidationRegistry(node[1], node[2]["validation"])
    word = key or "0x" + secrets.token_hex(32)
    return registry.address, registry.request_data(VALIDATOR, agent_id, "data:,x", word)


def test_a_refusal_is_the_contracts_own_word_and_costs_nothing(node, owner):
    key, agent_id = owner
    call = asking(node, agent_id)
    caller = Caller(node[1], key)
    assert caller.call(*call).is_success
    with pytest.raises(Conflict) as refused:
        caller.call(*call)
    assert refused.value.reason == "exists"
    assert nonce_of(node[1], key) == 2


def test_what_a_killed_predecessor_sent_is_waited_for(node, owner, unmined):
    key, agent_id = owner
    call = asking(node, agent_id)
    with pytest.raises(Unavailable, match="not mined"):
        Caller(node[1], key, timeout_s=0.3).call(*call)  # it is killed while it waits
    threading.Timer(0.3, unmined).start()
    with pytest.raises(Conflict, match="exists"):
        Caller(node[1], key, timeout_s=10).call(*call)
    assert nonce_of(node[1], key) == 2


def test_what_is_stuck_for_its_price_is_replaced(node, owner, unmined):
    url, web3, _ = node
    key, agent_id = owner
    call = asking(node, agent_id)
    with pytest.raises(Unavailable):
        Caller(web3, key, timeout_s=0.2).call(*call)
    fee = web3.eth.get_block("latest")["baseFeePerGas"]
    rpc(url, "anvil_setNextBlockBaseFeePerGas", hex(20 * fee + 100 * GWEI))
    # A block of a dearer time, with no room for what pays the old price.
    rpc(url, "evm_mine")
    assert nonce_of(web3, key) == 1
    with pytest.raises(Unavailable, match="not mined"):
        Caller(web3, key, timeout_s=0.2).call(*call)  # it waited in vain, and replaced it
    unmined()
    assert nonce_of(web3, key) == 2
    with pytest.raises(Conflict, match="exists"):
        Caller(web3, key).call(*call)


def test_a_request_whose_uri_is_no_text_stops_nobody(node, owner):
    _, web3, addresses = node
    key, agent_id = owner
    registry = ValidationRegistry(web3, addresses["validation"])
    caller = Caller(web3, key)
    first = web3.eth.block_number
    selector = asking(node, agent_id)[1][:10]
    types = ("address", "uint256", "bytes", "bytes32")  # bytes are encoded as text is
    data = encode(types, [VALIDATOR, agent_id, b"\xff\xfe", secrets.token_bytes(32)])
    caller.call(registry.address, selector + data.hex())
    word = "0x" + secrets.token_hex(32)
    caller.call(*asking(node, agent_id, word))
    found = list(registry.requests(VALIDATOR, first + 1, web3.eth.block_number))
    assert [each.uri for each in found] == ["\ufffd\ufffd", "data:,x"]
    assert (found[1].key, found[1].agent_id) == (word, agent_id)
    assert list(registry.requests("0x" + "5d" * 20, first + 1, web3.eth.block_number)) == []


def test_an_account_finds_the_agents_it_registered(node, owner):
    _, web3, addresses = node
    key, agent_id = owner
    identity = IdentityRegistry(web3, addresses["identity"])
    address = Account.from_key(key).address
    assert identity.count(address) == 1
    assert identity.registered(address, 0, web3.eth.block_number) == [agent_id]
    assert int(identity.approved(agent_id), 16) == 0
    Caller(web3, key).call(identity.address, identity.approve_data(VALIDATOR, agent_id))
    assert identity.approved(agent_id).lower() == VALIDATOR
    assert identity.may_act(VALIDATOR, agent_id)
