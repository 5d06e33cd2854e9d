# SPDX-License-Identifier: Apache-2.0
"""`cortensor rewards watch` against cheats on Anvil: the proof is found, sent, and taken."""

from __future__ import annotations

import shutil

import pytest

from cortensor.epochs.place import place_from
from cortensor.epochs.sharing import shared
from cortensor.epochs.verifying import verify_epoch
from cortensor.epochs.watching import RewardWatcher
from cortensor.errors import Unavailable
from scripts._rewards import cheating
from scripts._rewards.network import hex_key
from tests.ape.rewards import cheats
from tests.ape.rewards.paid import open_unreadable
from tests.ape.rewards.scene import SETTINGS
from tests.ape.running import rpc

pytestmark = pytest.mark.slow

OPEN, POSTED, FINAL = 1, 2, 3
PATIENCE_S = 60
NOBODY = "no node was registered all through it"


@pytest.fixture
def scene(stage, tmp_path):
    before, epoch = rpc(stage.url, "evm_snapshot"), stage.epoch
    stage.folder = tmp_path
    with shared(tmp_path, "127.0.0.1", 0) as stage.shared_at:
        yield stage
    stage.epoch = epoch
    assert rpc(stage.url, "evm_revert", before)


@pytest.fixture
def watcher(scene):
    return watcher_of(scene)


def watcher_of(scene, folder=None):
    place = place_from(scene.chain.records, None, None)
    key = hex_key(scene.network.cast.watcher)
    return RewardWatcher([scene.url], place, SETTINGS, folder, key)


def opened(scene):
    """Open the epoch; returns its inputs and what follows from them."""
    scene.chain.send(scene.network.cast.cheat, scene.network.reward.functions.open(scene.epoch))
    return scene.computed()


def finalise(scene, header):
    """Make a posted root final, and go to the end of the next epoch."""
    scene.pass_window()
    call = scene.network.reward.functions.finalise(scene.epoch, header.abi_tuple())
    scene.chain.send(scene.network.cast.cheat, call)
    scene.epoch = scene.network.end_epoch()


def post(scene, wrong, inputs_hash=bytes(32)):
    return cheating.post(
        scene.network, scene.epoch, wrong, inputs_hash, scene.folder, scene.shared_at
    )


def post_right(scene, result):
    return post(scene, cheating.Wrong("right", "", list(result.leaves)), result.inputs_hash)


def is_caught(scene, watcher, wrong):
    """Whether a wrong root that stands falls at the watcher's look, by its own proof."""
    assert scene.state() == POSTED
    seen = watcher.look()
    return (seen.outcome, seen.proof) == ("overthrown", wrong.proof) and scene.state() == OPEN


@pytest.mark.parametrize("make", [cheats.empty_place, cheats.uncounted])
def test_a_tree_that_is_none(scene, watcher, make):
    wrong = make(*opened(scene))
    post(scene, wrong)
    assert is_caught(scene, watcher, wrong)
    assert cheating.is_slashed(scene.network)


def test_a_level_out_of_nothing_and_one_that_does_not_follow(scene, watcher):
    inputs, result = opened(scene)
    wrong = cheats.begun(inputs, result, "challenge_new")
    post(scene, wrong)
    assert is_caught(scene, watcher, wrong)

    header = post_right(scene, result)
    seen = watcher.look()
    assert seen.outcome == "right"
    assert seen.line().endswith("and pays nobody: no node passes the card's gates")
    finalise(scene, header)
    wrong = cheats.begun(*opened(scene), "challenge_prior")
    post(scene, wrong)
    assert is_caught(scene, watcher, wrong)


def test_who_begins_late_needs_no_tree_of_a_proposer_that_is_gone(scene):
    for _ in range(2):
        finalise(scene, post_right(scene, opened(scene)[1]))
    inputs, result = opened(scene)
    assert inputs.prior
    # Both trees before are served nowhere any more, and nobody has a folder of them.
    shutil.rmtree(scene.folder / "right")
    wrong = cheats.begun(inputs, result, "challenge_prior")
    post(scene, wrong)
    watcher = watcher_of(scene)
    assert is_caught(scene, watcher, wrong)
    post_right(scene, result)
    shutil.rmtree(scene.folder / "right")
    assert watcher.look().outcome == "right"

    # Nor does who pays: the service goes on from the epochs before.
    scene.begin(scene.folder)
    try:
        right = f"epoch {scene.epoch}: check: the posted root is right"
        scene.service.run_until(lambda: scene.says(right), seconds=PATIENCE_S)
        scene.pass_window()
        stays = f"epoch {scene.epoch}: ended in block"
        scene.service.run_until(lambda: scene.says(stays), seconds=PATIENCE_S)
    finally:
        scene.service.kill()
    assert scene.state() == FINAL
    assert scene.count("it is computed again") == 2


