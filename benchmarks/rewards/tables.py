# SPDX-License-Identifier: Apache-2.0
"""The tables of docs/rewards.md, of the study's figures."""

from __future__ import annotations

from math import comb
from statistics import median_low
from typing import TYPE_CHECKING, Any

from benchmarks.rewards.bounds import upper_ppm
from benchmarks.rewards.copying import CHEATS
from cortensor.consensus.fixed_point import ln_micro
from cortensor.rewards.collusion import FAMILY_LEVEL_BPS, MIN_SHARED, divergence_micro

if TYPE_CHECKING:
    from collections.abc import Sequence


MIDDLE = (median_low, max)
BPS = 10_000
MOST_OWNED = 2
"""Who copies everybody does not own everybody."""
CHANCE_BPS = 5_100
"""How often honest nodes are on one side of a task that tells, on average of equal machines."""


def tables(figures: dict[str, Any]) -> dict[str, str]:
    """Return each table's Markdown, by its name."""
    return {
        "spread": _spread(figures["populations"]),
        "margins": _margins(figures["populations"]),
        "splitting": _splitting(figures["splitting"]),
        "joining": _joining(figures["joining"]),
        "copying": _copying(figures["copying"]),
        "quiet": _copying(figures["quiet"]),
        "thin": _copying(figures["thin"]),
        "thin quiet": _copying(figures["thin quiet"]),
        "once": _honest(figures["once"], "honest networks of 20, tested once"),
        "again": _honest(figures["again"], "honest networks, tested in each of 60 epochs"),
        "cost": _cost(figures["cost"]),
        "power": _power(figures["power"]),
        "needed": _needed(),
        "share": _share(figures["share"]),
    }


def by_seed(draws: dict[str, Any], *names: str) -> list[int]:
    """Return a figure of each seed, such as that of a cheat."""
    found = []
    for draw in draws.values():
        figure = draw
        for name in names:
            figure = figure[name]
        found.append(figure)
    return found


def percent(bps: int) -> str:
    """Return basis points as per cent."""
    sign = "-" if bps < 0 else ""
    return f"{sign}{abs(bps) // 100}.{abs(bps) % 100:02d} %"


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _spread(populations: dict[str, Any]) -> str:
    head = (
        "population", "operators", "Gini", "HHI", "top 5", "of the budget paid", "median level",
        "pairs flagged",
    )  # fmt: skip
    rows = []
    for name, each in populations.items():
        spread = each["spread"]
        shares = ("gini_bps", "hhi_bps", "top5_bps", "allotted_bps")
        rows.append(
            [
                name,
                spread["operators"],
                *(percent(spread[share]) for share in shares),
                spread["median_level"],
                spread["flagged_pairs"],
            ]
        )
    return _table(head, rows)


def _margins(populations: dict[str, Any]) -> str:
    head = (
        "population", "one more model", "one more node, no more work",
        "one more node, as much work again", "one more point of uptime",
    )  # fmt: skip
    names = ("model", "node_without_work", "node_with_work", "uptime_point")
    rows = [
        [population, *(percent(each["margins"][name]) for name in names)]
        for population, each in populations.items()
    ]
    return _table(head, rows)


def _splitting(sizes: dict[str, Any]) -> str:
    head = (
        "nodes for one machine", "seeds", "splitting gains, median", "most",
        "merging gains, median", "most",
    )  # fmt: skip
    rows = []
    for nodes, draws in sizes.items():
        split, merged = (by_seed(draws, name) for name in ("splitting_bps", "merging_bps"))
        rows.append(
            [nodes, len(draws), *(percent(each(of)) for of in (split, merged) for each in MIDDLE)]
        )
    return _table(head, rows)


def _joining(kinds: dict[str, Any]) -> str:
    head = ("two operators become one, and serve", "seeds", "gain, median", "most")
    rows = [
        [f"{models} models", len(draws), *(percent(each(by_seed(draws))) for each in MIDDLE)]
        for models, draws in kinds.items()
    ]
    return _table(head, rows)


