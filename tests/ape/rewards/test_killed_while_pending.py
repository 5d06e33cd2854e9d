# SPDX-License-Identifier: Apache-2.0
"""Killed between sending and noting that it was sent, at every step that sends.

Twice each time: the transaction waits when the service comes back, and is mined while it is dead.
"""

from __future__ import annotations

import time

import pytest

from cortensor.epochs.runs import Runs
from cortensor.epochs.sharing import shared
from scripts._demo.chain import COR
from scripts._rewards import cheating
from tests.ape.rewards import crowd
from tests.ape.rewards.paid import PaidSession
from tests.ape.running import rpc

pytestmark = pytest.mark.slow

OPEN, POSTED, FINAL, EXPIRED = 1, 2, 3, 4
PATIENCE_S = 90
BACK_S = 0.5
"""How long the service that came back may send something else."""


@pytest.fixture
def scene(stage, tmp_path):
    before, epoch = rpc(stage.url, "evm_snapshot"), stage.epoch
    stage.network.grant(COR)
    stage.begin(tmp_path)
    try:
        yield stage
    finally:
        stage.service.kill()
        rpc(stage.url, "evm_setAutomine", True)
        stage.epoch = epoch
        assert rpc(stage.url, "evm_revert", before)


def sends(scene, step):
    """Let the service send in a step, and kill it before and after that is mined.

    Returns the functions it called.
    """
    begins = f"epoch {scene.epoch}: {step} begins"
    rpc(scene.url, "evm_setAutomine", False)
    until(scene, lambda: scene.pending() != [])
    sent = scene.pending()
    scene.service.kill()
    assert scene.last_step() == step
    before = scene.count(begins)
    until(scene, lambda: scene.count(begins) > before)
    back = time.monotonic() + BACK_S
    until(scene, lambda: time.monotonic() > back)
    scene.service.kill()
    assert scene.pending() == sent
    rpc(scene.url, "evm_setAutomine", True)
    rpc(scene.url, "evm_mine")
    return [scene.called(tx_hash) for tx_hash in sent]


def until(scene, is_so):
    scene.service.run_until(is_so, seconds=PATIENCE_S)


def test_from_the_fund_to_a_final_root(scene):
    paid = PaidSession(scene)
    paid.settle(COR // 10)
    paid.mature()
    fund = scene.chain.balance(scene.network.fund.address)
    before = scene.nonce("latest")
    assert sends(scene, "fund") == ["release"]
    assert sends(scene, "fund") == ["pay_pot"]
    assert scene.chain.balance(scene.network.fund.address) > fund
    assert sends(scene, "open") == ["open"]
    assert scene.state() == OPEN
    # Somebody else posts first, and a wrong root.
    wrong = cheating.wrong_trees(*scene.computed())[3]
    with shared(scene.folder / "wrong", "127.0.0.1", 0) as url:
        cheating.post(scene.network, scene.epoch, wrong, bytes(32), scene.folder / "wrong", url)
        assert sends(scene, "check") == [wrong.proof]
    assert cheating.is_slashed(scene.network)
    assert sends(scene, "post") == ["post"]
    assert scene.state() == POSTED
    scene.pass_window()
    assert sends(scene, "finalise") == ["finalise"]
    assert scene.state() == FINAL
    # Nobody worked: nothing is to be paid, and no level moves.
    until(scene, lambda: scene.says("which stays"))
    assert scene.nonce("pending") == scene.nonce("latest") == before + 6


def test_from_a_final_root_to_the_last_level(scene):
    with shared(scene.folder / "rival", "127.0.0.1", 0) as url:
        leaves = crowd.make_final(scene, url)
        had, before = crowd.held(scene, leaves), scene.nonce("latest")
        for _ in crowd.STARTS:
            assert sends(scene, "pay") == ["pay"]
        # The registered nodes are side by side.
        assert sends(scene, "sync") == ["sync_run"]
        assert sends(scene, "sync") == ["sync"]
        until(scene, lambda: scene.says("which stays"))
    assert crowd.held(scene, leaves) - had == crowd.allotted(leaves)
    assert scene.nonce("pending") == scene.nonce("latest") == before + 5


def test_what_nobody_was_paid_goes_to_the_treasury(scene):
    network, cast = scene.network, scene.network.cast
    reward = network.reward.functions
    with shared(scene.folder / "rival", "127.0.0.1", 0) as url:
        leaves = crowd.make_final(scene, url)
        old = scene.epoch
        # The first run is paid, by anyone.
        runs = Runs(scene.job(), scene.reader())
        scene.chain.send(cast.cheat, reward.pay(*runs.run(old, 0).arguments))
        scene.chain.pass_time(reward.EXPIRY_SECONDS().call() + 1)
        # The epoch that is over by then is another's, so that nothing else is to be sent.
        scene.epoch = network.end_epoch()
        scene.chain.pass_time(2)  # in the first second the one before is due
        scene.chain.send(cast.cheat, reward.open(scene.epoch))
        _, result = scene.computed()
        right = cheating.Wrong("right", "", list(result.leaves))
        cheating.post(network, scene.epoch, right, result.inputs_hash, scene.folder / "rival", url)
        before, had = scene.nonce("latest"), scene.chain.balance(cast.treasury.address)
        allotted = scene.chain.balance(network.reward.address)
        scene.epoch = old
        assert sends(scene, "expire") == ["expire"]
        assert scene.state() == EXPIRED
        for _ in crowd.STARTS[1:]:
            assert sends(scene, "sweep") == ["sweep"]
        until(scene, lambda: scene.says(f"epoch {old}: ended in block"))
    swept = crowd.allotted(leaves[crowd.RUN :])
    assert scene.chain.balance(cast.treasury.address) - had == swept
    assert allotted - scene.chain.balance(network.reward.address) == swept
    assert scene.nonce("pending") == scene.nonce("latest") == before + 3
