# SPDX-License-Identifier: Apache-2.0
"""`ape run validator` as the runbook has it: deploy, start, see it ready, stop it by SIGTERM."""

from __future__ import annotations

import json
import signal
import subprocess

import pytest

from scripts._anvil import run_anvil
from tests.ape.running import APE, ROOT, ape_run, environment, error_of

pytestmark = [pytest.mark.anvil, pytest.mark.slow]

# The third account of the mnemonic that Anvil, Hardhat and Ape share: as public as a key can be.
RESPONDER_KEY = "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a"
SESSION = "0x0000000100000000000000000000000000000001"
OTHER_ROUTERS = "0x0000000900000000000000000000000000000001"
KEYS = {"CORTENSOR_VALIDATOR_KEY": RESPONDER_KEY, "CORTENSOR_GRANT": "ctk1_x"}


def test_validator_starts_on_the_connected_network_and_stops_cleanly(tmp_path):
    with run_anvil() as anvil:
        network = ("--network", f"ethereum:local:{anvil.url}", "--deployments", str(tmp_path))
        done = ape_run("deploy", *network, "--yes")
        assert done.returncode == 0, done.stderr
        process = subprocess.Popen(
            [APE, "run", "validator", *network, "--session", SESSION, "--json"],
            cwd=ROOT,
            env=environment(KEYS),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            line = next(line for line in process.stdout if line.startswith("{"))
            record = json.loads((tmp_path / "AgentValidator.json").read_text())
            assert json.loads(line) == {"event": "ready", "validator": record["address"]}
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(30)
            process.stdout.close()
        assert code == 0
        done = ape_run("validator", *network, "--session", OTHER_ROUTERS, env=KEYS)
        assert "has no router 9" in error_of(done)
