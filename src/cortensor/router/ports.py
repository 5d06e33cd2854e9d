# SPDX-License-Identifier: Apache-2.0
"""What the service needs from outside, as protocols. Adapters and tests implement them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cortensor.chain.facts import ChainIdentity, Surcharge
    from cortensor.chain.node_register import NodeFacts
    from cortensor.pricing import RateCard
    from cortensor.router.config import ComputeSession
    from cortensor.router.history import History
    from cortensor.router.sampling import SamplingRequest
    from cortensor.router.standing import NodeStanding
    from cortensor.store.api_keys import KeyRecord
    from cortensor.store.claims import Claim
    from cortensor.store.records import (
        Account,
        BatchRecord,
        IdempotencyKey,
        LeafRecord,
        ReceiptRecord,
        Replay,
        SessionFacts,
        SignedRecord,
    )


ReplicaStatus = Literal["RUNNING", "OK", "TIMEOUT", "ERROR", "MISSING"]
"""How far a replica is."""


class Call(Struct, frozen=True):
    """One run of a prompt on one compute session.

    `prompt_bound` is the most prompt tokens a truthful backend can report. `schema` asks for an
    answer of that JSON schema. `chat` is a conversation, in the place of `system` and `user`;
    `sampling` counts instead of the session's own.
    """

    session: ComputeSession
    system: str
    user: str
    max_tokens: int
    prompt_bound: int
    schema: dict[str, Any] | None = None
    chat: tuple[dict[str, Any], ...] = ()
    sampling: SamplingRequest | None = None

    @property
    def messages(self) -> tuple[dict[str, Any], ...]:
        """The messages that the model gets."""
        return self.chat or (
            {"role": "system", "content": self.system},
            {"role": "user", "content": self.user},
        )


class Completion(Struct, frozen=True):
    """What a backend answered; token counts are already within the call's bounds.

    `flags` names oddities worth showing, such as `usage_clamped`. `tool_calls` are those that the
    backend reports, `repairs` how often the answer was made again to follow its schema.
    """

    text: str
    model: str
    input_units: int
    output_units: int
    finish_reason: str | None = None
    flags: tuple[str, ...] = ()
    tool_calls: tuple[Any, ...] = ()
    repairs: int = 0


class BackendError(Exception):
    """A replica produced no usable answer.

    Args:
        reason: a stable word: `unreachable`, `rate_limited`, `upstream_error`, `bad_reply`,
            `context_exceeded`, `response_too_large`, `refused`, `cut_stream`.
        healthy: whether the compute session is fit to try again at once.
        retry_after_s: seconds after which the backend wants to be asked again, if it said so.
    """

    def __init__(
        self, reason: str, *, healthy: bool = False, retry_after_s: float | None = None
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.healthy = healthy
        self.retry_after_s = retry_after_s


class SessionRegistry(Protocol):
    """Where the compute sessions come from; see `router.registry`."""

    def sessions(self) -> Sequence[ComputeSession]:
        """Return the sessions, in order of preference; their ids are distinct."""

    def standing(self, session: str) -> NodeStanding | None:
        """Return what is known of a session's node; None where no register is read for it."""


class NodesPort(Protocol):
    """A register of nodes; see `router.adapters.chain_nodes.ChainNodes`. Calls block."""

    def facts(self, nodes: Sequence[str]) -> Sequence[NodeFacts]:
        """Return what is registered of each node, by address; raises Unavailable."""


class Engine(Protocol):
    """Runs the prompts of one job: a backend, or what stands before it."""

    async def complete(self, call: Call) -> Completion:
        """Run one prompt; raises BackendError."""


class Backend(Engine, Protocol):
    """Runs prompts."""

    @property
    def model(self) -> str:
        """Name of the model a session without its own runs on."""

    @property
    def model_digest(self) -> str | None:
        """Hash of the weights, if known."""

    async def start(self) -> None:
        """Open connections or processes; raises Unavailable when that fails."""

    async def stream(self, call: Call, on_text: Callable[[str], None]) -> Completion:
        """Run one prompt and tell each piece of its answer as it comes; raises BackendError.

        A stream that ends before the model said why it stopped is `cut_stream`, and no answer.
        """

    async def check(self) -> None:
        """Return if the backend can serve; raises Unavailable."""

    async def close(self) -> None:
        """Free everything."""


