# SPDX-License-Identifier: Apache-2.0
"""An epoch that is over and in which nobody worked, and its proposer's service."""

from __future__ import annotations

from cortensor.epochs.gathering import gather
from cortensor.epochs.observing import RewardChain
from cortensor.epochs.place import place_from
from cortensor.epochs.settings import ObserveSettings
from cortensor.rewards.epoch import compute_epoch
from cortensor.watch.fetch import FetchLimits
from scripts._rewards.network import Network
from scripts._rewards.pipeline import Service
from scripts._rewards.working import free_port
from tests.ape.running import rpc

NODES = 2
SETTINGS = ObserveSettings(limits=FetchLimits(is_private_allowed=True), finality="soft")


class Scene:
    """A chain with the reward contracts, two nodes and a bonded proposer.

    Args:
        url: the node's RPC.
        folder: for everything.
    """

    def __init__(self, url, folder):
        self.url = url
        self.network = Network(url, folder / "deployments", min_tasks=1)
        self.chain = self.network.chain
        self.network.settle_in(NODES)
        self.network.bond(self.network.cast.proposer)
        self.network.end_epoch()
        self.epoch = self.network.end_epoch()
        self.begin(folder)

    def begin(self, folder, finality="soft"):
        """Give the epoch a service that has done nothing yet."""
        self.folder = folder
        self.service = Service(
            self.network,
            folder / "epochs",
            free_port(),
            folder / "service.log",
            finality=finality,
        )

    def computed(self, folder=None):
        """Inputs and result of the epoch, which somebody opened."""
        chain = RewardChain([self.url], place_from(self.chain.records, None, None))
        inputs, _ = gather(chain, self.epoch, SETTINGS, folder)
        return inputs, compute_epoch(inputs)

    def says(self, text):
        """Whether the service's log has something."""
        log = self.service.log
        return log.is_file() and text in log.read_text("utf-8")

    def nonce(self, block):
        """How many transactions the proposer has sent."""
        address = self.network.cast.proposer.address
        return self.chain.web3.eth.get_transaction_count(address, block)

    def state(self):
        """The epoch's state on chain."""
        return self.network.reward.functions.epoch(self.epoch).call()[0]

    def pending(self):
        """The hashes of the proposer's transactions that are not mined."""
        found = rpc(self.url, "txpool_content")["pending"]
        address = self.network.cast.proposer.address.lower()
        own = next((each for who, each in found.items() if who.lower() == address), {})
        return [each["hash"] for each in own.values()]
