# SPDX-License-Identifier: Apache-2.0
"""The history that the router's own store and configuration give: the adapter of `HistoryPort`."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct, structs

from cortensor.consensus import (
    Calibration,
    Correlation,
    Record,
    Reputation,
    correlation_of,
    model_of,
    records_of,
)
from cortensor.consensus.reputation import MIN_GOLD_ITEMS, pooled
from cortensor.errors import Error, InvalidInput
from cortensor.router.history import History
from cortensor.router.prompts import INVALID, VALID

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from cortensor.consensus import EnsembleModel
    from cortensor.router.config import ConsensusConfig
    from cortensor.router.ports import Clock
    from cortensor.store.gold import Answered, Gold

WHOLE = 1024
"""The weight of a fresh answer."""
LEVEL_VOTES = 2
"""Unaudited right votes that each of a node's levels is worth; 20 for the highest."""
NO_LEVELS: Mapping[str, int] = MappingProxyType({})

log = logging.getLogger(__name__)


class MeasuredHistory:
    """Records that the configuration starts with, and the gold items of the store on top of them.

    Args:
        gold: the known items.
        config: what the records start with.
        calibrations: fitted confidences.
        clock: how old answers are.
        half_life_s: after how long an answer counts half.
        levels: the level of each session's node, by the session's id, where it is known.

    Raises:
        Unavailable: the store cannot be read.
    """

    def __init__(
        self,
        gold: Gold,
        config: ConsensusConfig,
        calibrations: tuple[Calibration, ...],
        *,
        clock: Clock,
        half_life_s: int,
        levels: Callable[[], Mapping[str, int]] = dict,
    ) -> None:
        self._gold = gold
        self._config = config
        self._calibrations = calibrations
        self._clock = clock
        self._half_life_s = half_life_s
        self._levels = levels
        self._now = History()
        self.refresh()

    def snapshot(self) -> History:
        """Return what was known at the last refresh."""
        return self._now

    def refresh(self) -> None:
        """Count again. Blocks; raises Unavailable."""
        self._now = history_of(
            self._gold.items(),
            self._config,
            self._calibrations,
            ages=Ages(self._clock.unix(), self._half_life_s),
            levels=self._levels(),
        )

    async def refresh_for_ever(self) -> None:
        """Count again every `refresh_s` seconds; what fails is logged and tried again."""
        while True:
            await asyncio.sleep(self._config.refresh_s)
            try:
                await asyncio.to_thread(self.refresh)
            except Error as error:
                log.warning("the history stays as it was: %s", error)


class Ages(Struct, frozen=True):
    """What an answer's age does to its weight.

    An answer weighs 1024, halved for each whole half-life it is old and nothing after ten; a
    record is the sum of its weights in 1024ths, rounded down.
    """

    now: int
    half_life_s: int

    def weight(self, at: int) -> int:
        """Return the weight of an answer of a time in unix seconds."""
        halvings = max(0, self.now - at) // self.half_life_s
        return WHOLE >> halvings if halvings < WHOLE.bit_length() else 0


def history_of(
    items: list[Answered],
    config: ConsensusConfig,
    calibrations: tuple[Calibration, ...],
    *,
    ages: Ages | None = None,
    levels: Mapping[str, int] = NO_LEVELS,
) -> History:
    """Return the history that known items and configured records give.

    Args:
        items: known items with their votes.
        config: what records start with.
        calibrations: fitted confidences.
        ages: how answers lose weight; None for not at all.
        levels: of nodes by the session's id. They count in what votes weigh, where anything is
            measured, and not in what is shown as measured.
    """
    items = [each for each in map(partial(_remembered, ages=ages), items) if each.known.votes]
    hidden = [each.known for each in items if each.is_gold]
    records = {
        name: Record(right=given.right, total=given.total, audited=given.audited)
        for name, given in config.records.items()
    }
    for found, is_audit in (
        (_records([each for each in items if each.is_gold], ages), True),
        (_records([each for each in items if not each.is_gold], ages), False),
    ):
        for rater, record in found.items():
            old = records.get(rater, Record(right=0, total=0))
            records[rater] = Record(
                right=old.right + record.right,
                total=old.total + record.total,
                audited=old.audited + (record.audited if is_audit else 0),
            )
    measured = len(hidden) >= MIN_GOLD_ITEMS
    return History(
        reputation=Reputation(
            records=_with_levels(records, levels),
            gold_items=config.gold_items + _fresh([e for e in items if e.is_gold], ages),
            correlation=correlation_of(hidden) if measured else Correlation(),
            pool=pooled(records),  # a level says nothing of how hard the questions are
        )
        if records
        else None,
        measured=records,
        model=_model(hidden_items=[each for each in items if each.is_gold]),
        calibrations=calibrations,
    )


def _with_levels(records: Mapping[str, Record], levels: Mapping[str, int]) -> dict[str, Record]:
    """Return the records with `LEVEL_VOTES` right votes for each level, none of them audited."""
    found = dict(records)
    for rater, level in levels.items():
        old, more = found.get(rater, Record(right=0, total=0)), LEVEL_VOTES * level
        found[rater] = Record(right=old.right + more, total=old.total + more, audited=old.audited)
    return found


def _remembered(item: Answered, ages: Ages | None) -> Answered:
    """Return an item without the votes that weigh nothing any more."""
    if ages is None:
        return item
    votes = [
        vote
        for vote in item.known.votes
        if ages.weight(item.voted_at.get(vote.rater or "", ages.now))
    ]
    return structs.replace(item, known=structs.replace(item.known, votes=tuple(votes)))


def _records(items: list[Answered], ages: Ages | None) -> dict[str, Record]:
    if ages is None:
        return records_of(each.known for each in items)
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for each in items:
        for vote in each.known.votes:
            if vote.rater is not None and vote.label is not None:
                weight = ages.weight(each.voted_at.get(vote.rater, ages.now))
                total[vote.rater] += weight
                right[vote.rater] += weight if vote.label == each.known.right else 0
    return {
        rater: Record(right=right[rater] // WHOLE, total=sum_ // WHOLE, audited=sum_ // WHOLE)
        for rater, sum_ in total.items()
        if sum_ >= WHOLE
    }


def _fresh(items: list[Answered], ages: Ages | None) -> int:
    """Return how many items the history rests on: each by the weight of its youngest vote."""
    if ages is None:
        return len(items)
    return (
        sum(ages.weight(max(each.voted_at.values(), default=ages.now)) for each in items) // WHOLE
    )


def _model(hidden_items: list[Answered]) -> EnsembleModel | None:
    known = [each.known for each in hidden_items if each.known.right in {VALID, INVALID}]
    return model_of(known, (VALID, INVALID), f"{len(known)} gold items") if known else None


def load_calibrations(path: Path) -> tuple[Calibration, ...]:
    """Read a file of fitted confidences: a JSON list, as `consensus.calibrate` makes them.

    Raises:
        InvalidInput: unreadable, malformed, without a fit, or two for one strategy.
    """
    field = "consensus.calibration"
    try:
        found = msgspec.json.decode(path.read_bytes(), type=tuple[Calibration, ...])
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror}", field=field) from error
    except msgspec.MsgspecError as error:
        raise InvalidInput(f"{path} is no list of calibrations: {error}", field=field) from error
    rules = [(each.strategy, each.weight_by) for each in found]
    if len(set(rules)) != len(rules):
        raise InvalidInput("has two calibrations for one strategy", field=field)
    if any(not each.fits for each in found):
        raise InvalidInput("has a calibration without a fit", field=field)
    return found