class Chain(Protocol):
    """Reads the contracts. Every method may raise Unavailable."""

    async def identity(self) -> ChainIdentity:
        """Return the chain id and contract addresses."""

    async def settler(self, router_id: int) -> str:
        """Return the address that may settle for a router."""

    async def session(self, session: str) -> SessionFacts | None:
        """Return a payment session, or None if it was never opened."""

    async def card(self, version: int) -> RateCard:
        """Return a rate card."""

    async def surcharge(self) -> Surcharge:
        """Return the latest surcharge epoch."""

    async def ping(self) -> int:
        """Return the latest block number."""


class LedgerPort(Protocol):
    """The money side of the store; see `cortensor.store.ledger.Ledger`. Calls block."""

    def account(self, session: str) -> Account | None:
        """Return a known session's account."""

    def refresh(self, facts: SessionFacts) -> Account:
        """Store chain facts and return the account."""

    def reserve(
        self,
        session: str,
        reservation: str,
        amount: int,
        now: int,
        credit: int | None = None,
        key: str | None = None,
        claim: Claim | None = None,
    ) -> None:
        """Set wei aside and claim the request; raises PaymentRequired and Conflict."""

    def running(self, session: str, key: str) -> str | None:
        """Return the hash of the request that runs under an idempotency key, at any router."""

    def release(self, reservation: str) -> None:
        """Drop a reservation without a charge."""

    def commit(
        self,
        reservation: str,
        record: ReceiptRecord,
        response: tuple[int, bytes],
        key: IdempotencyKey | None,
        card: bytes,
    ) -> int:
        """Charge, store receipt and answer, drop the reservation; return the running total."""

    def is_charged(self, session: str, commitment: str) -> bool:
        """Return whether a request was charged."""

    def replay(self, session: str, key: str) -> Replay | None:
        """Return the stored answer of an idempotency key."""

    def receipt(self, receipt_id: str) -> ReceiptRecord | None:
        """Return a receipt."""

    def card(self, version: int) -> bytes | None:
        """Return the JSON of a used rate card."""

    def ping(self) -> None:
        """Return if the database can be read; raises Unavailable."""


class VouchersPort(Protocol):
    """Totals that session keys signed; see `cortensor.store.vouchers.Vouchers`. Calls block."""

    def accept(self, session: str, cumulative: int, signature: str, now: int) -> Account:
        """Store a checked voucher and return the account; raises Conflict."""


class KeysPort(Protocol):
    """API keys; see `cortensor.store.api_keys.ApiKeys`. Calls block."""

    def add(self, record: KeyRecord) -> bool:
        """Store a key; returns whether it is new; raises Conflict."""

    def find(self, key_hash: str) -> KeyRecord | None:
        """Return a key."""

    def all(self, session: str | None = None) -> list[KeyRecord]:
        """Return all keys, or those of a session."""

    def revoke(self, key_hash: str, now: int, session: str | None = None) -> None:
        """Make a key count for nothing; raises NotFound."""


class HistoryPort(Protocol):
    """Measured accuracy of compute sessions; see `router.measured.MeasuredHistory`."""

    def snapshot(self) -> History:
        """Return what is known now; quick, and called on the event loop."""


class OutboxPort(Protocol):
    """What the HTTP side reads of settlement; see `cortensor.store.outbox.Outbox`."""

    def batch(self, root: str) -> BatchRecord | None:
        """Return a batch."""

    def leaf(self, receipt_id: str) -> LeafRecord | None:
        """Return a receipt's place in a batch."""

    def leaves(self, root: str) -> list[LeafRecord]:
        """Return a batch's leaves by position."""

    def signed(self, root: str) -> dict[str, SignedRecord]:
        """Return what was signed for a batch's receipts, by receipt id."""


class Clock(Protocol):
    """Time, replaceable in tests."""

    def unix(self) -> int:
        """Return unix seconds."""

    def monotonic(self) -> float:
        """Return seconds of a clock that never goes back."""
