# SPDX-License-Identifier: Apache-2.0
"""What a case is, and the chains cases are checked against."""

from __future__ import annotations

import json
from typing import NamedTuple

from cortensor.receipts import address_of, to_hex
from tests.conformance.edits import Data, forged
from tests.conformance.samples import (
    CARD,
    CHAIN,
    CHAIN_ID,
    EPOCH,
    ISSUED_AT,
    OTHER_KEY,
    ROUTER_ID,
    SESSION,
    SIGNER,
    SURCHARGE_BPS,
    VERSION,
    fixed,
    good_bundles,
)


class Case(NamedTuple):
    """One vector: a bundle, the chain's facts or None, and what a verifier must say.

    `unfailed` is the verdict where nothing fails, `withheld` what the bundle leaves out.
    `unanswered` says that checks fail only because the node does not answer.
    """

    name: str
    why: str
    bundle: Data
    chain: Data | None
    failed: tuple[str, ...] = ()
    malformed: str | None = None
    session_payment: str | None = None
    unfailed: str = "consistent"
    withheld: tuple[str, ...] = ()
    unanswered: bool = False


def trusting(name: str, why: str, bundle: Data, chain: Data, failed: tuple[str, ...] = ()) -> Case:
    """Return a case whose verifier trusts the right SessionPayment."""
    return Case(name, why, bundle, chain, failed, None, CHAIN.session_payment, "verified")


def chain_facts(bundles: dict[str, Data] | None = None) -> Data:
    """Return the facts under which every receipt of a batch verifies; by default the good ones."""
    bundles = good_bundles() if bundles is None else bundles
    last = list(bundles.values())[-1]["anchor"]
    return {
        "chain_id": CHAIN_ID,
        "cards": {str(VERSION): CARD.to_json()},
        "surcharges": {str(EPOCH): SURCHARGE_BPS},
        "routers": {str(ROUTER_ID): SIGNER},
        "batches": {f"{SIGNER}:{last['root']}": [ISSUED_AT + 60, len(bundles), "hard"]},
        "revocations": {},
        "contract_signatures": {},
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


def forged_facts() -> Data:
    """Return what the contracts of the stranger who made `forged` say: what they please."""
    text, anchor = json.dumps(chain_facts()), forged()["anchor"]
    facts: Data = json.loads(text.replace(SIGNER, address_of(OTHER_KEY)))
    facts["batches"] = {f"{anchor['anchorer']}:{anchor['root']}": [ISSUED_AT + 60, 1, "hard"]}
    return facts
