# SPDX-License-Identifier: Apache-2.0
"""Adaptive escalation: after each round, stop or ask more replicas, by what is known so far.

Sequential voting with a stopping rule: 1, then 3, then 5 replicas, until the confidence suffices or
no answer of those not yet asked could change the outcome.
"""

from __future__ import annotations

from functools import partial
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from cortensor.consensus.equivalence import EXACT, JSON
from cortensor.consensus.fixed_point import BPS
from cortensor.consensus.majority import VERDICT, decide_groups
from cortensor.consensus.vote import (
    FAILED,
    MAJORITY,
    NO_CONSENSUS,
    OK,
    TIMEOUT,
    Decision,
    Vote,
)
from cortensor.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

PLAN = (1, 3, 5)
"""Replicas asked in all after each stage."""
DEFAULT_STOP_BPS = 8_000
"""Without calibration: three of three by Laplace's rule stop, one of one does not."""

CONFIDENT = "confident"
SETTLED = "settled"
EXHAUSTED = "exhausted"
ESCALATE = "escalate"

_TRANSITIVE = frozenset({VERDICT, EXACT.name, JSON.name})
_UNSEEN = "\x00unseen"
"""A label and a text that nobody has given yet; where labels are no closed list there is one."""


class Step(NamedTuple):
    """What to do next.

    Attributes:
        ask: replicas to ask now; 0 to stop.
        reason: confident, settled (no answer of those left can change the outcome), exhausted
            (the plan has no more), or escalate.
        decision: the decision on the votes so far.
    """

    ask: int
    reason: str
    decision: Decision


def next_step(
    votes: Sequence[Vote],
    rule: Callable[[Sequence[Vote]], Decision],
    *,
    plan: Sequence[int] = PLAN,
    stop_bps: int = DEFAULT_STOP_BPS,
    labels: Sequence[str] | None = None,
    candidates: Sequence[Vote] = (),
) -> Step:
    """Return whether to stop or how many replicas to ask next.

    Args:
        votes: one per replica asked so far.
        rule: the strategy, such as `partial(decide, strategy=...)`.
        plan: replicas asked in all after each stage, ascending.
        stop_bps: confidence that suffices, such as a calibration's `stop_bps`.
        labels: all labels there are, if that is known; as in `rule`.
        candidates: who would be asked next, in order, as votes of which only the rater, model,
            prompt and preference count. Needed to see that a weighted outcome is settled.

    Raises:
        InvalidInput: for a plan that does not ascend, and as `rule`.
    """
    if not plan or plan[0] < 1 or list(plan) != sorted(set(plan)):
        raise InvalidInput("must ascend from 1 or more", field="plan")
    decision = rule(votes)
    if decision.confidence_bps >= stop_bps and decision.outcome not in {NO_CONSENSUS, FAILED}:
        return Step(0, CONFIDENT, decision)
    later = [total for total in plan if total > len(votes)]
    if not later:
        return Step(0, EXHAUSTED, decision)
    left = later[-1] - len(votes)
    if is_settled(votes, decision, rule, left, labels=labels, candidates=candidates):
        return Step(0, SETTLED, decision)
    return Step(later[0] - len(votes), ESCALATE, decision)


def is_settled(
    votes: Sequence[Vote],
    decision: Decision,
    rule: Callable[[Sequence[Vote]], Decision],
    left: int,
    *,
    labels: Sequence[str] | None = None,
    candidates: Sequence[Vote] = (),
) -> bool:
    """Return whether every way the replicas left could answer keeps the winning group.

    All of them are tried: each answer given, each label possible, one that nobody gave, and none.
    That is at most a few dozen decisions, since while as many replicas are left as have voted
    nothing is settled. Where alike answers need not be alike to each other (overlap, embedding, a
    tolerance) a later answer can draw members out of a group, so nothing is settled there either.
    """
    if not _is_transitive(decision):
        return False
    weighs = decision.weighing.weights or decision.weighing.likelihoods
    if not decision.winner or left >= len(decision.groups) or decision.value is not None:
        return False
    if weighs and len(candidates) < left:
        return False
    first = max(vote.index for vote in votes) + 1
    asked = [
        msgspec.structs.replace(vote, index=first + position)
        for position, vote in enumerate([*candidates, *[Vote(index=0)] * left][:left])
    ]
    said = {vote.index: vote for vote in votes}
    options = [(said[i].label, said[i].text) for i in _one_of_each(decision)]
    options += [(label, None) for label in labels or () if label not in decision.votes]
    options += [(None, None)] if labels is not None else [(None, None), (_UNSEEN, _UNSEEN)]
    return all(
        set(decision.winner) <= set(rule([*votes, *_answering(asked, answers)]).winner)
        for answers in product(options, repeat=left)
    )


