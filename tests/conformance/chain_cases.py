# SPDX-License-Identifier: Apache-2.0
"""Cases of good receipts before a chain that disagrees, or does not answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cortensor.receipts import Body, address_of, to_hex
from tests.conformance.case import Case, chain_facts, forged_facts, trusting
from tests.conformance.edits import edit, forged, put, unanchored
from tests.conformance.samples import (
    CARD,
    CHAIN_ID,
    EPOCH,
    ISSUED_AT,
    OTHER_KEY,
    ROUTER_ID,
    SESSION,
    SIGNER,
    VERSION,
    fixed,
    good_bundles,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


def chain_cases() -> Iterator[Case]:
    """Return the cases."""
    good = good_bundles()["delegate-agreed"]
    facts = chain_facts()
    root, session = good["anchor"]["root"], f"0x{SESSION:040x}"
    identifier = Body.from_json(good["receipt"]).receipt_id()
    other_card = {str(VERSION): {**CARD.to_json(), "task_wei": "1"}}
    for name, why, path, value, failed in (
        ("other-chain", "the chain is another one", "chain_id", 1, ("chain",)),
        ("other-card", "the published card differs", "cards", other_card, ("card",)),
        ("unknown-version", "the version was never published", "cards", {}, ("card",)),
        ("other-surcharge", "the epoch had another surcharge", f"surcharges.{EPOCH}", 449,
         ("surcharge",)),
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
            {f"{SIGNER}:{root}": [ISSUED_AT, 8, "hard"]},
            ("anchored",),
        ),
        (
            "revoked",
            "the router revoked the receipt",
            "revocations",
            {f"{SIGNER}:{identifier}": [ISSUED_AT + 9, to_hex(fixed("successor"))]},
            ("revocation",),
        ),
        ("anchored-before-issued", "the receipt is dated long after its batch", "batches",
         {f"{SIGNER}:{root}": [ISSUED_AT - 301, good["anchor"]["count"], "hard"]}, ("anchored",)),
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
        yield trusting(f"chain-{name}", why, good, edit(facts, put(path, value)), failed)
    yield trusting(
        "chain-other-contract",
        "the receipt names contracts the verifier does not trust",
        forged(),
        forged_facts(),
        ("contract",),
    )
    yield trusting(
        "chain-not-anchored-yet",
        "the chain was asked about a receipt in no batch",
        unanchored("delegate-agreed"),
        facts,
        ("anchored",),
    )
    yield trusting(
        "chain-no-answer",
        "a node that does not answer proves nothing",
        good,
        {"chain_id": CHAIN_ID},
        (
            "anchored",
            "card",
            "finality",
            "pinned",
            "revocation",
            "settled",
            "signer",
            "surcharge",
        ),
    )._replace(unanswered=True)
