# SPDX-License-Identifier: Apache-2.0
"""An epoch as one page that opens from disk: who got what and why; no request, light and dark."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2
from msgspec import Struct

from cortensor.consensus.fixed_point import percent
from cortensor.epochs.tree_file import address
from cortensor.pricing import format_cor
from cortensor.receipts.keccak import to_hex
from cortensor.rewards.concentration import gini_bps, hhi_bps, lorenz_bps, top_share_bps
from cortensor.rewards.epoch import why_nobody
from cortensor.rewards.formula import breadth_bps, is_counted
from cortensor.rewards.words import BPS, MAX_LEVEL, Sums, Tally

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortensor.epochs.sources import Sources
    from cortensor.rewards.epoch import EpochInputs, EpochResult
    from cortensor.rewards.words import Facts

HERE = Path(__file__).parent
MOST_ROWS = 500
"""Nodes in the table, those with most first; `metrics.csv` has all."""
MOST_BARS = 20
MOST_POINTS = 100
CHART = 300
"""Side of the Lorenz chart, in its own units."""


class NodeRow(Struct, frozen=True):
    """A line of the table: the factors of the formula, and what came of them."""

    node: str
    operator: str
    level: str
    moved: int
    work: int
    factors: list[str]
    amount: str
    exact: str
    why: str


class Share(Struct, frozen=True):
    """An operator's bar; `permille` of the longest."""

    operator: str
    nodes: int
    amount: str
    share: str
    permille: int
    is_capped: bool


class Flagged(Struct, frozen=True):
    """A pair that agrees more than its tasks explain."""

    nodes: tuple[str, str]
    shared: int
    same: int
    expected: str
    later: str


