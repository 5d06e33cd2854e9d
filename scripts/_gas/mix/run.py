# SPDX-License-Identifier: Apache-2.0
"""A mix from its first session to the last release."""

from __future__ import annotations

from collections.abc import Sequence

from cortensor.gas.allotment import Allotment
from scripts._gas.bench import BUCKET_SECONDS, CHALLENGE_WINDOW_SECONDS, Bench
from scripts._gas.mix.checking import check, close_demands
from scripts._gas.mix.costs import CostOf
from scripts._gas.mix.live import Live
from scripts._gas.mix.plan import Planned
from scripts._gas.mix.traffic import Traffic
from scripts._gas.mix.weights import ATTESTED, NONE, REVOKED, SETTLED
from scripts._gas.progress import Step

UNDISPUTED = (NONE, SETTLED, REVOKED, ATTESTED)


def run_mix(
    bench: Bench,
    plans: Sequence[Planned],
    hours: int,
    found: Allotment,
    cost_of: CostOf,
    step: Step,
) -> None:
    """Run a mix.

    Args:
        bench: the contracts, on a fresh chain.
        plans: what its sessions do.
        hours: how many of them are settled.
        found: what it takes, and who bears it; filled here.
        cost_of: what a transaction costs, in the measures of that.
        step: called when a session is open, which is most of the work.
    """
    traffic = Traffic(bench, found, cost_of)
    sessions = traffic.open(plans, step)
    bench.next_day()  # stake counts from the next day on
    for hour in range(hours):
        traffic.settle(hour, sessions)
    check(traffic, sessions)
    payment = bench.payment.functions
    ended = [live for live in sessions if _is_ended(live)]
    for live in ended:
        traffic.send("close.request", payment.request_close(live.number), live.payer, live)
    close_demands(traffic, sessions)
    for live in ended:
        traffic.send("close.withdraw", payment.withdraw(live.number), live.payer, live)
    bench.wait(CHALLENGE_WINDOW_SECONDS + BUCKET_SECONDS)
    traffic.release()


def _is_ended(live: Live) -> bool:
    plan = live.plan
    return plan.is_closed and not plan.is_stake and plan.path in UNDISPUTED
