# SPDX-License-Identifier: Apache-2.0
"""A demand made by hand: what it costs and may bring, making it, and ending it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from cortensor.chain.courier import Courier
from cortensor.chain.observer import Observer
from cortensor.chain.sender import FEE_FACTOR, Sender
from cortensor.chain.token import Token
from cortensor.errors import Conflict, NotFound, Unauthorized, Unavailable
from cortensor.pricing import format_cor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortensor.chain.courier import Delivery
    from cortensor.chain.dispute import DemandState
    from cortensor.chain.sender import SignedTransaction

STATE_NONE = 0
DEMAND_GAS = 250_000
"""For a cost before the deposit is allowed, when no node can estimate it: gas/scenarios.json has
178,000, and this has a sender's headroom on top."""
OWN_REASONS = ("dispute:", "payment:")


class Prospect(Struct, frozen=True):
    """What a demand would be. Money is decimal wei: `deposit_wei`, `refund_wei` of COR.

    `refund_wei` is what goes back to the session if nobody answers, whichever leaf is demanded:
    all that is settled and not refunded yet. `fee_wei` is the most that the transactions cost of
    the gas coin, None without a key.
    """

    session_id: str
    index: int
    deposit_wei: str
    settled_wei: str
    refund_wei: str
    fee_wei: str | None


class Made(Struct, frozen=True):
    """A demand that was made; `settled_wei` is the total that it is known by.

    `answer_by` is unix seconds, `fee_wei` wei of the gas coin paid.
    """

    session_id: str
    index: int
    challenger: str
    deposit_wei: str
    settled_wei: str
    answer_by: int
    tx_hash: str
    fee_wei: str


class Ended(Struct, frozen=True):
    """A demand that was closed. Unanswered, the session was refunded and the deposit came back."""

    session_id: str
    index: int
    settled_wei: str
    is_answered: bool
    tx_hash: str
    fee_wei: str


class MemoryJournal:
    """Signed transactions of one command; fills `cortensor.chain.courier.Journal`.

    A demand that was cut short needs no memory: the contract says whether it is made, and takes no
    second deposit for it.
    """

    def __init__(self) -> None:
        self._signed: list[tuple[str, SignedTransaction]] = []

    def transactions(self, action: str) -> list[SignedTransaction]:
        """Return what was signed for an action, newest first."""
        return [signed for name, signed in reversed(self._signed) if name == action]

    def sign(self, action: str, transaction: SignedTransaction) -> None:
        """Keep a signed transaction."""
        self._signed.append((action, transaction))


