# SPDX-License-Identifier: Apache-2.0
"""Totals that the contract passed over: settled alone when they would move, given up when never.

Whether a total would move is asked of the contract by a call that costs nothing. Only a batch that
would move money is built and sent, so a session that cannot pay costs no fees.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from cortensor.chain.refusals import own_words
from cortensor.errors import Conflict
from cortensor.pricing.quota import MICRO_WEI, micro_of
from cortensor.store.records import STAKE, STATE_CLOSED, STATE_NONE
from cortensor.store.skips import groups_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cortensor.chain.session_payment import PaymentSession, SessionPayment
    from cortensor.chain.settlement import Settlement
    from cortensor.store.records import BatchRecord, OpenSkip
    from cortensor.store.skips import Skips

# The contracts' own words; see SessionPayment._refusal and StakeQuota.draw.
WRONG_SIGNER = "wrong voucher signer"
WINDOW_OVER = "window is over"


class Retrier:
    """Decides what becomes of totals that were passed over.

    Args:
        payment: what the chain says of their sessions.
        settlement: asked whether a batch would move money.
        router_id: whose sessions these are.
        settler: the router's settler, an address.
        skips: where they are kept.
        uri_base: prefix of each batch's public address; None for none.
    """

    def __init__(
        self,
        payment: SessionPayment,
        settlement: Settlement,
        router_id: int,
        settler: str,
        skips: Skips,
        uri_base: str | None,
    ) -> None:
        self._payment = payment
        self._settlement = settlement
        self._router_id = router_id
        self._settler = settler
        self._skips = skips
        self._uri_base = uri_base

    def batches(self, due: Sequence[OpenSkip], chain_time: int) -> Iterator[BatchRecord]:
        """Yield stored batches of totals that would move now; the caller settles each.

        Args:
            due: the totals to try.
            chain_time: unix seconds of the chain's latest block.

        Raises:
            Unavailable: the node; what is left is tried by the next call.
        """
        window = self._payment.settle_window_seconds()
        open_ones = [skip for skip in due if self._is_open(skip, chain_time, window)]
        for group in groups_of(open_ones):
            retry = self._skips.draft(group, self._uri_base, chain_time)
            sessions = [skip.session for skip in group]
            try:
                moved = self._settlement.moves(self._router_id, retry.batch, self._settler)
            except Conflict as error:
                self._skips.put_off(sessions, int(time.time()), own_words(error.reason))
                continue
            if moved:
                retry = msgspec.structs.replace(
                    retry, batch=msgspec.structs.replace(retry.batch, total=moved)
                )
                yield self._skips.keep(retry)
            else:
                self._skips.put_off(sessions, int(time.time()))

    def _is_open(self, skip: OpenSkip, now: int, window: int) -> bool:
        """Return whether a total can still move; note it if it moved, or never can."""
        facts = self._payment.facts(int(skip.session, 16))
        if facts.settled >= _settles_as(skip):
            self._skips.settled(skip.session)
            return False
        reason = why_never(skip, facts, now, window)
        if reason is not None:
            self._skips.give_up(skip.session, reason)
        return reason is None


def _settles_as(skip: OpenSkip) -> int:
    """Return what a total is on chain, in wei: stake is charged in whole micro-COR."""
    is_stake = skip.funding == STAKE
    return micro_of(skip.cumulative) * MICRO_WEI if is_stake else skip.cumulative


def why_never(skip: OpenSkip, facts: PaymentSession, now: int, window: int) -> str | None:
    """Return why a total can never move, in the contract's words; None if it may yet.

    Too small a deposit may be topped up, a pool filled, a permission given; what ends a session or
    a window of stake is never undone.

    Args:
        skip: the total.
        facts: its session as the chain has it.
        now: unix seconds of the chain's latest block.
        window: seconds after its end in which a session can be settled.
    """
    if skip.window is not None:
        # The quota pays for work of the current window and the one before.
        return WINDOW_OVER if now // skip.window_s - skip.window > 1 else None
    if facts.state == STATE_NONE:
        # Its opening was undone with its block; the payer may send it again until then.
        return "unknown session" if now > skip.expiry + window else None
    if facts.state == STATE_CLOSED:
        return "session closed"
    if facts.funding != skip.funding:
        return "other funding"
    if facts.version != skip.version:
        return "other card version"
    if now > facts.expiry + window:
        return "settle window over"
    return WRONG_SIGNER if skip.reason == WRONG_SIGNER else None
