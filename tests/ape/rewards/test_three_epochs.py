# SPDX-License-Identifier: Apache-2.0
"""`ape run rewards`: three epochs and a sweep, cheats caught, kills survived, every wei found."""

from __future__ import annotations

import csv
import json

import pytest

from scripts._rewards.pipeline import STEPS, SWEEP_STEPS
from tests.ape.running import ape_run
from tests.python.router.fake_model import FakeModel, Script

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

NODES, TASKS = 8, 3
CHEATS = 9
"""Eight in the first epoch, and one that the service finds posted before it."""


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    model = FakeModel()
    model.default = Script("blue")
    folder = tmp_path_factory.mktemp("rewards") / "run"
    options = ("--nodes", NODES, "--tasks", TASKS, "--backend", model.url, "--out", folder)
    try:
        done = ape_run("rewards", *options, "--json", timeout=560)
    finally:
        model.close()
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1]) | {"folder": folder / "epochs"}


def test_each_epoch_is_final_and_its_folder_verifies(outcome):
    assert [epoch["state"] for epoch in outcome["epochs"]] == ["final"] * 3
    assert [epoch["on_chain"] for epoch in outcome["epochs"]] == [True] * 3
    assert [epoch["jobs"] for epoch in outcome["epochs"]] == [NODES * TASKS // 3] * 3


def test_every_node_was_seen_to_be_there_by_heartbeats(outcome):
    for epoch in outcome["epochs"]:
        beats = epoch["receipts"] - epoch["jobs"]
        assert beats >= 2  # five nodes in one receipt, three in another
        with (outcome["folder"] / str(epoch["epoch"]) / "metrics.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert all(int(row["beats"]) >= 1 for row in rows)
        assert [row["uptime_bps"] for row in rows] == ["10000"] * NODES


def test_every_cheat_is_caught_by_its_own_proof(outcome):
    assert [cheat["caught"] for cheat in outcome["cheats"]] == [True] * CHEATS
    proofs = [cheat["proof"] or cheat["outcome"] for cheat in outcome["cheats"]]
    assert proofs == [cheat["expected"] for cheat in outcome["cheats"]]


def test_a_kill_at_every_step_sends_nothing_twice(outcome):
    assert outcome["epochs"][1]["killed"] == list(STEPS)
    assert outcome["swept"]["killed"] == list(SWEEP_STEPS)
    assert outcome["events"] == {
        "EpochOpened": 3,
        "RootPosted": CHEATS + 3,  # the cheat's, and one an epoch
        "EpochFinalised": 3,
        "RunPaid": 2,  # of the third somebody fetched his own
        "EpochExpired": 1,
        "RunSwept": 1,
    }
    sent = outcome["transactions"]
    assert sent["sent"] == sent["wanted"] > 0


def test_what_nobody_was_paid_is_swept(outcome):
    assert (outcome["swept"]["state"], outcome["swept"]["runs"]) == ("expired", 1)
    third = int(outcome["epochs"][2]["amount_wei"])
    assert 0 < int(outcome["swept"]["fetched"]) < third
    swept = third - int(outcome["swept"]["fetched"])
    assert int(outcome["account"]["swept"]) == swept


def test_every_wei_is_somewhere(outcome):
    assert outcome["exact"], outcome["statement"]
    assert int(outcome["account"]["in_reward"]) == 0
    assert int(outcome["account"]["paid"]) > 0
    assert int(outcome["account"]["from_pot"]) > 0
