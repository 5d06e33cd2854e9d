# SPDX-License-Identifier: Apache-2.0
"""The scenarios, by name. Each starts from the same chain state, whatever ran before it.

`first` touches storage slots that were never written; without a suffix or with `steady`, slots hold
something already, which is what nearly every transaction meets. The token allowance is infinite and
whoever is paid holds COR, except where a name says otherwise. The router is bonded.
"""

from __future__ import annotations

from collections.abc import Iterator

from eth_utils import keccak

from cortensor.gas.measured import WHOLE
from cortensor.pricing import Terms, Usage
from cortensor.receipts.merkle import StandardMerkleTree
from scripts._gas.agents import run_agents
from scripts._gas.bench import (
    BOND_WEI,
    BUCKET_SECONDS,
    CHALLENGE_WINDOW_SECONDS,
    LIFETIME_SECONDS,
    SETTLE_WINDOW_SECONDS,
    VOUCHER,
    WALLET_WEI,
    Bench,
)
from scripts._gas.disputes import run_disputes
from scripts._gas.opening import run_opening
from scripts._gas.registering import run_nodes
from scripts._gas.rewarding import run_rewards
from scripts._gas.scenario import Scenario
from scripts._gas.setting import (
    run_payment_settings,
    run_pool_settings,
    run_quota_settings,
    run_table_settings,
)
from scripts._gas.slashing import run_slashing
from scripts._gas.staking import run_quota, run_stake
from scripts._gas.used import Used
from scripts._gas.validating import run_validating
from scripts._gas.wrapping import run_wrapping

CHARGE_WEI = 123_456_789_012_345_678
URI = "https://router.example/api/v4/batch/0123456789abcdef"
DEPTH = 10


def run_scenarios(bench: Bench) -> Iterator[Scenario]:
    """Run every scenario and yield it, in the order of a session's life."""
    seen: dict[str, Scenario] = {}
    for scenario in _all(bench):
        seen[scenario.name] = scenario
        yield scenario
    yield _life("session.life.1000", seen, "")
    yield _life(WHOLE, seen, "session.life.1000 under the name that Phase #2's has: ")
    yield _alone(f"{WHOLE}.alone", seen)


def _all(bench: Bench) -> Iterator[Scenario]:
    yield from run_deployments(bench)
    yield from run_routers(bench)
    yield from run_table_settings(bench)
    yield from run_payment_settings(bench)
    yield from run_pool_settings(bench)
    yield from run_quota_settings(bench)
    yield from run_opening(bench)
    yield from _settling(bench)
    yield from _vouchers(bench)
    yield from run_anchoring(bench)
    yield from _closing(bench)
    yield from run_stake(bench)
    yield from run_slashing(bench)
    yield from run_quota(bench)
    yield from run_nodes(bench)
    yield from run_disputes(bench)
    yield from run_agents(bench)
    yield from run_validating(bench)
    yield from run_rewards(bench)
    yield from run_wrapping(bench)
    yield from _views(bench)


def _life(name: str, seen: dict[str, Scenario], prefix: str) -> Scenario:
    """All that a session costs on chain, whatever number of requests: they cost nothing there."""
    count = 100
    names = (f"settle.escrow.{count}", "pending.release", "pot.pay", "pot.pay", "pot.pay")
    used = seen["session.open.first"].used
    for part in names:
        used += seen[part].used.share(count)
    note = (
        f"{prefix}open.first, and a hundredth each of settle.escrow.100, of the release and of "
        "three pots' payment; requests are off chain"
    )
    return Scenario(name, used, 1, note)


def _alone(name: str, seen: dict[str, Scenario]) -> Scenario:
    """The same with nobody to share a transaction with."""
    used = seen["session.open.first"].used
    for part in ("settle.escrow.1.steady", "pending.release", "pot.pay", "pot.pay", "pot.pay"):
        used += seen[part].used
    note = "open.first, settle.escrow.1.steady, the release and three pots' payment, all its own"
    return Scenario(name, used, 1, note)


def run_deployments(bench: Bench) -> Iterator[Scenario]:
    """Tell what it took to put the contracts there, and to bind them."""
    for name, used in bench.deployed.items():
        if name != "MockCOR":
            yield Scenario(f"deploy.{name}", used, 1, "constructor included")
    for name, used in bench.bound.items():
        yield Scenario(f"bind.{name}", used, 1, "to those it works with, once")


