# SPDX-License-Identifier: Apache-2.0
"""What sessions paid comes into the fund before an epoch is opened, and never holds it up."""

from __future__ import annotations

import pytest

from cortensor.chain.pots import Pots
from cortensor.epochs import funding
from cortensor.epochs.funding import Funder
from cortensor.epochs.sending import Sending
from cortensor.errors import Unavailable
from scripts._demo.chain import COR
from scripts._rewards.network import NODE_POT
from tests.ape.rewards.paid import PaidSession
from tests.ape.running import rpc

SMALL_WEI, LARGE_WEI = COR // 10, COR // 5


@pytest.fixture
def scene(stage, tmp_path):
    before = rpc(stage.url, "evm_snapshot")
    stage.folder = tmp_path
    stage.payments = PaidSession(stage)
    yield stage
    assert rpc(stage.url, "evm_revert", before)


@pytest.fixture
def funder(scene):
    return funder_of(scene)


def funder_of(scene, sending=None):
    """A proposer's, with a store of its own."""
    chain = scene.reader()
    return Funder(chain, sending or Sending(chain, scene.job()))


def nodes_share(scene, wei):
    version = scene.chain.table.functions.current_version().call()
    return wei * scene.chain.table.functions.shares(version).call()[0] // 10_000


def in_fund(scene):
    return scene.chain.balance(scene.network.fund.address)


def wait_for_bucket(scene):
    """Go on to the next bucket of time."""
    bucket_s = scene.chain.payment.functions.BUCKET_SECONDS().call()
    scene.chain.pass_time(bucket_s - scene.chain.now() % bucket_s)


def test_what_matured_is_in_the_fund_and_the_rest_waits(scene, funder):
    scene.payments.settle(SMALL_WEI)
    scene.payments.mature()
    scene.payments.settle(LARGE_WEI)
    before = scene.nonce("latest")
    share = nodes_share(scene, SMALL_WEI)
    assert funder.fund(scene.epoch) == f"1 bucket(s) released, {share} wei paid into the fund"
    assert in_fund(scene) == share
    assert funder.fund(scene.epoch) == "0 bucket(s) released, and nothing is in the node pot"
    assert scene.nonce("latest") == before + 2
    scene.payments.mature()
    funder.fund(scene.epoch)
    assert in_fund(scene) == share + nodes_share(scene, LARGE_WEI)


def test_the_most_money_comes_first_and_the_rest_with_the_next_epoch(scene, funder, monkeypatch):
    scene.payments.settle(SMALL_WEI)
    wait_for_bucket(scene)
    scene.payments.settle(LARGE_WEI)
    scene.payments.mature()
    monkeypatch.setattr(funding, "MOST_RELEASES", 1)
    funder.fund(scene.epoch)
    assert in_fund(scene) == nodes_share(scene, LARGE_WEI)
    pots = Pots(scene.chain.web3, scene.chain.payment.address)
    assert [each.wei for each in pots.releasable(0)] == [SMALL_WEI]


def test_what_others_released_is_only_paid(scene, funder):
    scene.payments.settle(SMALL_WEI)
    scene.payments.mature()
    pots = Pots(scene.chain.web3, scene.chain.payment.address)
    [(bucket, _)] = pots.releasable(0)
    scene.chain.send(scene.chain.people.settler, scene.chain.payment.functions.release(*bucket))
    assert pots.releasable(0) == []
    assert funder.fund(scene.epoch).startswith("0 bucket(s) released, ")
    assert in_fund(scene) == nodes_share(scene, SMALL_WEI)


def test_a_pot_of_somebody_else_is_left_alone(scene, funder, caplog):
    scene.payments.settle(SMALL_WEI)
    scene.payments.mature()
    deployer, functions = scene.chain.people.deployer, scene.chain.payment.functions
    scene.chain.send(deployer, functions.set_pot_recipient(NODE_POT, deployer.address))
    before = scene.nonce("latest")
    assert funder.fund(scene.epoch) == "the node pot is not the fund's"
    whose = f"is paid to {deployer.address}, not to {scene.network.fund.address}"
    assert [each.message for each in caplog.records if each.levelname == "WARNING"] == [
        f"epoch {scene.epoch}: the node pot {whose}"
    ]
    assert scene.nonce("latest") == before


def test_where_somebody_else_opened_first_the_money_is_for_the_next(scene, funder):
    scene.payments.settle(SMALL_WEI)
    scene.payments.mature()
    scene.chain.send(scene.network.cast.cheat, scene.network.reward.functions.open(scene.epoch))
    funder.fund(scene.epoch)
    assert in_fund(scene) == nodes_share(scene, SMALL_WEI)


def test_an_epoch_that_nobody_can_post_any_more_is_not_funded(scene, funder):
    scene.payments.settle(SMALL_WEI)
    scene.chain.pass_time(2 * scene.network.epoch_s)
    assert funder.fund(scene.epoch) == "it is too late to post the epoch"
    assert in_fund(scene) == 0


class Broken:
    """A key whose transactions are never mined."""

    def send(self, *_arguments):
        raise Unavailable("it is not mined yet", code="not_done")


def test_what_fails_is_given_up_while_there_is_time_to_post(scene, monkeypatch, caplog):
    scene.payments.settle(SMALL_WEI)
    scene.payments.mature()
    funder = funder_of(scene, Broken())
    monkeypatch.setattr(funding, "PATIENCE", 1)
    with pytest.raises(Unavailable, match="not mined yet"):
        funder.fund(scene.epoch)
    monkeypatch.undo()
    end = scene.network.reward.functions.epoch_bounds(scene.epoch).call()[1]
    post_s = scene.network.reward.functions.POST_SECONDS().call()
    scene.chain.pass_time(max(0, end + post_s // funding.PATIENCE + 2 - scene.chain.now()))
    assert funder.fund(scene.epoch) == "given up"
    assert "the fund is left as it is: it is not mined yet" in caplog.text