def test_a_right_root_with_another_inputs_hash_is_told_apart(scene, watcher):
    _, result = opened(scene)
    post(scene, cheating.Wrong("right", "", list(result.leaves)))
    seen = watcher.look()
    assert (seen.outcome, seen.is_clean) == ("inputs", False)
    assert "is right, and it was posted with an inputs hash that" in seen.line()


def test_a_tree_that_comes_late_is_looked_at_again(scene, watcher):
    wrong = cheats.uncounted(*opened(scene))
    post(scene, wrong)
    (file,) = scene.folder.glob("*/tree.bin")
    data = file.read_bytes()
    file.unlink()
    for _ in range(2):
        seen = watcher.look()
        assert (seen.outcome, seen.reason[:24]) == ("veto", "its tree cannot be had: ")
    file.write_bytes(data)
    assert is_caught(scene, watcher, wrong)


def test_a_challenge_that_is_reorganised_away_is_sent_again(scene, watcher):
    wrong = cheats.uncounted(*opened(scene))
    post(scene, wrong)
    assert is_caught(scene, watcher, wrong)
    rpc(scene.url, "anvil_reorg", 1, [])
    assert is_caught(scene, watcher, wrong)
    assert cheating.is_slashed(scene.network)


def test_a_batch_that_nobody_can_read_keeps_no_proof_back(scene, watcher):
    root = open_unreadable(scene)
    inputs, result = scene.computed(left_out=(root,))
    for wrong in (cheating.wrong_trees(inputs, result)[3], cheats.uncounted(inputs, result)):
        post(scene, wrong)
        assert is_caught(scene, watcher, wrong)
    assert cheating.is_slashed(scene.network)

    # What is not provable is not known, and which batch it takes is said.
    post_right(scene, result)
    with pytest.raises(Unavailable, match="whether it is right is not known") as error:
        watcher.look()
    assert error.value.code == "batch_missing"
    assert root in error.value.reason


def test_an_epoch_of_no_node_goes_through_and_says_so(scene):
    network = scene.network
    for place, node in enumerate(network.cast.nodes):
        retire = network.register.functions.retire(node.address)
        scene.chain.send(network.cast.operator_of(place), retire)
    post_s = network.reward.functions.POST_SECONDS().call()
    scene.chain.pass_time(post_s + 3 * network.epoch_s + network.epoch_s // 2)
    # The first that can still be posted; none before it is due.
    scene.epoch = -(-(scene.chain.now() - post_s) // network.epoch_s) - 1
    scene.begin(scene.folder)
    try:
        scene.service.run_until(lambda: scene.state() == POSTED, seconds=PATIENCE_S)
        flight = network.reward.functions.flight().call()
        folder = scene.folder / "watched"
        watcher = watcher_of(scene, folder)
        seen = watcher.look()
        assert (seen.outcome, seen.proposer) == ("right", network.cast.proposer.address)
        assert seen.reason == NOBODY
        verified = verify_epoch(folder / str(scene.epoch), watcher.chain, SETTINGS)
        assert (verified.nodes, verified.on_chain, verified.nobody) == (0, True, NOBODY)
        assert verified.root == "0x" + "00" * 32
        assert NOBODY in (folder / str(scene.epoch) / "report.html").read_text("utf-8")
        scene.chain.pass_time(flight[5] - scene.chain.now() + 1)
        scene.service.run_until(lambda: scene.says("which stays"), seconds=PATIENCE_S)
    finally:
        scene.service.kill()
    assert scene.state() == FINAL
    assert verify_epoch(folder / str(scene.epoch), watcher.chain, SETTINGS).state == "final"
