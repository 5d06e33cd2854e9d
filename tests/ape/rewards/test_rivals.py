# SPDX-License-Identifier: Apache-2.0
"""Somebody else posts first: what is wrong is overthrown by the service, what is right it pays."""

from __future__ import annotations

import pytest

from cortensor.epochs.sharing import shared
from scripts._rewards import cheating
from tests.ape.rewards.paid import open_unreadable
from tests.ape.running import rpc

pytestmark = pytest.mark.slow

OPEN, FINAL = 1, 3
PATIENCE_S = 60


@pytest.fixture
def scene(stage, tmp_path):
    before, epoch = rpc(stage.url, "evm_snapshot"), stage.epoch
    stage.begin(tmp_path)
    try:
        yield stage
    finally:
        stage.service.kill()
        stage.epoch = epoch
        assert rpc(stage.url, "evm_revert", before)


def opened(scene):
    """Have the rival open the epoch; returns its inputs and what follows from them."""
    scene.chain.send(scene.network.cast.cheat, scene.network.reward.functions.open(scene.epoch))
    return scene.computed()


def postings(scene):
    logs = scene.network.reward.events.RootPosted().get_logs(from_block=0)
    return [log["args"]["proposer"] for log in logs]


def finish(scene):
    """Let the window pass, and the service bring the epoch to its end."""
    scene.pass_window()
    scene.service.run_until(lambda: scene.state() == FINAL, seconds=PATIENCE_S)


def test_a_wrong_root_is_overthrown_and_replaced(scene):
    cast = scene.network.cast
    wrong = cheating.wrong_trees(*opened(scene))[3]
    with shared(scene.folder / "wrong", "127.0.0.1", 0) as url:
        cheating.post(scene.network, scene.epoch, wrong, bytes(32), scene.folder / "wrong", url)
        scene.service.run_until(lambda: len(postings(scene)) > 1, seconds=PATIENCE_S)
    assert cheating.is_slashed(scene.network)
    assert postings(scene) == [cast.cheat.address, cast.proposer.address]
    finish(scene)


def test_a_wrong_root_falls_while_the_service_waits_for_a_batch_that_nobody_can_read(scene):
    root = open_unreadable(scene)
    wrong = cheating.wrong_trees(*scene.computed(left_out=(root,)))[3]
    waits = f"epoch {scene.epoch}: compute waits: batches: 1 settled batch(es)"
    scene.service.run_until(lambda: scene.says(waits), seconds=PATIENCE_S)
    with shared(scene.folder / "wrong", "127.0.0.1", 0) as url:
        cheating.post(scene.network, scene.epoch, wrong, bytes(32), scene.folder / "wrong", url)
        scene.service.run_until(lambda: cheating.is_slashed(scene.network), seconds=PATIENCE_S)
    assert scene.state() == OPEN
    assert scene.says(root)
    # And it waits again.
    waited = scene.count(waits)
    scene.service.run_until(lambda: scene.count(waits) > waited, seconds=PATIENCE_S)
    assert scene.last_step() == "compute"


def test_a_right_root_is_left_and_made_final(scene):
    cast = scene.network.cast
    _, result = opened(scene)
    right = cheating.Wrong("right", "", list(result.leaves))
    cheating.post(
        scene.network, scene.epoch, right, result.inputs_hash, scene.folder / "x", "http://x"
    )
    done = f"epoch {scene.epoch}: check: the posted root is right"
    scene.service.run_until(lambda: scene.says(done), seconds=PATIENCE_S)
    finish(scene)
    assert scene.says(f"epoch {scene.epoch}: fund: 0 bucket(s) released")
    assert not cheating.is_slashed(scene.network)
    assert postings(scene) == [cast.cheat.address]


def test_an_own_root_that_was_vetoed_is_not_posted_again(scene):
    cast, functions = scene.network.cast, scene.network.reward.functions
    scene.service.run_until(lambda: len(postings(scene)) == 1, seconds=PATIENCE_S)
    scene.chain.send(cast.guardian, functions.announce_veto(scene.epoch, "inputs"))
    scene.chain.pass_time(scene.network.veto_delay_s)
    log = scene.network.reward.events.RootPosted().get_logs(from_block=0)[0]["args"]
    names = ("root", "sums", "count", "inputs_hash", "proposer")
    header = tuple(log[name] for name in names)
    scene.chain.send(cast.guardian, functions.execute_veto(scene.epoch, header))
    scene.network.bond(cast.proposer)
    said = "one's own root was overthrown"
    scene.service.run_until(
        lambda: said in scene.service.log.read_text("utf-8"), seconds=PATIENCE_S
    )
    assert len(postings(scene)) == 1
