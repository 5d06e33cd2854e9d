# SPDX-License-Identifier: Apache-2.0
"""The conformance cases: what is done to a good receipt, and which checks must then fail.

`failed` is written by hand from the format's specification, never taken from the verifier.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, NamedTuple

from cortensor.pricing import Terms, Usage, quote
from cortensor.receipts import Body, address_of, to_hex
from tests.conformance.samples import (
    CARD,
    CHAIN_ID,
    EPOCH,
    ISSUED_AT,
    JOBS,
    OTHER_KEY,
    ROUTER_ID,
    SESSION,
    SIGNER,
    SURCHARGE_BPS,
    VERSION,
    anchor,
    fixed,
    good_bundles,
    resign,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Data = dict[str, Any]
_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


class Case(NamedTuple):
    """One vector: a bundle, the chain's facts or None, and what a verifier must say."""

    name: str
    why: str
    bundle: Data
    chain: Data | None
    failed: tuple[str, ...] = ()
    malformed: str | None = None


def chain_facts() -> Data:
    """Return the facts under which every good receipt verifies."""
    bundles = good_bundles()
    last = list(bundles.values())[-1]["anchor"]
    return {
        "chain_id": CHAIN_ID,
        "cards": {str(VERSION): CARD.to_json()},
        "surcharges": {str(EPOCH): SURCHARGE_BPS},
        "routers": {str(ROUTER_ID): SIGNER},
        "batches": {f"{SIGNER}:{last['root']}": [ISSUED_AT + 60, len(bundles)]},
        "revocations": {},
        "sessions": {
            f"0x{SESSION:040x}": {
                "payer": to_hex(fixed("payer", 20)),
                "deposit": str(10**18),
                "settled": last["cumulative"],
                "expiry": ISSUED_AT + 86_400,
                "state": 1,
                "funding": 0,
                "volume_tier": 0,
                "version": VERSION,
                "surcharge_cap_bps": 300,
                "task_cap_gwei": 10**8,
            }
        },
    }


def _edit(data: Data, change: Callable[[Data], object]) -> Data:
    edited = copy.deepcopy(data)
    change(edited)
    return edited


def _put(path: str, value: object) -> Callable[[Data], None]:
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]

    def change(data: Data) -> None:
        node: Any = data
        for part in parents:
            node = node[part]
        node[last] = value

    return change


def _unanchored(name: str) -> Data:
    return next(job for job in JOBS if job.name == name).bundle()


def _lie(name: str, *changes: Callable[[Data], object]) -> Data:
    """Return what a dishonest router would sign and anchor: the body edited, all else fitting."""
    data = _unanchored(name)
    for change in changes:
        change(data)
    return anchor([resign(data)])[0]


def _reprice(
    *, terms: dict[str, int] | None = None, usage: dict[str, int] | None = None
) -> Callable[[Data], None]:
    def change(data: Data) -> None:
        bill = data["receipt"]["bill"]
        packed = Terms.unpack(int(bill["terms"], 16))
        used = Usage.unpack(int(bill["usage"], 16))
        packed = Terms(**{n: getattr(packed, n) for n in packed.__struct_fields__} | (terms or {}))
        used = Usage(**{n: getattr(used, n) for n in used.__struct_fields__} | (usage or {}))
        priced = quote(CARD, SURCHARGE_BPS, packed, used)
        bill.update(
            terms=hex(packed.pack()),
            usage=hex(used.pack()),
            lines=priced.lines.to_json(),
            charge=str(priced.total),
        )

    return change


def _overcharge(data: Data) -> None:
    bill = data["receipt"]["bill"]
    bill["lines"]["base"] = str(int(bill["lines"]["base"]) + 10**12)
    bill["charge"] = str(int(bill["charge"]) + 10**12)


def _merge_groups(data: Data) -> None:
    """Claim that all three answers agree, with every number fitting the claim."""
    for replica in data["receipt"]["replicas"]:
        replica["cluster"] = 0
    data["receipt"]["consensus"].update(
        votes={"0": 3}, agreement_bps=10_000, confidence_bps=8_000, winner=[0, 1, 2], dissent=[]
    )


def _flip_dissent(data: Data) -> None:
    """Turn the dissenting verdict, with every number fitting; the evidence stays."""
    data["receipt"]["replicas"][1]["verdict"] = "VALID"
    data["receipt"]["consensus"].update(
        votes={"VALID": 3}, agreement_bps=10_000, confidence_bps=8_000, winner=[0, 1, 2], dissent=[]
    )


def _high_s(data: Data) -> None:
    raw = bytes.fromhex(data["signature"][2:])
    flipped = _ORDER - int.from_bytes(raw[32:64], "big")
    data["signature"] = to_hex(raw[:32] + flipped.to_bytes(32, "big") + bytes([55 - raw[64]]))


def _loser(data: Data) -> None:
    data["receipt"]["result"]["output_hash"] = data["receipt"]["replicas"][2]["output_hash"]


