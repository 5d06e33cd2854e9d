# SPDX-License-Identifier: Apache-2.0
"""From an anchored receipt that was verified to an answer on the chain."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from cortensor.chain.agent_validator import leaf_of
from cortensor.chain.verify import ChainView
from cortensor.client.problems import NotFound
from cortensor.errors import InvalidInput, Unavailable, VerificationFailed
from cortensor.receipts.bundle import Bundle
from cortensor.receipts.canonical import URN_PREFIX
from cortensor.receipts.checks import UNREACHABLE
from cortensor.receipts.keccak import to_hex
from cortensor.receipts.validation_score import validation_score
from cortensor.receipts.verify import verify_bundle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortensor.agents.opening import Opened
    from cortensor.agents.settings import Settings
    from cortensor.chain.erc8004_registries import ValidationRequest
    from cortensor.chain.sender import Mined


class Posted(Struct, frozen=True):
    """An answer that was posted."""

    score: int
    mined: Mined

    @property
    def tx_hash(self) -> str:
        """The transaction."""
        return self.mined.tx_hash


class Poster:
    """Verifies receipts and posts them.

    Args:
        opened: chain, router and keys.
        settings: where receipts are told to be.
    """

    def __init__(self, opened: Opened, settings: Settings) -> None:
        self._opened = opened
        self._settings = settings
        self._validator = opened.place.validator()

    def respond(self, request: ValidationRequest, receipt_id: str, url: str) -> Posted | None:
        """Answer a request by a receipt of ours; None while it is not anchored.

        Raises:
            VerificationFailed: the receipt does not hold.
            Conflict: the contract refuses; the reason is its own.
            Unavailable: node or router.
        """
        bundle = self.bundle(receipt_id)
        if bundle is None or bundle.anchor is None:
            return None
        subject = self._validator.agent(request.agent_id).subject(request.request_hash)
        check_bundle(
            bundle, self._opened.place.rpc_url, self._opened.session_payment, to_hex(subject)
        )
        data = self._validator.respond_data(
            request.request_hash, self.publish(bundle, url), leaf_of(bundle)
        )
        return self.send(bundle, data)

    def send(self, bundle: Bundle, data: str) -> Posted:
        """Send a call that posts a receipt."""
        mined = self._opened.caller.call(self._validator.address, data)
        result = bundle.receipt.result
        score = validation_score(result.outcome, bundle.receipt.consensus.confidence_bps)
        return Posted(score, mined)

    def bundle(self, receipt_id: str) -> Bundle | None:
        """Return a receipt's bundle, from the router or from the folder of successors.

        Raises:
            VerificationFailed: it is malformed, or of another receipt.
            Unavailable: the router does not answer.
        """
        found: Bundle | None = None
        with self._opened.client() as client:
            try:
                found = client.bundle(URN_PREFIX + receipt_id)
            except NotFound:
                found = self._handed_over(receipt_id)
        if found is not None and found.receipt_id != receipt_id:
            raise VerificationFailed(f"is of {found.receipt_id}", field=receipt_id)
        return found

    def _handed_over(self, receipt_id: str) -> Bundle | None:
        if self._settings.successors is None:
            return None
        path = Path(self._settings.successors) / f"{receipt_id}.json"
        return Bundle.load(path.read_bytes()) if path.is_file() else None

    def publish(self, bundle: Bundle, url: str) -> str:
        """Write the receipt where it is served, if it is to be; return its URI."""
        settings = self._settings
        if settings.receipts is not None:
            folder = Path(settings.receipts)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{bundle.receipt_id}.json").write_bytes(bundle.receipt.canonical())
        if settings.response_base is None:
            return url
        return f"{settings.response_base.rstrip('/')}/{bundle.receipt_id}.json"


def check_bundle(
    bundle: Bundle, rpc_url: str | Sequence[str], session_payment: str, subject: str
) -> None:
    """Refuse a receipt that does not hold before the chain, or speaks of another matter.

    Args:
        bundle: an anchored one.
        rpc_url: the node, or several of one chain.
        session_payment: the SessionPayment to trust.
        subject: what it must be about, 0x hex.

    Raises:
        VerificationFailed: naming the checks that failed.
        Unavailable: the node does not answer.
    """
    if bundle.receipt.subject != subject:
        raise VerificationFailed("the receipt is of another matter", field="subject")
    try:
        view = ChainView(rpc_url, bundle.receipt.chain)
    except ValueError as error:  # an address that is none
        raise InvalidInput(str(error), field="chain") from error
    found = verify_bundle(bundle, view, session_payment=session_payment)
    if found.ok:
        return
    faults = [str(check) for check in found.failures] or list(found.trust_open)
    if found.verdict == UNREACHABLE:
        raise Unavailable("; ".join(faults), code="chain_unavailable")
    raise VerificationFailed("; ".join(faults), field=bundle.receipt_id, code="receipt_refused")
