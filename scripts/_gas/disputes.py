# SPDX-License-Identifier: Apache-2.0
"""Proofs against a router, and demands that it answers or does not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from cortensor.chain.pending_moves import batch_hash, placed
from cortensor.receipts.sign import sign
from cortensor.receipts.typed import Domain, ReceiptStruct
from scripts._gas.bench import (
    ANSWER_SECONDS,
    BUCKET_SECONDS,
    CARD_VERSION,
    CHALLENGE_WINDOW_SECONDS,
    GRACE_SECONDS,
    Bench,
)
from scripts._gas.scenario import Scenario
from scripts._gas.settled_case import BURN_ADDRESS, DEPTH, TOO_MUCH_WEI, settled

# Some, and the most that one call takes.
SIZES = (1, 10, 100, 512)
# After a bucket can be released, the demands that may follow one another; and its own length.
LAPSE_SECONDS = CHALLENGE_WINDOW_SECONDS + 2 * (ANSWER_SECONDS + GRACE_SECONDS) + BUCKET_SECONDS


def run_disputes(bench: Bench) -> Iterator[Scenario]:
    """Run proofs and demands against a session of two receipts in a batch of 1,024."""
    actors, dispute = bench.actors, bench.dispute.functions
    watcher = actors.anchorer
    # Whoever is paid holds COR already, as after the first proof of all.
    bench.send(bench.cor.functions.transfer(BURN_ADDRESS, 1), actors.owner)
    with bench.aside():
        leaves = settled(bench, (TOO_MUCH_WEI, 0)).leaves
        used = bench.send(dispute.challenge_charge(leaves[0]), watcher)
        note = f"an over-charge, proof depth {DEPTH}; refund and penalty from the bond"
        yield Scenario("dispute.charge", used, 1, note)
    with bench.aside():
        case = settled(bench, (TOO_MUCH_WEI, 0))
        bench.send(_show(bench, case.session, case.batches), watcher)
        used = bench.send(dispute.challenge_charge(case.leaves[0]), watcher)
        note = "the same, with pending money shown: the refund comes from that, the bond is fined"
        yield Scenario("dispute.charge.shown", used, 1, note)
    with bench.aside():
        leaves = settled(bench, (TOO_MUCH_WEI, TOO_MUCH_WEI)).leaves
        bench.send(dispute.challenge_charge(leaves[0]), watcher)
        used = bench.send(dispute.challenge_charge(leaves[1]), watcher)
        yield Scenario("dispute.charge.again", used, 1, "the session's second: refund only")
    with bench.aside():
        leaves = settled(bench, gap=TOO_MUCH_WEI).leaves
        used = bench.send(dispute.challenge_total(*leaves), watcher)
        note = f"a total that does not follow, two proofs of depth {DEPTH}"
        yield Scenario("dispute.total", used, 1, note)
    yield from _contradictions(bench)
    yield from _showing(bench)
    yield from _prefix(bench)
    yield from _demands(bench)


def _contradictions(bench: Bench) -> Iterator[Scenario]:
    """Prove what a router said twice, and otherwise."""
    watcher, dispute = bench.actors.anchorer, bench.dispute.functions
    with bench.aside():
        leaf = settled(bench).leaves[0]
        receipt = ReceiptStruct(**leaf["receipt"])
        other = msgspec.structs.replace(receipt, charge=receipt.charge - TOO_MUCH_WEI)
        call = dispute.challenge_signed(leaf, other.abi_tuple(), _signature(bench, other))
        used = bench.send(call, watcher)
        note = f"another charge than the router signed, proof depth {DEPTH}"
        yield Scenario("dispute.signed", used, 1, note)
    with bench.aside():
        leaves = settled(bench, indexes=(1, 1)).leaves
        used = bench.send(dispute.challenge_index(*leaves), watcher)
        note = f"two leaves at one index, two proofs of depth {DEPTH}"
        yield Scenario("dispute.index", used, 1, note)
    with bench.aside():
        leaves = settled(bench, is_one_request=True).leaves
        used = bench.send(dispute.challenge_duplicate(*leaves), watcher)
        note = f"a request charged twice, two proofs of depth {DEPTH}"
        yield Scenario("dispute.duplicate", used, 1, note)


def _signature(bench: Bench, receipt: ReceiptStruct) -> bytes:
    """Return the router's signature of a receipt."""
    domain = Domain(bench.chain_id, bench.payment.address)
    return sign(bytes(bench.settler_key.key), receipt.digest(domain))


def _demands(bench: Bench) -> Iterator[Scenario]:
    actors, dispute = bench.actors, bench.dispute.functions
    watcher = actors.anchorer
    with bench.aside():
        case = settled(bench)
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
            with bench.aside():
                bench.wait(LAPSE_SECONDS)
                used = bench.send(dispute.thaw(case.session), watcher)
                yield Scenario("dispute.thaw", used, 1, "answered, and kept frozen for too long")
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
        sessions = [bench.open(bench.actors.payer)[0] for _ in range(SIZES[-1])]
        for count in SIZES:
            with bench.aside():
                some = sessions[:count]
                bench.settle(dict.fromkeys(some, TOO_MUCH_WEI))
                batch = [[session << 96 | TOO_MUCH_WEI for session in some]]
                used = bench.send(_show(bench, some[0], batch), bench.actors.anchorer)
                note = (
                    f"a session's move among those of a batch of {count}, so that a refund is "
                    "paid from it"
                )
                yield Scenario(f"dispute.show.{count}", used, 1, note)


def _prefix(bench: Bench) -> Iterator[Scenario]:
    with bench.aside():
        bench.next_bucket()
        session, _ = bench.open(bench.actors.payer)
        bucket = bench.now() // BUCKET_SECONDS
        total = TOO_MUCH_WEI
        bench.settle({session: total})
        before = bench.payment.functions.moves_digest(1, CARD_VERSION, bucket).call()
        later: list[bytes] = []
        for count in SIZES:
            while len(later) < count:
                moved = TOO_MUCH_WEI + len(later)  # another hash each
                total += moved
                bench.settle({session: total})
                later.append(batch_hash([session << 96 | moved]))
            with bench.aside():
                call = bench.dispute.functions.show_prefix(session, bucket, before, later)
                used = bench.send(call, bench.actors.anchorer)
                note = (
                    f"what a bucket's digest was {count} batches ago, where more followed than "
                    "one call takes"
                )
                yield Scenario(f"dispute.prefix.{count}", used, count, note)


def _show(bench: Bench, session: int, batches: Sequence[Sequence[int]]) -> Any:
    """Return the call that shows the last of a bucket's batches, which is of just now."""
    bucket = bench.now() // BUCKET_SECONDS
    digest = bench.payment.functions.moves_digest(1, CARD_VERSION, bucket).call()
    shown = placed(CARD_VERSION, bucket, batches, digest)[-1]
    return bench.dispute.functions.show_pending(session, shown.abi_value())


def answer_call(bench: Bench, place: tuple[int, int, int], leaf: dict[str, Any]) -> Any:
    """Return the call that answers a demand: of a session, an index and a total."""
    receipt = ReceiptStruct(**leaf["receipt"])
    asked = bench.payment.functions.hash_request(
        place[0], receipt.request_commitment, receipt.charge
    ).call()
    requested = sign(bytes(bench.session_key.key), bytes(asked))
    return bench.dispute.functions.answer(
        *place, leaf, _signature(bench, receipt), receipt.charge, requested
    )
