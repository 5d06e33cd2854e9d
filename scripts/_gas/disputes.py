# SPDX-License-Identifier: Apache-2.0
"""Proofs against a router, and demands that it answers or does not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from cortensor.chain.pending_moves import placed
from cortensor.pricing import Terms, Usage, quote
from cortensor.receipts.keccak import to_hex
from cortensor.receipts.merkle import StandardMerkleTree, receipt_leaf
from cortensor.receipts.sign import sign
from cortensor.receipts.typed import Domain, ReceiptStruct
from scripts._gas.bench import (
    ANSWER_SECONDS,
    BUCKET_SECONDS,
    CARD_VERSION,
    GRACE_SECONDS,
    Bench,
)
from scripts._gas.scenario import Scenario

DEPTH = 10
TOO_MUCH_WEI = 10**16
OTHERS_WEI = 10**18
SHOWN_SESSIONS = 100
BURN_ADDRESS = "0x000000000000000000000000000000000000dEaD"


@dataclass(frozen=True)
class Case:
    """A settled session.

    Attributes:
        session: its id.
        leaves: as the contract takes them.
        batches: the words of what moved in its bucket, its own in the last batch.
    """

    session: int
    leaves: list[dict[str, Any]]
    batches: list[list[int]]


def run_disputes(bench: Bench) -> Iterator[Scenario]:
    """Run proofs and demands against a session of two receipts in a batch of 1,024."""
    actors, dispute = bench.actors, bench.dispute.functions
    watcher = actors.anchorer
    # Whoever is paid holds COR already, as after the first proof of all.
    bench.send(bench.cor.functions.transfer(BURN_ADDRESS, 1), actors.owner)
    with bench.aside():
        leaves = _settled(bench, (TOO_MUCH_WEI, 0)).leaves
        used = bench.send(dispute.challenge_charge(leaves[0]), watcher)
        note = f"an over-charge, proof depth {DEPTH}; refund and penalty from the bond"
        yield Scenario("dispute.charge", used, 1, note)
    with bench.aside():
        case = _settled(bench, (TOO_MUCH_WEI, 0))
        bench.send(_show(bench, case.session, case.batches), watcher)
        used = bench.send(dispute.challenge_charge(case.leaves[0]), watcher)
        note = "the same, with pending money shown: the refund comes from that, the bond is fined"
        yield Scenario("dispute.charge.shown", used, 1, note)
    with bench.aside():
        leaves = _settled(bench, (TOO_MUCH_WEI, TOO_MUCH_WEI)).leaves
        bench.send(dispute.challenge_charge(leaves[0]), watcher)
        used = bench.send(dispute.challenge_charge(leaves[1]), watcher)
        yield Scenario("dispute.charge.again", used, 1, "the session's second: refund only")
    with bench.aside():
        leaves = _settled(bench, (0, 0), gap=TOO_MUCH_WEI).leaves
        used = bench.send(dispute.challenge_total(*leaves), watcher)
        note = f"a total that does not follow, two proofs of depth {DEPTH}"
        yield Scenario("dispute.total", used, 1, note)
    yield from _showing(bench)
    yield from _demands(bench)


def _demands(bench: Bench) -> Iterator[Scenario]:
    actors, dispute = bench.actors, bench.dispute.functions
    watcher = actors.anchorer
    with bench.aside():
        case = _settled(bench, (0, 0))
        bench.send(_show(bench, case.session, case.batches), watcher)
        last = case.leaves[1]
        place = (case.session, 0, last["cumulative"])
        used = bench.send(dispute.demand(case.session, 0), watcher)
        note = "the leaf of a settled total; freezes what is shown"
        yield Scenario("dispute.demand", used, 1, note)
        with bench.aside():
            used = bench.send(answer_call(bench, place, last), actors.settler)
            note = f"proof depth {DEPTH}, a session with a key"
            yield Scenario("dispute.answer", used, 1, note)
            bench.wait(GRACE_SECONDS + 1)
            used = bench.send(dispute.close_demand(*place), watcher)
            yield Scenario("dispute.close", used, 1, "answered: the deposit is the router's")
        bench.wait(ANSWER_SECONDS + 1)
        used = bench.send(dispute.close_demand(*place), watcher)
        note = "not answered: refund and penalty included"
        yield Scenario("dispute.close.unanswered", used, 1, note)


def _showing(bench: Bench) -> Iterator[Scenario]:
    with bench.aside():
        bench.next_bucket()
        sessions = [bench.open(bench.actors.payer)[0] for _ in range(SHOWN_SESSIONS)]
        bench.settle(dict.fromkeys(sessions, TOO_MUCH_WEI))
        batch = [[session << 96 | TOO_MUCH_WEI for session in sessions]]
        used = bench.send(_show(bench, sessions[0], batch), bench.actors.anchorer)
        note = "a session's move among those of a batch of 100, so that a refund is paid from it"
        yield Scenario(f"dispute.show.{SHOWN_SESSIONS}", used, 1, note)


def _show(bench: Bench, session: int, batches: Sequence[Sequence[int]]) -> Any:
    """Return the call that shows the last of a bucket's batches, which is of just now."""
    bucket = bench.now() // BUCKET_SECONDS
    digest = bench.payment.functions.moves_digest(1, CARD_VERSION, bucket).call()
    shown = placed(CARD_VERSION, bucket, batches, digest)[-1]
    return bench.dispute.functions.show_pending(session, shown.abi_value())


def _settled(bench: Bench, excess: tuple[int, int], gap: int = 0) -> Case:
    """Settle a session's two receipts: too dear by `excess`, the second's total too by `gap`."""
    # Somebody else's money of this bucket is pending as well.
    bench.next_bucket()
    other, _ = bench.open(bench.actors.payer)
    bench.settle({other: OTHERS_WEI})
    session, _ = bench.open(bench.actors.payer, session_key=bench.session_key.address)
    domain = Domain(bench.chain_id, bench.payment.address)
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
    leaves = [
        _leaf(bench, *entry, tree.root, tree.proof(place)) for place, entry in enumerate(receipts)
    ]
    return Case(session, leaves, [[other << 96 | OTHERS_WEI], [session << 96 | total]])


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


def answer_call(bench: Bench, place: tuple[int, int, int], leaf: dict[str, Any]) -> Any:
    """Return the call that answers a demand: of a session, an index and a total."""
    receipt = ReceiptStruct(**leaf["receipt"])
    domain = Domain(bench.chain_id, bench.payment.address)
    signature = sign(bytes(bench.settler_key.key), receipt.digest(domain))
    asked = bench.payment.functions.hash_request(
        place[0], receipt.request_commitment, receipt.charge
    ).call()
    requested = sign(bytes(bench.session_key.key), bytes(asked))
    return bench.dispute.functions.answer(*place, leaf, signature, receipt.charge, requested)
