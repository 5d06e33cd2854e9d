# SPDX-License-Identifier: Apache-2.0
"""The service's transactions lose their blocks: each is sent again, and in the chain once."""

from __future__ import annotations

import msgspec
import pytest

from cortensor.epochs.sharing import shared
from cortensor.rewards.epoch import make_leaves
from cortensor.rewards.words import HALF, STAKED
from scripts._demo.chain import COR
from scripts._rewards import cheating
from tests.ape.running import rpc

pytestmark = pytest.mark.slow

NONE, OPEN, POSTED, FINAL = range(4)
PATIENCE_S = 90
DEEP = 70
"""Blocks above one that make Anvil call it final."""


@pytest.fixture
def scene(stage, tmp_path):
    before = rpc(stage.url, "evm_snapshot")
    stage.network.grant(10 * COR)
    stage.begin(tmp_path, finality="hard")
    try:
        yield stage
    finally:
        stage.service.kill()
        assert rpc(stage.url, "evm_revert", before)


def events(scene, name):
    """What the canonical chain has of an event."""
    return scene.network.reward.events[name]().get_logs(from_block=0)


def until(scene, is_so):
    scene.service.run_until(is_so, seconds=PATIENCE_S)


def lose(scene, blocks=1):
    rpc(scene.url, "anvil_reorg", blocks, [])


def bury(scene):
    rpc(scene.url, "anvil_mine", hex(DEEP))


def test_an_opening_and_a_posting_that_vanish(scene):
    sent = scene.nonce("latest")
    until(scene, lambda: scene.says("[not_final]") or scene.says("it is computed later"))
    assert scene.state() == OPEN
    lose(scene)
    assert scene.state() == NONE
    until(scene, lambda: scene.state() == OPEN)
    bury(scene)
    until(scene, lambda: scene.state() == POSTED)
    lose(scene)
    assert scene.state() == OPEN
    until(scene, lambda: scene.state() == POSTED)
    # And while nobody looks.
    scene.service.kill()
    lose(scene)
    until(scene, lambda: scene.state() == POSTED)
    scene.pass_window()
    until(scene, lambda: scene.state() == FINAL)
    assert [len(events(scene, name)) for name in ("EpochOpened", "RootPosted")] == [1, 1]
    assert scene.nonce("latest") == sent + 3


def test_a_finalisation_and_a_payment_that_vanish(scene):
    network, cast = scene.network, scene.network.cast
    scene.chain.send(cast.cheat, network.reward.functions.open(scene.epoch))
    inputs, result = scene.computed()
    worked = [
        msgspec.structs.replace(
            each,
            flags=STAKED,
            models=1,
            tasks=9,
            agreement_bps=10_000,
            consistency_bps=10_000,
            answered_bps=10_000,
            uptime_bps=10_000,
        )
        for each in result.facts
    ]
    # Work that no receipt shows, so that somebody is paid. Nobody vetoes it.
    leaves = make_leaves(inputs.card, inputs.roster, worked, [10**6] * 2, inputs.budget)
    assert all(leaf.sums & HALF for leaf in leaves)
    with shared(scene.folder / "rival", "127.0.0.1", 0) as url:
        wrong = cheating.Wrong("worked", "", leaves)
        cheating.post(network, scene.epoch, wrong, bytes(32), scene.folder / "rival", url)
        bury(scene)
        until(scene, lambda: scene.says("only a veto stops"))
        operator = cast.operators[0].address
        before = scene.chain.balance(operator)
        scene.pass_window()
        until(scene, lambda: events(scene, "EpochFinalised"))
        scene.service.kill()
        lose(scene, 2 if events(scene, "RunPaid") else 1)
        assert scene.state() == POSTED
        until(scene, lambda: events(scene, "RunPaid"))
        lose(scene)
        assert not events(scene, "RunPaid")
        until(scene, lambda: events(scene, "RunPaid"))
        assert not scene.says("which stays")
        # The service marks the latest block, which may be among those that bury another.
        until(scene, lambda: scene.says("which stays") or bury(scene))
    counts = [len(events(scene, name)) for name in ("RootPosted", "EpochFinalised", "RunPaid")]
    assert counts == [1, 1, 1]
    assert scene.chain.balance(operator) - before == sum(leaf.sums & HALF for leaf in leaves)
