# SPDX-License-Identifier: Apache-2.0
"""Killed after a transaction was sent and before it is mined: the same one is gone on with."""

from __future__ import annotations

import time

import pytest

from scripts._anvil import run_anvil
from scripts._demo.chain import Chain
from scripts._rewards.network import Network, run_card
from scripts._rewards.pipeline import Service
from scripts._rewards.working import free_port
from tests.ape.running import rpc

NODES = 2
OPEN, POSTED, FINAL = 1, 2, 3
PATIENCE_S = 60


class Scene:
    """An epoch that is over, in which nobody worked, and its proposer's service."""

    def __init__(self, url, folder):
        self.url = url
        self.chain = Chain(url, folder / "deployments")
        self.network = Network(self.chain, run_card(1))
        self.network.settle_in(NODES)
        self.network.bond(self.network.cast.proposer)
        self.network.end_epoch()
        self.epoch = self.network.end_epoch()
        self.service = Service(
            self.network, folder / "epochs", free_port(), folder / "service.log"
        )
        self.bonding = self.nonce("latest")

    def nonce(self, block):
        address = self.network.cast.proposer.address
        return self.chain.web3.eth.get_transaction_count(address, block)

    def state(self):
        return self.network.reward.functions.epoch(self.epoch).call()[0]

    def pending(self):
        """The hashes of the proposer's transactions that are not mined."""
        found = rpc(self.url, "txpool_content")["pending"]
        address = self.network.cast.proposer.address.lower()
        own = next((each for who, each in found.items() if who.lower() == address), {})
        return [each["hash"] for each in own.values()]

    def sends(self):
        """Let the service send, kill it before that is mined, and let it come back twice."""
        rpc(self.url, "evm_setAutomine", False)
        self.service.run_until(lambda: self.pending() != [], seconds=PATIENCE_S)
        sent = self.pending()
        for _ in range(2):
            self.service.kill()
            back = time.monotonic() + 5
            self.service.run_until(lambda back=back: time.monotonic() > back, seconds=PATIENCE_S)
        self.service.kill()
        assert self.pending() == sent
        rpc(self.url, "evm_setAutomine", True)
        rpc(self.url, "evm_mine")
        return sent


@pytest.fixture
def scene(tmp_path):
    with run_anvil() as anvil:
        made = Scene(anvil.url, tmp_path)
        try:
            yield made
        finally:
            made.service.kill()


def test_each_step_sends_one_transaction_whatever_happens(scene):
    assert len(scene.sends()) == 1
    assert scene.state() == OPEN
    assert len(scene.sends()) == 1
    assert scene.state() == POSTED
    flight = scene.network.reward.functions.flight().call()
    scene.chain.pass_time(flight[5] - scene.chain.now() + 1)
    assert len(scene.sends()) == 1
    assert scene.state() == FINAL
    # Nobody worked: nothing is to be paid, and no level moves.
    scene.service.run_until(lambda: is_finished(scene), seconds=PATIENCE_S)
    assert scene.nonce("pending") == scene.nonce("latest") == scene.bonding + 3


def is_finished(scene):
    """Whether the log shows that the last step is done."""
    return f"epoch {scene.epoch}: moves: []" in scene.service.log.read_text("utf-8")
