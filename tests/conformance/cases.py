# SPDX-License-Identifier: Apache-2.0
"""The conformance cases: what is done to a good receipt, and which checks must then fail.

`failed` is written by hand from the format's specification, never taken from the verifier.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from cortensor.pricing import Terms
from cortensor.receipts import address_of, to_hex
from tests.conformance.case import Case, chain_facts, forged_facts, trusting
from tests.conformance.chain_cases import chain_cases
from tests.conformance.edits import (
    asked,
    drop,
    edit,
    flip_dissent,
    forged,
    high_s,
    lie,
    loser,
    merge_groups,
    other_router,
    overcharge,
    put,
    reprice,
    signed_by_other,
    unanchored,
)
from tests.conformance.samples import (
    OTHER_KEY,
    SIGNER,
    fixed,
    good_bundles,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


def _good() -> Iterator[Case]:
    facts = chain_facts()
    for name, bundle in good_bundles().items():
        tiered = copy.deepcopy(facts)
        terms = Terms.unpack(int(bundle["receipt"]["bill"]["terms"], 16))
        session = tiered["sessions"][bundle["receipt"]["session_id"]]
        session["volume_tier"] = terms.volume_tier
        yield trusting(f"good-{name}", "an honest receipt, anchored and settled", bundle, tiered)
    single = unanchored("delegate-single")
    yield Case("good-not-anchored-yet", "signed, in no batch yet; checked offline", single, None)
    part = edit(good_bundles()["delegate-json"], lambda data: data["evidence"].pop(1))
    part["request"] = None
    why = "one replica and the request are kept private"
    kept = ("request", "replica:1")
    yield trusting("good-partly-shown", why, part, facts)._replace(withheld=kept)
    key = f"{SIGNER}:{part['anchor']['root']}"
    for level in ("soft", "safe"):
        early = edit(facts, put(f"batches.{key}.2", level))
        why = f"anchored, and final only as far as {level}"
        yield trusting(f"good-finality-{level}", why, good_bundles()["delegate-agreed"], early)
    for name, why, chain in (
        ("offline", "nobody was asked; who signed it is open", None),
        ("any-contract", "the chain was asked about whatever contracts the receipt names", facts),
    ):
        yield Case(f"good-{name}", why, good_bundles()["delegate-agreed"], chain)
    why = "made by a stranger: own key, own contracts; offline nothing tells"
    yield Case("forged-wholly", why, forged(), None)
    why = "made by a stranger, who has anchored it in contracts of their own"
    yield Case("forged-on-own-contracts", why, forged(), forged_facts())


def _dishonest() -> Iterator[Case]:
    for name, why, bundle, failed in (
        (
            "over-charged",
            "the router signed and anchored more than the card gives",
            lie("delegate-agreed", overcharge),
            ("bill",),
        ),
        (
            "usage-inflated",
            "units nobody delivered are billed, at the card's price",
            lie("delegate-agreed", reprice(usage={"output_units": 10**6})),
            ("usage",),
        ),
        (
            "failure-hidden",
            "failed replicas are billed as if they had delivered",
            lie("validate-no-consensus", reprice(usage={"failed_replicas": 0})),
            ("usage",),
        ),
        (
            "missing-hidden",
            "a replica that never ran is billed as if it had delivered",
            lie("delegate-missing", reprice(usage={"missing_replicas": 0})),
            ("usage",),
        ),
        (
            "missing-as-failed",
            "a replica that never ran is billed as one that failed, with a smaller rebate",
            lie("delegate-missing", reprice(usage={"missing_replicas": 0, "failed_replicas": 1})),
            ("usage",),
        ),
        (
            "lateness-hidden",
            "a late replica is billed as if it had been on time",
            lie("validate-majority", reprice(usage={"late_replicas": 0})),
            ("usage",),
        ),
        (
            "dearer-terms",
            "weighted consensus is billed, majority was run",
            lie("delegate-agreed", reprice(terms={"consensus_method": 1})),
            ("terms",),
        ),
        (
            "dearer-tier",
            "a service level nobody asked for is billed",
            lie("delegate-agreed", reprice(terms={"sla_tier": 3})),
            ("terms",),
        ),
        *(
            (
                f"{name.replace('_', '-')}-billed",
                "v4 cannot ask for it",
                lie("delegate-agreed", reprice(terms={name: 1})),
                ("terms",),
            )
            for name in ("execution_depth", "tool_depth", "validator_depth", "route_hint")
        ),
        (
            "subject-unasked",
            "the receipt speaks of an agent that the request does not name",
            lie("validate-majority", put("receipt.subject", "0x" + "a9" * 32)),
            ("request",),
        ),
        (
            "subject-of-another",
            "the request names one subject, the receipt is about another",
            lie(
                "validate-majority",
                asked("request.subject", "0x" + "a8" * 32),
                put("receipt.subject", "0x" + "a9" * 32),
            ),
            ("request",),
        ),
        (
            "another-request-answered",
            "five replicas were asked for, three were run and billed",
            lie("delegate-agreed", asked("request.consensus.replicas", 5)),
            ("request",),
        ),
        (
            "too-few-replicas",
            "two replicas were run, and the missing one given back, where all three were to run",
            lie("delegate-missing", asked("request.consensus.min_replicas", 3)),
            ("request",),
        ),
        (
            "one-session-twice",
            "two replicas on one compute session are no two opinions",
            lie("delegate-agreed", put("receipt.replicas.1.session_id", "201")),
            ("evidence", "replicas"),
        ),
        (
            "confidence-inflated",
            "the stated confidence does not follow from the votes",
            lie("validate-majority", put("receipt.consensus.confidence_bps", 9_900)),
            ("consensus",),
        ),
        (
            "dissent-flipped",
            "the dissenting verdict was changed, with all numbers fitting",
            lie("validate-majority", flip_dissent),
            ("evidence",),
        ),
        (
            "groups-merged",
            "three answers are claimed to agree, two do",
            lie("delegate-json", merge_groups),
            ("grouping",),
        ),
        (
            "loser-returned",
            "the result is the answer that lost",
            lie("delegate-json", loser),
            ("grouping", "result"),
        ),
        (
            "outcome-changed",
            "no consensus is sold as VALID",
            lie("validate-no-consensus", put("receipt.result.outcome", "VALID")),
            ("consensus",),
        ),
        (
            "signed-by-another",
            "the signature is not by the signer named",
            signed_by_other(unanchored("delegate-agreed")),
            ("signature",),
        ),
        (
            "other-routers-session",
            "the session was opened with another router",
            lie("delegate-agreed", other_router),
            ("request", "session"),
        ),
        (
            "unknown-strategy",
            "numbers that this version cannot recompute are not believed",
            lie(
                "delegate-agreed",
                put("receipt.consensus.strategy", "weighted"),
                reprice(terms={"consensus_method": 1}),
            ),
            ("consensus", "request"),
        ),
    ):
        yield Case(f"bad-{name}", why, bundle, None, failed)


def _tampered() -> Iterator[Case]:
    bundles = good_bundles()
    json_job, valid = bundles["delegate-json"], bundles["validate-majority"]
    for name, why, bundle, failed in (
        (
            "answer-tampered",
            "a shown answer was edited",
            edit(json_job, put("evidence.0.replica.output", '{"total": 1950}')),
            ("evidence", "grouping"),
        ),
        (
            "verdict-tampered",
            "a verdict in the body was edited after signing",
            edit(valid, put("receipt.replicas.0.verdict", "INVALID")),
            ("consensus", "evidence", "id", "struct"),
        ),
        (
            "charge-tampered",
            "the signed charge was edited after signing",
            edit(valid, put("charge.charge", "1")),
            ("leaf", "signature", "struct"),
        ),
        (
            "id-tampered",
            "the id is another receipt's",
            edit(valid, put("receipt_id", json_job["receipt_id"])),
            ("id",),
        ),
        (
            "second-signature",
            "the other half of the curve would recover the same signer",
            edit(valid, high_s),
            ("signature",),
        ),
        (
            "request-tampered",
            "the shown request is not the one committed to",
            edit(valid, put("request.canonical", '{"endpoint":"validate"}')),
            ("request",),
        ),
        (
            "replica-shown-twice",
            "one replica is shown in another's place",
            edit(valid, put("evidence.1", valid["evidence"][0])),
            ("evidence",),
        ),
        (
            "proof-tampered",
            "a proof step is another hash",
            edit(valid, put("anchor.proof.0", to_hex(fixed("nothing")))),
            ("proof",),
        ),
        (
            "index-tampered",
            "the leaf was anchored under another index",
            edit(valid, put("anchor.index", 9)),
            ("leaf",),
        ),
        (
            "cumulative-tampered",
            "the leaf was anchored with another total",
            edit(valid, put("anchor.cumulative", "1")),
            ("leaf",),
        ),
        (
            "leaf-of-another",
            "leaf and proof are another receipt's",
            edit(valid, put("anchor", json_job["anchor"])),
            ("leaf",),
        ),
        (
            "cheaper-card",
            "the bundle's card is not the one the bill was made by",
            edit(valid, put("card.task_wei", "1")),
            ("bill",),
        ),
    ):
        kept = ("replica:1",) if name == "replica-shown-twice" else ()
        yield Case(f"bad-{name}", why, bundle, None, failed, withheld=kept)


def _malformed() -> Iterator[Case]:
    good = good_bundles()["validate-majority"]
    upper = address_of(OTHER_KEY).upper().replace("X", "x")
    for name, why, change, field in (
        ("missing-field", "a field is missing", drop("receipt.bill.charge"),
         "receipt.bill.charge"),
        ("unknown-field", "a field is unknown", put("receipt.note", "x"), "receipt.note"),
        ("no-format", "the format is not stated", drop("format"), "format"),
        (
            "two-spellings",
            "hex in upper case would be a second spelling",
            put("receipt.router.signer", upper),
            "receipt.router.signer",
        ),
        (
            "number-for-text",
            "money must be text",
            put("receipt.bill.charge", 12),
            "receipt.bill.charge",
        ),
        (
            "leading-zero",
            "an integer with a leading zero is a second spelling",
            put("charge.charge", "0012"),
            "charge.charge",
        ),
        ("bad-status", "no such status", put("receipt.replicas.1.status", "LOST"),
         "receipt.replicas[1].status"),
        ("bad-card", "the card breaks a limit", put("card.late_rebate_bps", "9999"),
         "card.late_rebate_bps"),
    ):  # fmt: skip
        yield Case(f"malformed-{name}", why, edit(good, change), None, (), field)


def plain_cases() -> list[Case]:
    """Return every case of format 1, by kind."""
    return [*_good(), *_dishonest(), *_tampered(), *_malformed(), *chain_cases()]
