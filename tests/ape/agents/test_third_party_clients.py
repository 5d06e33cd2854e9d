# SPDX-License-Identifier: Apache-2.0
"""Other people's ERC-8004 clients, as published, drive our registries on a real node.

They live in an environment of their own (`make env`), so they are run as programs.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from eth_account import Account
from eth_utils import keccak
from web3 import Web3

from cortensor.chain.erc8004 import TESTNET
from scripts._anvil import ROOT, run_anvil
from tests.ape.agents.registries import deploy_all, place

PYTHON = ROOT / ".venv-erc8004" / "bin" / "python"
HERE = Path(__file__).parent
ROLES = ("owner", "client", "wallet", "validator")
KEYS = {role: "0x" + keccak(text=f"erc8004 {role}").hex() for role in ROLES}
PEOPLE = {role: Account.from_key(key).address for role, key in KEYS.items()}
FUNDS_WEI = 10**20
ARBITRUM_SEPOLIA = 421_614
LOCAL = 31_337

pytestmark = pytest.mark.anvil


def drive(script: str, given: dict) -> dict:
    """Run a client and return what it printed."""
    assert PYTHON.exists(), "the clients' environment is missing: run `make env`"
    done = subprocess.run(
        [str(PYTHON), str(HERE / script)],
        input=json.dumps({"keys": KEYS, **given}),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def funded(url: str) -> Web3:
    """Return the node, on which everybody has coin."""
    web3 = Web3(Web3.HTTPProvider(url))
    for address in PEOPLE.values():
        web3.provider.make_request("anvil_setBalance", [address, hex(FUNDS_WEI)])
    return web3


@pytest.fixture(scope="module")
def langchain():
    """What langchain-erc8004 saw, with our code where it expects the canonical registries."""
    with run_anvil(chain_id=ARBITRUM_SEPOLIA) as node:
        addresses = TESTNET._asdict()
        place(funded(node.url), addresses)
        return drive(
            "langchain_client.py", {"url": node.url, "validation": addresses["validation"]}
        )


@pytest.fixture(scope="module")
def agent0():
    """What agent0-sdk saw, with our registries deployed."""
    with run_anvil(chain_id=LOCAL) as node:
        return drive(
            "agent0_client.py",
            {"url": node.url, "chain": LOCAL, **deploy_all(funded(node.url))},
        )


def test_langchain_uses_every_tool_it_has(langchain):
    assert langchain["tools"] == 36
    assert langchain["unused"] == []


def test_langchain_takes_ours_for_the_canonical_registries(langchain):
    info = langchain["identity"]["info"]
    for kind, address in TESTNET._asdict().items():
        assert info[f"{kind}_registry"]["address"] == address
        assert info[f"{kind}_registry"]["version"] == "2.0.0"
    assert info["registries_paired"] is True
    assert info["warnings"] == []


def test_langchain_registers_and_writes_an_agent(langchain):
    seen = langchain["identity"]
    assert seen["parsed"]["agent_id"] == 0
    assert seen["parsed"]["owner"] == PEOPLE["owner"]
    assert seen["agent"]["registration_verified"] is True
    assert seen["agent"]["agent_wallet"] == seen["wallet"]["agent_wallet"] == PEOPLE["wallet"]
    assert seen["agent"]["registration_file"]["name"] == "Corgent"
    assert seen["owner"]["owner"] == PEOPLE["owner"]
    assert seen["uri"]["agent_uri"] == seen["agent"]["agent_uri"]
    assert seen["metadata"]["value_utf8"] == "large"
    assert (seen["exists"]["exists"], seen["missing"]["exists"]) == (True, False)
    assert seen["resolved"]["registration_file"]["name"] == "Corgent"
    assert seen["endpoint"]["endpoint_verified"] is False
    assert seen["unset"]["agent_wallet"] is None
    assert "cannot change the URI" in seen["stranger"]
    assert "reserved metadata key" in seen["reserved"]
    assert langchain["new_owner"]["owner"] == PEOPLE["client"]


def test_langchain_rates_an_agent(langchain):
    seen = langchain["reputation"]
    assert seen["clients"]["clients"] == [PEOPLE["client"]]
    entries = [
        (entry["value"], entry["value_decimals"], entry["tag1"], entry["tag2"], entry["is_revoked"])
        for entry in seen["feedback"]["feedback"]
    ]
    assert entries == [
        (80, 0, "starred", "day", False),
        (9977, 2, "uptime", "", False),
        (91, 0, "starred", "", True),
    ]
    assert seen["all"]["count"] == 2
    assert (seen["summary"]["count"], seen["summary"]["average"]) == (1, "80")
    assert seen["summary"]["source"] == "on-chain getSummary"
    assert seen["aggregate"]["overall"]["mean"] == "99.7700"
    assert seen["first"]["feedback"]["human_value"] == "80"
    assert seen["last"]["last_index"] == 3
    assert seen["answers"]["count"] == 1
    assert "rejects self-feedback" in seen["own"]
    assert "already revoked" in seen["twice"]


def test_langchain_asks_for_a_verdict_and_gives_it(langchain):
    seen = langchain["validation"]
    assert seen["asked"]["has_response"] is None
    answered = seen["answered"]
    assert (answered["response"], answered["has_response"]) == (93, True)
    assert answered["validator"] == PEOPLE["validator"]
    assert answered["response_hash"] == "0x" + "cd" * 32
    assert answered["tag"] == "receipt/v4:majority:hard"
    key = "0x" + "ab" * 32
    assert seen["of_agent"]["request_hashes"] == seen["of_validator"]["request_hashes"] == [key]
    for summary in (seen["summary"], seen["all"]):
        assert (summary["count"], summary["average_response"]) == (1, 93)
    assert "already exists" in seen["squatted"]


def test_agent0_registers_and_loads_an_agent(agent0):
    assert agent0["id"] == f"{LOCAL}:0"
    assert agent0["uri"].startswith("data:application/json;base64,")
    assert agent0["wallet_at_first"] == PEOPLE["owner"]
    assert agent0["loaded"] == [
        "Bardiel",
        "Arbitrates, with receipts",
        "https://agents.example/agent-card.json",
        [PEOPLE["owner"]],
    ]
    assert agent0["updated"] == "Arbitrates, with receipts and reasons"


def test_agent0_rates_an_agent_and_takes_a_word_back(agent0):
    assert [(entry[0][2], entry[1]) for entry in agent0["feedback"]] == [(1, 99.77), (2, 85.0)]
    assert agent0["read"] == [99.77, ["uptime", "week"], False]
    assert agent0["revoked"] is True
    assert agent0["found"] == [99.77]


def test_agent0_sets_the_wallet_and_sells_the_agent(agent0):
    assert agent0["wallet"] == PEOPLE["wallet"]
    assert agent0["wallet_unset"] is None
    assert agent0["new_owner"] == PEOPLE["client"]
    assert agent0["is_owner"] == [False, True]
