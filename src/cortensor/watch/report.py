# SPDX-License-Identifier: Apache-2.0
"""What a pass found and did, for people and for machines. Wei are decimal text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from cortensor.pricing import format_cor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cortensor.watch.records import FindingRow


def session_name(session: int) -> str:
    """Return a session's id as it is shown: 0x and 40 hex digits."""
    return f"0x{session:040x}"


class FindingReport(Struct, frozen=True):
    """A finding that is open, or new in this pass."""

    kind: str
    session_id: str | None
    index: int
    root: str | None
    excess_wei: str
    detail: str
    seen_at: int
    state: str
    outcome: str


class ActionReport(Struct, frozen=True):
    """Something done, or left, about a finding or a demand.

    `result` is mined, waiting, reverted, refused, dry_run, no_key, unprofitable, no_room, failed.
    `fee_wei` is wei of the gas coin; `reward_wei` is what a challenge earns beside the refund.
    """

    action: str
    session_id: str
    index: int
    result: str
    reason: str = ""
    tx_hash: str | None = None
    reward_wei: str = "0"
    fee_wei: str | None = None


class PassReport(Struct, frozen=True):
    """One pass: the head it saw, what is known, found, done, and what needs a person."""

    block: int
    time: int
    leaves: int
    waiting_batches: int
    findings: list[FindingReport] = field(default_factory=list)
    actions: list[ActionReport] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found and nothing needs a person."""
        return not self.findings and not self.alarms


def report_finding(row: FindingRow) -> FindingReport:
    """Return a finding as it is shown."""
    return FindingReport(
        kind=row.kind,
        session_id=None if row.session == 0 else session_name(row.session),
        index=row.index,
        root=row.root,
        excess_wei=str(row.excess),
        detail=row.detail,
        seen_at=row.seen_at,
        state=row.state,
        outcome=row.outcome,
    )


def lines(report: PassReport) -> Iterator[str]:
    """Yield a report's lines for a terminal."""
    unseen = f"{report.waiting_batches} batches not shown"
    yield f"block {report.block}: {report.leaves} leaves, {unseen}"
    for finding in report.findings:
        about = finding.session_id or finding.root or ""
        excess = f", excess {format_cor(int(finding.excess_wei))} COR"
        shown = excess if finding.excess_wei != "0" else ""
        yield f"FOUND {finding.kind} {about} #{finding.index}: {finding.detail}{shown}"
    for action in report.actions:
        told = "; ".join(_told(action))
        about = f"{action.action} {action.session_id} #{action.index}"
        yield f"  {about}: {action.result}{f' ({told})' if told else ''}"
    for alarm in report.alarms:
        yield f"ALARM {alarm}"


def _told(action: ActionReport) -> Iterator[str]:
    if action.reason:
        yield action.reason
    if action.reward_wei != "0":
        yield f"earns {format_cor(int(action.reward_wei))} COR"
    if action.fee_wei is not None:
        yield f"costs at most {format_cor(int(action.fee_wei))} of the gas coin"
    if action.tx_hash is not None:
        yield action.tx_hash
