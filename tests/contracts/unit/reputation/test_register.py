# SPDX-License-Identifier: Apache-2.0
"""Registering a node: stake, the node's consent, one operator at a time; declared models."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.events import assert_event
from tests.contracts.fresh import deploy_fresh
from tests.contracts.nodes import EPOCH_SECONDS, MODELS, REJOIN_SECONDS, consent, node_key
from tests.contracts.protocol import COOLDOWN_SECONDS, NODE_STAKE, ZERO_ADDRESS, travel
from tests.contracts.signing import compact, sign
from tests.contracts.slots import mapped, slot_of, write

CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@pytest.fixture
def deadline():
    return boa.env.timestamp + 60


def test_registers(world, reputation, staked, deadline):
    address = staked.address
    signature = world.signature(staked, world.operator, deadline)
    reputation.register(address, MODELS, 7, deadline, signature, sender=world.operator)
    assert_event(reputation, "NodeRegistered", operator=world.operator, node=address, stay=1)
    assert_event(
        reputation,
        "ModelsDeclared",
        operator=world.operator,
        node=address,
        models_hash=MODELS,
        model_count=7,
    )
    now = boa.env.timestamp
    begun = (now - 1) // EPOCH_SECONDS
    assert reputation.node(address) == (world.operator, now, 0, 1, 0, 0, 0, begun, MODELS, 7)
    assert reputation.stay(address, 1) == (world.operator, now, 0)
    assert reputation.is_eligible(address)


def test_nothing_is_known_of_others(world, reputation, node):
    other = node_key("nobody registered").address
    assert reputation.node(other) == (ZERO_ADDRESS, 0, 0, 0, 0, 0, 0, 0, bytes(32), 0)
    assert reputation.stay(other, 0) == reputation.stay(node, 2) == (ZERO_ADDRESS, 0, 0)
    assert reputation.stay(node, 0) == (ZERO_ADDRESS, 0, 0)
    assert not reputation.is_eligible(other)


def test_the_digest_is_what_a_wallet_signs(world, reputation, key, deadline):
    for stay in (1, 2):
        expected = consent(reputation, key.address, world.operator, stay, deadline)
        assert reputation.consent_digest(key.address, world.operator, deadline) == expected
        if stay == 1:
            world.stake(key.address)
            world.register(key)


def test_inv_n1_not_without_stake(world, reputation, key):
    with boa.reverts("node: not staked"):
        world.register(key)
    position = world.stake(key.address, amount=NODE_STAKE - 1)
    with boa.reverts("node: not staked"):
        world.register(key)
    world.pool.stake(position, 1, sender=world.other)
    world.register(key)


def test_inv_n1_anothers_stake_does_not_count(world, staked):
    with boa.reverts("node: not staked"):
        world.register(staked, world.other)


def test_inv_n1_stake_that_leaves_does_not_count(world, staked):
    position = world.pool.node_position(world.operator, staked.address)
    world.pool.request_unstake(position, 1, sender=world.operator)
    with boa.reverts("node: not staked"):
        world.register(staked)


@pytest.mark.parametrize(
    "changed", ["node", "operator", "stay", "deadline", "chain", "contract", "name"]
)
def test_inv_n1_all_of_a_consent_is_signed(world, reputation, staked, deadline, changed):
    terms = {
        "node": staked.address,
        "operator": world.operator,
        "stay": 1,
        "deadline": deadline,
    }
    domain = {}
    if changed == "chain":
        domain["chainId"] = 1
    elif changed == "contract":
        domain["verifyingContract"] = ZERO_ADDRESS
    elif changed == "name":
        domain["name"] = "Cortensor SessionPayment"
    else:
        terms |= {
            changed: {
                "node": world.other,
                "operator": world.other,
                "stay": 2,
                "deadline": deadline + 1,
            }[changed]
        }
    signature = sign(staked, consent(reputation, *terms.values(), **domain))
    with boa.reverts("node: no consent"):
        reputation.register(staked.address, MODELS, 0, deadline, signature, sender=world.operator)


def test_inv_n1_nobody_consents_for_the_node(world, reputation, staked, deadline):
    digest = consent(reputation, staked.address, world.operator, 1, deadline)
    for signature in (sign(node_key("another"), digest), b"", bytes(65), bytes(2048)):
        with boa.reverts("node: no consent"):
            reputation.register(
                staked.address, MODELS, 0, deadline, signature, sender=world.operator
            )


def test_a_signature_has_one_form(world, reputation, staked, deadline):
    digest = consent(reputation, staked.address, world.operator, 1, deadline)
    plain = sign(staked, digest)
    s = int.from_bytes(plain[32:64], "big")
    mirrored = plain[:32] + (CURVE_ORDER - s).to_bytes(32, "big") + bytes([27 + 28 - plain[64]])
    for signature in (mirrored, b"".join(compact(staked, digest)), plain[:64], plain + b"\0"):
        with boa.reverts("node: no consent"):
            reputation.register(
                staked.address, MODELS, 0, deadline, signature, sender=world.operator
            )


def test_a_contract_node_consents_by_erc_1271(world, reputation, key, deadline):
    wallet = deploy_fresh("mocks/MockWallet", key.address)
    world.stake(wallet.address)
    signature = sign(key, consent(reputation, wallet.address, world.operator, 1, deadline))
    reputation.register(wallet, MODELS, 0, deadline, signature, sender=world.operator)
    assert reputation.is_eligible(wallet)


def test_a_contract_node_that_calls_back_finds_the_register_locked(
    world, reputation, key, deadline
):
    """The wallet says no if its call back succeeded; the call is one that works from outside."""
    wallet = deploy_fresh("mocks/MockWallet", key.address)
    world.stake(wallet.address)
    call = reputation.is_eligible.prepare_calldata(wallet.address)
    wallet.call_back(reputation.address, call, sender=key.address)
    signature = sign(key, consent(reputation, wallet.address, world.operator, 1, deadline))
    reputation.register(wallet, MODELS, 0, deadline, signature, sender=world.operator)
    boa.env.raw_call(reputation.address, data=call, sender=wallet.address)


def test_the_last_second_of_a_consent(world, reputation, staked, deadline):
    signature = world.signature(staked, world.operator, deadline)
    travel(61)
    with boa.reverts("node: consent is too old"):
        reputation.register(staked.address, MODELS, 0, deadline, signature, sender=world.operator)
    with boa.env.anchor():
        boa.env.timestamp = deadline
        reputation.register(staked.address, MODELS, 0, deadline, signature, sender=world.operator)


def test_not_nobody_and_not_twice(world, reputation, node, key, deadline):
    with boa.reverts("node: zero node"):
        reputation.register(ZERO_ADDRESS, MODELS, 0, deadline, b"", sender=world.operator)
    with boa.reverts("node: already registered"):
        world.register(key)
    world.stake(node, world.other)
    with boa.reverts("node: already registered"):
        world.register(key, world.other)


def test_inv_n1_a_consent_is_for_one_stay(world, reputation, staked):
    deadline = boa.env.timestamp + 10**8
    signature = world.signature(staked, world.operator, deadline)
    terms = (staked.address, MODELS, 0, deadline, signature)
    reputation.register(*terms, sender=world.operator)
    reputation.retire(staked.address, sender=staked.address)
    travel(REJOIN_SECONDS)
    with boa.reverts("node: no consent"):
        reputation.register(*terms, sender=world.operator)


def test_comes_back_under_another_operator(world, reputation, node, key):
    retired_at = boa.env.timestamp
    reputation.retire(node, sender=world.operator)
    world.stake(node, world.other)
    travel(REJOIN_SECONDS - 1)
    with boa.reverts("node: too soon to rejoin"):
        world.register(key, world.other)
    travel(1)
    world.register(key, world.other)
    assert_event(reputation, "NodeRegistered", operator=world.other, node=node, stay=2)
    found = reputation.node(node)
    assert (found.operator, found.registered_at, found.retired_at, found.stays) == (
        world.other,
        retired_at + REJOIN_SECONDS,
        0,
        2,
    )
    # The first stay is remembered.
    assert reputation.stay(node, 1) == (world.operator, retired_at, retired_at)


def test_stays_end_with_their_bits(world, reputation, node, key):
    write(reputation, mapped(slot_of(reputation, "_nodes"), node), 2**16 - 1)
    stay = int(world.operator, 16) | boa.env.timestamp << 160
    write(reputation, mapped(slot_of(reputation, "_stays"), node, 2**16 - 1), stay)
    reputation.retire(node, sender=world.operator)
    travel(REJOIN_SECONDS)
    with boa.reverts("node: stays exhausted"):
        world.register(key)


# --- models -------------------------------------------------------------------


def test_models_are_declared_anew(world, reputation, node):
    reputation.declare_models(node, bytes(32), 2**16 - 1, sender=world.operator)
    assert_event(
        reputation,
        "ModelsDeclared",
        operator=world.operator,
        node=node,
        models_hash=bytes(32),
        model_count=2**16 - 1,
    )
    found = reputation.node(node)
    assert (found.models_hash, found.model_count, found.stays) == (bytes(32), 2**16 - 1, 1)
    reputation.declare_models(node, MODELS, 0, sender=world.operator)
    assert reputation.node(node).model_count == 0
    with boa.reverts("node: models over uint16"):
        reputation.declare_models(node, MODELS, 2**16, sender=world.operator)


def test_only_the_operator_declares_and_only_of_registered_nodes(world, reputation, node):
    for sender in (node, world.other, world.steward, world.protocol.owner):
        with boa.reverts("node: caller is not operator"):
            reputation.declare_models(node, MODELS, 1, sender=sender)
    with boa.reverts("node: not registered"):
        reputation.declare_models(world.other, MODELS, 1, sender=world.operator)
    reputation.retire(node, sender=world.operator)
    with boa.reverts("node: not registered"):
        reputation.declare_models(node, MODELS, 1, sender=world.operator)


# --- retiring -----------------------------------------------------------------


@pytest.mark.parametrize("who", ["operator", "node"])
def test_inv_n7_operator_and_node_retire_it(world, reputation, node, who):
    sender = node if who == "node" else world.operator
    began = boa.env.timestamp
    travel(100)
    reputation.retire(node, sender=sender)
    assert_event(reputation, "NodeRetired", operator=world.operator, node=node, by=sender)
    assert reputation.stay(node, 1) == (world.operator, began, began + 100)
    assert reputation.node(node).retired_at == began + 100
    assert not reputation.is_eligible(node)
    with boa.reverts("node: not registered"):
        reputation.retire(node, sender=sender)


def test_inv_n7_others_retire_only_what_is_not_staked(world, reputation, node):
    protocol = world.protocol
    for sender in (world.other, world.steward, protocol.owner, protocol.stranger):
        with boa.reverts("node: caller may not retire"):
            reputation.retire(node, sender=sender)
    position = world.pool.node_position(world.operator, node)
    world.pool.request_unstake(position, 1, sender=world.operator)
    assert not reputation.is_eligible(node)
    reputation.retire(node, sender=protocol.stranger)
    assert_event(
        reputation, "NodeRetired", operator=world.operator, node=node, by=protocol.stranger
    )


def test_is_eligible_follows_the_stake(world, reputation, node):
    position = world.pool.node_position(world.operator, node)
    world.pool.request_unstake(position, NODE_STAKE, sender=world.operator)
    assert not reputation.is_eligible(node)
    travel(COOLDOWN_SECONDS)
    world.pool.withdraw(position, sender=world.operator)
    world.pool.stake(position, NODE_STAKE, sender=world.operator)
    assert reputation.is_eligible(node)