def _signed_by_other(data: Data) -> Data:
    signed = resign(data, OTHER_KEY)
    return anchor([signed])[0]


def _other_router(data: Data) -> None:
    data["receipt"]["session_id"] = f"0x{SESSION ^ (1 << 128):040x}"


def _drop(path: str) -> Callable[[Data], None]:
    *parents, last = path.split(".")

    def change(data: Data) -> None:
        node: Any = data
        for part in parents:
            node = node[part]
        del node[last]

    return change


def _good() -> Iterator[Case]:
    facts = chain_facts()
    for name, bundle in good_bundles().items():
        tiered = copy.deepcopy(facts)
        terms = Terms.unpack(int(bundle["receipt"]["bill"]["terms"], 16))
        session = tiered["sessions"][bundle["receipt"]["session_id"]]
        session["volume_tier"] = terms.volume_tier
        yield Case(f"good-{name}", "an honest receipt, anchored and settled", bundle, tiered)
    single = _unanchored("delegate-single")
    yield Case("good-not-anchored-yet", "signed, in no batch yet; checked offline", single, None)
    hidden = _edit(good_bundles()["delegate-json"], lambda data: data["evidence"].pop(1))
    hidden["request"] = None
    yield Case("good-partly-shown", "one replica and the request are kept private", hidden, facts)


def _dishonest() -> Iterator[Case]:
    for name, why, bundle, failed in (
        (
            "over-charged",
            "the router signed and anchored more than the card gives",
            _lie("delegate-agreed", _overcharge),
            ("bill",),
        ),
        (
            "usage-inflated",
            "units nobody delivered are billed, at the card's price",
            _lie("delegate-agreed", _reprice(usage={"output_units": 10**6})),
            ("usage",),
        ),
        (
            "failure-hidden",
            "failed replicas are billed as if they had delivered",
            _lie("validate-no-consensus", _reprice(usage={"failed_replicas": 0})),
            ("usage",),
        ),
        (
            "lateness-hidden",
            "a late replica is billed as if it had been on time",
            _lie("validate-majority", _reprice(usage={"late_replicas": 0})),
            ("usage",),
        ),
        (
            "dearer-terms",
            "weighted consensus is billed, majority was run",
            _lie("delegate-agreed", _reprice(terms={"consensus_method": 1})),
            ("terms",),
        ),
        (
            "confidence-inflated",
            "the stated confidence does not follow from the votes",
            _lie("validate-majority", _put("receipt.consensus.confidence_bps", 9_900)),
            ("consensus",),
        ),
        (
            "dissent-flipped",
            "the dissenting verdict was changed, with all numbers fitting",
            _lie("validate-majority", _flip_dissent),
            ("evidence",),
        ),
        (
            "groups-merged",
            "three answers are claimed to agree, two do",
            _lie("delegate-json", _merge_groups),
            ("grouping",),
        ),
        (
            "loser-returned",
            "the result is the answer that lost",
            _lie("delegate-json", _loser),
            ("grouping", "result"),
        ),
        (
            "outcome-changed",
            "no consensus is sold as VALID",
            _lie("validate-no-consensus", _put("receipt.result.outcome", "VALID")),
            ("consensus",),
        ),
        (
            "signed-by-another",
            "the signature is not by the signer named",
            _signed_by_other(_unanchored("delegate-agreed")),
            ("signature",),
        ),
        (
            "other-routers-session",
            "the session was opened with another router",
            _lie("delegate-agreed", _other_router),
            ("session",),
        ),
        (
            "unknown-strategy",
            "numbers that this version cannot recompute are not believed",
            _lie(
                "delegate-agreed",
                _put("receipt.consensus.strategy", "weighted"),
                _reprice(terms={"consensus_method": 1}),
            ),
            ("consensus",),
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
            _edit(json_job, _put("evidence.0.replica.output", '{"total": 1950}')),
            ("evidence", "grouping"),
        ),
        (
            "verdict-tampered",
            "a verdict in the body was edited after signing",
            _edit(valid, _put("receipt.replicas.0.verdict", "INVALID")),
            ("consensus", "evidence", "id", "struct"),
        ),
        (
            "charge-tampered",
            "the signed charge was edited after signing",
            _edit(valid, _put("charge.charge", "1")),
            ("leaf", "signature", "struct"),
        ),
        (
            "id-tampered",
            "the id is another receipt's",
            _edit(valid, _put("receipt_id", json_job["receipt_id"])),
            ("id",),
        ),
        (
            "second-signature",
            "the other half of the curve would recover the same signer",
            _edit(valid, _high_s),
            ("signature",),
        ),
        (
            "request-tampered",
            "the shown request is not the one committed to",
            _edit(valid, _put("request.canonical", '{"endpoint":"validate"}')),
            ("request",),
        ),
        (
            "replica-shown-twice",
            "one replica is shown in another's place",
            _edit(valid, _put("evidence.1", valid["evidence"][0])),
            ("evidence",),
        ),
        (
            "proof-tampered",
            "a proof step is another hash",
            _edit(valid, _put("anchor.proof.0", to_hex(fixed("nothing")))),
            ("proof",),
        ),
        (
            "index-tampered",
            "the leaf was anchored under another index",
            _edit(valid, _put("anchor.index", 9)),
            ("leaf",),
        ),
        (
            "cumulative-tampered",
            "the leaf was anchored with another total",
            _edit(valid, _put("anchor.cumulative", "1")),
            ("leaf",),
        ),
        (
            "leaf-of-another",
            "leaf and proof are another receipt's",
            _edit(valid, _put("anchor", json_job["anchor"])),
            ("leaf",),
        ),
        (
            "cheaper-card",
            "the bundle's card is not the one the bill was made by",
            _edit(valid, _put("card.task_wei", "1")),
            ("bill",),
        ),
    ):
        yield Case(f"bad-{name}", why, bundle, None, failed)