def run_routers(bench: Bench) -> Iterator[Scenario]:
    """Register a router with its bond, and name who the pots pay."""
    actors = bench.actors
    registered, authorised = bench.add_router(actors.settler)
    yield Scenario("router.register", registered, 1, "the first router")
    yield Scenario(
        "router.authorise", authorised, 1, "by the settler, once; writes the log's genesis"
    )
    call = bench.pool.functions.open_bond(1, actors.treasury, BOND_WEI)
    yield Scenario("bond.open", bench.send(call, actors.settler), 1, "the pool's first deposit")
    with bench.aside():
        used = bench.send(bench.pool.functions.stake(1, BOND_WEI), actors.settler)
        yield Scenario("bond.more", used, 1, "as much again, by its owner")
    for pot, recipient in enumerate((actors.nodes, actors.validators, actors.treasury)):
        used = bench.send(bench.payment.functions.set_pot_recipient(pot, recipient), actors.owner)
    yield Scenario("pot.recipient.set", used, 1, "the treasury's, never set before")
    with bench.aside():
        call = bench.payment.functions.set_pot_recipient(2, actors.oracle)
        used = bench.send(call, actors.owner)
        yield Scenario("pot.recipient.set.again", used, 1, "another")


def _settling(bench: Bench) -> Iterator[Scenario]:
    payer = bench.actors.payer
    with bench.aside():
        bench.next_bucket()
        session, _ = bench.open(payer)
        used = bench.settle({session: CHARGE_WEI})
        yield Scenario("settle.escrow.1.first", used, 1, "the router's and the bucket's first")
    # From here on the router has settled before.
    sessions = [bench.open(payer)[0] for _ in range(512)]
    bench.settle(dict.fromkeys(sessions, CHARGE_WEI))
    with bench.aside():
        bench.next_bucket()
        used = bench.settle({sessions[0]: 2 * CHARGE_WEI})
        yield Scenario(
            "settle.escrow.1.bucket", used, 1, "the first of a bucket, router settled before"
        )
    bench.next_bucket()
    bench.settle({sessions[-1]: 2 * CHARGE_WEI})
    with bench.aside():
        root = bench.word()
        used = bench.settle({sessions[0]: 2 * CHARGE_WEI}, root)
        yield Scenario("settle.escrow.1.steady", used, 1, "the bucket holds something")
        used = bench.settle({sessions[0]: 2 * CHARGE_WEI}, root)
        yield Scenario("settle.resend", used, 1, "the same batch again: nothing moves")
    with bench.aside():
        used = bench.settle({sessions[0]: 2 * CHARGE_WEI}, uri=URI)
        yield Scenario(
            "settle.escrow.1.uri", used, 1, f"with a URI of {len(URI)} bytes in the event"
        )
    for count in (10, 100, 512):
        with bench.aside():
            used = bench.settle(dict.fromkeys(sessions[:count], 2 * CHARGE_WEI))
            yield Scenario(f"settle.escrow.{count}", used, count, "sessions, steady; root included")
    with bench.aside():
        stranger = sessions[0] ^ 1
        totals = dict.fromkeys(sessions[:100], 2 * CHARGE_WEI)
        used = bench.settle({**totals, stranger: CHARGE_WEI})
        yield Scenario("settle.escrow.100.skip", used, 101, "and one session that does not exist")


def _vouchers(bench: Bench) -> Iterator[Scenario]:
    payer, key = bench.actors.payer, bench.session_key.address
    with bench.aside():
        sessions = [bench.open(payer, funding=VOUCHER, session_key=key)[0] for _ in range(128)]
        bench.next_bucket()
        note = "vouchers of sessions that never settled; the bucket's first; root included"
        for count in (1, 128):
            with bench.aside():
                used = bench.settle_vouchers(dict.fromkeys(sessions[:count], CHARGE_WEI))
                yield Scenario(f"settle.voucher.{count}.first", used, count, note)
        bench.settle_vouchers(dict.fromkeys(sessions, CHARGE_WEI))
        for count in (1, 10, 100, 128):
            with bench.aside():
                used = bench.settle_vouchers(dict.fromkeys(sessions[:count], 2 * CHARGE_WEI))
                note = "vouchers, steady; root included"
                yield Scenario(f"settle.voucher.{count}", used, count, note)


