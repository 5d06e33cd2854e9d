# SPDX-License-Identifier: Apache-2.0
"""What docs/rewards.md says in words of the study's figures; a test looks for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.rewards.bounds import upper_ppm
from benchmarks.rewards.copying import OPERATORS
from benchmarks.rewards.network import NARROW, WIDE, WIDE_BPS
from benchmarks.rewards.tables import BPS, by_seed, percent
from cortensor.rewards.collusion import FAMILY_LEVEL_BPS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CLONES = "clones"
"""The honest kind for which the test's bound does not hold."""
LOSING = ("good", "poor", "hard", "noisy", "half", "turns", "ring")
"""Cheats that lose on every seed of the busy network."""
UNSEEN = ("third",)
"""What is too thin to be found there."""
THIN_LOSING = ("good", "poor", "ring")
"""Cheats that lose on every seed among twice as many operators with as many tasks."""
THIN_UNSEEN = ("half", "third", "turns")
QUIET_LOSING = ("good", "poor", "hard", "ring")
"""Cheats that lose on every seed of the quiet network."""
QUIET_UNSEEN = ("noisy", "half", "third", "turns")
OWNED = ("good", "poor", "hard", "noisy", "half", "third", "turns")
"""Cheats that copy one or two machines: an owner could have all of them."""


def claims(figures: dict[str, Any]) -> dict[str, str]:
    """Return the page's statements, by what they are of."""

    def gain(network: str, cheats: Sequence[str], figure: str = "gain_bps") -> str:
        """Return the most of a figure over cheats and seeds."""
        return percent(max(max(by_seed(figures[network], name, figure)) for name in cheats))

    def loss(network: str, cheats: Sequence[str]) -> str:
        """Return what is lost at least."""
        return percent(-max(max(by_seed(figures[network], name, "gain_bps")) for name in cheats))

    first = by_seed(figures["copying"], "first", "gain_bps")
    noisy = by_seed(figures["quiet"], "noisy", "gain_bps")
    whales = {name: percent(share) for name, share in figures["whales"].items()}
    all_thin = (*THIN_LOSING, *THIN_UNSEEN)
    return {
        "losing": f"best for the cheat it still loses {loss('copying', LOSING)}",
        "thin": f"still loses, {loss('thin', THIN_LOSING)} at least",
        "thin unseen": f"gain up to {gain('thin', THIN_UNSEEN)} there",
        "unseen": f"gains up to {gain('copying', UNSEEN)} in the busy network",
        "quiet losing": f"lose {loss('quiet', QUIET_LOSING)} at least",
        "quiet noisy": f"gains on {sum(bps > 0 for bps in noisy)} seed of {len(noisy)}",
        "quiet": f"gain up to {gain('quiet', QUIET_UNSEEN)}",
        "thin quiet": f"up to {gain('thin quiet', all_thin)} among 80",
        "owned": f"{gain('copying', OWNED, 'together_bps')} in the busy network and "
        f"{gain('quiet', OWNED, 'together_bps')} in the quiet one",
        "first": f"gains {percent(min(first))} to {percent(max(first))}",
        "saved": f"more than {_break_even(figures['copying'], 'good', BPS)} of its reward if "
        f"it copies everywhere, and {_break_even(figures['copying'], 'half', BPS // 2)} if in half",
        "once": f"one test: {_pooled(figures['once'])}",
        "again": f"sixty tests: {_pooled(figures['again'])}",
        "rate": _rate(figures["again"], figures["epochs"]),
        "loss": f"{_expected_loss(figures['cost'])} of a node's reward an epoch",
        "whales": f"{whales['as_three']} of the budget as three operators and {whales['as_many']} "
        "as one operator a machine",
    }


def meeting_bps(operators: int) -> int:
    """Return in how many of its tasks an operator meets a given other one."""
    wide, narrow = WIDE_BPS, BPS - WIDE_BPS
    asked = NARROW * narrow + WIDE * wide
    others = NARROW * (NARROW - 1) * narrow + WIDE * (WIDE - 1) * wide
    return BPS * others // (asked * (operators - 1))


def _break_even(draws: dict[str, Any], cheat: str, copy_bps: int) -> str:
    """Return what answering must cost, of the reward, so that what is not done outweighs the loss.

    On the seed that is best for the cheat, in full per cent.
    """
    lost = -max(by_seed(draws, cheat, "gain_bps"))
    saved = meeting_bps(OPERATORS) * copy_bps // BPS
    return f"{100 * lost // saved} %"


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
