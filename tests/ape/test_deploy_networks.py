# SPDX-License-Identifier: Apache-2.0
"""`ape run deploy` on the networks' own chain ids, on a fork, and on what looks like a real one."""

from __future__ import annotations

import json

import pytest
from eth_account import Account
from web3 import Web3

from scripts._anvil import run_anvil
from tests.ape.running import ROOT, ape_run, block_number, disguised, error_of, rpc

pytestmark = [pytest.mark.anvil, pytest.mark.slow]

SEPOLIA, TESTNET_1A = 421_614, 18_964_747_554
ALIAS, PASSPHRASE = "deployer", "a test's passphrase"


@pytest.fixture(scope="module")
def sepolia():
    with run_anvil(chain_id=SEPOLIA) as anvil:
        yield anvil.url


def sepolia_config(path, token):
    """The committed file with its blanks filled in."""
    text = (ROOT / "config" / "arbitrum-sepolia.toml").read_text()
    text = text.replace('card_file = "', f'card_file = "{ROOT / "config"}/')
    filled = []
    for number, line in enumerate(text.splitlines()):
        key, blank, _ = line.partition(' = ""')
        value = token if key == "address" else "0x" + f"{number + 1:040x}"
        filled.append(f'{key} = "{value}"' if blank else line)
    path.write_text("\n".join(filled) + "\n")
    return path


@pytest.fixture(scope="module")
def rehearsed(sepolia, tmp_path_factory):
    """A rehearsal on Anvil with Arbitrum Sepolia's id; says where and what came of it."""
    records = tmp_path_factory.mktemp("rehearsal") / "records"
    network = ("--network", f"arbitrum:sepolia:{sepolia}", "--deployments", records)
    done = ape_run("deploy", *network, "--rehearse", "--yes", "--json")
    assert done.returncode == 0, done.stderr
    return {"network": network, "records": records, "result": json.loads(done.stdout)}


def test_rehearsal_on_sepolia__deploy_and_verify(rehearsed):
    result = rehearsed["result"]
    assert (result["network"], result["chain_id"]) == ("arbitrum-sepolia-rehearsal", SEPOLIA)
    # The deployer stands in for every empty role, the settler's too.
    assert result["manual"] == []
    record = json.loads((rehearsed["records"] / "SessionPayment.json").read_text())
    assert record["constructor_args"]["challenge_window_seconds"] == "172800"
    verified = ape_run("verify", *rehearsed["network"])
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert " 0 failed" in verified.stdout


def test_rehearsal_on_the_l3(tmp_path):
    with run_anvil(chain_id=TESTNET_1A) as anvil:
        network = f"cor:testnet1a:{anvil.url}"
        arguments = ("--network", network, "--deployments", tmp_path / "records", "--json")
        done = ape_run("deploy", *arguments, "--rehearse", "--yes")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["network"], result["chain_id"]) == ("cor-testnet1a-rehearsal", TESTNET_1A)
    assert len(result["contracts"]) == 16


@pytest.mark.parametrize(
    ("network", "chain_id", "name", "configured"),
    [
        ("arbitrum:sepolia", SEPOLIA, "arbitrum-sepolia", "http://127.0.0.1:18547"),
        ("cor:testnet1a", TESTNET_1A, "cor-testnet1a", "http://127.0.0.1:18548"),
    ],
)
def test_fork__deployed_on_a_copy_and_not_on_the_original(
    tmp_path, network, chain_id, name, configured
):
    # Ape reads its configuration where it runs: the same project, with this Anvil as the upstream.
    for folder in ("scripts", "contracts", "config"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    text = (ROOT / "ape-config.yaml").read_text()
    assert configured in text
    arguments = ("--network", f"{network}-fork:foundry", "--deployments", tmp_path / "records")
    with run_anvil(chain_id=chain_id) as anvil:
        (tmp_path / "ape-config.yaml").write_text(text.replace(configured, anvil.url))
        before = block_number(anvil.url)
        done = ape_run("deploy", *arguments, "--rehearse", "--yes", "--json", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        result = json.loads(done.stdout)
        assert (result["network"], result["chain_id"]) == (f"{name}-fork", chain_id)
        assert block_number(anvil.url) == before
        address = result["contracts"]["SessionPayment"]
        assert rpc(anvil.url, "eth_getCode", address, "latest") == "0x"


def test_empty_roles_are_refused_without_a_rehearsal(sepolia, tmp_path):
    network = ("--network", f"arbitrum:sepolia:{sepolia}", "--deployments", tmp_path / "records")
    assert "roles.owner: is empty" in error_of(ape_run("deploy", *network, "--yes"))


def test_wrong_chain_is_refused(sepolia, tmp_path):
    arguments = ("--network", f"ethereum:local:{sepolia}", "--deployments", tmp_path / "records")
    before = block_number(sepolia)
    message = error_of(ape_run("deploy", *arguments, "--yes"))
    assert "wrong chain: the node is on 421614, local is 31337, 1337" in message
    assert block_number(sepolia) == before
    assert not (tmp_path / "records").exists()


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        ("cor:testnet1a:{url}", "does not match network chain ID '18964747554'"),
        ("ethereum:local:http://127.0.0.1:1", "--network: no node answers there"),
    ],
)
def test_url_of_another_network_or_of_nobody_is_one_line(sepolia, tmp_path, network, reason):
    arguments = ("--network", network.format(url=sepolia), "--deployments", tmp_path / "records")
    assert reason in error_of(ape_run("deploy", *arguments, "--rehearse", "--yes"))
    assert not (tmp_path / "records").exists()


