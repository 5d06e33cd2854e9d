# SPDX-License-Identifier: Apache-2.0
"""Receipts posted for agents: through AgentValidator, in the registries of this repository."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from cortensor.pricing import Terms, Usage
from cortensor.receipts.merkle import StandardMerkleTree, receipt_leaf
from cortensor.receipts.typed import Domain, ReceiptStruct
from scripts._gas.bench import Bench
from scripts._gas.scenario import Scenario
from scripts._gas.used import Used

DEPTH = 10
AGENT = 0
AGENT_URI = "https://agents.example/corgent.json"
REQUEST_URI = "ipfs://bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"
RECEIPT_URI = "https://router.example/api/v4/receipt/0123456789abcdef"


def run_validating(bench: Bench) -> Iterator[Scenario]:
    """Register an agent of the payer's, attest for it, and answer a request about it."""
    actors, validator = bench.actors, bench.validator
    owner = actors.payer
    register = bench.identity.get_function_by_signature("register(string)")
    bench.send(register(AGENT_URI), owner)
    used = bench.send(bench.identity.functions.approve(validator.address, AGENT), owner)
    yield Scenario("agent.approve", used, 1, "the validator, for one agent")
    used = bench.send(validator.functions.allow(AGENT, actors.settler, True), owner)
    yield Scenario("agent.allow", used, 1, "an anchorer, never allowed before")
    with bench.aside():
        used = bench.send(validator.functions.allow(AGENT, actors.settler, False), owner)
        yield Scenario("agent.disallow", used, 1, "taken back")
    call = validator.functions.authorise(owner, True)
    with bench.aside():
        used = bench.send(call, actors.anchorer)
        yield Scenario("agent.authorise", used, 1, "a responder, by an anchorer, never before")
        used = bench.send(validator.functions.authorise(owner, False), actors.anchorer)
        yield Scenario("agent.authorise.revoke", used, 1, "taken back")
    note = f"request and response, the leaf at depth {DEPTH}, both URIs"
    yield Scenario("agent.attest.first", _attest(bench), 1, f"{note}; the agent's first")
    with bench.aside():
        used = _attest(bench)
        yield Scenario("agent.attest.steady", used, 1, f"{note}; checks of the anchor included")
    yield from _responding(bench)
    yield from _replacing(bench)


def _responding(bench: Bench) -> Iterator[Scenario]:
    note = f"the leaf at depth {DEPTH}, a URI"
    first = _respond(bench)[0]
    yield Scenario("agent.respond.first", first, 1, f"{note}; the tag's first use")
    with bench.aside():
        used = _respond(bench)[0]
        yield Scenario("agent.respond.steady", used, 1, f"{note}; checks of the anchor included")


def _replacing(bench: Bench) -> Iterator[Scenario]:
    actors, validator = bench.actors, bench.validator.functions
    with bench.aside():
        _, request_hash, old = _respond(bench)
        successor = bench.word()
        call = bench.anchor.functions.supersede(old["receipt"]["receipt_id"], successor)
        bench.send(call, actors.settler)
        with bench.aside():
            used = bench.send(validator.retract(request_hash, old), actors.owner)
            yield Scenario("agent.retract", used, 1, "a superseded answer, by anyone; a new tag")
        leaf = _leaf(bench, old["receipt"]["subject"], successor)
        call = validator.replace(request_hash, RECEIPT_URI, leaf, old)
        used = bench.send(call, actors.settler)
        yield Scenario("agent.replace", used, 1, "an answer by its successor's, both leaves shown")


def _attest(bench: Bench) -> Used:
    payload, salt = bench.word(), bench.word()
    request = bench.validator.functions.request_of(AGENT, payload, salt).call()
    subject = bench.validator.functions.self_subject_of(AGENT, request).call()
    leaf = _leaf(bench, subject, bench.word())
    what = (AGENT, payload, salt, REQUEST_URI, RECEIPT_URI)
    return bench.send(bench.validator.functions.attest(what, leaf), bench.actors.payer)


def _respond(bench: Bench) -> tuple[Used, bytes, dict[str, Any]]:
    """Ask, and respond; return what the response took, the request's key and the leaf."""
    request_hash = bench.word()
    ask = bench.validation.functions.validationRequest
    call = ask(bench.validator.address, AGENT, REQUEST_URI, request_hash)
    bench.send(call, bench.actors.payer)
    subject = bench.validator.functions.subject_of(AGENT, request_hash).call()
    leaf = _leaf(bench, subject, bench.word())
    call = bench.validator.functions.respond(request_hash, RECEIPT_URI, leaf)
    return bench.send(call, bench.actors.settler), request_hash, leaf


def _leaf(bench: Bench, subject: bytes, receipt_id: bytes) -> dict[str, Any]:
    """Anchor a batch of 1,024 receipts, one of them about a subject; return that one's leaf."""
    receipt = ReceiptStruct(
        receipt_id=receipt_id,
        session=1 << 128 | 0xA9E27,
        version=1,
        surcharge_epoch=0,
        terms=Terms(model_class=1, sla_tier=2, replicas=3, surcharge_cap_bps=2_000).pack(),
        usage=Usage(input_units=1_500, output_units=900).pack(),
        charge=10**17,
        request_commitment=bench.word(),
        subject=subject,
        outcome=2,
        confidence_bps=8_765,
        issued_at=bench.now(),
    )
    digest = receipt.digest(Domain(bench.chain_id, bench.payment.address))
    hashes = [receipt_leaf(digest, 7, 7 * 10**17)]
    hashes += [bench.word() for _ in range(2**DEPTH - 1)]
    tree = StandardMerkleTree(hashes)
    call = bench.anchor.functions.anchor(tree.root, len(hashes), "")
    bench.send(call, bench.actors.settler)
    return {
        "receipt": msgspec.structs.asdict(receipt),
        "index": 7,
        "cumulative": 7 * 10**17,
        "anchorer": bench.actors.settler,
        "root": tree.root,
        "proof": tree.proof(0),
    }
