# SPDX-License-Identifier: Apache-2.0
"""Receipts and verifications as text for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from cortensor.consensus.fixed_point import percent
from cortensor.pricing import BPS, LINE_NAMES, format_cor
from cortensor.receipts.canonical import receipt_urn
from cortensor.receipts.checks import (
    CONSISTENT,
    FAILED,
    NOT_CHECKED,
    PROVEN,
    REFUSED,
    UNREACHABLE,
    VERIFIED,
)
from cortensor.receipts.likeness import LikenessBlock
from cortensor.receipts.parties import PaymentBlock, count_operators
from cortensor.receipts.rule import WeighingBlock

if TYPE_CHECKING:
    from rich.console import RenderableType

    from cortensor.receipts.body import Body
    from cortensor.receipts.bundle import Bundle
    from cortensor.receipts.checks import Verification

_STYLES = {PROVEN: "green", FAILED: "bold red", NOT_CHECKED: "yellow"}
_VERDICT_STYLES = {
    VERIFIED: "bold green",
    CONSISTENT: "bold yellow",
    UNREACHABLE: "bold yellow",
    REFUSED: "bold red",
    FAILED: "bold red",
}


def plain(text: str) -> str:
    """Return text with every character that steers a terminal (or turns text around) escaped."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def _plain_table(columns: int) -> Table:
    """Return a table without lines that folds long values: an id cut short is no id."""
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for _ in range(columns):
        table.add_column(overflow="fold")
    return table


def verification_view(path: str, verification: Verification) -> RenderableType:
    """Return the checks of a verification as a table under its verdict."""
    verdict = Text(verification.verdict.upper(), _VERDICT_STYLES[verification.verdict])
    if verification.verdict == CONSISTENT:
        verdict.append(f", trust open: {', '.join(verification.trust_open)} not checked")
    table = _plain_table(columns=3)
    for check in verification.checks:
        style = _STYLES[check.status]
        # Details repeat text from the receipt, which must not act as markup.
        table.add_row(
            Text(check.status.replace("_", " "), style), Text(check.name), Text(plain(check.detail))
        )
    for ruling in verification.rulings:
        word, style = ("met", "green") if ruling.is_met else ("not met", "bold red")
        table.add_row(Text(word, style), Text(f"policy {ruling.rule}"), Text(plain(ruling.reason)))
    if verification.withheld:
        table.add_row(
            Text("withheld", "yellow"), Text("bundle"), Text(", ".join(verification.withheld))
        )
    left = sum(1 for check in verification.checks if check.status == NOT_CHECKED)
    if left:
        verdict.append(f" ({left} of {len(verification.checks)} not checked)", "yellow")
    open_points = Text("Not proven by any receipt:", "dim")
    for point in verification.not_proven:
        open_points.append(f"\n- {point}")
    return Group(Text.assemble(verdict, f" {path} {verification.receipt_id}"), table, open_points)


def _rule(body: Body) -> str:
    """Return the strategy applied, what it weighs by, and why it is not the one asked for."""
    weighing = body.consensus.weighing
    if not isinstance(weighing, WeighingBlock):
        return body.consensus.strategy
    by = f" by {weighing.weight_by}" if weighing.weight_by else ""
    return weighing.strategy + by + (f" ({weighing.fallback})" if weighing.fallback else "")


def _alike(body: Body) -> list[tuple[str, str]]:
    """Return how alike the answers are, or how far apart their numbers may be."""
    block = body.consensus
    if isinstance(block.likeness, LikenessBlock):
        pairs = ", ".join(
            f"{pair.replicas[0]} and {pair.replicas[1]} {percent(pair.similarity_bps)}"
            + ("" if pair.gate is None else f" but for {pair.gate}")
            for pair in block.likeness.pairs
        )
        least = percent(BPS - block.likeness.dispersion_bps)
        return [("alike", f"{pairs} ({least} or more by {block.likeness.model})")]
    if block.tolerance_millionths:
        return [("alike", f"numbers within {block.tolerance_millionths} millionths")]
    return []


def _parties(body: Body) -> list[tuple[str, str]]:
    """Return who else has a part in the receipt."""
    signed = sum(1 for entry in body.replicas if isinstance(entry.miner_signature, str))
    by_miners = f", {signed} answers signed by their miners" if signed else ""
    facts = [("operators", f"{count_operators(body.replicas)}{by_miners}")]
    if isinstance(body.payment, PaymentBlock):
        payment = body.payment
        facts.append(("paid by", f"{payment.scheme} {payment.network} {payment.transaction}"))
    if isinstance(body.supersedes, str):
        facts.append(("supersedes", receipt_urn(body.supersedes)))
    return facts


def receipt_view(bundle: Bundle) -> RenderableType:
    """Return a receipt's facts, replicas and bill."""
    body = bundle.receipt
    block = body.consensus
    facts = _plain_table(columns=2)
    for name, value in (
        ("receipt", receipt_urn(bundle.receipt_id)),
        ("endpoint", f"{body.endpoint} {body.api_version}"),
        ("outcome", body.result.outcome),
        ("answer", body.result.output_summary or ""),
        ("agreement", f"{percent(block.agreement_bps)} of {block.replicas} replicas"),
        ("confidence", f"{percent(block.confidence_bps)} ({block.confidence_method})"),
        ("decided by", _rule(body)),
        *_alike(body),
        *_parties(body),
        ("session", body.session_id),
        ("router", f"{body.router.router_id}, signer {body.router.signer}"),
    ):
        facts.add_row(name, Text(plain(value)))
    replicas = Table(title="Replicas")
    for column in ("#", "session", "status", "verdict or group", "model", "in", "out", "ms"):
        replicas.add_column(column, overflow="fold")
    for entry in body.replicas:
        answer = entry.verdict if entry.verdict is not None else entry.cluster
        replicas.add_row(
            str(entry.index),
            escape(plain(entry.session_id)),
            entry.status + (" late" if entry.late else ""),
            escape(plain("" if answer is None else str(answer))),
            escape(plain(entry.model)),
            str(entry.input_units),
            str(entry.output_units),
            str(entry.latency_ms),
        )
    bill = Table(title="Bill", show_footer=True)
    bill.add_column("line", footer="charge")
    bill.add_column("COR", footer=format_cor(int(body.bill.charge)), justify="right")
    for name in LINE_NAMES:
        wei = int(getattr(body.bill.lines, name))
        bill.add_row(name, format_cor(-wei if name == "rebates" else wei))
    return Group(facts, replicas, bill)