@pytest.fixture(scope="module")
def real(sepolia, rehearsed, tmp_path_factory):
    """What looks like Arbitrum Sepolia, a configuration for it, a keyfile of a funded account."""
    folder = tmp_path_factory.mktemp("real")
    account = Account.from_key("0x" + "5e" * 32)
    keyfiles = folder / "ape" / "accounts"
    keyfiles.mkdir(parents=True)
    keyfile = account.encrypt(PASSPHRASE, kdf="pbkdf2", iterations=10)
    (keyfiles / f"{ALIAS}.json").write_text(json.dumps(keyfile))
    rpc(sepolia, "anvil_setBalance", account.address, hex(10**20))
    # Any contract with a supply will do for a token.
    config = sepolia_config(folder / "arbitrum-sepolia.toml", rehearsed["result"]["token"])
    with disguised(sepolia) as url:
        yield {
            "arguments": ("--network", f"arbitrum:sepolia:{url}", "--config", config),
            "data": str(folder / "ape"),
            "address": account.address,
            "url": url,
        }


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ([], "--account: arbitrum-sepolia (chain 421614) is a real network"),
        (["--account", ALIAS], "read the plan with --dry-run, then add --yes"),
    ],
)
def test_real_network_wants_an_account_and_consent(real, tmp_path, options, reason):
    before = block_number(real["url"])
    records = tmp_path / "records"
    done = ape_run(
        "deploy",
        *real["arguments"],
        *options,
        "--deployments",
        records,
        env={"APE_DATA_FOLDER": real["data"]},
    )
    assert reason in error_of(done)
    assert block_number(real["url"]) == before
    assert not records.exists()


def test_real_network__deployed_by_a_keyfile_and_the_rest_left_to_the_owners(real, tmp_path):
    records = tmp_path / "records"
    done = ape_run(
        "deploy",
        *real["arguments"],
        "--account",
        ALIAS,
        "--yes",
        "--json",
        "--deployments",
        records,
        env={"APE_DATA_FOLDER": real["data"], f"APE_ACCOUNTS_{ALIAS}_PASSPHRASE": PASSPHRASE},
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["network"] == "arbitrum-sepolia"
    assert sorted(p.stem for p in records.glob("*.json")) == [
        "AgentValidator",
        "IdentityRegistry",
        "NodeReputation",
        "NodeReward",
        "ReceiptAnchor",
        "ReputationRegistry",
        "RewardDispute",
        "RewardFund",
        "RewardTable",
        "SessionPayment",
        "SessionPaymentTable",
        "SettlementDispute",
        "StakePool",
        "StakeQuota",
        "ValidationRegistry",
    ]
    record = json.loads((records / "SessionPayment.json").read_text())
    assert record["deployer"] == real["address"]
    assert record["roles"]["owner"] != real["address"]
    assert [call["role"] for call in result["manual"]] == [
        *["owner"] * 3,  # bind StakePool, StakeQuota, NodeReputation
        "binder",  # of RewardFund
        *["owner"] * 6,  # bind NodeReward; dispute, router, three pots
        *["settler"] * 3,
    ]
    # What is left to the owner can be sent as it is printed.
    owner = result["manual"][0]["sender"]
    rpc(real["url"], "anvil_setBalance", owner, hex(10**18))
    rpc(real["url"], "anvil_impersonateAccount", owner)
    call = result["manual"][0]
    tx_hash = rpc(
        real["url"],
        "eth_sendTransaction",
        {"from": owner, "to": call["to"], "data": call["data"], "gas": hex(200_000)},
    )
    # Anvil answers before the block is mined.
    web3 = Web3(Web3.HTTPProvider(real["url"]))
    assert web3.eth.wait_for_transaction_receipt(tx_hash, timeout=20)["status"] == 1
