# SPDX-License-Identifier: Apache-2.0
"""Fees read from a node: ArbOS' storage on a real Anvil, by the command that people use."""

from __future__ import annotations

import tomllib

import pytest
from click.testing import CliRunner
from web3 import Web3

from cortensor.cli import main
from cortensor.gas.arbos_state import ACCOUNT
from scripts._anvil import ROOT, run_anvil
from tests.python.gas.arbos_storage import SIX
from tests.python.gas.signed import signed

SEPOLIA = 421_614
RAW = "0x" + signed(b"\x11" * 200).hex()

pytestmark = pytest.mark.anvil


def run(*words):
    return CliRunner().invoke(main, ["gas", *words])


@pytest.fixture(scope="module")
def node():
    """An Anvil that has the state of an Arbitrum chain."""
    with run_anvil(chain_id=SEPOLIA) as started:
        provider = Web3(Web3.HTTPProvider(started.url)).provider
        for slot, value in SIX.items():
            words = [ACCOUNT, f"0x{slot:064x}", f"0x{value:064x}"]
            assert "error" not in provider.make_request("anvil_setStorageAt", words)
        provider.make_request("anvil_mine", ["0x1"])
        yield started


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_a_snapshot_of_now(node, tmp_path):
    out = tmp_path / "now.toml"
    done = run("snapshot", "--network", "arbitrum-sepolia", "--rpc", node.url, "--out", str(out))
    assert done.exit_code == 0, done.output
    told = tomllib.loads(out.read_text())
    assert (told["arbos"], told["base_fee_wei"], told["price_per_unit_wei"]) == (
        51,
        "12000000",
        "986426",
    )
    assert told["assumed"] == []
    assert told["source"].startswith("ArbOS state at block ")
    again = run("estimate", RAW, "--network", str(out), "--prices", "config/fees/prices.toml")
    assert again.exit_code == 0, again.output


def test_an_estimate_at_the_fees_of_now(node):
    done = run("estimate", RAW, "--network", "arbitrum-sepolia", "--rpc", node.url, "--json")
    assert done.exit_code == 0, done.output
    assert '"base_fee_wei": "12000000"' in done.stdout


def test_a_node_without_node_interface_says_no_gas(node):
    words = ["--network", "arbitrum-sepolia", "--rpc", node.url, "--ask-gas"]
    done = run("estimate", RAW, *words)
    assert (done.exit_code, done.output.count("\n")) == (2, 1)
    assert "it is no Arbitrum node; give --l2-gas [no_arbos]" in done.output


def test_a_node_of_another_chain(node):
    done = run("snapshot", "--network", "arbitrum-one", "--rpc", node.url)
    assert (done.exit_code, done.output.count("\n")) == (2, 1)
    assert "is of chain 421614; arbitrum-one is 42161 [wrong_chain]" in done.output


def test_a_chain_without_arbos():
    with run_anvil() as plain:
        done = run("snapshot", "--network", "arbitrum-sepolia", "--rpc", plain.url)
    assert done.exit_code == 2
    assert "it is no Arbitrum chain" in done.output


def test_no_node_there():
    done = run("snapshot", "--network", "arbitrum-sepolia", "--rpc", "http://127.0.0.1:9")
    assert done.exit_code == 2
    assert "nobody answers at http://127.0.0.1:9 (connection refused)" in done.output
    assert "[chain_unavailable]" in done.output
