# SPDX-License-Identifier: Apache-2.0
"""Killed after a transaction was sent and before it is mined: the same one is gone on with."""

from __future__ import annotations

import time

import pytest

from scripts._anvil import run_anvil
from tests.ape.rewards.scene import Scene
from tests.ape.running import rpc

pytestmark = pytest.mark.slow

OPEN, POSTED, FINAL = 1, 2, 3
PATIENCE_S = 60


@pytest.fixture
def scene(tmp_path):
    with run_anvil() as anvil:
        made = Scene(anvil.url, tmp_path)
        try:
            yield made
        finally:
            made.service.kill()


def sends(scene):
    """Let the service send, and kill it and let it come back before that is mined."""
    rpc(scene.url, "evm_setAutomine", False)
    scene.service.run_until(lambda: scene.pending() != [], seconds=PATIENCE_S)
    sent = scene.pending()
    scene.service.kill()
    back = time.monotonic() + 4
    scene.service.run_until(lambda: time.monotonic() > back, seconds=PATIENCE_S)
    scene.service.kill()
    assert scene.pending() == sent
    rpc(scene.url, "evm_setAutomine", True)
    rpc(scene.url, "evm_mine")
    return sent


def test_each_step_sends_one_transaction_whatever_happens(scene):
    before = scene.nonce("latest")
    scene.service.run_until(lambda: scene.state() == OPEN, seconds=PATIENCE_S)
    scene.service.kill()
    assert len(sends(scene)) == 1
    assert scene.state() == POSTED
    flight = scene.network.reward.functions.flight().call()
    scene.chain.pass_time(flight[5] - scene.chain.now() + 1)
    assert len(sends(scene)) == 1
    assert scene.state() == FINAL
    # Nobody worked: nothing is to be paid, and no level moves.
    scene.service.run_until(lambda: is_finished(scene), seconds=PATIENCE_S)
    assert scene.nonce("pending") == scene.nonce("latest") == before + 3


def is_finished(scene):
    """Whether the log shows that the last step is done."""
    return f"epoch {scene.epoch}: moves: []" in scene.service.log.read_text("utf-8")
