# SPDX-License-Identifier: Apache-2.0
"""Proofs against a router, and demands that it answers or does not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from cortensor.pricing import Terms, Usage, quote
from cortensor.receipts.keccak import to_hex
from cortensor.receipts.merkle import StandardMerkleTree, receipt_leaf
from cortensor.receipts.sign import sign
from cortensor.receipts.typed import Domain, ReceiptStruct
from scripts._gas.bench import ANSWER_SECONDS, CHAIN_ID, GRACE_SECONDS, Bench
from scripts._gas.scenario import Scenario

DEPTH = 10
TOO_MUCH_WEI = 10**16
BURN_ADDRESS = "0x000000000000000000000000000000000000dEaD"


def run_disputes(bench: Bench) -> Iterator[Scenario]:
    """Run proofs and demands against a session of two receipts in a batch of 1,024."""
    actors, dispute = bench.actors, bench.dispute.functions
    watcher = actors.anchorer
    # Whoever is paid holds COR already, as after the first proof of all.
    bench.send(bench.cor.functions.transfer(BURN_ADDRESS, 1), actors.owner)
    with bench.aside():
        _, leaves = _settled(bench, (TOO_MUCH_WEI, 0))
        used = bench.send(dispute.challenge_charge(leaves[0]), watcher)
        note = f"an over-charge, proof depth {DEPTH}; refund and penalty included"
        yield Scenario("dispute.charge", used, 1, note)
    with bench.aside():
        _, leaves = _settled(bench, (TOO_MUCH_WEI, TOO_MUCH_WEI))
        bench.send(dispute.challenge_charge(leaves[0]), watcher)
        used = bench.send(dispute.challenge_charge(leaves[1]), watcher)
        yield Scenario("dispute.charge.again", used, 1, "the session's second: refund only")
    with bench.aside():
        _, leaves = _settled(bench, (0, 0), gap=TOO_MUCH_WEI)
        used = bench.send(dispute.challenge_total(*leaves), watcher)
        note = f"a total that does not follow, two proofs of depth {DEPTH}"
        yield Scenario("dispute.total", used, 1, note)
    with bench.aside():
        session, leaves = _settled(bench, (0, 0))
        used = bench.send(dispute.demand(session, 0), watcher)
        yield Scenario("dispute.demand", used, 1, "the leaf of a settled total")
        with bench.aside():
            used = bench.send(_answer(bench, session, leaves[1]), actors.settler)
            note = f"proof depth {DEPTH}, a session with a key"
            yield Scenario("dispute.answer", used, 1, note)
            bench.wait(GRACE_SECONDS + 1)
            used = bench.send(dispute.close_demand(session, 0), watcher)
            yield Scenario("dispute.close", used, 1, "answered: the deposit is the router's")
        bench.wait(ANSWER_SECONDS + 1)
        used = bench.send(dispute.close_demand(session, 0), watcher)
        note = "not answered: refund and penalty included"
        yield Scenario("dispute.close.unanswered", used, 1, note)


def _settled(
    bench: Bench, excess: tuple[int, int], gap: int = 0
) -> tuple[int, list[dict[str, Any]]]:
    """Settle a session's two receipts, charged too much by `excess`, the second's total by `gap`.

    Returns:
        The session, and its leaves as the contract takes them.
    """
    # Somebody else's money of this bucket is pending as well.
    bench.next_bucket()
    other, _ = bench.open(bench.actors.payer)
    bench.settle({other: 10**18})
    session, _ = bench.open(bench.actors.payer, session_key=bench.session_key.address)
    domain = Domain(CHAIN_ID, bench.payment.address)
    total = 0
    receipts = []
    for number, too_much in enumerate(excess, start=1):
        receipt = _receipt(bench, session, too_much)
        total += receipt.charge + (gap if number > 1 else 0)
        receipts.append((receipt, number, total))
    hashes = [receipt_leaf(receipt.digest(domain), *rest) for receipt, *rest in receipts]
    hashes += [bench.word() for _ in range(2**DEPTH - len(hashes))]
    tree = StandardMerkleTree(hashes)
    bench.settle({session: total}, tree.root)
    return session, [
        _leaf(bench, *entry, tree.root, tree.proof(place)) for place, entry in enumerate(receipts)
    ]


def _receipt(bench: Bench, session: int, too_much: int) -> ReceiptStruct:
    terms = Terms(model_class=1, sla_tier=2, replicas=3, surcharge_cap_bps=2_000)
    usage = Usage(input_units=1_500, output_units=900)
    charge = quote(bench.card, 0, terms, usage).total + too_much
    return ReceiptStruct(
        receipt_id=bench.word(),
        session=session,
        version=1,
        surcharge_epoch=0,
        terms=terms.pack(),
        usage=usage.pack(),
        charge=charge,
        request_commitment=bench.word(),
        outcome=1,
        confidence_bps=9_000,
        issued_at=bench.now(),
    )


def _leaf(
    bench: Bench,
    receipt: ReceiptStruct,
    index: int,
    cumulative: int,
    root: bytes,
    proof: Sequence[bytes],
) -> dict[str, Any]:
    if len(proof) != DEPTH:
        raise AssertionError("the tree of the scenario has another depth")
    return {
        "receipt": msgspec.structs.asdict(receipt),
        "index": index,
        "cumulative": cumulative,
        "anchorer": bench.actors.settler,
        "root": root,
        "proof": [to_hex(word) for word in proof],
    }


def _answer(bench: Bench, session: int, leaf: dict[str, Any]) -> Any:
    receipt = ReceiptStruct(**leaf["receipt"])
    domain = Domain(CHAIN_ID, bench.payment.address)
    signature = sign(bytes(bench.settler_key.key), receipt.digest(domain))
    asked = bench.payment.functions.hash_request(
        session, receipt.request_commitment, receipt.charge
    ).call()
    requested = sign(bytes(bench.session_key.key), bytes(asked))
    return bench.dispute.functions.answer(session, 0, leaf, signature, receipt.charge, requested)
