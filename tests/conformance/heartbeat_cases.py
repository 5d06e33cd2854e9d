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
    bad = [
        ("charged", "a heartbeat that charges", (overcharge,)),
        (
            "as-paid-work",
            "a free job that says it is no heartbeat",
            (put("receipt.policy.tier", None),),
        ),
    ]
    failed = {"charged": ("bill",), "as-paid-work": ("bill", "request")}
    return [
        *good,
        *(
            trusting(
                f"bad-heartbeat-{name}", why, lie("one-silent", *edits, jobs=HEARTBEATS), facts
            )._replace(chain=None, session_payment=None, failed=failed[name])
            for name, why, edits in bad
        ),
    ]


def _anchored() -> dict[str, Data]:
    bundles = anchor([job.bundle() for job in HEARTBEATS])
    return {job.name: data for job, data in zip(HEARTBEATS, bundles, strict=True)}
