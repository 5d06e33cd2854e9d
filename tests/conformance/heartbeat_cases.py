# SPDX-License-Identifier: Apache-2.0
"""Cases of heartbeats: receipts of the router's own jobs, which charge nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cortensor.receipts.tiers import HEARTBEAT
from tests.conformance.case import Case, chain_facts, trusting
from tests.conformance.edits import lie, overcharge, put
from tests.conformance.samples import Job, anchor

if TYPE_CHECKING:
    from tests.conformance.edits import Data

HEARTBEATS = (
    Job("one-silent", ["A river.", None, "a river"], equivalence="overlap", tier=HEARTBEAT),
    Job("all-silent", [None] * 5, failure="ERROR", equivalence="overlap", tier=HEARTBEAT),
    Job("alone", ["It is 12."], equivalence="overlap", tier=HEARTBEAT),
)


def heartbeat_cases() -> list[Case]:
    """Return every case of a heartbeat."""
    bundles = _anchored()
    facts = chain_facts(bundles)
    good = [
        trusting(f"good-heartbeat-{name}", "a job of the router's own: free", bundle, facts)
        for name, bundle in bundles.items()
    ]
    as_paid = put("receipt.policy.tier", None)
    bad = (
        ("charged", "a heartbeat that charges", overcharge, ("bill",)),
        (
            "as-paid-work",
            "a free job that is said to be no heartbeat",
            as_paid,
            ("bill", "request"),
        ),
    )
    return [
        *good,
        *(
            Case(
                f"bad-heartbeat-{name}", why, lie("one-silent", edit, jobs=HEARTBEATS), None, failed
            )
            for name, why, edit, failed in bad
        ),
    ]


def _anchored() -> dict[str, Data]:
    bundles = anchor([job.bundle() for job in HEARTBEATS])
    return {job.name: data for job, data in zip(HEARTBEATS, bundles, strict=True)}
