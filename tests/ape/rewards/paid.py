# SPDX-License-Identifier: Apache-2.0
"""Money for nodes, without a router: a deposit that the settler moves under a root of nothing."""

from __future__ import annotations

import secrets

from scripts._demo import sessions
from scripts._demo.chain import COR
from scripts._rewards.run import ROUTER_ID

DEPOSIT_WEI = COR


class PaidSession:
    """A payment session of a scene.

    Args:
        scene: whose chain.
    """

    def __init__(self, scene):
        self._chain = scene.chain
        self._settled = 0
        self._number = sessions.open_escrow(scene.chain, DEPOSIT_WEI).number

    def settle(self, wei):
        """Settle so much more of it now; returns the root of a batch that nobody can read."""
        self._settled += wei
        root = secrets.token_bytes(32)
        batch = {
            "router_id": ROUTER_ID,
            "version": self._chain.table.functions.current_version().call(),
            "root": root,
            "count": 1,
            "uri": "",
            "items": [self._number << 96 | self._settled],
        }
        call = self._chain.payment.functions.settle(batch)
        self._chain.send(self._chain.people.settler, call)
        return f"0x{root.hex()}"

    def mature(self):
        """Let the bucket of the last settlement come out of its challenge window."""
        functions = self._chain.payment.functions
        bucket_s = functions.BUCKET_SECONDS().call()
        self._chain.pass_time(bucket_s + functions.CHALLENGE_WINDOW_SECONDS().call())


def open_unreadable(scene):
    """End an epoch in which a batch was settled that nobody can read, and open it.

    Returns:
        The batch's root.
    """
    root = PaidSession(scene).settle(DEPOSIT_WEI // 100)
    network, functions = scene.network, scene.network.reward.functions
    scene.epoch = network.end_epoch()
    # Until the one before it can be posted no more.
    scene.chain.pass_time(functions.POST_SECONDS().call() - network.epoch_s + 1)
    scene.chain.send(network.cast.cheat, functions.open(scene.epoch))
    return root
