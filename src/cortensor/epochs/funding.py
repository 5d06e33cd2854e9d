# SPDX-License-Identifier: Apache-2.0
"""Before an epoch is opened: what sessions paid for nodes comes into the fund that it draws from.

Where somebody else opened it already, that is for the next one: else whoever is always early would
keep it from nodes for ever. Anyone may release a bucket and pay a pot, so whatever of it others did
is not done again.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from cortensor.chain.pots import Pots
from cortensor.chain.session_payment import NOBODY
from cortensor.errors import Error

if TYPE_CHECKING:
    from cortensor.epochs.observing import RewardChain
    from cortensor.epochs.sending import Sending

log = logging.getLogger(__name__)

MOST_RELEASES = 256
"""Buckets that are released for an epoch, a transaction each, the most money first.

More than a router fills in a week of hours. So many buckets of dust keep no money from the fund,
and cost whoever settles them more than whoever releases them."""
PATIENCE = 4
"""The part of the time for posting in which funding that fails is tried again."""


class Funder:
    """Fills the fund for one proposer.

    Args:
        chain: what is read.
        sending: sends.
    """

    def __init__(self, chain: RewardChain, sending: Sending) -> None:
        self._chain = chain
        self._sending = sending
        self._pots = Pots(chain.web3, chain.place.session_payment)

    def fund(self, epoch: int) -> str:
        """Release what matured and pay the node pot; returns a line of what was done.

        Never in the way of the epoch: where the pot is not the fund's it does nothing, and what
        still fails after a quarter of the time for posting is given up.

        Raises:
            Unavailable: the node, or a transaction is not mined yet.
        """
        rewards = self._chain.rewards
        end = rewards.bounds(epoch)[1]
        post_s = rewards.seconds("POST_SECONDS")
        late = self._chain.times.now() - end
        if late > post_s:
            return "it is too late to post the epoch"
        fund = self._chain.parts.fund
        _, recipient = self._pots.node_pot()
        if recipient.lower() != fund.lower():
            whose = "nobody" if recipient == NOBODY else recipient
            log.warning("epoch %d: the node pot is paid to %s, not to %s", epoch, whose, fund)
            return "the node pot is not the fund's"
        try:
            return self._fill(epoch)
        except Error as error:
            if late <= post_s // PATIENCE:
                raise
            log.warning("epoch %d: the fund is left as it is: %s", epoch, error)
            return "given up"

    def _fill(self, epoch: int) -> str:
        released = 0
        for bucket, _ in self._pots.releasable(self._chain.place.first_block)[:MOST_RELEASES]:
            action = f"fund/{epoch}/{bucket.router_id}/{bucket.version}/{bucket.bucket}"
            data = self._pots.release_data(bucket)
            released += self._sending.send(action, self._pots.address, data)
        waits, _ = self._pots.node_pot()
        if not waits:
            return f"{released} bucket(s) released, and nothing is in the node pot"
        is_paid = self._sending.send(
            f"fund/{epoch}/pot", self._pots.address, self._pots.pay_nodes_data()
        )
        paid = waits if is_paid else 0
        return f"{released} bucket(s) released, {paid} wei paid into the fund"
