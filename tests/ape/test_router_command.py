# SPDX-License-Identifier: Apache-2.0
"""`ape run router` and `ape run validator` as the runbooks have it: deploy, start, ready, stop."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from urllib.request import urlopen

import pytest

from scripts._anvil import run_anvil
from tests.ape.running import APE, ROOT, ape_run, environment, error_of

pytestmark = [pytest.mark.anvil, pytest.mark.slow]

# The second account of the mnemonic that Anvil, Hardhat and Ape share: as public as a key can be.
SETTLER_KEY = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"

# The third one.
RESPONDER_KEY = "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a"


@pytest.fixture(scope="module")
def deployed(tmp_path_factory):
    """Arguments of a local network with the contracts deployed."""
    records = tmp_path_factory.mktemp("router") / "records"
    with run_anvil() as anvil:
        arguments = ("--network", f"ethereum:local:{anvil.url}", "--deployments", str(records))
        done = ape_run("deploy", *arguments, "--yes")
        assert done.returncode == 0, done.stderr
        yield arguments


def own_config(folder):
    """The committed file with its database elsewhere."""
    text = (ROOT / "config" / "router.toml").read_text()
    assert "../runs/router/router.db" in text
    path = folder / "router.toml"
    path.write_text(text.replace("../runs/router/router.db", "router.db"))
    return path


@pytest.mark.model
def test_router_starts_on_the_connected_network_and_stops_cleanly(deployed, tmp_path):
    arguments = [*deployed, "--config", str(own_config(tmp_path)), "--port", "0"]
    router = subprocess.Popen(
        [APE, "run", "router", *arguments],
        cwd=ROOT,
        env=environment({"CORTENSOR_SIGNER_KEY": SETTLER_KEY}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        line = next(line for line in router.stdout if line.startswith("{"))
        ready = json.loads(line)
        assert ready["event"] == "ready"
        with urlopen(f"{ready['url']}/readyz", timeout=30) as answer:
            assert json.load(answer)["status"] == "ready"
    finally:
        router.send_signal(signal.SIGTERM)
        code = router.wait(30)
        router.stdout.close()
    assert code == 0
    assert (tmp_path / "router.db").exists()


def test_validator_starts_on_the_connected_network_and_stops_cleanly(deployed):
    session = "0x0000000100000000000000000000000000000001"  # of router 1
    keys = {"CORTENSOR_VALIDATOR_KEY": RESPONDER_KEY, "CORTENSOR_GRANT": "ctk1_x"}
    process = subprocess.Popen(
        [APE, "run", "validator", *deployed, "--session", session, "--json"],
        cwd=ROOT,
        env=environment(keys),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        line = next(line for line in process.stdout if line.startswith("{"))
        record = json.loads((Path(deployed[-1]) / "AgentValidator.json").read_text())
        assert json.loads(line) == {"event": "ready", "validator": record["address"]}
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(30)
        process.stdout.close()
    assert code == 0


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("", "signer_key_env: the environment variable $CORTENSOR_SIGNER_KEY is not set"),
        ("0x" + "11" * 32, "signer_key_env: router 1 settles from"),
    ],
)
def test_a_missing_or_wrong_key_is_one_line(deployed, tmp_path, key, reason):
    arguments = [*deployed, "--config", own_config(tmp_path), "--port", "0"]
    assert reason in error_of(ape_run("router", *arguments, env={"CORTENSOR_SIGNER_KEY": key}))


def test_no_records_is_one_line(deployed, tmp_path):
    network = deployed[:2]
    done = ape_run("router", *network, "--deployments", tmp_path / "none")
    assert "deploy first" in error_of(done)
