# SPDX-License-Identifier: Apache-2.0
"""The history that the router's own store and configuration give: the adapter of `HistoryPort`."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import msgspec

from cortensor.consensus import (
    Calibration,
    Correlation,
    Record,
    Reputation,
    correlation_of,
    model_of,
    records_of,
)
from cortensor.consensus.reputation import MIN_GOLD_ITEMS
from cortensor.errors import Error, InvalidInput
from cortensor.router.history import History
from cortensor.router.prompts import INVALID, VALID

if TYPE_CHECKING:
    from pathlib import Path

    from cortensor.consensus import EnsembleModel
    from cortensor.router.config import ConsensusConfig
    from cortensor.store.gold import Answered, Gold

log = logging.getLogger(__name__)


class MeasuredHistory:
    """Records that the configuration starts with, and the gold items of the store on top of them.

    Args:
        gold: the known items.
        config: what the records start with.
        calibrations: fitted confidences.

    Raises:
        Unavailable: the store cannot be read.
    """

    def __init__(
        self, gold: Gold, config: ConsensusConfig, calibrations: tuple[Calibration, ...]
    ) -> None:
        self._gold = gold
        self._config = config
        self._calibrations = calibrations
        self._now = History()
        self.refresh()

    def snapshot(self) -> History:
        """Return what was known at the last refresh."""
        return self._now

    def refresh(self) -> None:
        """Count again. Blocks; raises Unavailable."""
        self._now = history_of(self._gold.items(), self._config, self._calibrations)

    async def refresh_for_ever(self) -> None:
        """Count again every `refresh_s` seconds; what fails is logged and tried again."""
        while True:
            await asyncio.sleep(self._config.refresh_s)
            try:
                await asyncio.to_thread(self.refresh)
            except Error as error:
                log.warning("the history stays as it was: %s", error)


def history_of(
    items: list[Answered], config: ConsensusConfig, calibrations: tuple[Calibration, ...]
) -> History:
    """Return the history that known items and configured records give."""
    hidden = [each.known for each in items if each.is_gold]
    checked = [each.known for each in items if not each.is_gold]
    records = {
        name: Record(right=given.right, total=given.total, audited=given.audited)
        for name, given in config.records.items()
    }
    for found, is_audit in ((records_of(hidden), True), (records_of(checked), False)):
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
            records=records,
            gold_items=config.gold_items + len(hidden),
            correlation=correlation_of(hidden) if measured else Correlation(),
        )
        if records
        else None,
        model=_model(hidden_items=[each for each in items if each.is_gold]),
        calibrations=calibrations,
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
