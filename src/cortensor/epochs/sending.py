# SPDX-License-Identifier: Apache-2.0
"""The one key that a service sends from.

What is signed is stored before it is broadcast, so that a step which is cut short goes on with the
same transaction.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from cortensor.chain.errands import Runner
from cortensor.errors import Unavailable
from cortensor.receipts.sign import address_of
from cortensor.store.store import Store

if TYPE_CHECKING:
    from cortensor.epochs.job import Job
    from cortensor.epochs.observing import RewardChain

log = logging.getLogger(__name__)


class Sending:
    """Sends a job's transactions, one after the other.

    Args:
        chain: on which.
        job: whose key, and where its transactions are kept.
    """

    def __init__(self, chain: RewardChain, job: Job) -> None:
        store = Store(job.database)
        self._runner = Runner(chain.web3, job.key, store.errands, job.timeout_s)
        self.address = address_of(job.key)
        # Several epochs may be at work: one is paid while the next is opened, from one key.
        self._turn = threading.Lock()

    def send(self, action: str, to: str, data: str) -> bool:
        """Send a call; whether it did what was wanted, the chain says.

        Args:
            action: what it does, by a name of its own.
            to: the contract.
            data: calldata.

        Returns:
            Whether it is mined and did not revert.

        Raises:
            Unavailable: it is not mined yet (`not_done`), or the node; the next call goes on.
        """
        with self._turn:
            self._runner.follow()
            delivery = self._runner.run(action, to, data)
        if delivery.state == "waiting":
            raise Unavailable(f"{action}: {delivery.tx_hash} is not mined yet", code="not_done")
        if delivery.state == "refused":
            log.info("%s: the contract refuses: %s", action, delivery.reason)
        return delivery.state == "mined"

    def finish(self) -> None:
        """Look again at what is mined and not known to be final. Raises Unavailable."""
        with self._turn:
            self._runner.finish()
