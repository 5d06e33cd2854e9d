# SPDX-License-Identifier: Apache-2.0
"""One function for every strategy. Formulas and reasons: docs/spec/consensus.md."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import msgspec

from cortensor.consensus.confidence import LAPLACE, POSTERIOR
from cortensor.consensus.equivalence import Rung, json_rung, rung
from cortensor.consensus.grouping import Group, group_answers
from cortensor.consensus.likeness import EMBEDDING, Embedding, Likeness, compare
from cortensor.consensus.numeric import NUMERIC, Scale, decide_scores
from cortensor.consensus.outcome import (
    DEFAULT_THRESHOLD_BPS,
    RETURN_ALL,
    VERDICT,
    Rules,
    cast_votes,
    conclude,
)
from cortensor.consensus.tally import NOTHING
from cortensor.consensus.vote import ABSTAIN, MAJORITY, Calibrated, Decision, Vote
from cortensor.consensus.weighing import mean_correlation_bps, weigh
from cortensor.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortensor.consensus.confidence import Calibration
    from cortensor.consensus.ensemble import EnsembleModel
    from cortensor.consensus.reputation import Reputation
    from cortensor.consensus.vote import Weighing


def decide(
    votes: Sequence[Vote],
    *,
    strategy: str = MAJORITY,
    weight_by: str | None = None,
    equivalence: str | Rung = VERDICT,
    policy: str = RETURN_ALL,
    threshold_bps: int = DEFAULT_THRESHOLD_BPS,
    labels: Sequence[str] | None = None,
    non_votes: str = ABSTAIN,
    reputation: Reputation | None = None,
    model: EnsembleModel | None = None,
    calibration: Calibration | None = None,
    scale: Scale | None = None,
    tolerance_millionths: int = 0,
    embedding: Embedding | None = None,
) -> Decision:
    """Decide one round of votes.

    Args:
        votes: one per executed replica.
        strategy: majority, weighted, ensemble_model; for scores median, median_of_means or
            trimmed_mean.
        weight_by: for weighted: reputation (log-odds; the default), or stake, latency or cost,
            which break ties and never turn a majority.
        equivalence: what makes two votes the same: `verdict` (their labels), exact, json, overlap
            or embedding (their texts), or a `Rung`. Of no use to scores.
        policy: return_all, fail_hard or best_effort.
        threshold_bps: agreement below this is strong disagreement.
        labels: all labels there are, if that is known. In a list of two, a vote of a rater below
            chance is a vote for the other; without a list it is only one against its own.
        non_votes: what a replica without a vote is: `abstain` (in the denominator of agreement,
            for nobody), `ignore` (as if not asked) or `against` (a vote against every answer).
        reputation: records of the raters, for weighted by reputation; for n_eff with any strategy.
        model: confusion counts, for ensemble_model.
        calibration: fitted confidence; used if it was fitted for the strategy that is applied.
        scale: for scores: tolerance, bounds and past errors.
        tolerance_millionths: for json, see `json_rung`.
        embedding: for embedding: the model, and the distance of answers that are the same.

    Returns:
        The decision. Where a strategy lacks its history (25 gold items), `weighing.fallback` says
        so and the majority decides.

    Raises:
        InvalidInput: for an empty round, a repeated index, or a name or number out of range.
    """
    rules = Rules(
        policy=policy,
        threshold_bps=threshold_bps,
        non_votes=non_votes,
        labels=None if labels is None else tuple(labels),
    )
    rules.check()
    cast = cast_votes(votes)
    if strategy in NUMERIC:
        if weight_by is not None:
            raise InvalidInput("is for the strategy weighted", field="consensus.weight_by")
        scored = [vote for vote in cast if vote.value is not None]
        return decide_scores(
            votes,
            strategy,
            rules,
            scale if scale is not None else Scale(),
            correlation_bps=mean_correlation_bps(scored, reputation),
        )
    groups, name, likeness = _group(cast, equivalence, tolerance_millionths, embedding)
    chosen = {index: group.label for group in groups for index in group.members}
    weighing = weigh(strategy, weight_by, votes, chosen, reputation=reputation, model=model)
    if calibration is not None and calibration.is_for(weighing):
        method = calibration.cell
    else:
        method = partial(_uncalibrated, weighing, reputation, model)
    decision = conclude(
        [vote.index for vote in votes],
        groups,
        rules._replace(equivalence=name),
        weighing,
        method,
    )
    if likeness is None and not tolerance_millionths:
        return decision
    return msgspec.structs.replace(
        decision, tolerance_millionths=tolerance_millionths, likeness=likeness
    )


def by_label(cast: Sequence[Vote]) -> list[Group]:
    """Group votes by their labels; a vote without one is none.

    Raises:
        InvalidInput: for an empty label, which stands for no answer.
    """
    members: dict[str, list[int]] = {}
    for vote in cast:
        if vote.label == NOTHING:
            raise InvalidInput("must not be empty", field="votes.label")
        if vote.label is not None:
            members.setdefault(vote.label, []).append(vote.index)
    return [
        Group(label=label, members=tuple(indices), representative=indices[0])
        for label, indices in members.items()
    ]


def _group(
    cast: Sequence[Vote],
    equivalence: str | Rung,
    tolerance_millionths: int,
    embedding: Embedding | None,
) -> tuple[list[Group], str, Likeness | None]:
    if tolerance_millionths:
        if equivalence != "json":
            raise InvalidInput("only json takes one", field="tolerance_millionths")
        equivalence = json_rung(tolerance_millionths)
    if equivalence == VERDICT:
        return by_label(cast), VERDICT, None
    answers = [(vote.index, vote.text) for vote in cast if vote.text is not None]
    if equivalence == EMBEDDING:
        if embedding is None:
            raise InvalidInput("needs a model", field="embedding")
        likeness = compare(answers, embedding)
        return likeness.groups(), EMBEDDING, likeness
    relation = rung(equivalence) if isinstance(equivalence, str) else equivalence
    return group_answers(answers, relation), relation.name, None


def _uncalibrated(
    weighing: Weighing,
    reputation: Reputation | None,
    model: EnsembleModel | None,
    _votes: int,
    _winning: int,
) -> Calibrated:
    """Return the confidence of a strategy without a calibration: as it is, or by Laplace."""
    if weighing.weights and reputation is not None:
        return Calibrated(method=POSTERIOR, n_history=reputation.gold_items)
    if weighing.priors and model is not None:
        return Calibrated(method=POSTERIOR, n_history=model.gold_items, version=model.version)
    return Calibrated(method=LAPLACE)
