# SPDX-License-Identifier: Apache-2.0
"""The agent's wallet: with its own consent, until the agent is sold."""

from __future__ import annotations

import boa
import pytest
from eth_account.messages import _hash_eip191_message, encode_typed_data

from tests.contracts.fresh import deploy_fresh
from tests.contracts.protocol import CHAIN_ID, ZERO_ADDRESS
from tests.contracts.raw_events import events
from tests.contracts.signing import account, compact, sign

TYPES = {
    "AgentWalletSet": [
        {"name": "agentId", "type": "uint256"},
        {"name": "newWallet", "type": "address"},
        {"name": "owner", "type": "address"},
        {"name": "deadline", "type": "uint256"},
    ]
}
CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def consent(identity, agent: int, wallet: str, owner: str, deadline: int, **domain: object):
    """What a wallet signs, hashed by a wallet's library and not as the contract does it."""
    plain = {
        "name": "ERC8004IdentityRegistry",
        "version": "1",
        "chainId": CHAIN_ID,
        "verifyingContract": identity.address,
    }
    message = {"agentId": agent, "newWallet": wallet, "owner": owner, "deadline": deadline}
    return bytes(_hash_eip191_message(encode_typed_data(plain | domain, TYPES, message)))


@pytest.fixture(scope="module")
def wallet():
    return account("wallet of an agent")


@pytest.fixture
def deadline():
    return boa.env.timestamp + 60


@pytest.fixture
def signature(identity, agent, owner, wallet, deadline):
    return sign(wallet, consent(identity, agent, wallet.address, owner.address, deadline))


@pytest.mark.parametrize("who", ["owner", "operator", "approved"])
def test_a_wallet_that_signed_is_set(
    identity, agent, owner, acting, wallet, deadline, signature, who
):
    identity.setAgentWallet(agent, wallet.address, deadline, signature, sender=acting[who])
    (told,) = events(identity, "MetadataSet")
    assert told["metadataKey"] == "agentWallet"
    assert told["metadataValue"] == bytes.fromhex(wallet.address[2:])
    assert identity.getAgentWallet(agent) == wallet.address
    assert identity.getMetadata(agent, "agentWallet") == bytes.fromhex(wallet.address[2:])
    assert identity.ownerOf(agent) == owner.address


def test_inv_e3_a_transfer_clears_the_wallet(
    identity, agent, owner, wallet, deadline, signature, stranger
):
    identity.setAgentWallet(agent, wallet.address, deadline, signature, sender=owner.address)
    identity.transferFrom(owner.address, stranger, agent, sender=owner.address)
    (told,) = events(identity, "MetadataSet")
    assert (told["metadataKey"], told["metadataValue"]) == ("agentWallet", b"")
    assert identity.getAgentWallet(agent) == ZERO_ADDRESS
    assert identity.getMetadata(agent, "agentWallet") == b""
    # There is nothing left to clear or to tell of.
    identity.transferFrom(stranger, owner.address, agent, sender=stranger)
    assert events(identity, "MetadataSet") == []
    assert identity.getAgentWallet(agent) == ZERO_ADDRESS


def test_inv_e3_the_first_owner_stops_being_the_wallet_by_a_transfer(
    identity, agent, owner, stranger
):
    assert identity.getAgentWallet(agent) == owner.address
    identity.safeTransferFrom(owner.address, stranger, agent, sender=owner.address)
    assert identity.getAgentWallet(agent) == ZERO_ADDRESS


def test_inv_e3_a_consent_ends_with_a_transfer(
    identity, agent, owner, wallet, deadline, signature, stranger
):
    identity.transferFrom(owner.address, stranger, agent, sender=owner.address)
    with boa.reverts("invalid wallet sig"):
        identity.setAgentWallet(agent, wallet.address, deadline, signature, sender=stranger)


def test_a_wallet_is_unset_and_set_again(identity, agent, owner, wallet, deadline, signature):
    identity.unsetAgentWallet(agent, sender=owner.address)
    (told,) = events(identity, "MetadataSet")
    assert (told["metadataKey"], told["metadataValue"]) == ("agentWallet", b"")
    assert identity.getAgentWallet(agent) == ZERO_ADDRESS
    assert identity.ownerOf(agent) == owner.address
    identity.setAgentWallet(agent, wallet.address, deadline, signature, sender=owner.address)
    assert identity.getAgentWallet(agent) == wallet.address


def test_an_agent_that_does_not_exist_has_no_wallet(identity):
    assert identity.getAgentWallet(99) == ZERO_ADDRESS
    assert identity.getMetadata(99, "agentWallet") == b""
    assert identity.getMetadata(99, "k") == b""


