# SPDX-License-Identifier: Apache-2.0
"""The chain as a receipt's verifier sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cortensor.chain.anchor import Anchor
from cortensor.chain.contract_signature import is_signed
from cortensor.chain.rpc import chain_of, connect
from cortensor.chain.session_payment import SessionPayment
from cortensor.chain.table import PriceTable
from cortensor.errors import VerificationFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortensor.pricing import RateCard
    from cortensor.receipts.anchor_view import AnchoredBatch, Revocation, SessionState
    from cortensor.receipts.body import ChainBlock


class ChainView:
    """Answers `cortensor.receipts.anchor_view.AnchorView` from a node.

    The contract addresses are those the receipt names, and the table and anchor must be the ones
    its SessionPayment works with; whether that SessionPayment is the one to trust is the
    reader's to know (the CLI prints it).

    Args:
        rpc_url: an http(s) JSON-RPC endpoint, or several: those on the receipt's chain are asked.
        chain_block: the receipt's `chain` block.
    """

    def __init__(self, rpc_url: str | Sequence[str], chain_block: ChainBlock) -> None:
        self._web3 = connect(rpc_url, chain_block.chain_id)
        self._payment = SessionPayment(self._web3, chain_block.session_payment)
        self._table = PriceTable(self._web3, chain_block.table)
        self._anchor = Anchor(self._web3, chain_block.receipt_anchor)
        self._is_linked = False

    def _require_linked(self) -> None:
        """Refuse a receipt that names another table or anchor than its SessionPayment has.

        Raises:
            VerificationFailed: an honest-looking price or anchor from a contract of no account.
        """
        if self._is_linked:
            return
        table, anchor = self._payment.linked()
        for name, stated, real in (
            ("chain.table", self._table.address, table),
            ("chain.receipt_anchor", self._anchor.address, anchor),
        ):
            if stated.lower() != real.lower():
                raise VerificationFailed(
                    f"is {stated}, the SessionPayment works with {real}", field=name
                )
        self._is_linked = True

    def chain_id(self) -> int:
        """Return the chain's id."""
        return chain_of(self._web3)

    def card(self, version: int) -> RateCard:
        """Return the rate card of a version."""
        self._require_linked()
        return self._table.card(version)

    def surcharge_bps(self, epoch: int) -> int:
        """Return the surcharge of an epoch."""
        self._require_linked()
        return self._table.surcharge_bps(epoch)

    def router_signer(self, router_id: int) -> str:
        """Return the router's present settler address."""
        return self._payment.router(router_id).settler

    def batch(self, anchorer: str, root: str) -> AnchoredBatch:
        """Return what is known of a root in an anchorer's log."""
        self._require_linked()
        return self._anchor.batch(anchorer, root)

    def is_anchored(self, anchorer: str, leaf: str, proof: Sequence[str], root: str) -> bool:
        """Return the contract's own word on a proof."""
        self._require_linked()
        return self._anchor.is_anchored(anchorer, leaf, proof, root)

    def finality(self, anchorer: str, root: str) -> str:
        """Return how final an anchored root is."""
        self._require_linked()
        return self._anchor.finality(anchorer, root)

    def is_signed(self, signer: str, digest: str, signature: str) -> bool:
        """Return whether a contract signed, deployed or not."""
        return is_signed(
            self._web3, signer, bytes.fromhex(digest[2:]), bytes.fromhex(signature[2:])
        )

    def revocation(self, anchorer: str, receipt_id: str) -> Revocation:
        """Return whether an anchorer revoked a receipt."""
        self._require_linked()
        return self._anchor.revocation(anchorer, receipt_id)

    def session(self, session_id: int) -> SessionState:
        """Return a payment session."""
        return self._payment.session(session_id)
