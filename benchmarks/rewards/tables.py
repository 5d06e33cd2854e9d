# SPDX-License-Identifier: Apache-2.0
"""The tables of docs/rewards.md, of the study's figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


def tables(figures: dict[str, Any]) -> dict[str, str]:
    """Return each table's Markdown, by its name."""
    return {
        "spread": _spread(figures["populations"]),
        "margins": _margins(figures["populations"]),
        "splitting": _splitting(figures["splitting"]),
        "copying": _copying(figures["copying_early"], figures["copying"]),
        "honest": _honest(figures["pairs"]["honest"]),
        "power": _power(figures["pairs"]),
    }


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


def _splitting(gains: dict[str, int]) -> str:
    head = ("nodes for one machine", "splitting gains", "merging gains")
    rows = [
        [nodes, percent(gain), percent(-10_000 * gain // (10_000 + gain))]
        for nodes, gain in gains.items()
    ]
    return _table(head, rows)


def _copying(early: dict[str, int], found: dict[str, int]) -> str:
    who = {
        "good": "a good machine copies another",
        "lazy": "a poor machine copies a good one",
        "ring": "six operators give one answer",
        "victim": "the one that is copied",
    }
    rows = [[text, percent(early[name]), percent(found[name])] for name, text in who.items()]
    return _table(("reward, against not copying", "first 8 epochs", "60 epochs"), rows)


def _honest(kinds: dict[str, dict[str, int]]) -> str:
    head = ("honest networks of 20", "networks", "with a pair flagged", "pairs", "flagged")
    names = ("networks", "networks_flagged", "pairs", "pairs_flagged")
    return _table(
        head, [[kind, *(f"{each[name]:,}" for name in names)] for kind, each in kinds.items()]
    )


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
