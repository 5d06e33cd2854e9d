# SPDX-License-Identifier: Apache-2.0
"""From gold items to a calibration, and how good it is on items that it was not fitted on.

Rounds are drawn from an item's votes by hash, without a random generator, so that anyone with the
items gets the same calibration. What is shown beside it is measured on held-out items: the records
and the fit of each fifth are those of the other four.
"""

from __future__ import annotations

from collections import defaultdict
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from cortensor.consensus.adaptive import PLAN, fit_stop_bps
from cortensor.consensus.calibrate import calibrate
from cortensor.consensus.reputation import MIN_GOLD_ITEMS
from cortensor.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cortensor.consensus.confidence import Calibration
    from cortensor.consensus.history import GoldItem
    from cortensor.consensus.vote import Decision, Vote

    Named = tuple[str, GoldItem]
    """A gold item with the id that it is drawn by."""
    RuleFrom = Callable[[Sequence[Named]], Callable[..., Decision]]
    """From the items a rule learns from to the rule; it takes votes and a `calibration`."""
    Scored = dict[int, list[tuple[int, int]]]
    """Number of votes -> confidence in bps, and whether the outcome was right (1 or 0)."""

FOLDS = 5
DEFAULT_DRAWS = 10


class Fitted(NamedTuple):
    """A calibration and what it does.

    Attributes:
        calibration: fitted on all items.
        is_held_out: whether `before` and `after` are of held-out items; there may be too few.
        before: confidences without a calibration.
        after: confidences with one.
    """

    calibration: Calibration
    is_held_out: bool
    before: Scored
    after: Scored


def draw_rounds(
    items: Sequence[Named], draws: int = DEFAULT_DRAWS, sizes: Sequence[int] = PLAN
) -> list[tuple[list[Vote], str]]:
    """Return rounds of votes, each with the right outcome.

    Draw d takes the votes whose raters have the smallest SHA-256 of "d|item|rater", in that order.
    A set of raters that was drawn before is left out, and so is a size that needs more votes than
    an item has.

    Args:
        items: gold items.
        draws: how often to draw from each.
        sizes: numbers of votes in a round.
    """
    rounds = []
    for name, item in items:
        votes = [vote for vote in item.votes if vote.rater is not None and vote.label is not None]
        seen: set[frozenset[str | None]] = set()
        for draw in range(draws):
            order = sorted(votes, key=lambda vote: _place(draw, name, vote))
            for size in sizes:
                drawn = order[:size]
                raters = frozenset(vote.rater for vote in drawn)
                if len(drawn) < size or raters in seen:
                    continue
                seen.add(raters)
                cast = [msgspec.structs.replace(vote, index=i) for i, vote in enumerate(drawn)]
                rounds.append((cast, item.right))
    return rounds


def _place(draw: int, item: str, vote: Vote) -> bytes:
    return sha256(f"{draw}|{item}|{vote.rater}".encode()).digest()


def fit(
    items: Sequence[Named],
    rule_from: RuleFrom,
    *,
    version: str,
    draws: int = DEFAULT_DRAWS,
    mean_replicas_milli: int | None = None,
) -> Fitted:
    """Fit a strategy's confidence, and measure it.

    Args:
        items: gold items.
        rule_from: gives the strategy that some of the items teach.
        version: names the history.
        draws: rounds drawn from each item.
        mean_replicas_milli: if given, the confidence at which an adaptive run stops is fitted to so
            many replicas a round, in thousandths.

    Raises:
        InvalidInput: code `too_few_gold_items`; or no item has votes enough for a round.
    """
    if len(items) < MIN_GOLD_ITEMS:
        raise InvalidInput(
            f"needs {MIN_GOLD_ITEMS} gold items, there are {len(items)}",
            field="items",
            code="too_few_gold_items",
        )
    calibration = _fit(items, rule_from, version, draws)
    if mean_replicas_milli is not None:
        rule = rule_from(items)
        stop_bps = fit_stop_bps(
            [votes for votes, _ in draw_rounds(items, draws, PLAN[-1:])],
            lambda votes: rule(votes, calibration=calibration),
            mean_replicas_milli=mean_replicas_milli,
        )
        calibration = msgspec.structs.replace(calibration, stop_bps=stop_bps)
    before: Scored = defaultdict(list)
    after: Scored = defaultdict(list)
    least = len(items) - -(-len(items) // FOLDS)
    is_held_out = least >= MIN_GOLD_ITEMS
    for known, unseen in _folds(items) if is_held_out else [(items, items)]:
        rule = rule_from(known)
        fitted = _fit(known, rule_from, version, draws)
        for votes, right in draw_rounds(unseen, draws):
            _score(before, rule(votes), right)
            _score(after, rule(votes, calibration=fitted), right)
    return Fitted(calibration, is_held_out, dict(before), dict(after))


def _fit(items: Sequence[Named], rule_from: RuleFrom, version: str, draws: int) -> Calibration:
    return calibrate(
        draw_rounds(items, draws), rule_from(items), n_history=len(items), version=version
    )


def _folds(items: Sequence[Named]) -> list[tuple[list[Named], list[Named]]]:
    order = sorted(items, key=lambda named: sha256(named[0].encode()).digest())
    return [
        (
            [named for place, named in enumerate(order) if place % FOLDS != fold],
            order[fold::FOLDS],
        )
        for fold in range(FOLDS)
    ]


def _score(scored: Scored, decision: Decision, right: str) -> None:
    if decision.confidence_bps:  # a tie has no outcome that could be right
        pair = (decision.confidence_bps, int(decision.outcome == right))
        scored[len(decision.groups)].append(pair)
