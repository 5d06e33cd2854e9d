# SPDX-License-Identifier: Apache-2.0
"""The majority rule. Formulas and reasons: docs/spec/consensus.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cortensor.consensus.equivalence import RUNGS, Rung, json_rung, rung
from cortensor.consensus.grouping import Group, group_answers
from cortensor.consensus.vote import FAILED, NO_CONSENSUS, OK, STATUSES, Decision, Vote
from cortensor.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

BPS = 10_000
DEFAULT_THRESHOLD_BPS = 5001
BEST_EFFORT = "best_effort"
FAIL_HARD = "fail_hard"
RETURN_ALL = "return_all"
POLICIES = (RETURN_ALL, FAIL_HARD, BEST_EFFORT)
VERDICT = "verdict"
"""The equivalence of verdicts: the same label."""


def agreement_bps(largest: int, replicas: int) -> int:
    """Return the share of the largest group in bps, rounded down so it is never overstated."""
    return BPS * largest // replicas


def laplace_confidence_bps(winning: int, replicas: int) -> int:
    """Return the rule-of-succession confidence in bps, rounded down."""
    return BPS * (winning + 1) // (replicas + 2)


def decide_verdicts(
    votes: Sequence[Vote], *, policy: str, threshold_bps: int = DEFAULT_THRESHOLD_BPS
) -> Decision:
    """Decide a validation: votes with the same `label` agree.

    Raises:
        InvalidInput: for an empty round, a repeated index, an unknown status or policy.
    """
    cast = _cast(votes, policy, threshold_bps)
    return _decide(votes, _by_label(cast), VERDICT, policy, threshold_bps)


def decide_answers(
    votes: Sequence[Vote],
    *,
    policy: str,
    threshold_bps: int = DEFAULT_THRESHOLD_BPS,
    equivalence: str = "exact",
    tolerance_millionths: int = 0,
) -> Decision:
    """Decide a delegation: votes whose `text` is the same under `equivalence` agree.

    Args:
        votes: one per executed replica.
        policy: return_all, fail_hard or best_effort.
        threshold_bps: agreement below this is strong disagreement.
        equivalence: exact, json or overlap.
        tolerance_millionths: for json, see `json_rung`. A receipt of format 1 records no
            tolerance, so only 0 can be recomputed from one.

    Raises:
        InvalidInput: for an empty round, a repeated index, an unknown status, policy or
            equivalence.
    """
    cast = _cast(votes, policy, threshold_bps)
    relation: Rung = rung(equivalence)
    if tolerance_millionths:
        if equivalence != "json":
            raise InvalidInput("only json takes one", field="tolerance_millionths")
        relation = json_rung(tolerance_millionths)
    answers = [(vote.index, vote.text) for vote in cast if vote.text is not None]
    return _decide(votes, group_answers(answers, relation), equivalence, policy, threshold_bps)


def decide_groups(
    labels: Sequence[tuple[int, str | None]],
    *,
    equivalence: str,
    policy: str,
    threshold_bps: int,
) -> Decision:
    """Decide from group labels alone, as a receipt holds them; None is a non-vote.

    Raises:
        InvalidInput: as `decide_verdicts`, and for an unknown equivalence.
    """
    if equivalence != VERDICT and equivalence not in RUNGS:
        raise InvalidInput("is unknown", field="consensus.equivalence")
    votes = [Vote(index=index, label=label) for index, label in labels]
    cast = _cast(votes, policy, threshold_bps)
    return _decide(votes, _by_label(cast), equivalence, policy, threshold_bps)


def _by_label(cast: Sequence[Vote]) -> list[Group]:
    members: dict[str, list[int]] = {}
    for vote in cast:
        if vote.label is not None:
            members.setdefault(vote.label, []).append(vote.index)
    return [
        Group(label=label, members=tuple(indices), representative=indices[0])
        for label, indices in members.items()
    ]


def _cast(votes: Sequence[Vote], policy: str, threshold_bps: int) -> list[Vote]:
    """Check the round and return the votes that count, by index."""
    if not votes:
        raise InvalidInput("needs at least one replica", field="votes")
    if policy not in POLICIES:
        raise InvalidInput(
            f"must be one of {', '.join(POLICIES)}", field="consensus.disagreement_policy"
        )
    if not 0 <= threshold_bps <= BPS:
        raise InvalidInput("must be 0 .. 10000", field="consensus.agreement_threshold_bps")
    if len({vote.index for vote in votes}) != len(votes):
        raise InvalidInput("must not repeat an index", field="votes")
    for vote in votes:
        if vote.status not in STATUSES:
            raise InvalidInput(f"must be one of {', '.join(STATUSES)}", field="votes.status")
    return sorted((vote for vote in votes if vote.status == OK), key=lambda vote: vote.index)


def _decide(
    votes: Sequence[Vote],
    groups: Sequence[Group],
    equivalence: str,
    policy: str,
    threshold_bps: int,
) -> Decision:
    replicas = len(votes)
    voted = tuple(sorted((index, group.label) for group in groups for index in group.members))
    largest = max((len(group.members) for group in groups), default=0)
    leaders = [group for group in groups if len(group.members) == largest]
    agreement = agreement_bps(largest, replicas)
    strong = len(leaders) != 1 or agreement < threshold_bps
    winner = _winner(leaders, policy, strong=strong)
    if winner is not None:
        outcome = winner.label if equivalence == VERDICT else OK
    else:
        outcome = NO_CONSENSUS if groups else FAILED
    members = winner.members if winner is not None else ()
    return Decision(
        outcome=outcome,
        equivalence=equivalence,
        policy=policy,
        threshold_bps=threshold_bps,
        replicas=replicas,
        winner=members,
        dissent=tuple(index for index, _ in voted if index not in members),
        representative=winner.representative if winner is not None else None,
        votes={group.label: len(group.members) for group in groups},
        groups=voted,
        non_votes=replicas - len(voted),
        agreement_bps=agreement,
        confidence_bps=laplace_confidence_bps(len(members), replicas) if members else 0,
        strong_disagreement=strong,
    )


def _winner(leaders: Sequence[Group], policy: str, *, strong: bool) -> Group | None:
    if not leaders:
        return None
    if policy == BEST_EFFORT:
        return min(leaders, key=lambda group: group.members[0])
    if len(leaders) > 1 or (policy == FAIL_HARD and strong):
        return None
    return leaders[0]
