# SPDX-License-Identifier: Apache-2.0
"""What docs/rewards.md says in words of the study's figures; a test looks for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.rewards.bounds import upper_ppm
from benchmarks.rewards.tables import BPS, by_seed, percent
from cortensor.rewards.collusion import FAMILY_LEVEL_BPS

if TYPE_CHECKING:
    from collections.abc import Mapping

CLONES = "clones"
"""The honest kind for which the test's bound does not hold."""
LOSING = ("good", "poor", "hard", "ring")
"""Cheats that lose on every seed."""
GAINING = ("half", "turns")
"""Cheats that are found too late, or never."""


def claims(figures: dict[str, Any]) -> dict[str, str]:
    """Return the page's statements, by what they are of."""
    worst = max(max(by_seed(figures["copying"], name, "gain_bps")) for name in GAINING)
    first = by_seed(figures["copying"], "first", "gain_bps")
    thin = {name: by_seed(figures["thin"], name, "gain_bps") for name in ("good", "poor", "ring")}
    noisy = by_seed(figures["copying"], "noisy", "gain_bps")
    whales = {name: percent(share) for name, share in figures["whales"].items()}
    losses = [max(by_seed(figures["copying"], name, "gain_bps")) for name in LOSING]
    return {
        "losing": f"on the seed that is best for the cheat it still loses {percent(-max(losses))}",
        "gaining": f"gain up to {percent(worst)} among 40 operators",
        "first": f"gains {percent(min(first))} to {percent(max(first))}",
        "thin": f"up to {percent(max(max(gains) for gains in thin.values()))} among 80",
        "noisy": f"gained on {sum(gain > 0 for gain in noisy)} seed of {len(noisy)}",
        "once": f"one test: {_pooled(figures['once'])}",
        "again": f"sixty tests: {_pooled(figures['again'])}",
        "rate": _rate(figures["again"], figures["epochs"]),
        "loss": f"{_expected_loss(figures['cost'])} of a node's reward an epoch",
        "whales": f"{whales['as_three']} of the budget as three operators and {whales['as_many']} "
        "as one operator a machine",
    }


def bounded(kinds: Mapping[str, Any]) -> dict[str, Any]:
    """Return the honest kinds that the test's bound is meant for."""
    return {kind: each for kind, each in kinds.items() if kind != CLONES}


def _pooled(kinds: Mapping[str, Any]) -> str:
    held = bounded(kinds).values()
    flagged, networks = (
        sum(each[name] for each in held) for name in ("networks_flagged", "networks")
    )
    pairs, wrong = (sum(each[name] for each in held) for name in ("pairs", "pairs_flagged"))
    most = percent(-(-upper_ppm(flagged, networks) // 100))
    return (
        f"{wrong} of {pairs:,} pairs in {networks:,} networks, so a network has one with a chance "
        f"of at most {most}"
    )


def _rate(kinds: Mapping[str, Any], epochs: int) -> str:
    held = bounded(kinds).values()
    times, networks = (sum(each[name] for each in held) for name in ("times_flagged", "networks"))
    tests = networks * epochs
    return f"{times} flags in {tests:,} tests, {times / tests:.4f} a test"


def _expected_loss(cost: Mapping[str, Any]) -> str:
    """Return what flags at the test's level cost a node on average, the later one being named."""
    bps = max(
        FAMILY_LEVEL_BPS * each["later"] / int(operators) / BPS for operators, each in cost.items()
    )
    return f"{bps:.1f} bps"
