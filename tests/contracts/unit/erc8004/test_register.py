# SPDX-License-Identifier: Apache-2.0
"""register, in its three forms, and what a contract that registers is asked."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.custom_errors import refuses
from tests.contracts.fresh import deploy_fresh
from tests.contracts.protocol import ZERO_ADDRESS
from tests.contracts.raw_events import assert_event, events, told
from tests.contracts.unit.erc8004.conftest import URI

WALLET_KEY = "agentWallet"


def log_names(contract) -> list[str]:
    return [name for name, _ in told(contract)]


def test_inv_e1_ids_count_from_0(identity, owner, stranger):
    assert identity.register(sender=owner.address) == 0
    assert identity.register(URI, sender=stranger) == 1
    assert identity.register(URI, [], sender=owner.address) == 2
    assert identity.ownerOf(0) == owner.address
    assert identity.ownerOf(1) == stranger
    assert identity.balanceOf(owner.address) == 2
    assert identity.balanceOf(stranger) == 1


def test_registering_tells_of_owner_uri_and_wallet_in_this_order(identity, owner):
    agent = identity.register(URI, [("name", b"Corgent")], sender=owner.address)
    assert log_names(identity) == [
        "Transfer",
        "MetadataUpdate",
        "Registered",
        "MetadataSet",
        "MetadataSet",
    ]
    assert_event(identity, "Transfer", sender=ZERO_ADDRESS, receiver=owner.address, token_id=agent)
    assert_event(identity, "MetadataUpdate", _tokenId=agent)
    assert_event(identity, "Registered", agentId=agent, agentURI=URI, owner=owner.address)
    wallet, name = events(identity, "MetadataSet")
    assert wallet["metadataKey"] == WALLET_KEY
    assert wallet["metadataValue"] == bytes.fromhex(owner.address[2:])
    assert (name["metadataKey"], name["metadataValue"]) == ("name", b"Corgent")
    assert identity.tokenURI(agent) == URI
    assert identity.getMetadata(agent, "name") == b"Corgent"
    assert identity.getAgentWallet(agent) == owner.address
    assert identity.getMetadata(agent, WALLET_KEY) == bytes.fromhex(owner.address[2:])


@pytest.mark.parametrize("arguments", [(), ("",), ("", [])])
def test_an_agent_without_a_uri_has_nothing_to_update(identity, owner, arguments):
    agent = identity.register(*arguments, sender=owner.address)
    assert log_names(identity) == ["Transfer", "Registered", "MetadataSet"]
    assert identity.tokenURI(agent) == ""


def test_the_wallet_is_not_registered_as_metadata(identity, owner):
    with boa.reverts("reserved key"):
        identity.register(URI, [("a", b"1"), (WALLET_KEY, b"2")], sender=owner.address)


def test_a_uri_has_8192_bytes_at_most(identity, owner):
    agent = identity.register("x" * 8192, sender=owner.address)
    assert identity.tokenURI(agent) == "x" * 8192
    with boa.reverts():
        identity.register("x" * 8193, sender=owner.address)


def test_metadata_has_16_entries_of_64_and_1024_bytes_at_most(identity, owner):
    entries = [(f"{i:064}", bytes([i + 1]) * 1024) for i in range(16)]
    agent = identity.register("", entries, sender=owner.address)
    for key, content in entries:
        assert identity.getMetadata(agent, key) == content
    for bad in ([*entries, ("a", b"")], [("k" * 65, b"")], [("k", bytes(1025))]):
        with boa.reverts():
            identity.register("", bad, sender=owner.address)


def test_the_same_key_twice_keeps_the_last(identity, owner):
    agent = identity.register("", [("k", b"first"), ("k", b"last")], sender=owner.address)
    assert identity.getMetadata(agent, "k") == b"last"


# --- contracts ----------------------------------------------------------------


def registration(identity, holder):
    """Register an agent as a contract."""
    holder.execute(identity.address, identity.register.prepare_calldata(URI))


def test_a_contract_is_asked_when_all_is_written(identity, holder, owner):
    read = identity.getAgentWallet.prepare_calldata(0)
    holder.call_back(identity.address, read)
    registration(identity, holder)
    assert identity.ownerOf(0) == holder.address
    assert (holder.operator(), holder.sender()) == (holder.address, ZERO_ADDRESS)
    assert (holder.token_id(), holder.data()) == (0, b"")


def test_a_contract_may_use_its_agent_while_it_is_asked(identity, holder, stranger):
    holder.call_back(
        identity.address,
        identity.transferFrom.prepare_calldata(holder.address, stranger, 0),
    )
    registration(identity, holder)
    assert identity.ownerOf(0) == stranger
    assert identity.getAgentWallet(0) == ZERO_ADDRESS
    assert (identity.balanceOf(holder), identity.balanceOf(stranger)) == (0, 1)


def test_inv_e1_a_contract_that_registers_while_it_is_asked_gets_the_next_id(identity, holder):
    holder.call_back(identity.address, identity.approve.prepare_calldata(ZERO_ADDRESS, 0))
    registration(identity, holder)
    registration(identity, holder)
    assert identity.balanceOf(holder) == 2
    assert identity.ownerOf(1) == holder.address


def test_a_contract_that_takes_no_tokens_gets_none(identity, owner):
    wallet = deploy_fresh("mocks/MockWallet", owner.address)
    call = identity.register.prepare_calldata()
    with refuses(wallet, "ERC721InvalidReceiver(address)", wallet.address):
        wallet.execute(identity.address, call, sender=owner.address)


def test_another_answer_refuses_the_token(identity, holder):
    holder.behave(b"\x01\x02\x03\x04")
    with refuses(holder, "ERC721InvalidReceiver(address)", holder.address):
        registration(identity, holder)


def test_a_receivers_own_reason_is_passed_on(identity, holder):
    holder.behave(b"\x15\x0b\x7a\x02", "no agents today")
    with refuses(holder, "Error(string)", "no agents today"):
        registration(identity, holder)
