# SPDX-License-Identifier: Apache-2.0
"""Agents as ERC-721 tokens: who may move them, and how what is wrong is refused."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.custom_errors import refuses
from tests.contracts.fresh import deploy_fresh
from tests.contracts.protocol import ZERO_ADDRESS
from tests.contracts.raw_events import assert_event, events

MISSING = 7


@pytest.mark.parametrize("who", ["owner", "operator", "approved"])
def test_who_may_act_for_an_agent_moves_it(identity, agent, owner, acting, stranger, who):
    identity.transferFrom(owner.address, stranger, agent, sender=acting[who])
    assert_event(identity, "Transfer", sender=owner.address, receiver=stranger, token_id=agent)
    assert identity.ownerOf(agent) == stranger
    assert (identity.balanceOf(owner.address), identity.balanceOf(stranger)) == (0, 1)


def test_inv_e2_nobody_else_moves_an_agent(identity, agent, owner, stranger):
    with refuses(identity, "ERC721InsufficientApproval(address,uint256)", stranger, agent):
        identity.transferFrom(owner.address, stranger, agent, sender=stranger)
    with refuses(identity, "ERC721InsufficientApproval(address,uint256)", ZERO_ADDRESS, agent):
        identity.transferFrom(owner.address, stranger, agent, sender=ZERO_ADDRESS)


def test_inv_e2_an_approval_ends_with_a_transfer(identity, agent, owner, approved, stranger):
    assert identity.getApproved(agent) == approved
    identity.transferFrom(owner.address, stranger, agent, sender=owner.address)
    assert identity.getApproved(agent) == ZERO_ADDRESS
    with refuses(identity, "ERC721InsufficientApproval(address,uint256)", approved, agent):
        identity.transferFrom(stranger, approved, agent, sender=approved)
    with refuses(identity, "ERC721InsufficientApproval(address,uint256)", owner.address, agent):
        identity.transferFrom(stranger, owner.address, agent, sender=owner.address)


def test_an_agent_is_moved_from_who_has_it(identity, agent, owner, stranger):
    with refuses(
        identity,
        "ERC721IncorrectOwner(address,uint256,address)",
        stranger,
        agent,
        owner.address,
    ):
        identity.transferFrom(stranger, stranger, agent, sender=owner.address)


def test_an_agent_is_not_moved_to_nobody(identity, agent, owner):
    with refuses(identity, "ERC721InvalidReceiver(address)", ZERO_ADDRESS):
        identity.transferFrom(owner.address, ZERO_ADDRESS, agent, sender=owner.address)


def test_moving_an_agent_to_its_owner_changes_no_balance(identity, agent, owner):
    identity.transferFrom(owner.address, owner.address, agent, sender=owner.address)
    assert identity.ownerOf(agent) == owner.address
    assert identity.balanceOf(owner.address) == 1


@pytest.mark.parametrize("data", [(), (b"terms of sale",)])
def test_a_contract_is_asked_by_a_safe_transfer(identity, agent, owner, operator, holder, data):
    identity.safeTransferFrom(owner.address, holder, agent, *data, sender=operator)
    assert identity.ownerOf(agent) == holder.address
    assert holder.operator() == operator
    assert holder.sender() == owner.address
    assert holder.token_id() == agent
    assert holder.data() == (data[0] if data else b"")


def test_a_contract_that_takes_no_tokens_gets_one_only_by_a_plain_transfer(identity, agent, owner):
    wallet = deploy_fresh("mocks/MockWallet", owner.address)
    with refuses(identity, "ERC721InvalidReceiver(address)", wallet.address):
        identity.safeTransferFrom(owner.address, wallet, agent, sender=owner.address)
    identity.transferFrom(owner.address, wallet, agent, sender=owner.address)
    assert identity.ownerOf(agent) == wallet.address


def test_an_account_without_code_is_not_asked(identity, agent, owner, stranger):
    identity.safeTransferFrom(owner.address, stranger, agent, sender=owner.address)
    assert identity.ownerOf(agent) == stranger


def test_a_receiver_may_move_the_agent_on(identity, agent, owner, holder, stranger):
    holder.call_back(
        identity.address, identity.transferFrom.prepare_calldata(holder.address, stranger, agent)
    )
    identity.safeTransferFrom(owner.address, holder, agent, sender=owner.address)
    assert identity.ownerOf(agent) == stranger
    assert identity.balanceOf(holder) == 0


def test_an_agent_that_does_not_exist_has_no_owner(identity, owner, stranger):
    missing = ("ERC721NonexistentToken(uint256)", MISSING)
    for call in (
        lambda: identity.ownerOf(MISSING),
        lambda: identity.getApproved(MISSING),
        lambda: identity.tokenURI(MISSING),
        lambda: identity.isAuthorizedOrOwner(stranger, MISSING),
        lambda: identity.approve(stranger, MISSING, sender=owner.address),
        lambda: identity.transferFrom(stranger, stranger, MISSING, sender=owner.address),
        lambda: identity.setAgentURI(MISSING, "", sender=owner.address),
    ):
        with refuses(identity, *missing):
            call()


def test_nobody_has_no_balance(identity):
    with refuses(identity, "ERC721InvalidOwner(address)", ZERO_ADDRESS):
        identity.balanceOf(ZERO_ADDRESS)


# --- approvals ----------------------------------------------------------------


def test_owner_and_operator_approve(identity, agent, owner, operator, stranger):
    identity.approve(stranger, agent, sender=operator)
    assert_event(identity, "Approval", owner=owner.address, approved=stranger, token_id=agent)
    assert identity.getApproved(agent) == stranger
    identity.approve(ZERO_ADDRESS, agent, sender=owner.address)
    assert identity.getApproved(agent) == ZERO_ADDRESS


def test_inv_e2_who_is_approved_approves_nobody(identity, agent, approved, stranger):
    for caller in (approved, stranger):
        with refuses(identity, "ERC721InvalidApprover(address)", caller):
            identity.approve(caller, agent, sender=caller)


def test_an_operator_is_stopped(identity, agent, owner, operator):
    assert identity.isApprovedForAll(owner.address, operator)
    identity.setApprovalForAll(operator, False, sender=owner.address)
    assert_event(identity, "ApprovalForAll", owner=owner.address, operator=operator, approved=False)
    assert not identity.isApprovedForAll(owner.address, operator)
    with refuses(identity, "ERC721InsufficientApproval(address,uint256)", operator, agent):
        identity.transferFrom(owner.address, operator, agent, sender=operator)


def test_nobody_is_no_operator(identity, owner):
    with refuses(identity, "ERC721InvalidOperator(address)", ZERO_ADDRESS):
        identity.setApprovalForAll(ZERO_ADDRESS, True, sender=owner.address)
    assert events(identity, "ApprovalForAll") == []


def test_who_may_act_is_owner_operator_and_approved(
    identity, agent, owner, operator, approved, stranger
):
    for account in (owner.address, operator, approved):
        assert identity.isAuthorizedOrOwner(account, agent)
    assert not identity.isAuthorizedOrOwner(stranger, agent)
    assert not identity.isAuthorizedOrOwner(ZERO_ADDRESS, agent)


def test_nobody_may_act_where_nobody_is_approved(identity, owner):
    bare = identity.register(sender=owner.address)
    assert not identity.isAuthorizedOrOwner(ZERO_ADDRESS, bare)


def test_the_registry_says_what_it_is(identity):
    assert identity.name() == "AgentIdentity"
    assert identity.symbol() == "AGENT"
    assert identity.getVersion() == "2.0.0"
    for known in ("01ffc9a7", "80ac58cd", "5b5e139f", "49064906"):
        assert identity.supportsInterface(bytes.fromhex(known))
    # ERC-721 with a list of tokens, and what ERC-165 reserves.
    for unknown in ("780e9d63", "ffffffff"):
        assert not identity.supportsInterface(bytes.fromhex(unknown))


def test_no_coin_is_taken(identity, agent, owner, stranger):
    with boa.reverts():
        identity.transferFrom(owner.address, stranger, agent, sender=owner.address, value=1)