class Demander:
    """Makes demands from a key of its own.

    Args:
        rpc_url: an http(s) JSON-RPC endpoint, or several of one chain.
        session_payment: the escrow.
        chain_id: the chain it must be on; None for any.
        key: 0x-hex private key with the deposit in COR and gas; None only shows.
        timeout_s: how long to wait for each transaction.

    Raises:
        Conflict: the node is on another chain (`wrong_chain`).
        NotFound: no such contract, or it names no dispute contract (`no_dispute`).
        Unavailable: the node.
    """

    def __init__(
        self,
        rpc_url: str | Sequence[str],
        session_payment: str,
        chain_id: int | None,
        key: str | None,
        timeout_s: float,
    ) -> None:
        self._observer = Observer(rpc_url, session_payment, chain_id)
        if self._observer.dispute is None:
            raise NotFound("the escrow names no dispute contract yet", code="no_dispute")
        self._dispute = self._observer.dispute
        self._terms = self._dispute.terms()
        web3 = self._observer.web3
        self._token = Token(web3, self._observer.payment.token())
        self._timeout_s = timeout_s
        self._sender = None if key is None else Sender(web3, key)
        self._courier = None if key is None else Courier(web3, key, MemoryJournal(), timeout_s)

    def prospect(self, session: int, index: int) -> Prospect:
        """Return what a demand would be, if it could be made now.

        Args:
            session: the payment session.
            index: the leaf's; 0 for that of the settled total.

        Raises:
            NotFound: the session was never opened (`unknown_session`).
            Conflict: nothing is settled (`nothing_settled`), it is demanded already
                (`already_demanded`), or the contract refuses (`contract_refused`).
            Unavailable: the key has less COR than the deposit (`no_cor`); the node.
        """
        facts = self._observer.session(session)
        if facts.state == STATE_NONE:
            raise NotFound("no such session", field="session", code="unknown_session")
        if facts.settled == 0:
            raise Conflict("nothing is settled of it", field="session", code="nothing_settled")
        known = self._dispute.demand_of(session, index, facts.settled)
        if known.is_open:
            raise Conflict(_stands(known), field="index", code="already_demanded")
        refund = facts.settled - min(facts.settled, self._dispute.refunded(session))
        fee = self._fee(session, index)
        return Prospect(
            session_id=f"0x{session:040x}",
            index=index,
            deposit_wei=str(self._terms.deposit),
            settled_wei=str(facts.settled),
            refund_wei=str(refund),
            fee_wei=None if fee is None else str(fee),
        )

    def demand(self, session: int, index: int) -> Made:
        """Allow the deposit if it is not yet, and demand a leaf.

        Raises:
            Unauthorized: there is no key (`no_key`).
            Error: as `prospect`; Unavailable (`not_mined`) also where a transaction takes too long.
        """
        courier = self._key()
        prospect = self.prospect(session, index)
        spent = 0
        if not self._is_allowed(courier.address):
            # Exactly the deposit: nothing is left allowed that was not asked for.
            data = self._token.approve_data(self._dispute.address, self._terms.deposit)
            spent += _fee_of(self._done(courier.deliver("approve", self._token.address, data)))
        data = self._dispute.demand_data(session, index)
        delivery = self._done(courier.deliver("demand", self._dispute.address, data))
        # Of the total when it was mined, which may have grown since it was looked at.
        made = self._dispute.demanded_in(delivery.tx_hash or "")
        return Made(
            session_id=prospect.session_id,
            index=index,
            challenger=made.challenger,
            deposit_wei=prospect.deposit_wei,
            settled_wei=str(made.settled),
            answer_by=made.answer_by,
            tx_hash=delivery.tx_hash or "",
            fee_wei=str(spent + _fee_of(delivery)),
        )

    def close(self, session: int, index: int, settled: int | None = None) -> Ended:
        """End a demand whose time is over, whoever made it.

        Args:
            session: the payment session.
            index: the leaf's, as demanded.
            settled: the total in wei of when it was demanded; None for the present one.

        Raises:
            Unauthorized: there is no key (`no_key`).
            NotFound: there is no such demand (`no_such_demand`).
            Conflict: it is too early (`still_open`), or the contract refuses.
            Unavailable: the node.
        """
        courier = self._key()
        if settled is None:
            settled = self._observer.session(session).settled
        known = self._dispute.demand_of(session, index, settled)
        if not known.is_open:
            raise NotFound(
                f"there is no such demand of a total of {format_cor(settled)} COR",
                field="index",
                code="no_such_demand",
            )
        if self._observer.head().time <= (known.challengeable_until or known.answer_by):
            raise Conflict(_stands(known), field="index", code="still_open")
        data = self._dispute.close_demand_data(session, index, settled)
        delivery = self._done(courier.deliver("close", self._dispute.address, data))
        return Ended(
            session_id=f"0x{session:040x}",
            index=index,
            settled_wei=str(settled),
            is_answered=known.challengeable_until != 0,
            tx_hash=delivery.tx_hash or "",
            fee_wei=str(_fee_of(delivery)),
        )

    def _key(self) -> Courier:
        if self._courier is None:
            raise Unauthorized(
                "set the environment variable that it names to the key that pays",
                field="key-env",
                code="no_key",
            )
        return self._courier

    def _is_allowed(self, owner: str) -> bool:
        allowed = self._token.allowance(owner, self._dispute.address)
        return allowed >= self._terms.deposit

    def _fee(self, session: int, index: int) -> int | None:
        """Return the most wei of the gas coin that a demand costs; None without a key."""
        if self._courier is None or self._sender is None:
            return None
        owner = self._courier.address
        held = self._token.balance(owner)
        if held < self._terms.deposit:
            raise Unavailable(
                f"{owner} has {format_cor(held)} COR, the deposit is "
                f"{format_cor(self._terms.deposit)} COR",
                code="no_cor",
            )
        data = self._dispute.demand_data(session, index)
        try:
            return self._courier.fee_of(self._dispute.address, data)
        except Conflict as error:
            # Refused for want of the allowance alone, which the contract looks at last.
            if self._is_allowed(owner) or error.reason.startswith(OWN_REASONS):
                raise
        approve = self._token.approve_data(self._dispute.address, self._terms.deposit)
        price = FEE_FACTOR * self._sender.base_fee()
        return self._courier.fee_of(self._token.address, approve) + DEMAND_GAS * price

    def _done(self, delivery: Delivery) -> Delivery:
        if delivery.state == "waiting":
            raise Unavailable(
                f"{delivery.tx_hash} was not mined in {self._timeout_s:.0f} s; see what becomes of"
                " it before you try again",
                code="not_mined",
            )
        if delivery.state != "mined":
            raise Conflict(delivery.reason or f"{delivery.tx_hash} reverted", code="refused")
        return delivery


def _fee_of(delivery: Delivery) -> int:
    return delivery.gas_used * delivery.gas_price


def _stands(demand: DemandState) -> str:
    """Return how an open demand stands, in words."""
    if demand.challengeable_until:
        return f"is demanded and answered; open until unix time {demand.challengeable_until}"
    by = demand.challenger.lower()
    return f"is demanded by {by}, to be answered by unix time {demand.answer_by}"
