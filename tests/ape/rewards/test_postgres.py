# SPDX-License-Identifier: Apache-2.0
"""The service with everything it notes in a real PostgreSQL, killed at each step of an epoch.

PostgreSQL and its drivers are in the package's environment, so server and service run there.
"""

from __future__ import annotations

import subprocess

import pytest

from cortensor.anvil.children import start_child
from cortensor.epochs.sharing import shared
from scripts._demo.chain import COR
from scripts._rewards.pipeline import FIRST_STEPS
from tests.ape.rewards import crowd
from tests.ape.running import ROOT, rpc

pytestmark = pytest.mark.slow

PYTHON = str(ROOT / ".venv" / "bin" / "python")
SERVER = """
import sys
from tests.python.databases import server
with server() as (running, _):
    print(running.get_uri(), flush=True)
    sys.stdin.read()
"""
FINAL = 3
PATIENCE_S = 240


@pytest.fixture(scope="module")
def postgres():
    """The address of an empty database."""
    server = subprocess.Popen(
        [PYTHON, "-c", SERVER], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        yield server.stdout.readline().decode().strip()
    finally:
        server.stdin.close()
        server.stdout.close()
        server.wait(timeout=60)


@pytest.fixture
def scene(stage, postgres, tmp_path):
    before, epoch = rpc(stage.url, "evm_snapshot"), stage.epoch
    stage.network.grant(COR)
    stage.begin(tmp_path, begin=packaged, database=postgres, workflows=postgres)
    try:
        yield stage
    finally:
        stage.service.kill()
        stage.epoch = epoch
        assert rpc(stage.url, "evm_revert", before)


def packaged(arguments, env):
    """Begin a command in the package's environment."""
    return start_child(
        [PYTHON, *arguments[1:]],
        cwd=ROOT,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def test_an_epoch_is_posted_and_another_is_paid_once_whatever_is_killed(scene):
    with shared(scene.folder / "rival", "127.0.0.1", 0) as url:
        leaves = crowd.make_final(scene, url)
        paid, had, before = scene.epoch, crowd.held(scene, leaves), scene.nonce("latest")
        kills = [(paid, step) for step in ("runs", "pay", "moves", "sync")]
        stays = f"epoch {paid}: ended in block"
        scene.service.run_until(lambda: scene.says(stays), kills, PATIENCE_S)
        assert crowd.held(scene, leaves) - had == crowd.allotted(leaves)
        # Levels: the registered nodes are side by side, one is alone.
        assert scene.nonce("pending") == before + len(crowd.STARTS) + 2

        scene.epoch = scene.network.end_epoch()
        before = scene.nonce("latest")
        kills = [(scene.epoch, step) for step in (*FIRST_STEPS, "post")]
        posted = f"epoch {scene.epoch}: post: "
        scene.service.run_until(lambda: scene.says(posted), kills, PATIENCE_S)
        scene.pass_window()
        stays = f"epoch {scene.epoch}: ended in block"
        scene.service.run_until(lambda: scene.says(stays), [(scene.epoch, "finalise")], PATIENCE_S)
    assert scene.state() == FINAL
    # Opened, posted, made final; and the levels of all, who did nothing, went down again at once.
    assert scene.nonce("pending") == scene.nonce("latest") == before + 4
    killed = [step for _, step in scene.service.killed]
    assert killed == ["runs", "pay", "moves", "sync", *FIRST_STEPS, "post", "finalise"]
    assert not list((scene.folder / "epochs").glob(".*.db")), "nothing is noted in files"
