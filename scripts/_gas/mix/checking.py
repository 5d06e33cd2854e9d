# SPDX-License-Identifier: Apache-2.0
"""What each validation path does on chain, once a session is settled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cortensor.chain.pending_moves import placed
from scripts._gas.bench import ANSWER_SECONDS, CARD_VERSION, GRACE_SECONDS
from scripts._gas.disputes import answer_call
from scripts._gas.mix.live import AGENT, Live
from scripts._gas.mix.traffic import Traffic
from scripts._gas.mix.weights import ANSWERED, ATTESTED, CHALLENGED, REVOKED, UNANSWERED
from scripts._gas.validating import RECEIPT_URI, REQUEST_URI


def check(traffic: Traffic, sessions: Sequence[Live]) -> None:
    """Prove, ask, answer, attest and revoke."""
    bench, actors = traffic.bench, traffic.bench.actors
    dispute = bench.dispute.functions
    for live in sessions:
        path = live.plan.path
        if path == CHALLENGED:
            call = dispute.challenge_charge(live.leaf(bench))
            traffic.send("dispute.charge", call, actors.anchorer, live)
        elif path in (ANSWERED, UNANSWERED):
            if not live.plan.is_stake:
                traffic.send("dispute.show", _show(traffic, live), actors.anchorer, live)
            call = dispute.demand(live.number, 0)
            traffic.send("dispute.demand", call, actors.anchorer, live)
            if path == ANSWERED:
                call = answer_call(bench, _place(traffic, live), live.leaf(bench))
                traffic.send("dispute.answer", call, actors.settler, live)
        elif path == ATTESTED and live.asked is not None:
            what = (AGENT, *live.asked, REQUEST_URI, RECEIPT_URI)
            call = bench.validator.functions.attest(what, live.leaf(bench))
            traffic.send("agent.attest", call, actors.payer, live)
        elif path == REVOKED:
            receipt = live.receipts[-1][0]
            call = bench.anchor.functions.revoke(receipt.receipt_id)
            traffic.send("receipt.revoke", call, actors.settler, live)


def close_demands(traffic: Traffic, sessions: Sequence[Live]) -> None:
    """Close the demands, when nobody can answer or object any more."""
    bench = traffic.bench
    asked = [live for live in sessions if live.plan.path in (ANSWERED, UNANSWERED)]
    places = [_place(traffic, live) for live in asked]
    bench.wait(max(GRACE_SECONDS, ANSWER_SECONDS) + 1)
    for live, place in zip(asked, places, strict=True):
        kind = "dispute.close" if live.plan.path == ANSWERED else "dispute.close.unanswered"
        call = bench.dispute.functions.close_demand(*place)
        traffic.send(kind, call, bench.actors.anchorer, live)


def _place(traffic: Traffic, live: Live) -> tuple[int, int, int]:
    """Return what a demand of a session's total is known by."""
    facts = traffic.bench.payment.functions.session(live.number).call()
    names = traffic.bench.payment.functions.session.abi["outputs"][0]["components"]
    settled = dict(zip((part["name"] for part in names), facts, strict=True))["settled"]
    return live.number, 0, int(settled)


def _show(traffic: Traffic, live: Live) -> Any:
    settled = live.settled
    if settled is None:
        raise AssertionError("the session has settled nothing")
    bench = traffic.bench
    digest = bench.payment.functions.moves_digest(1, CARD_VERSION, settled.bucket).call()
    batches = placed(CARD_VERSION, settled.bucket, traffic.moves[settled.bucket], digest)
    shown = batches[settled.place].abi_value()
    return bench.dispute.functions.show_pending(live.number, shown)