@pytest.mark.parametrize("changed", ["agent", "wallet", "owner", "deadline", "chain", "contract"])
def test_inv_e3_all_of_a_consent_is_signed(identity, agent, owner, wallet, deadline, changed):
    terms = [agent, wallet.address, owner.address, deadline]
    domain = {}
    if changed == "chain":
        domain["chainId"] = 1
    elif changed == "contract":
        domain["verifyingContract"] = ZERO_ADDRESS
    else:
        place = ["agent", "wallet", "owner", "deadline"].index(changed)
        terms[place] = (agent + 1, owner.address, wallet.address, deadline + 1)[place]
    signature = sign(wallet, consent(identity, *terms, **domain))
    with boa.reverts("invalid wallet sig"):
        identity.setAgentWallet(agent, wallet.address, deadline, signature, sender=owner.address)


def test_inv_e3_nobody_consents_for_the_wallet(identity, agent, owner, wallet, deadline):
    digest = consent(identity, agent, wallet.address, owner.address, deadline)
    signature = sign(owner, digest)
    with boa.reverts("invalid wallet sig"):
        identity.setAgentWallet(agent, wallet.address, deadline, signature, sender=owner.address)


def test_what_is_no_signature_is_refused_alike(identity, agent, owner, wallet, deadline, signature):
    digest = consent(identity, agent, wallet.address, owner.address, deadline)
    s = int.from_bytes(signature[32:64], "big")
    mirrored = (
        signature[:32] + (CURVE_ORDER - s).to_bytes(32, "big") + bytes([27 + 28 - signature[64]])
    )
    short = b"".join(compact(wallet, digest))
    for bad in (b"", bytes(65), signature[:64], signature + b"\0", mirrored, short, bytes(2048)):
        with boa.reverts("invalid wallet sig"):
            identity.setAgentWallet(agent, wallet.address, deadline, bad, sender=owner.address)


def test_a_consent_is_for_five_minutes_at_most(identity, agent, owner, wallet):
    now = boa.env.timestamp

    def set_until(deadline: int) -> None:
        digest = consent(identity, agent, wallet.address, owner.address, deadline)
        identity.setAgentWallet(
            agent, wallet.address, deadline, sign(wallet, digest), sender=owner.address
        )

    with boa.reverts("expired"):
        set_until(now - 1)
    with boa.reverts("deadline too far"):
        set_until(now + 301)
    set_until(now)
    set_until(now + 300)


def test_nobody_is_no_wallet(identity, agent, owner, deadline):
    with boa.reverts("bad wallet"):
        identity.setAgentWallet(agent, ZERO_ADDRESS, deadline, bytes(65), sender=owner.address)


# --- contract wallets ---------------------------------------------------------


@pytest.fixture
def contract_wallet(wallet):
    return deploy_fresh("mocks/MockWallet", wallet.address)


def test_a_contract_wallet_consents_by_erc_1271(
    identity, agent, owner, wallet, contract_wallet, deadline
):
    digest = consent(identity, agent, contract_wallet.address, owner.address, deadline)
    signature = sign(wallet, digest)
    identity.setAgentWallet(agent, contract_wallet, deadline, signature, sender=owner.address)
    assert identity.getAgentWallet(agent) == contract_wallet.address


def test_a_contract_wallet_refuses(identity, agent, owner, contract_wallet, holder, deadline):
    for refusing in (contract_wallet, holder):
        digest = consent(identity, agent, refusing.address, owner.address, deadline)
        with boa.reverts("invalid wallet sig"):
            identity.setAgentWallet(
                agent, refusing, deadline, sign(owner, digest), sender=owner.address
            )


def test_a_key_with_code_still_signs(identity, agent, owner, wallet, deadline, signature):
    """EIP-7702: the account's code knows nothing of ERC-1271."""
    boa.env.set_code(wallet.address, b"\xef\x01\x00" + bytes(20))
    identity.setAgentWallet(agent, wallet.address, deadline, signature, sender=owner.address)
    assert identity.getAgentWallet(agent) == wallet.address


def test_the_domain_is_the_one_that_clients_have_built_in(identity):
    fields, name, version, chain, contract, salt, extensions = identity.eip712Domain()
    assert (fields, name, version) == (b"\x0f", "ERC8004IdentityRegistry", "1")
    assert (chain, contract) == (CHAIN_ID, identity.address)
    assert (salt, extensions) == (bytes(32), [])
