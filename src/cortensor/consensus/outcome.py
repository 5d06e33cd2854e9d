# SPDX-License-Identifier: Apache-2.0
"""From scores to an outcome: leader, ties, agreement, disagreement policy, confidence.

The one place where the disagreement policies are applied, for every strategy over labels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cortensor.consensus.confidence import confidence_bps
from cortensor.consensus.dependence import effective_votes_milli
from cortensor.consensus.fixed_point import BPS, log_odds_micro
from cortensor.consensus.grouping import Group
from cortensor.consensus.tally import NOTHING, Ballot, tally
from cortensor.consensus.vote import (
    AGAINST,
    FAILED,
    IGNORE,
    NO_CONSENSUS,
    NON_VOTE_RULES,
    OK,
    STATUSES,
    Decision,
)
from cortensor.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cortensor.consensus.vote import Calibrated, Vote, Weighing

BEST_EFFORT = "best_effort"
FAIL_HARD = "fail_hard"
RETURN_ALL = "return_all"
POLICIES = (RETURN_ALL, FAIL_HARD, BEST_EFFORT)
DEFAULT_THRESHOLD_BPS = 5001
VERDICT = "verdict"
"""The equivalence of verdicts: the same label."""


class Rules(NamedTuple):
    """What the caller fixed before any vote was known.

    Attributes:
        equivalence: what made votes a group.
        policy: return_all, fail_hard or best_effort.
        threshold_bps: agreement below this is strong disagreement.
        non_votes: abstain, ignore or against.
        labels: the closed list of labels, or None.
    """

    equivalence: str = VERDICT
    policy: str = RETURN_ALL
    threshold_bps: int = DEFAULT_THRESHOLD_BPS
    non_votes: str = "abstain"
    labels: tuple[str, ...] | None = None

    def check(self) -> None:
        """Refuse what is out of range. Raises InvalidInput."""
        if self.policy not in POLICIES:
            raise InvalidInput(
                f"must be one of {', '.join(POLICIES)}", field="consensus.disagreement_policy"
            )
        if not 0 <= self.threshold_bps <= BPS:
            raise InvalidInput("must be 0 .. 10000", field="consensus.agreement_threshold_bps")
        if self.non_votes not in NON_VOTE_RULES:
            raise InvalidInput(
                f"must be one of {', '.join(NON_VOTE_RULES)}", field="consensus.non_votes"
            )
        if self.labels is not None and (
            NOTHING in self.labels or len(set(self.labels)) != len(self.labels)
        ):
            raise InvalidInput("must be distinct and not empty", field="consensus.labels")


def cast_votes(votes: Sequence[Vote]) -> list[Vote]:
    """Check the round and return the delivered votes, by index.

    Raises:
        InvalidInput: for an empty round, a repeated index or an unknown status.
    """
    if not votes:
        raise InvalidInput("needs at least one replica", field="votes")
    if len({vote.index for vote in votes}) != len(votes):
        raise InvalidInput("must not repeat an index", field="votes")
    for vote in votes:
        if vote.status not in STATUSES:
            raise InvalidInput(f"must be one of {', '.join(STATUSES)}", field="votes.status")
    return sorted((vote for vote in votes if vote.status == OK), key=lambda vote: vote.index)


def conclude(
    indices: Sequence[int],
    groups: Sequence[Group],
    rules: Rules,
    weighing: Weighing,
    calibrated: Callable[[int, int], Calibrated],
) -> Decision:
    """Decide a round whose votes are grouped and weighed.

    Args:
        indices: every executed replica.
        groups: who said the same.
        rules: what the caller fixed.
        weighing: the strategy and its weights.
        calibrated: (votes that count, votes for the winner) -> how to make the confidence.

    Raises:
        InvalidInput: for rules out of range, an unknown strategy or a missing weight.
    """
    rules.check()
    voted = tuple(sorted((index, group.label) for group in groups for index in group.members))
    cast = {index for index, _ in voted}
    absent = tuple(sorted(set(indices) - cast))
    against = absent if rules.non_votes == AGAINST else ()
    counted = len(cast) if rules.non_votes == IGNORE else len(indices)
    counts = tally(Ballot(groups, rules.labels, weighing, against)) if groups else None
    leaders = _leaders(counts.scores, counts.ties, groups) if counts else []
    agreement = max((BPS * len(group.members) // counted for group in leaders), default=0)
    strong = len(leaders) != 1 or agreement < rules.threshold_bps
    winner = _winner(leaders, groups, rules.policy, strong=strong)
    members = winner.members if winner is not None else ()
    margin, method, confidence = None, calibrated(counted, len(members)), 0
    if winner is not None and counts is not None:
        if counts.evidence is not None:
            others = [score for label, score in counts.evidence.items() if label != winner.label]
            margin = log_odds_micro(counts.evidence.get(winner.label, 0), others or [0])
        confidence = confidence_bps(method, counted, len(members), margin)
    correlation = weighing.correlation_bps
    return Decision(
        outcome=_outcome(winner, groups, rules.equivalence),
        equivalence=rules.equivalence,
        policy=rules.policy,
        threshold_bps=rules.threshold_bps,
        replicas=len(indices),
        winner=members,
        dissent=tuple(index for index, _ in voted if index not in members),
        representative=winner.representative if winner is not None and members else None,
        votes={group.label: len(group.members) for group in groups},
        groups=voted,
        non_votes=len(absent),
        agreement_bps=agreement,
        confidence_bps=confidence,
        strong_disagreement=strong,
        weighing=weighing,
        calibration=method,
        margin_micro=margin,
        n_eff_milli=None if correlation is None else effective_votes_milli(len(cast), correlation),
        non_vote_rule=rules.non_votes,
        labels=rules.labels,
    )


def _leaders(scores: dict[str, int], ties: dict[str, int], groups: Sequence[Group]) -> list[Group]:
    """Return the groups with the best score, then the most votes, then the preference."""
    there = {group.label: group for group in groups}
    runners = [
        there.get(label, Group(label=label, members=(), representative=-1)) for label in scores
    ]

    def rank(group: Group) -> tuple[int, int, int]:
        return scores[group.label], len(group.members), ties.get(group.label, 0)

    best = max(rank(group) for group in runners)
    return [group for group in runners if rank(group) == best]


def _winner(
    leaders: Sequence[Group], groups: Sequence[Group], policy: str, *, strong: bool
) -> Group | None:
    if policy == BEST_EFFORT:
        given = [group for group in leaders if group.members]
        if not given and [group.label for group in leaders] == [NOTHING]:
            most = max(len(group.members) for group in groups)
            given = [group for group in groups if len(group.members) == most]
        if given:
            return min(given, key=lambda group: group.members[0])
    if len(leaders) != 1 or leaders[0].label == NOTHING or (policy == FAIL_HARD and strong):
        return None
    return leaders[0]


def _outcome(winner: Group | None, groups: Sequence[Group], equivalence: str) -> str:
    if winner is not None:
        return winner.label if equivalence == VERDICT else OK
    return NO_CONSENSUS if groups else FAILED