def _malformed() -> Iterator[Case]:
    good = good_bundles()["validate-majority"]
    upper = address_of(OTHER_KEY).upper().replace("X", "x")
    for name, why, change, field in (
        ("missing-field", "a field is missing", _drop("receipt.bill.charge"),
         "receipt.bill.charge"),
        ("unknown-field", "a field is unknown", _put("receipt.note", "x"), "receipt.note"),
        ("no-format", "the format is not stated", _drop("format"), "format"),
        (
            "two-spellings",
            "hex in upper case would be a second spelling",
            _put("receipt.router.signer", upper),
            "receipt.router.signer",
        ),
        (
            "number-for-text",
            "money must be text",
            _put("receipt.bill.charge", 12),
            "receipt.bill.charge",
        ),
        (
            "leading-zero",
            "an integer with a leading zero is a second spelling",
            _put("charge.charge", "0012"),
            "charge.charge",
        ),
        ("bad-status", "no such status", _put("receipt.replicas.1.status", "LOST"),
         "receipt.replicas[1].status"),
        ("bad-card", "the card breaks a limit", _put("card.late_rebate_bps", "9999"),
         "card.late_rebate_bps"),
    ):  # fmt: skip
        yield Case(f"malformed-{name}", why, _edit(good, change), None, (), field)


def _chain() -> Iterator[Case]:
    good = good_bundles()["delegate-agreed"]
    facts = chain_facts()
    root, session = good["anchor"]["root"], f"0x{SESSION:040x}"
    identifier = Body.from_json(good["receipt"]).receipt_id()
    other_card = {str(VERSION): {**CARD.to_json(), "task_wei": "1"}}
    for name, why, path, value, failed in (
        ("other-chain", "the chain is another one", "chain_id", 1, ("chain",)),
        ("other-card", "the published card differs", "cards", other_card, ("card",)),
        ("unknown-version", "the version was never published", "cards", {}, ("card",)),
        (
            "other-surcharge",
            "the epoch had another surcharge",
            f"surcharges.{EPOCH}",
            449,
            ("surcharge",),
        ),
        (
            "other-settler",
            "the signer may not settle for the router",
            f"routers.{ROUTER_ID}",
            address_of(OTHER_KEY),
            ("signer",),
        ),
        ("not-anchored", "the root was never anchored", "batches", {}, ("anchored",)),
        (
            "other-count",
            "the batch has more leaves than stated",
            "batches",
            {f"{SIGNER}:{root}": [ISSUED_AT, 7]},
            ("anchored",),
        ),
        (
            "revoked",
            "the router revoked the receipt",
            "revocations",
            {f"{SIGNER}:{identifier}": [ISSUED_AT + 9, to_hex(fixed("successor"))]},
            ("revocation",),
        ),
        ("no-session", "there is no such session", "sessions", {}, ("pinned", "settled")),
        ("not-settled", "less was settled than stated", f"sessions.{session}.settled", "1",
         ("settled",)),
        ("other-version", "the session pins another card", f"sessions.{session}.version", 1,
         ("pinned",)),
        ("other-tier", "the session has another volume tier", f"sessions.{session}.volume_tier", 1,
         ("pinned",)),
        ("over-surcharge-cap", "the terms allow more surcharge than the session",
         f"sessions.{session}.surcharge_cap_bps", 299, ("pinned",)),
        ("over-task-cap", "the charge is over the session's cap per task",
         f"sessions.{session}.task_cap_gwei", 1, ("pinned",)),
    ):  # fmt: skip
        yield Case(f"chain-{name}", why, good, _edit(facts, _put(path, value)), failed)
    yield Case(
        "chain-not-anchored-yet",
        "the chain was asked about a receipt in no batch",
        _unanchored("delegate-agreed"),
        facts,
        ("anchored",),
    )
    yield Case(
        "chain-no-answer",
        "a node that does not answer proves nothing",
        good,
        {"chain_id": CHAIN_ID},
        ("anchored", "card", "pinned", "revocation", "settled", "signer", "surcharge"),
    )


def all_cases() -> list[Case]:
    """Return every case, by kind."""
    return [*_good(), *_dishonest(), *_tampered(), *_malformed(), *_chain()]
