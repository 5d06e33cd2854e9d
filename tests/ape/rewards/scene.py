# SPDX-License-Identifier: Apache-2.0
"""An epoch that is over and in which nobody worked, and its proposer's service."""

from __future__ import annotations

import re
from contextlib import suppress

from msgspec import structs
from web3.exceptions import Web3ValueError

from cortensor.epochs.gathering import gather
from cortensor.epochs.job import Job
from cortensor.epochs.observing import RewardChain
from cortensor.epochs.place import place_from
from cortensor.epochs.settings import ObserveSettings
from cortensor.rewards.epoch import compute_epoch
from cortensor.watch.fetch import FetchLimits
from scripts._rewards.forked import Forked
from scripts._rewards.network import Network, hex_key
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

    def begin(self, folder, finality="soft", begin=Forked, **databases):
        """Give the epoch a service that has done nothing yet, and notes it in files by default."""
        self.folder = folder
        self.service = Service(
            self.network,
            folder / "epochs",
            free_port(),
            folder / "service.log",
            finality=finality,
            begin=begin,
            **databases,
        )

    def computed(self, folder=None, left_out=()):
        """Inputs and result of the epoch, which somebody opened, without batches of some roots."""
        settings = structs.replace(SETTINGS, left_out=left_out)
        inputs, _ = gather(self.reader(), self.epoch, settings, folder)
        return inputs, compute_epoch(inputs)

    def reader(self):
        """The contracts, as anybody reads them."""
        return RewardChain([self.url], place_from(self.chain.records, None, None))

    def job(self):
        """The proposer's work, with a folder of its own."""
        return Job(
            rpc_url=(self.url,),
            place=place_from(self.chain.records, None, None),
            folder=self.folder / "job",
            settings=SETTINGS,
            key=hex_key(self.network.cast.proposer),
            database=self.folder / "job.db",
            workflows="",
            uri_base="",
        )

    def says(self, text):
        """Whether the service's log has something."""
        return self.count(text) > 0

    def count(self, text):
        """How often the service's log has something."""
        log = self.service.log
        return log.read_text("utf-8").count(text) if log.is_file() else 0

    def last_step(self):
        """Which step of the epoch began last, as the service's log says it."""
        log = self.service.log.read_text("utf-8")
        return re.findall(rf"epoch {self.epoch}: (\w+) begins", log)[-1]

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

    def called(self, tx_hash):
        """The name of the function that a transaction calls."""
        data = self.chain.web3.eth.get_transaction(tx_hash)["input"]
        network = self.network
        bound = [network.reward, network.dispute, network.register, self.chain.payment]
        for contract in bound:
            with suppress(Web3ValueError):
                return contract.get_function_by_selector(data[:4]).fn_name
        return data.hex()

    def pass_window(self):
        """Go to where the posted root can be made final."""
        flight = self.network.reward.functions.flight().call()
        self.chain.pass_time(flight[5] - self.chain.now() + 1)

    def address(self, number):
        """The checksummed address of a number."""
        return self.chain.web3.to_checksum_address(f"0x{number:040x}")