def render_page(inputs: EpochInputs, sources: Sources, result: EpochResult) -> str:
    """Return the page of an epoch."""
    amounts = [Sums.unpack(leaf.sums).amount for leaf in result.leaves]
    by_operator = [0] * len(inputs.roster.operators)
    for place, amount in zip(inputs.roster.operator_of, amounts, strict=True):
        by_operator[place] += amount
    nodes = inputs.roster.nodes
    order = sorted(range(len(nodes)), key=lambda place: (-amounts[place], nodes[place].node))
    levels = [0] * (MAX_LEVEL + 1)
    for facts in result.facts:
        levels[facts.level_after] += 1
    moves = [facts.level_after - facts.level_before for facts in result.facts]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE), autoescape=True, undefined=jinja2.StrictUndefined
    )
    sums = result.sums
    return environment.get_template("page.html.j2").render(
        epoch=inputs.epoch,
        start=_time(inputs.start),
        end=_time(inputs.end),
        nodes=len(nodes),
        operators=len(by_operator),
        receipts=len(inputs.receipts),
        records=len(inputs.records),
        models=list(inputs.models),
        budget=_cor(inputs.budget),
        allotted=_cor(sums.amount),
        returned=_cor(inputs.budget - sums.amount),
        allotted_share=percent(BPS * sums.amount // inputs.budget if inputs.budget else 0),
        is_funded=inputs.budget > 0,
        paid=sum(amount > 0 for amount in amounts),
        nobody=why_nobody(inputs, result),
        root=to_hex(result.tree.root),
        inputs_hash=to_hex(result.inputs_hash),
        gini=percent(gini_bps(by_operator)),
        gini_nodes=percent(gini_bps(amounts)),
        hhi=hhi_bps(by_operator),
        top=percent(top_share_bps(by_operator)),
        cap=percent(inputs.card.cap_bps),
        lorenz=_line(by_operator),
        lorenz_nodes=_line(amounts),
        chart=CHART,
        shares=_shares(inputs, result, by_operator),
        levels=_bars(levels),
        rows=[_row(inputs, result, place) for place in order[:MOST_ROWS]],
        rose=sum(move > 0 for move in moves),
        fell=sum(move < 0 for move in moves),
        flagged=_flagged(inputs, result),
        tested=result.collusion.tested,
        left_out=[("this one", each) for each in sources.left_out]
        + [("an earlier one", each) for each in sources.left_out_before],
        card=inputs.card,
        min_uptime=percent(inputs.card.min_uptime_bps),
    )


def _row(inputs: EpochInputs, result: EpochResult, place: int) -> NodeRow:
    leaf, facts = result.leaves[place], result.facts[place]
    tally, amount = Tally.unpack(leaf.tally), Sums.unpack(leaf.sums).amount
    card = inputs.card
    shares = (
        card.level_bps[facts.level_before],
        facts.agreement_bps,
        facts.consistency_bps,
        facts.answered_bps,
        breadth_bps(card, facts.models),
        facts.uptime_bps,
    )
    return NodeRow(
        node=address(leaf.node),
        operator=address(leaf.operator),
        level=f"{facts.level_before} → {facts.level_after}"
        if facts.level_after != facts.level_before
        else str(facts.level_before),
        moved=facts.level_after - facts.level_before,
        work=tally.work // BPS,
        factors=[f"{each / BPS:.3f}" for each in shares],
        amount=_cor(amount),
        exact=format_cor(amount),
        why="" if is_counted(card, facts) else _why_not(inputs, facts),
    )


def _why_not(inputs: EpochInputs, facts: Facts) -> str:
    """Return which gate a node that is paid nothing did not pass."""
    card = inputs.card
    if not facts.is_staked:
        return "not staked"
    if facts.tasks < card.min_tasks:
        return f"{facts.tasks} of {card.min_tasks} tasks"
    return f"uptime {percent(facts.uptime_bps)} of {percent(card.min_uptime_bps)}"


def _shares(inputs: EpochInputs, result: EpochResult, amounts: Sequence[int]) -> list[Share]:
    counts = [0] * len(amounts)
    scores = [0] * len(amounts)
    for place, leaf in zip(inputs.roster.operator_of, result.leaves, strict=True):
        counts[place] += 1
        scores[place] += Sums.unpack(leaf.sums).score
    total, most = result.sums.score, max(amounts, default=0)
    order = sorted(range(len(amounts)), key=lambda place: (-amounts[place], place))[:MOST_BARS]
    return [
        Share(
            operator=address(inputs.roster.operators[place]),
            nodes=counts[place],
            amount=format_cor(amounts[place]),
            share=percent(BPS * amounts[place] // inputs.budget if inputs.budget else 0),
            permille=amounts[place] * 1000 // most if most else 0,
            is_capped=total > 0 and scores[place] * BPS > total * inputs.card.cap_bps,
        )
        for place in order
    ]


def _flagged(inputs: EpochInputs, result: EpochResult) -> list[Flagged]:
    nodes = [address(entry.node) for entry in inputs.roster.nodes]
    return [
        Flagged(
            nodes=(nodes[pair.node], nodes[pair.other]),
            shared=pair.shared,
            same=pair.same,
            expected=f"{pair.expected_bps / BPS:.1f}",
            later="" if pair.later is None else nodes[pair.later],
        )
        for pair in result.collusion.pairs
    ]


def _line(amounts: Sequence[int]) -> str:
    """Return a Lorenz curve as the points of an SVG line."""
    points = lorenz_bps(amounts, max(1, min(len(amounts), MOST_POINTS)))
    steps = len(points) - 1
    return " ".join(
        f"{CHART * number / steps:.1f},{CHART - CHART * value / BPS:.1f}"
        for number, value in enumerate(points)
    )


def _bars(counts: Sequence[int]) -> list[tuple[int, int, int]]:
    """Return level, nodes, and permille of the longest bar."""
    most = max(counts, default=0)
    return [(level, each, each * 1000 // most if most else 0) for level, each in enumerate(counts)]


def _cor(wei: int) -> str:
    """Return COR with four decimals, rounded down, for people; exact amounts stand beside."""
    units = wei // 10**14
    return f"{units // BPS:,}.{units % BPS:04}"


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
