# SPDX-License-Identifier: Apache-2.0
"""The verifier: from a bundle, and a chain if there is one, to a list of named checks.

It fails closed: a check that cannot be made because the receipt is inconsistent, or because the
chain does not answer, is a failed check. Only what needs a chain that nobody gave, or parts the
bundle rightfully leaves out, is `not_checked`.
"""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING

from cortensor.errors import Error, Unavailable
from cortensor.receipts.bundle import Bundle
from cortensor.receipts.checks import FAILED, Check, Verification, not_checked
from cortensor.receipts.verify_chain import (
    CHAIN_CHECKS,
    NO_CHAIN,
    check_anchored,
    check_card,
    check_contract,
    check_finality,
    check_revocation,
    check_signer,
)
from cortensor.receipts.verify_consensus import check_consensus
from cortensor.receipts.verify_grouping import check_grouping
from cortensor.receipts.verify_likeness import likeness_checks
from cortensor.receipts.verify_money import (
    check_bill,
    check_id,
    check_leaf,
    check_proof,
    check_session,
    check_signature,
    check_struct,
    check_terms,
    check_usage,
)
from cortensor.receipts.verify_parties import parties_checks
from cortensor.receipts.verify_request import check_request
from cortensor.receipts.verify_work import check_evidence, check_replicas, check_result

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cortensor.pricing import RateCard
    from cortensor.receipts.anchor_view import AnchorView
    from cortensor.receipts.verify_likeness import TextModels

NOT_PROVEN = (
    "that the units billed were truly consumed, or that the named models and miners ran",
    "that the payer made the request: sessions without a session key do not sign requests",
    "that a replica's verdict follows from its answer, or that the answer is true",
    "that the surcharge epoch was the one at the time of reservation",
)


def verify_bundle(
    bundle: Bundle | Mapping[str, object],
    anchored: AnchorView | None = None,
    *,
    card: RateCard | None = None,
    root: str | None = None,
    signer: str | None = None,
    session_payment: str | None = None,
    models: TextModels | None = None,
) -> Verification:
    """Verify a receipt.

    Args:
        bundle: the bundle, or its JSON data.
        anchored: the chain to ask; None checks offline.
        card: a rate card the verifier trusts.
        root: an anchored batch root the verifier trusts, "0x" and 64 hex digits.
        signer: the router's signer the verifier trusts.
        session_payment: the SessionPayment address the verifier trusts. Without it the chain's
            answers are those of whatever contract the receipt names.
        models: gives the embedding model of a name, if it is here.

    Raises:
        VerificationFailed: if the bundle is malformed; `field` says where.
    """
    read = bundle if isinstance(bundle, Bundle) else Bundle.from_json(bundle)
    body = read.receipt
    own_id = cache(body.receipt_id)
    made: list[tuple[str, Callable[[], Check]]] = [
        ("id", partial(check_id, read, own_id)),
        ("struct", partial(check_struct, read, own_id)),
        ("signature", partial(check_signature, read, anchored)),
        ("session", partial(check_session, body)),
        ("replicas", partial(check_replicas, body)),
        ("evidence", partial(check_evidence, read)),
        ("consensus", partial(check_consensus, read)),
        ("grouping", partial(check_grouping, read)),
        *likeness_checks(read, models),
        *parties_checks(read, anchored),
        ("result", partial(check_result, body)),
        ("request", partial(check_request, read)),
        ("terms", partial(check_terms, body)),
        ("usage", partial(check_usage, body)),
        ("bill", partial(check_bill, read)),
        ("leaf", partial(check_leaf, read)),
        ("proof", partial(check_proof, read)),
        ("contract", partial(check_contract, read, session_payment)),
        ("card", partial(check_card, read, anchored, card)),
        ("signer", partial(check_signer, read, anchored, signer)),
        ("anchored", partial(check_anchored, read, anchored, root)),
        ("finality", partial(check_finality, read, anchored)),
        ("revocation", partial(check_revocation, read, anchored)),
    ]
    for name, check in CHAIN_CHECKS.items():
        if anchored is None:
            made.append((name, partial(not_checked, name, NO_CHAIN)))
        else:
            made.append((name, partial(check, read, anchored)))
    return Verification(
        receipt_id=read.receipt_id,
        checks=tuple(_make(name, check) for name, check in made),
        not_proven=NOT_PROVEN,
        withheld=read.withheld(),
    )


def _make(name: str, check: Callable[[], Check]) -> Check:
    """Make a check; what stops it from being made fails it."""
    try:
        return check()
    except Error as error:
        return Check(name, FAILED, str(error), is_unanswered=isinstance(error, Unavailable))
