# SPDX-License-Identifier: Apache-2.0
"""What settlements moved, and the prices of the receipts that tests publish."""

from __future__ import annotations

import json
from typing import Any

from cortensor.chain.observed import Settlement, SurchargeEpoch
from cortensor.pricing import RateCard
from cortensor.receipts.bundle import Bundle
from tests.python.epochs.publishing import REAL, VECTORS, body

_BUNDLE = Bundle.from_json(
    json.loads((VECTORS / "good-validate-majority.json").read_text())["bundle"]
)
ISSUED = REAL["issued_at"]
START, END = ISSUED - 3_600, ISSUED + 3_600
SESSION = body(0).session()
CHARGE = int(REAL["bill"]["charge"])


class _Prices:
    """One card, one surcharge."""

    def __init__(self) -> None:
        self.posted_at = START

    def card(self, version: int) -> RateCard:
        assert version == REAL["bill"]["version"]
        return _BUNDLE.rate_card()

    def surcharge(self, epoch: int) -> SurchargeEpoch:
        assert epoch == REAL["bill"]["surcharge_epoch"]
        return SurchargeEpoch(_BUNDLE.surcharge_bps, self.posted_at)

    def newest_epoch(self) -> int:
        return int(REAL["bill"]["surcharge_epoch"])


PRICES = _Prices()


def prices(posted_at: int) -> _Prices:
    made = _Prices()
    made.posted_at = posted_at
    return made


def settlement(root: str, anchorer: str, **changes: Any) -> Settlement:
    """Return a settlement that paid for three receipts, unless told otherwise."""
    fields: dict[str, Any] = {
        "router_id": SESSION >> 128,
        "sessions": [SESSION],
        "block": 5,
        "version": REAL["bill"]["version"],
        "total": 3 * CHARGE,
        "skipped": [],
        "is_stake": False,
    }
    return Settlement(**(fields | {"root": root, "anchorer": anchorer} | changes))