def is_settled_by_count(decision: Decision, left: int) -> bool:
    """Return whether no `left` more votes can change a majority, told by its labels alone.

    A receipt holds the labels and not the texts, so this is what its reader can redo. Of no use to
    rules that weigh, for which it is False.
    """
    if decision.weighing.strategy != MAJORITY or left < 1 or not _is_transitive(decision):
        return False
    last = max((index for index, _ in decision.groups), default=0)
    silent = range(last + 1, last + 1 + decision.replicas - len(decision.groups))
    votes = [Vote(index=index, label=label) for index, label in decision.groups]
    votes += [Vote(index=index, status=TIMEOUT) for index in silent]

    def rule(round_: Sequence[Vote]) -> Decision:
        return decide_groups(
            [(vote.index, vote.label) for vote in round_],
            equivalence=decision.equivalence,
            policy=decision.policy,
            threshold_bps=decision.threshold_bps,
            non_votes=decision.non_vote_rule,
        )

    return is_settled(votes, rule(votes), rule, left)


def _is_transitive(decision: Decision) -> bool:
    """Return whether two answers like a third are always alike: only then are groups for good."""
    return decision.equivalence in _TRANSITIVE and decision.tolerance_millionths == 0


def _one_of_each(decision: Decision) -> list[int]:
    """Return a replica of every group; the winner's is the one that stands for it."""
    first = {label: index for index, label in reversed(decision.groups)}
    if decision.representative is not None:
        first[decision.group_of(decision.representative) or ""] = decision.representative
    return list(first.values())


def _answering(
    asked: Sequence[Vote], answers: Sequence[tuple[str | None, str | None]]
) -> list[Vote]:
    return [
        msgspec.structs.replace(
            vote, status=OK if label or text else TIMEOUT, label=label, text=text
        )
        for vote, (label, text) in zip(asked, answers, strict=True)
    ]


def fit_stop_bps(
    rounds: Iterable[Sequence[Vote]],
    rule: Callable[[Sequence[Vote]], Decision],
    *,
    mean_replicas_milli: int,
    plan: Sequence[int] = PLAN,
) -> int:
    """Return the highest stopping confidence that asks no more than so many replicas a round.

    A threshold of its own for each pool: where raters are weak, five of them never reach a
    confidence that one strong rater has alone, and a fixed threshold would save nothing.

    Args:
        rounds: full rounds of the history, votes in order of asking.
        rule: the strategy with its calibration, such as `partial(decide, ...)`.
        mean_replicas_milli: replicas a round may take on average, in thousandths.
        plan: replicas asked in all after each stage.

    Raises:
        InvalidInput: without rounds, or if the rule falls back to one without history: its few
            possible confidences make no threshold.
    """
    decided = [[rule(votes[:total]) for total in plan[:-1]] for votes in rounds]
    if any(d.groups and not d.calibration.n_history for stages in decided for d in stages):
        raise InvalidInput("needs a rule with a history", field="rule")
    reached = [[decision.confidence_bps for decision in stages] for stages in decided]
    if not reached:
        raise InvalidInput("needs at least one round", field="rounds")
    budget = mean_replicas_milli * len(reached)
    low, high = 0, BPS
    while low < high:
        half = (low + high + 1) // 2
        if 1000 * sum(map(partial(_taken, plan, half), reached)) <= budget:
            low = half
        else:
            high = half - 1
    return low


def _taken(plan: Sequence[int], stop_bps: int, confidences: Sequence[int]) -> int:
    for total, confidence in zip(plan, confidences, strict=False):
        if confidence >= stop_bps:
            return total
    return plan[-1]
