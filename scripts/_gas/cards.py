# SPDX-License-Identifier: Apache-2.0
"""Rate cards that are published while scenarios run."""

from __future__ import annotations

from cortensor.pricing import RateCard
from scripts._gas.bench import Bench
from scripts._gas.used import Used


def repriced(card: RateCard, tenths: int) -> RateCard:
    """Return a card with every wei price at so many tenths, rounded down."""
    old = card.to_json()
    new = {
        key: [str(int(v) * tenths // 10) for v in value]
        if isinstance(value, list)
        else str(int(value) * tenths // 10)
        for key, value in old.items()
        if key.endswith("_wei")
    }
    return RateCard.from_json({**old, **new})


def publish(bench: Bench) -> Used:
    """Publish card 2, in which every wei price is a tenth higher."""
    call = bench.table.functions.publish(repriced(bench.card, 11).abi_tuple())
    return bench.send(call, bench.actors.owner)
