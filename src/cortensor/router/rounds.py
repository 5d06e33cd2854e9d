# SPDX-License-Identifier: Apache-2.0
"""Runs a job's replicas: all at once, or for the tier adaptive 1, then 3, then 5.

An adaptive run stops as soon as the confidence suffices or no answer could change the outcome. It
is quoted and reserved for as many as it may take; those that never ran are missing in the bill.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from cortensor.consensus import DEFAULT_STOP_BPS, next_step
from cortensor.consensus.adaptive import CONFIDENT, is_settled_by_count
from cortensor.receipts.rule import AdaptiveBlock
from cortensor.receipts.tiers import ADAPTIVE, plan_of
from cortensor.router.fanout import Missing, Ran, run_replicas
from cortensor.router.request_checks import fewest_replicas

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cortensor.consensus import Decision, Vote
    from cortensor.receipts.rule import StopReason
    from cortensor.router.attempts import Spares
    from cortensor.router.fanout import Deadlines, OnEnd, Replica
    from cortensor.router.ports import Call, Clock, Engine
    from cortensor.router.schemas import DelegateRequest, ValidateRequest
    from cortensor.router.selection import Slot
    from cortensor.router.tracing import Tracer

    Rule = Callable[[Sequence[Vote]], Decision]
    Votes = Callable[[Sequence[Replica]], list[Vote]]
    OnStart = Callable[[Sequence[Slot]], None]


class Environment(Struct, frozen=True, kw_only=True):
    """What a run needs beside the request.

    `on_start` is told the compute sessions of each stage, `on_end` each replica's end. `spares`
    are other sessions that may be asked.
    """

    backend: Engine
    clock: Clock
    deadlines: Deadlines
    on_start: OnStart
    on_end: OnEnd
    spares: Spares | None = None
    tracer: Tracer | None = None


class Escalation(Struct, frozen=True, kw_only=True):
    """How an adaptive run goes on: totals after each stage, the confidence that ends it, the rule.

    `votes` turns replicas into votes, `rule` votes into a decision; a rule that is slow is applied
    in a thread.
    """

    plan: tuple[int, ...]
    stop_bps: int
    votes: Votes
    rule: Rule
    is_slow: bool = False


def escalation(
    request: DelegateRequest | ValidateRequest,
    stop_bps: int | None,
    votes: Votes,
    rule: Rule,
    *,
    is_slow: bool = False,
) -> Escalation | None:
    """Return how a request escalates, or None where all its replicas run at once.

    Args:
        request: the request.
        stop_bps: the confidence that a calibration found to suffice, None without one.
        votes: from replicas to votes.
        rule: from votes to a decision.
        is_slow: whether the rule would hold up others.
    """
    if request.policy.tier != ADAPTIVE:
        return None
    consensus = request.consensus
    return Escalation(
        plan=plan_of(consensus.replicas, fewest_replicas(consensus)),
        stop_bps=DEFAULT_STOP_BPS if stop_bps is None else stop_bps,
        votes=votes,
        rule=rule,
        is_slow=is_slow,
    )


async def run_rounds(
    request: DelegateRequest | ValidateRequest,
    slots: Sequence[Slot],
    calls: Sequence[Call],
    environment: Environment,
    by: Escalation | None,
) -> tuple[Ran, AdaptiveBlock | None]:
    """Run a job's replicas, and say how it was escalated."""
    if by is None:
        return await _stage(request, slots, calls, environment, 0), None
    replicas: list[Replica] = []
    missing: list[Missing] = []
    asked, ask = 0, by.plan[0]
    while True:
        ask = min(ask, len(slots) - asked)
        part = slice(asked, asked + ask)
        ran = await _stage(request, slots[part], calls[part], environment, asked)
        asked += ask
        replicas += ran.replicas
        missing += ran.missing
        step = partial(_next, by, replicas)
        ask, reason = await asyncio.to_thread(step) if by.is_slow else step()
        if reason is None and asked == len(slots):
            reason = "unavailable"
        elif reason is None and environment.clock.monotonic() >= environment.deadlines.soft:
            reason = "deadline"
        if reason is None:
            continue
        block = AdaptiveBlock(plan=list(by.plan), stop_bps=by.stop_bps, reason=reason)
        return Ran(replicas, missing), block


def _next(by: Escalation, replicas: Sequence[Replica]) -> tuple[int, StopReason | None]:
    """Return how many replicas to ask now, or why none."""
    if not replicas:
        return by.plan[0], None
    step = next_step(by.votes(replicas), by.rule, plan=by.plan, stop_bps=by.stop_bps)
    if step.reason == CONFIDENT:
        return 0, "confident"
    later = [total for total in by.plan if total > len(replicas)]
    if not later:
        return 0, "exhausted"
    # A reader of the receipt has labels and no texts; what they cannot redo is no reason.
    if is_settled_by_count(step.decision, by.plan[-1] - len(replicas)):
        return 0, "settled"
    return later[0] - len(replicas), None


async def _stage(
    request: DelegateRequest | ValidateRequest,
    slots: Sequence[Slot],
    calls: Sequence[Call],
    environment: Environment,
    first: int,
) -> Ran:
    environment.on_start(slots)
    deadlines = environment.deadlines
    if first:  # a replica's own time begins when it is asked
        deadlines = structs.replace(deadlines, started=environment.clock.monotonic())
    return await run_replicas(
        request,
        slots,
        calls,
        backend=environment.backend,
        clock=environment.clock,
        deadlines=deadlines,
        on_end=environment.on_end,
        first=first,
        spares=environment.spares,
        tracer=environment.tracer,
    )
