# SPDX-License-Identifier: Apache-2.0
"""`cortensor rewards compute`, `verify` and `watch` as a user types them, and how they refuse."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from cortensor.cli import main
from scripts._anvil import run_anvil
from scripts._rewards.network import hex_key
from tests.ape.rewards.scene import Scene


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    with run_anvil() as anvil:
        yield Scene(anvil.url, tmp_path_factory.mktemp("scene"))


def rewards(scene, *arguments, env=None, code=0):
    place = ("--rpc", scene.url, "--deployments", str(scene.chain.records), "--allow-private")
    place += ("--finality", "soft")
    name, *rest = map(str, arguments)
    done = CliRunner().invoke(main, ["rewards", name, *rest, *place], env=env)
    assert done.exit_code == code, done.output
    return done.output


def test_from_an_estimate_to_what_is_posted(scene):
    epoch, out = scene.epoch, scene.folder / "own"
    refused = rewards(scene, "compute", epoch, "--out", out, code=2)
    assert refused.endswith("its budget is not known [epoch_not_open]\n")
    early = rewards(scene, "compute", epoch + 1, "--out", out, code=2)
    assert "[epoch_not_over]" in early

    said = rewards(scene, "compute", epoch, "--out", out, "--estimate")
    assert "(estimated: the epoch is not opened)" in said
    assert (out / str(epoch) / "report.html").is_file()
    done = json.loads(rewards(scene, "verify", out / str(epoch), "--json"))
    assert (done["nodes"], done["state"], done["on_chain"]) == (2, "none", False)
    assert rewards(scene, "watch", "--once") == f"epoch {epoch - 1}: no root is posted\n"

    scene.chain.send(scene.network.cast.cheat, scene.network.reward.functions.open(epoch))
    stale = rewards(scene, "verify", out / str(epoch), code=2)
    assert stale.count("\n") == 1
    assert "inputs/sources.json: is not what chain and receipts give" in stale
    rewards(scene, "compute", epoch, "--out", out)
    rewards(scene, "verify", out / str(epoch))

    # A root that nobody publishes: nothing can be proven.
    cheat = scene.network.cast.cheat
    scene.network.bond(cheat)
    call = scene.network.reward.functions.post(
        epoch, b"\1" * 32, 0, 2, bytes(32), "http://127.0.0.1:9/x"
    )
    scene.chain.send(cheat, call)
    key = {"CORTENSOR_WATCH_KEY": hex_key(scene.network.cast.watcher)}
    seen = json.loads(rewards(scene, "watch", "--once", "--json", env=key, code=1))
    assert (seen["outcome"], seen["proposer"]) == ("veto", cheat.address)
    assert "its tree cannot be had" in seen["reason"]
    other = rewards(scene, "verify", out / str(epoch), code=2)
    assert f"root: {cheat.address} posted another root" in other


def test_what_is_missing_is_said_in_a_line(scene, tmp_path):
    assert "no epoch's folder" in rewards(scene, "verify", tmp_path, code=2)
    done = CliRunner().invoke(main, ["rewards", "watch", "--rpc", scene.url, "--once"])
    assert done.exit_code == 2
    assert done.output.startswith("error: deployments: give --deployments, or --node-reward")
    serve = rewards(scene, "serve", "--folder", tmp_path, code=2, env={"CORTENSOR_REWARDS_KEY": ""})
    assert "$CORTENSOR_REWARDS_KEY is not set" in serve
