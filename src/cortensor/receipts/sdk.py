# SPDX-License-Identifier: Apache-2.0
"""The whole of it in five verbs: `build`, `sign`, `bundle`, `verify`, `revoke`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from cortensor.receipts.bundle import (
    BUNDLE_FORMAT,
    Anchor,
    Bundle,
    Evidence,
    RequestReveal,
    RevocationBlock,
)
from cortensor.receipts.disclose import attach, in_second_format
from cortensor.receipts.keccak import WORD_BYTES, ZERO_WORD, from_hex, to_hex
from cortensor.receipts.policy import Case
from cortensor.receipts.sign import sign
from cortensor.receipts.typed import RevocationStruct
from cortensor.receipts.verify import verify_bundle

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cortensor.pricing import RateCard
    from cortensor.receipts.anchor_view import AnchorView
    from cortensor.receipts.body import Body
    from cortensor.receipts.checks import Verification
    from cortensor.receipts.policy import Policy
    from cortensor.receipts.verify_likeness import TextModels


def bundle(
    body: Body,
    signature: bytes,
    *,
    card: RateCard,
    surcharge_bps: int,
    evidence: Sequence[Mapping[str, Any]] = (),
    request: tuple[bytes, str] | None = None,
    anchor: Anchor | None = None,
    signed_by: Literal["key", "contract"] = "key",
    revocation: RevocationBlock | None = None,
) -> Bundle:
    """Return the file of a receipt: all that a stranger needs to verify it.

    Args:
        body: the receipt.
        signature: the router's, over the struct's digest in the body's domain.
        card: the rate card it was priced by.
        surcharge_bps: the surcharge of its epoch.
        evidence: shown replicas; see `evidence_entries`.
        request: the salt and canonical text of the request, or None to keep it private.
        anchor: where it is anchored, or None if it is not yet.
        signed_by: whether `router.signer` is a key or a contract.
        revocation: the signer's word that it no longer stands; see `revoke`.

    Raises:
        VerificationFailed: naming the field that breaks the format.
    """
    identifier = body.receipt_id()
    made = Bundle(
        format=BUNDLE_FORMAT,
        receipt=body,
        receipt_id=identifier,
        charge=body.struct(identifier).to_json(),
        signature=to_hex(signature),
        evidence=[msgspec.convert(item, Evidence) for item in evidence],
        request=None
        if request is None
        else RequestReveal(salt=to_hex(request[0]), canonical=request[1]),
        card=card.to_json(),
        surcharge_bps=surcharge_bps,
        anchor=anchor,
    )
    if signed_by != "key" or revocation is not None:
        second = in_second_format(made)
        made = msgspec.structs.replace(second, signed_by=signed_by, revocation=revocation)
    return Bundle.from_json(made.to_json())


def revoke(
    private_key: bytes | str, body: Body, *, at: int, successor: str | None = None
) -> RevocationBlock:
    """Return the signer's word that a receipt no longer stands.

    Args:
        private_key: the key of `router.signer`.
        body: the receipt.
        at: unix seconds.
        successor: id of the receipt that replaces it, if one does.
    """
    struct = RevocationStruct(
        receipt_id=from_hex(body.receipt_id(), WORD_BYTES, "receipt_id"),
        successor=ZERO_WORD if successor is None else from_hex(successor, WORD_BYTES, "successor"),
        revoked_at=at,
    )
    signature = to_hex(sign(private_key, struct.digest(body.domain())))
    return RevocationBlock(successor=successor, revoked_at=at, signature=signature)


def verify(
    given: Bundle | Mapping[str, object] | bytes | str,
    chain: AnchorView | None = None,
    *,
    policy: Policy | None = None,
    now: int | None = None,
    texts: Mapping[str, str] | None = None,
    card: RateCard | None = None,
    root: str | None = None,
    signer: str | None = None,
    session_payment: str | None = None,
    models: TextModels | None = None,
) -> Verification:
    """Verify a receipt, and hold it to a policy.

    Args:
        given: the bundle, its JSON data, or the text of its file.
        chain: the chain to ask; None verifies offline.
        policy: what the reader wants beyond that; see `policy`.
        now: unix seconds, for policies of age; by default this machine's clock.
        texts: texts beside the bundle, by hash.
        card: a rate card the reader trusts.
        root: an anchored batch root the reader trusts.
        signer: the router's signer the reader trusts.
        session_payment: the SessionPayment the reader trusts.
        models: gives the embedding model of a name, if it is here.

    Raises:
        VerificationFailed: the bundle is malformed; `field` says where.
        InvalidInput: one of the texts is not the one referred to.
    """
    if isinstance(given, Bundle):
        read = given
    else:
        read = Bundle.load(given) if isinstance(given, bytes | str) else Bundle.from_json(given)
    if texts:
        read = attach(read, texts)
    found = verify_bundle(
        read,
        chain,
        card=card,
        root=root,
        signer=signer,
        session_payment=session_payment,
        models=models,
    )
    if policy is None:
        return found
    case = Case(read, found, int(time.time()) if now is None else now)
    return msgspec.structs.replace(found, rulings=policy.judge(case))
