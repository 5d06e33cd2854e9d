# SPDX-License-Identifier: Apache-2.0
"""What the verifier asks a chain. `cortensor.chain.verify.ChainView` answers from a node."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortensor.pricing import RateCard


class AnchoredBatch(NamedTuple):
    """What ReceiptAnchor knows of a root: when (unix seconds, 0 if never), and its leaf count."""

    anchored_at: int
    leaf_count: int


NOT_ANCHORED, SOFT, SAFE, HARD = "none", "soft", "safe", "hard"
FINALITIES = (NOT_ANCHORED, SOFT, SAFE, HARD)
"""How far a chain stands by what it says, from least to most: the sequencer's or newest block's
word; as final as the block tagged `safe`; as the one tagged `finalized`."""


class Revocation(NamedTuple):
    """When an anchorer took a receipt back (unix seconds, 0 if it did not), and its successor.

    The successor's id is zero unless the receipt was superseded.
    """

    revoked_at: int
    successor: str

    @property
    def state(self) -> str:
        """What ReceiptAnchor's `status` calls it: active, superseded or revoked."""
        if not self.revoked_at:
            return "active"
        return "superseded" if int(self.successor, 16) else "revoked"


class SessionState(NamedTuple):
    """A payment session as SessionPayment holds it. Money in wei; `task_cap_gwei` in 1e9 wei."""

    payer: str
    deposit: int
    settled: int
    expiry: int
    state: int
    funding: int
    volume_tier: int
    version: int
    surcharge_cap_bps: int
    task_cap_gwei: int


class AnchorView(Protocol):
    """Read access to the contracts a receipt names.

    Roots, leaves and receipt ids are "0x" + 64 hex; addresses compare without regard to case.
    Every method raises a `cortensor.errors.Error` (NotFound, Unavailable) when it cannot answer;
    the verifier then fails the check that asked.
    """

    def chain_id(self) -> int:
        """Return the chain's id."""
        ...

    def card(self, version: int) -> RateCard:
        """Return the rate card of a version."""
        ...

    def surcharge_bps(self, epoch: int) -> int:
        """Return the surcharge of an epoch."""
        ...

    def router_signer(self, router_id: int) -> str:
        """Return the router's present settler address."""
        ...

    def batch(self, anchorer: str, root: str) -> AnchoredBatch:
        """Return what is known of a root in an anchorer's log."""
        ...

    def is_anchored(self, anchorer: str, leaf: str, proof: Sequence[str], root: str) -> bool:
        """Return the contract's own word on a proof."""
        ...

    def finality(self, anchorer: str, root: str) -> str:
        """Return how final an anchored root is: one of `FINALITIES`."""
        ...

    def is_signed(self, signer: str, digest: str, signature: str) -> bool:
        """Return whether a contract, there or yet to be deployed, signed (ERC-1271, ERC-6492)."""
        ...

    def revocation(self, anchorer: str, receipt_id: str) -> Revocation:
        """Return whether an anchorer revoked a receipt."""
        ...

    def session(self, session_id: int) -> SessionState:
        """Return a payment session."""
        ...
