# SPDX-License-Identifier: Apache-2.0
"""ERC-8004 agents on our registries: registering, feedback, and a validation's two halves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from eth_utils import keccak

from scripts._gas.bench import Bench
from scripts._gas.scenario import Scenario
from scripts._gas.senders import keyed
from scripts._gas.used import Used

# As long as those that the reference's numbers are of.
IPFS_URI = "ipfs://" + "b" * 59
OTHER_URI = "ipfs://" + "c" * 59
DATA_URI = "data:application/json;base64," + "A" * 740
MOST_ENTRIES, MOST_BYTES = 16, 8_192
ENDPOINT = "https://agents.example/a2a"
TAG1, TAG2, VERDICT_TAG = "successRate", "week", "hard-finality"
WALLET_SECONDS = 240
WALLET_TYPES = {
    "AgentWalletSet": [
        {"name": "agentId", "type": "uint256"},
        {"name": "newWallet", "type": "address"},
        {"name": "owner", "type": "address"},
        {"name": "deadline", "type": "uint256"},
    ]
}
AGENT = 1  # the second: the first is somebody else's


def run_agents(bench: Bench) -> Iterator[Scenario]:
    """Run the registries; each has had somebody else in it before."""
    with bench.aside():
        yield from _identity(bench)
        yield from _reputation(bench)
        yield from _validation(bench)


def _identity(bench: Bench) -> Iterator[Scenario]:
    owner, call = bench.actors.payer, bench.identity.functions
    bench.send(call.register(), bench.actors.treasury)
    used = bench.send(call.register(IPFS_URI), owner)
    yield Scenario("agent.register.first", used, 1, "with a URI of 66 bytes; the owner's first")
    with bench.aside():
        used = bench.send(call.register(IPFS_URI), owner)
        yield Scenario("agent.register", used, 1, "the same owner's next")
        used = bench.send(call.register(DATA_URI), owner)
        yield Scenario("agent.register.data", used, 1, "the whole file in a URI of 769 bytes")
        used = bench.send(call.register(), owner)
        yield Scenario("agent.register.bare", used, 1, "without a URI")
        entry = ("model", bytes([7]) * 20)
        used = bench.send(call.register(IPFS_URI, [entry]), owner)
        yield Scenario("agent.register.metadata", used, 1, "with an entry of 20 bytes")
    with bench.aside():
        entries = [(f"key {number:02}", bytes([7]) * 20) for number in range(MOST_ENTRIES)]
        used = bench.send(call.register(IPFS_URI, entries), owner)
        note = f"with {MOST_ENTRIES} entries of 20 bytes, the most"
        yield Scenario(f"agent.register.metadata.{MOST_ENTRIES}", used, MOST_ENTRIES, note)
        used = bench.send(call.register(DATA_URI.ljust(MOST_BYTES, "A")), owner)
        note = "the largest file in a URI, the most bytes it may have"
        yield Scenario(f"agent.register.data.{MOST_BYTES}", used, 1, note)
    with bench.aside():
        used = bench.send(call.setAgentURI(AGENT, OTHER_URI), owner)
        yield Scenario("agent.uri.set", used, 1, "another of the same length")
        used = bench.send(call.setMetadata(AGENT, "model", bytes([7]) * 20), owner)
        yield Scenario("agent.metadata.set.first", used, 1, "20 bytes")
        used = bench.send(call.setMetadata(AGENT, "model", bytes([8]) * 20), owner)
        yield Scenario("agent.metadata.set", used, 1, "another 20 bytes under the same key")
    yield from _moving(bench)
    yield from _wallets(bench)


def _moving(bench: Bench) -> Iterator[Scenario]:
    owner, operator, heir = bench.actors.payer, bench.actors.anchorer, bench.actors.treasury
    call, note = bench.identity.functions, "to an owner of another; the wallet is cleared"
    with bench.aside():
        used = bench.send(call.transferFrom(owner, heir, AGENT), owner)
        yield Scenario("agent.transfer", used, 1, note)
    with bench.aside():
        safe = bench.identity.get_function_by_signature("safeTransferFrom(address,address,uint256)")
        used = bench.send(safe(owner, heir, AGENT), owner)
        yield Scenario("agent.transfer.safe", used, 1, f"{note}; whether it is a contract is asked")
    with bench.aside():
        used = bench.send(call.setApprovalForAll(operator, True), owner)
        yield Scenario("agent.operator.approve", used, 1, "for all agents, never approved before")
        safe = bench.identity.get_function_by_signature(
            "safeTransferFrom(address,address,uint256,bytes)"
        )
        used = bench.send(safe(owner, heir, AGENT, bytes([7]) * 32), operator)
        yield Scenario("agent.transfer.safe.data", used, 1, f"{note}; by an operator, 32 bytes")
        used = bench.send(call.setApprovalForAll(operator, False), owner)
        yield Scenario("agent.operator.revoke", used, 1, "taken back")


def _wallets(bench: Bench) -> Iterator[Scenario]:
    owner, call = bench.actors.payer, bench.identity.functions
    with bench.aside():
        used = bench.send(_with_wallet(bench, "agent wallet"), owner)
        yield Scenario(
            "agent.wallet.set.first", used, 1, "by its signature; another than the owner"
        )
        used = bench.send(_with_wallet(bench, "other agent wallet"), owner)
        yield Scenario("agent.wallet.set", used, 1, "another one in its place")
        used = bench.send(call.unsetAgentWallet(AGENT), owner)
        yield Scenario("agent.wallet.unset", used, 1, "by the owner")


def _with_wallet(bench: Bench, name: str) -> Any:
    """Return the call that names a wallet, which has signed."""
    wallet, owner = keyed(name), bench.actors.payer
    deadline = bench.now() + WALLET_SECONDS
    message = {"agentId": AGENT, "newWallet": wallet.address, "owner": owner, "deadline": deadline}
    domain = {
        "name": "ERC8004IdentityRegistry",
        "version": "1",
        "chainId": bench.chain_id,
        "verifyingContract": bench.identity.address,
    }
    signed = wallet.sign_typed_data(domain, WALLET_TYPES, message)
    signature = bytes(signed.signature)
    return bench.identity.functions.setAgentWallet(AGENT, wallet.address, deadline, signature)


def _reputation(bench: Bench) -> Iterator[Scenario]:
    call, client = bench.reputation.functions, bench.actors.first_payer
    file_hash = keccak(text="feedback")
    plain = (AGENT, 87, 0, "", "", "", "", bytes(32))
    full = (AGENT, 9977, 2, TAG1, TAG2, ENDPOINT, IPFS_URI, file_hash)
    with bench.aside():
        bench.send(call.giveFeedback(*plain), bench.actors.treasury)
        used = bench.send(call.giveFeedback(*plain), client)
        yield Scenario("agent.feedback.plain.first", used, 1, "a value only; the client's first")
        used = bench.send(call.giveFeedback(*plain), client)
        yield Scenario("agent.feedback.plain", used, 1, "a value only; the same client's next")
    with bench.aside():
        used = bench.send(call.giveFeedback(*full), bench.actors.treasury)
        yield Scenario(
            "agent.feedback.tags.first", used, 1, "the first on this chain with these two tags"
        )
        used = bench.send(call.giveFeedback(*full), client)
        yield Scenario("agent.feedback.first", used, 1, "every field; the client's first")
        used = bench.send(call.giveFeedback(*full), client)
        yield Scenario("agent.feedback", used, 1, "every field; the same client's next")
        answer = call.appendResponse(AGENT, client, 1, IPFS_URI, file_hash)
        used = bench.send(answer, bench.actors.payer)
        yield Scenario("agent.response.first", used, 1, "the responder's first to this feedback")
        used = bench.send(answer, bench.actors.payer)
        yield Scenario("agent.response", used, 1, "the responder's next to it")
        used = bench.send(call.revokeFeedback(AGENT, 1), client)
        yield Scenario("agent.feedback.revoke", used, 1, "by its client")


def _validation(bench: Bench) -> Iterator[Scenario]:
    owner, validator = bench.actors.payer, bench.actors.validators
    call = bench.validation.functions

    def ask() -> tuple[bytes, Used]:
        key = bench.word()
        request = call.validationRequest(validator, AGENT, IPFS_URI, key)
        return key, bench.send(request, owner)

    def answer(key: bytes, tag: str, verdict: int = 93) -> Used:
        response = call.validationResponse(key, verdict, IPFS_URI, bench.word(), tag)
        return bench.send(response, validator)

    with bench.aside():
        key, used = ask()
        note = "the agent's and the validator's first"
        yield Scenario("agent.validation.request.first", used, 1, note)
        used = answer(key, VERDICT_TAG)
        note = "the first on this chain with this tag"
        yield Scenario("agent.validation.tag.first", used, 1, note)
        key, asked = ask()
        yield Scenario("agent.validation.request", asked, 1, "a URI of 66 bytes; any later one")
        answered = answer(key, VERDICT_TAG)
        yield Scenario("agent.validation.response", answered, 1, "with a URI, a hash and a tag")
        note = "request and response, a transaction each"
        yield Scenario("agent.validation.pair", asked + answered, 1, note)
        used = answer(key, VERDICT_TAG, 100)
        yield Scenario("agent.validation.update", used, 1, "another verdict under the same tag")