def _copying(draws: dict[str, Any]) -> str:
    head = (
        "reward, against not cheating", "median", "best for the cheat", "gains on", "found on",
        "after epochs (median)", "first 8 epochs (median)", "the copied one (median)",
        "with the copied ones, best",
    )  # fmt: skip
    rows = []
    for name in next(iter(draws.values())):
        gains, early, victim, together, first = (
            by_seed(draws, name, field)
            for field in ("gain_bps", "early_bps", "victim_bps", "together_bps", "first_epoch")
        )
        found = [epoch for epoch in first if epoch]
        rows.append(
            [
                CHEATS[name].does,
                *(percent(each(gains)) for each in MIDDLE),
                f"{sum(gain > 0 for gain in gains)} of {len(gains)}",
                f"{len(found)} of {len(gains)}",
                median_low(found) if found else "-",
                percent(median_low(early)),
                percent(median_low(victim)) if CHEATS[name].victims else "-",
                percent(max(together)) if 0 < len(CHEATS[name].victims) <= MOST_OWNED else "-",
            ]
        )
    return _table(head, rows)


def _honest(kinds: dict[str, dict[str, int]], what: str) -> str:
    head = (
        what, "networks", "with a pair flagged", "at most, at 95 %", "pairs", "flagged", "times",
    )  # fmt: skip
    rows = []
    for kind, each in kinds.items():
        flagged, networks = each["networks_flagged"], each["networks"]
        rows.append(
            [
                kind,
                networks,
                flagged,
                percent(-(-upper_ppm(flagged, networks) // 100)),
                f"{each['pairs']:,}",
                f"{each['pairs_flagged']:,}",
                f"{each['times_flagged']:,}",
            ]
        )
    return _table(head, rows)


def _cost(sizes: dict[str, dict[str, int]]) -> str:
    head = ("operators", "the one named as later loses", "each loses, where none is named")
    rows = [
        [operators, percent(each["later"]), percent(each["each"])]
        for operators, each in sizes.items()
    ]
    return _table(head, rows)


def needed(copied_bps: int, operators: int, chance_bps: int = CHANCE_BPS) -> int:
    """Return how many contested tasks a copier and its victim share when it is as likely found.

    Args:
        copied_bps: in how many of them it copies.
        operators: with one node each, all of whose pairs are tested.
        chance_bps: how often an honest pair is on one side of such a task.
    """
    level = ln_micro(comb(operators, 2) * BPS, FAMILY_LEVEL_BPS)
    alike_bps = chance_bps + copied_bps * (BPS - chance_bps) // BPS
    return next(
        shared
        for shared in range(MIN_SHARED, MIN_SHARED * BPS)
        if divergence_micro(shared, (shared * alike_bps + BPS // 2) // BPS, shared * chance_bps)
        >= level
    )


def _needed() -> str:
    shares = range(100, 9, -10)
    head = ["shared contested tasks needed, copying", *(f"{share} %" for share in shares)]
    rows = [
        [f"{operators:,} operators", *(f"{needed(100 * share, operators):,}" for share in shares)]
        for operators in (10, 40, 1_000)
    ]
    return _table(head, rows)


def _share(sizes: dict[str, Any]) -> str:
    shares = sorted(next(iter(sizes.values())), key=int, reverse=True)
    head = ["found of 10, copying of the shared tasks", *(f"{share} %" for share in shares)]
    rows = []
    for size, powers in sizes.items():
        found = [powers[share] for share in shares]
        rows.append([f"{size} operators", *(each["found"] for each in found)])
        rows.append(
            ["after epochs (median)", *(each["median_epochs"] or "-" for each in found)],
        )
    return _table(head, rows)


def _power(pairs: dict[str, Any]) -> str:
    head = (
        "cheat", "operators", "found", "after epochs (median)", "shared contested tasks (median)",
        "copier named", "innocent pairs flagged",
    )  # fmt: skip
    rows = []
    for cheat in ("copier", "ring"):
        for size, each in pairs[cheat].items():
            named = f"{each['later_right']} of {each['found']}" if cheat == "copier" else "-"
            rows.append(
                [
                    cheat,
                    size,
                    f"{each['found']} of {each['networks']}",
                    each["median_epochs"] if each["found"] else "-",
                    each["median_shared"] if each["found"] else "-",
                    named,
                    each["innocent"],
                ]
            )
    return _table(head, rows)
