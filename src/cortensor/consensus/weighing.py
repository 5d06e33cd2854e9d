# SPDX-License-Identifier: Apache-2.0
"""What a strategy weighs the votes by, looked up once; or why it cannot, and what it does instead.

A strategy that lacks its history falls back to the majority and says so: v4 lets `strategy` be
the one actually used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cortensor.consensus.dependence import Correlation, Origin
from cortensor.consensus.reputation import MIN_GOLD_ITEMS
from cortensor.consensus.tally import (
    COST,
    ENSEMBLE_MODEL,
    LATENCY,
    REPUTATION,
    STAKE,
    STRATEGIES,
    WEIGHT_BY,
    WEIGHTED,
)
from cortensor.consensus.vote import MAJORITY, Weighing
from cortensor.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cortensor.consensus.ensemble import EnsembleModel
    from cortensor.consensus.reputation import Reputation
    from cortensor.consensus.vote import Vote

ALIASES = {"model_ensemble": ENSEMBLE_MODEL}
"""Names of the v3 specification -> those of v4."""

_FIELDS = {STAKE: "stake", LATENCY: "latency_ms", COST: "cost"}


def weigh(
    strategy: str,
    weight_by: str | None,
    votes: Sequence[Vote],
    chosen: Mapping[int, str],
    *,
    reputation: Reputation | None,
    model: EnsembleModel | None,
) -> Weighing:
    """Return the weighing of a round.

    Args:
        strategy: majority, weighted or ensemble_model.
        weight_by: for weighted; reputation if None.
        votes: every executed replica, since one without a vote can count against.
        chosen: replica index -> the label it voted for.
        reputation: records of the raters.
        model: confusion counts of the raters.

    Raises:
        InvalidInput: for a strategy or dimension that does not exist.
    """
    strategy = ALIASES.get(strategy, strategy)
    if strategy == WEIGHTED and weight_by is None:
        weight_by = REPUTATION
    if strategy != WEIGHTED and weight_by is not None:
        raise InvalidInput("is for the strategy weighted", field="consensus.weight_by")
    if strategy == WEIGHTED and weight_by not in WEIGHT_BY:
        raise InvalidInput(f"must be one of {', '.join(WEIGHT_BY)}", field="consensus.weight_by")
    if (strategy, weight_by) not in STRATEGIES:
        raise InvalidInput(
            f"must be one of {', '.join(dict.fromkeys(name for name, _ in STRATEGIES))}",
            field="consensus.strategy",
        )
    correlation = mean_correlation_bps([vote for vote in votes if vote.index in chosen], reputation)
    missing = lacking(strategy, weight_by, reputation, model)
    if missing is not None:
        return Weighing(strategy=MAJORITY, fallback=missing, correlation_bps=correlation)
    weights: dict[int, int] = {}
    likelihoods: dict[int, dict[str, int]] = {}
    if weight_by == REPUTATION and reputation is not None:
        weights = reputation.weights_micro({vote.index: vote.rater for vote in votes})
    if strategy == ENSEMBLE_MODEL and model is not None:
        likelihoods = {
            vote.index: model.likelihoods_micro(vote.rater, chosen.get(vote.index, ""))
            for vote in votes
        }
    return Weighing(
        strategy=strategy,
        weight_by=weight_by,
        weights=weights,
        likelihoods=likelihoods,
        priors=model.priors_micro() if strategy == ENSEMBLE_MODEL and model is not None else {},
        preference=_preference(weight_by, votes),
        correlation_bps=correlation,
    )


def lacking(
    strategy: str,
    weight_by: str | None,
    reputation: Reputation | None,
    model: EnsembleModel | None,
) -> str | None:
    """Return what keeps a strategy from being applied, as a sentence, or None.

    It depends on no vote, so that the price of a strategy can be known before it runs.

    Args:
        strategy: by its name in v4.
        weight_by: for weighted; never None there.
        reputation: records of the raters.
        model: confusion counts of the raters.
    """
    if weight_by == REPUTATION and (reputation is None or not reputation.is_enough()):
        have = reputation.gold_items if reputation is not None else 0
        return f"weighted by reputation needs {MIN_GOLD_ITEMS} gold items, there are {have}"
    if strategy == ENSEMBLE_MODEL and (model is None or not model.is_enough()):
        have = model.gold_items if model is not None else 0
        return f"ensemble_model needs {MIN_GOLD_ITEMS} gold items, there are {have}"
    return None


def _preference(weight_by: str | None, votes: Sequence[Vote]) -> dict[int, int]:
    field = _FIELDS.get(weight_by or "")
    if field is None:
        return {}
    known = {vote.index: getattr(vote, field) for vote in votes}
    return {index: value for index, value in known.items() if value is not None}


def mean_correlation_bps(votes: Sequence[Vote], reputation: Reputation | None) -> int | None:
    """Return the voters' mean error correlation in bps, or None if nothing is known of them."""
    known = reputation is not None or any(vote.model or vote.prompt for vote in votes)
    if not known:
        return None
    table = reputation.correlation if reputation is not None else Correlation()
    return table.mean_bps([Origin(model=vote.model, prompt=vote.prompt) for vote in votes])
