# SPDX-License-Identifier: Apache-2.0
"""A bill for people (a table in COR) and for machines (JSON, wei as decimal strings)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table

from cortensor.pricing.money import format_cor
from cortensor.pricing.quote import LINE_NAMES, Bill
from cortensor.pricing.terms import (
    CONSENSUS_METHODS,
    DISAGREEMENT_POLICIES,
    MODEL_CLASSES,
    SLA_TIERS,
    Terms,
)

if TYPE_CHECKING:
    from cortensor.pricing.usage import Usage


def _name(names: tuple[str, ...], code: int) -> str:
    return names[code] if code < len(names) else f"#{code}"


def explain_lines(terms: Terms, usage: Usage) -> dict[str, str]:
    """Return, for each line of a bill, what drove it, in a payer's words."""
    faults = f"{usage.failed_replicas} failed, {usage.late_replicas} late"
    return {
        "base": (
            f"{terms.replicas} task fee(s) + {usage.input_units} input and "
            f"{usage.output_units} output tokens, {_name(MODEL_CLASSES, terms.model_class)} model"
        ),
        "sla": f"{_name(SLA_TIERS, terms.sla_tier)} service level",
        "depth": f"{terms.execution_depth} execution step(s), {terms.tool_depth} tool level(s)",
        "redundancy": f"{terms.replicas} replica(s)",
        "consensus": (
            f"{_name(CONSENSUS_METHODS, terms.consensus_method)}, "
            f"{_name(DISAGREEMENT_POLICIES, terms.disagreement_policy)}, "
            f"threshold {terms.agreement_threshold_bps} bps"
        ),
        "validation": (
            f"{usage.validator_units} validator tokens, {terms.validator_depth} level(s)"
        ),
        "surcharge": f"congestion, capped at {terms.surcharge_cap_bps} bps",
        "rebates": f"{faults}; volume tier {terms.volume_tier}",
    }


def bill_table(bill: Bill, terms: Terms, usage: Usage, title: str = "Quote") -> Table:
    """Return a rich table: one row a line, what drove it, and the amount in COR."""
    table = Table(title=title, show_footer=True)
    table.add_column("line", footer="total")
    table.add_column("for", footer="", overflow="fold")
    table.add_column("COR", footer=format_cor(bill.total), justify="right", no_wrap=True)
    reasons = explain_lines(terms, usage)
    for name in LINE_NAMES:
        wei = getattr(bill.lines, name)
        amount = format_cor(-wei) if name == "rebates" else format_cor(wei)
        table.add_row(name, reasons[name], amount)
    return table


def bill_json(bill: Bill, terms: Terms, usage: Usage) -> dict[str, Any]:
    """Return the bill as JSON data: packed words as hex, money as decimal strings of wei."""
    return {
        "total": str(bill.total),
        "total_cor": format_cor(bill.total),
        "lines": bill.lines.to_json(),
        "terms": hex(terms.pack()),
        "usage": hex(usage.pack()),
    }
