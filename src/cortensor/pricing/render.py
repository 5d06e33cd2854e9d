# SPDX-License-Identifier: Apache-2.0
"""A bill for people (a table in COR) and for machines (JSON, wei as decimal strings)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from rich.table import Table

from cortensor.pricing.card import BPS, RateCard
from cortensor.pricing.money import COR_DECIMALS, WEI_PER_COR, format_cor
from cortensor.pricing.quote import Bill, rebates_of
from cortensor.pricing.terms import (
    CONSENSUS_METHODS,
    DISAGREEMENT_POLICIES,
    MODEL_CLASSES,
    SLA_TIERS,
    Terms,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortensor.pricing.usage import Usage

_PERCENT_DECIMALS = 6
"""A product of two rates in bps, as a percentage, has no more."""


class Row(msgspec.Struct, frozen=True):
    """One row of a bill as a payer reads it.

    Attributes:
        line: its name.
        reason: what it is for.
        rate: by what it is computed, or empty where it is a sum of prices.
        wei: the amount; negative for a rebate.
    """

    line: str
    reason: str
    rate: str
    wei: int


def format_percent(bps: int, scale: int = 1) -> str:
    """Return bps (times `scale`) as an exact percentage: 250 -> "2.5%"."""
    millionths = bps * 10**_PERCENT_DECIMALS // (100 * scale)
    whole, rest = divmod(millionths, 10**_PERCENT_DECIMALS)
    return f"{whole}.{rest:0{_PERCENT_DECIMALS}d}".rstrip("0").rstrip(".") + "%"


def _name(names: tuple[str, ...], code: int) -> str:
    return names[code].replace("_", " ") if code < len(names) else f"#{code}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def bill_rows(
    card: RateCard, surcharge_bps: int, bill: Bill, terms: Terms, usage: Usage
) -> list[Row]:
    """Return a bill line by line, each with what it is for and by what rate; rebates in two rows.

    Args:
        card: the card that the bill was made by.
        surcharge_bps: the surcharge of its epoch.
        bill: the bill.
        terms: what was agreed.
        usage: what was consumed.
    """
    lines = bill.lines
    applied_bps = min(surcharge_bps, terms.surcharge_cap_bps)
    return [
        Row("base", _base(card, terms, usage), "", lines.base),
        Row(
            "sla",
            f"{_name(SLA_TIERS, terms.sla_tier)} service level",
            f"{format_percent(card.sla_bps[terms.sla_tier])} of base",
            lines.sla,
        ),
        _depth(card, terms, lines.depth),
        Row(
            "redundancy",
            f"{_count(terms.replicas, 'independent replica')}",
            f"{format_percent(card.redundancy_bps[(terms.replicas - 1) // 2])} of work",
            lines.redundancy,
        ),
        _consensus(card, terms, lines.consensus),
        _validation(card, terms, usage, lines.validation),
        Row(
            "surcharge",
            f"network load: {format_percent(surcharge_bps)} now, "
            f"at most {format_percent(terms.surcharge_cap_bps)} accepted",
            f"{format_percent(applied_bps)} of the lines above",
            lines.surcharge,
        ),
        *_rebates(card, bill, terms, usage),
    ]


def _base(card: RateCard, terms: Terms, usage: Usage) -> str:
    of_input = format_cor(card.input_unit_wei[terms.model_class])
    of_output = format_cor(card.output_unit_wei[terms.model_class])
    return (
        f"{_count(terms.replicas, 'task fee')} at {format_cor(card.task_wei)}; "
        f"{_name(MODEL_CLASSES, terms.model_class)} model: "
        f"{_count(usage.input_units, 'input token')} at {of_input}, "
        f"{_count(usage.output_units, 'output token')} at {of_output}"
    )


def _depth(card: RateCard, terms: Terms, wei: int) -> Row:
    steps, levels = terms.execution_depth, terms.tool_depth
    bps = steps * card.execution_depth_bps + levels * card.tool_depth_bps
    if not steps and not levels:
        return Row("depth", "no execution steps, no tool levels", "0% of base", wei)
    return Row(
        "depth",
        f"{_count(steps, 'execution step')} at {format_percent(card.execution_depth_bps)}, "
        f"{_count(levels, 'tool level')} at {format_percent(card.tool_depth_bps)}",
        f"{format_percent(bps)} of base",
        wei,
    )


def _consensus(card: RateCard, terms: Terms, wei: int) -> Row:
    method = card.consensus_bps[terms.consensus_method]
    policy = card.disagreement_bps[terms.disagreement_policy]
    threshold = terms.agreement_threshold_bps
    rate = (method + policy) * BPS + card.threshold_bps * threshold
    return Row(
        "consensus",
        f"{_name(CONSENSUS_METHODS, terms.consensus_method)} at {format_percent(method)}, "
        f"on disagreement {_name(DISAGREEMENT_POLICIES, terms.disagreement_policy)} at "
        f"{format_percent(policy)}, {format_percent(threshold)} must agree at "
        f"{format_percent(card.threshold_bps * threshold, BPS)}",
        f"{format_percent(rate, BPS)} of work",
        wei,
    )


def _validation(card: RateCard, terms: Terms, usage: Usage, wei: int) -> Row:
    tokens, levels = usage.validator_units, terms.validator_depth
    rate = f"{format_percent(levels * card.validator_depth_bps)} of work"
    if not tokens:
        reason = "no validator tokens"
    else:
        reason = f"{_count(tokens, 'validator token')} at {format_cor(card.validator_unit_wei)}"
        rate = f"tokens + {rate}"
    if levels:
        reason += f", {_count(levels, 'level')} at {format_percent(card.validator_depth_bps)}"
    return Row("validation", reason, rate, wei)


def _rebates(card: RateCard, bill: Bill, terms: Terms, usage: Usage) -> list[Row]:
    gross = sum(bill.lines.as_tuple()[:-1])
    for_replicas, for_volume = rebates_of(card, gross, terms, usage)
    back, bps = [], 0
    for kind, number, each_bps in (
        ("failed", usage.failed_replicas, card.failed_rebate_bps),
        ("late", usage.late_replicas, card.late_rebate_bps),
        ("missing", usage.missing_replicas, card.missing_rebate_bps),
    ):
        bps += number * each_bps
        if number:
            back.append(f"{number} {kind} at {format_percent(each_bps)}")
    whole, rest = divmod(bps, terms.replicas)
    rate = (
        f"{format_percent(bps)} of 1/{terms.replicas} of charges"
        if rest
        else f"{format_percent(whole)} of charges"
    )
    volume = card.volume_rebate_bps[terms.volume_tier]
    return [
        Row(
            "replica rebate",
            f"{', '.join(back)} of a replica's share" if back else "no replica is at fault",
            rate,
            -for_replicas,
        ),
        Row(
            "volume rebate",
            f"volume tier {terms.volume_tier} of the session",
            f"{format_percent(volume)} of the rest",
            -for_volume,
        ),
    ]


def _aligned(amounts: Sequence[int]) -> list[str]:
    """Return amounts of wei as COR with as many decimals each as the longest needs."""
    places = max(len(format_cor(wei).partition(".")[2]) for wei in amounts)
    texts = []
    for wei in amounts:
        whole, rest = divmod(abs(wei), WEI_PER_COR)
        sign = "-" if wei < 0 else ""
        decimals = f".{rest:0{COR_DECIMALS}d}"[: places + 1] if places else ""
        texts.append(f"{sign}{whole}{decimals}")
    return texts


def bill_table(rows: Sequence[Row], bill: Bill, title: str = "Quote") -> Table:
    """Return a rich table: one row a line, what it is for, its rate, and the amount in COR."""
    *amounts, total = _aligned([*(row.wei for row in rows), bill.total])
    table = Table(title=title, show_footer=True, caption=_legend(bill), caption_justify="left")
    table.add_column("line", footer="total", no_wrap=True)
    table.add_column("for", footer="all lines, rebates subtracted", overflow="fold")
    table.add_column("rate", overflow="fold")
    table.add_column("COR", footer=total, justify="right", no_wrap=True)
    for row, amount in zip(rows, amounts, strict=True):
        table.add_row(row.line, row.reason, row.rate, amount)
    return table


def _legend(bill: Bill) -> str:
    return (
        f"Total {format_cor(bill.total)} COR = {bill.total} wei (1 COR = 10^18 wei).\n"
        "work = base + sla + depth; charges = all lines but the rebates. Prices are COR apiece.\n"
        "A rebate is money back: for replicas that failed, were late or never ran; for volume.\n"
        "Charges round up and rebates down, by less than 1 wei each."
    )


def bill_json(rows: Sequence[Row], bill: Bill, terms: Terms, usage: Usage) -> dict[str, Any]:
    """Return the bill as JSON data: packed words as hex, money as decimal strings of wei."""
    return {
        "total": str(bill.total),
        "total_cor": format_cor(bill.total),
        "lines": bill.lines.to_json(),
        "explained": [
            {"line": row.line, "for": row.reason, "rate": row.rate, "wei": str(row.wei)}
            for row in rows
        ],
        "terms": hex(terms.pack()),
        "usage": hex(usage.pack()),
    }