def run_anchoring(bench: Bench) -> Iterator[Scenario]:
    """Anchor batches of receipts, and take receipts back."""
    anchorer = bench.actors.anchorer
    anchor = bench.anchor.functions.anchor
    used = bench.send(anchor(bench.word(), 1_000, ""), anchorer)
    yield Scenario(
        "receipt.anchor.batch.first", used, 1_000, "the log's first batch, of 1,000 receipts"
    )
    with bench.aside():
        used = bench.send(anchor(bench.word(), 1_000, ""), anchorer)
        yield Scenario("receipt.anchor.batch", used, 1_000, "any later batch, of 1,000 receipts")
    with bench.aside():
        used = bench.send(anchor(bench.word(), 2**64 - 1, ""), anchorer)
        yield Scenario("receipt.anchor.batch.largest", used, 1, "a later batch of 2^64 - 1")
    tell = bench.anchor.functions.anchor_event
    with bench.aside():
        used = bench.send(tell(bench.word(), 1_000, ""), anchorer)
        yield Scenario("receipt.anchor.event", used, 1_000, "told only, of 1,000 receipts")
    with bench.aside():
        used = bench.send(bench.anchor.functions.revoke(bench.word()), anchorer)
        yield Scenario("receipt.anchor.revoke", used, 1, "for ever")
    with bench.aside():
        used = bench.send(bench.anchor.functions.supersede(bench.word(), bench.word()), anchorer)
        yield Scenario("receipt.anchor.supersede", used, 1, "by another receipt")


def _closing(bench: Bench) -> Iterator[Scenario]:
    actors = bench.actors
    with bench.aside():
        session, _ = bench.open(actors.payer)
        bench.settle({session: CHARGE_WEI})
        bucket = bench.now() // BUCKET_SECONDS
        used = bench.send(bench.payment.functions.request_close(session), actors.payer)
        yield Scenario("session.close.request", used, 1, "by the payer")
        bench.wait(SETTLE_WINDOW_SECONDS + 1)
        used = bench.send(bench.payment.functions.withdraw(session), actors.payer)
        yield Scenario("session.close.withdraw", used, 1, "the rest, after the settle window")
        bench.wait(CHALLENGE_WINDOW_SECONDS + BUCKET_SECONDS)
        yield from _releasing(bench, bucket)
    with bench.aside():
        session, _ = bench.open(actors.payer)
        bench.wait(LIFETIME_SECONDS + SETTLE_WINDOW_SECONDS + 1)
        used = bench.send(bench.payment.functions.withdraw(session), actors.owner)
        yield Scenario("session.expire.withdraw", used, 1, "an expired session, by somebody else")


def _releasing(bench: Bench, bucket: int) -> Iterator[Scenario]:
    actors, payment = bench.actors, bench.payment.functions
    # Whoever is paid holds COR already, as in steady life.
    bench.send(bench.cor.functions.transfer(actors.nodes, WALLET_WEI), actors.owner)
    # The first settlement of all was in an earlier bucket.
    used = bench.send(payment.release(1, 1, bucket - 1), actors.owner)
    yield Scenario("pending.release.first", used, 1, "one bucket; the pots were empty")
    used = bench.send(payment.release(1, 1, bucket), actors.owner)
    yield Scenario("pending.release", used, 1, "one bucket, however many sessions are in it")
    used = bench.send(payment.pay_pot(0), actors.owner)
    yield Scenario("pot.pay", used, 1, "the node pot; the recipient holds COR")
    used = bench.send(payment.pay_pot(1), actors.owner)
    yield Scenario("pot.pay.first", used, 1, "the validator pot; the recipient never held COR")


def _views(bench: Bench) -> Iterator[Scenario]:
    caller = bench.actors.owner
    terms = Terms(model_class=1, sla_tier=2, replicas=3, surcharge_cap_bps=2_000).pack()
    usage = Usage(input_units=1_500, output_units=900).pack()
    used = bench.send(bench.table.functions.quote(1, 0, terms, usage), caller)
    yield Scenario("table.quote", used, 1, "three replicas, standard class", is_view=True)
    with bench.aside():
        leaves = [keccak(i.to_bytes(32, "big")) for i in range(2**DEPTH)]
        tree = StandardMerkleTree(leaves)
        bench.send(bench.anchor.functions.anchor(tree.root, len(leaves), ""), bench.actors.anchorer)
        proof = tree.proof(0)
        call = bench.anchor.functions.is_anchored(
            bench.actors.anchorer, leaves[0], proof, tree.root
        )
        if not call.call() or len(proof) != DEPTH:
            raise AssertionError("the proof of the scenario does not hold")
        used = bench.send(call, caller)
        yield Scenario("anchor.is_anchored.10", used, 1, "a proof of depth 10", is_view=True)
        reader = bench.deploy_reader()
        asked = (bench.anchor.address, bench.actors.anchorer, leaves[0], proof, tree.root)
        bench.send(reader.functions.ask(*asked), caller)
        spent = int(reader.functions.spent().call())
        note = (
            "the same as another contract pays it, gas left before less after: its call, the cold "
            "account and slot included"
        )
        yield Scenario("anchor.is_anchored.10.inside", Used(spent, 0, ()), 1, note)
