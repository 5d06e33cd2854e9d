# SPDX-License-Identifier: Apache-2.0
"""Cases of several bundles: one payment, one receipt."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tests.conformance.edits import Data, edit, put
from tests.conformance.party_samples import PARTY_JOBS, PAYMENT, PartyJob
from tests.conformance.samples import JOBS, SESSION, anchor, good_bundles, resign

if TYPE_CHECKING:
    from collections.abc import Iterator

WHERE = f"421614:{good_bundles()['delegate-agreed']['receipt']['chain']['session_payment']}"
PLACE = f"{WHERE}:0x{SESSION:040x}"


class SetCase(NamedTuple):
    """Bundles, and the clashes that a verifier must find: reference and ids, both ascending."""

    name: str
    why: str
    bundles: list[Data]
    clashes: list[tuple[str, list[str]]]


def set_cases() -> list[SetCase]:
    """Return every case of several bundles."""
    return list(_cases())


def _ids(*bundles: Data) -> list[str]:
    return sorted({bundle["receipt_id"] for bundle in bundles})


def _cases() -> Iterator[SetCase]:
    good = good_bundles()
    yield SetCase("good-batch", "each receipt has a payment of its own", list(good.values()), [])
    same = good["delegate-json"]
    yield SetCase("good-same-twice", "one receipt, seen twice", [same, same], [])
    first = next(job for job in PARTY_JOBS if job.name == "paid").bundle()
    second = PartyJob("paid-again", ["43"], payment=PAYMENT).bundle()
    paid = anchor([first, second])
    reference = f"x402:{PAYMENT.network}:{PAYMENT.transaction}"
    why = "two calls are charged to one payment"
    yield SetCase("bad-one-payment", why, paid, [(reference, _ids(*paid))])
    one, other = (anchor([job.bundle()])[0] for job in JOBS[:2])
    why = "two receipts have the first place in their session"
    yield SetCase("bad-one-place", why, [one, other], [(f"session:{PLACE}:1", _ids(one, other))])
    plain = JOBS[0].bundle()
    later = resign(edit(plain, put("receipt.issued_at", plain["receipt"]["issued_at"] + 1)))
    twice = anchor([plain, later])
    asked = plain["receipt"]["request_commitment"]
    why = "one request is charged twice"
    yield SetCase("bad-one-request", why, twice, [(f"request:{PLACE}:{asked}", _ids(*twice))])
    repeated = anchor([plain, plain])
    own = plain["receipt_id"]
    why = "one receipt is charged at two places of its session"
    yield SetCase("bad-one-receipt", why, repeated, [(f"receipt:{own}", [own])])
