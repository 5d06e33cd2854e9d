# SPDX-License-Identifier: Apache-2.0
"""ape-config.yaml: every contract compiles with Ape, and every network has the right chain id."""

from __future__ import annotations

import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from socket import socket

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_ape_compiles_every_deployable(project):
    deployables = {path.stem for path in (ROOT / "contracts").glob("*.vy")}
    assert deployables
    assert deployables <= set(project.contracts)


def test_ape_compile_as_typed():
    result = subprocess.run(
        ["ape", "compile"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "compiled" in result.stdout + result.stderr


@contextmanager
def chain(chain_id):
    """A local chain with a given id; yields its URL."""
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["anvil", "--silent", "--port", str(port), "--chain-id", str(chain_id)]
    process = subprocess.Popen([*command, "--hardfork", "cancun"])
    try:
        for _ in range(100):
            with socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


NETWORKS = [("arbitrum", "sepolia", 421_614), ("cor", "testnet1a", 18_964_747_554)]


@pytest.mark.anvil
@pytest.mark.parametrize(("ecosystem", "network", "chain_id"), NETWORKS)
def test_network_is_reached_by_url(networks, ecosystem, network, chain_id):
    with (
        chain(chain_id) as url,
        networks.parse_network_choice(f"{ecosystem}:{network}:{url}") as provider,
    ):
        assert provider.chain_id == chain_id
        assert provider.network.name == network


@pytest.mark.anvil
@pytest.mark.parametrize(("ecosystem", "network", "chain_id"), NETWORKS)
def test_network_and_its_fork_are_reached_as_configured(
    networks, project, ecosystem, network, chain_id
):
    with chain(chain_id) as url, project.temp_config(node={ecosystem: {network: {"uri": url}}}):
        with networks.parse_network_choice(f"{ecosystem}:{network}:node") as provider:
            assert provider.chain_id == chain_id
        with networks.parse_network_choice(f"{ecosystem}:{network}-fork:foundry") as provider:
            assert provider.chain_id == chain_id
            assert provider.network.name == f"{network}-fork"


def test_default_network_needs_no_anvil(networks):
    assert networks.default_ecosystem.name == "arbitrum"
    assert networks.default_ecosystem.default_network.default_provider_name == "test"
