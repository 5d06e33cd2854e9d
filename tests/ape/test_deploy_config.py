# SPDX-License-Identifier: Apache-2.0
"""config/*.toml: what is committed is valid, and every mistake is one sentence naming its key."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import jsonschema
import pytest

from cortensor.errors import InvalidInput
from cortensor.pricing import Terms, Usage, quote
from scripts._deploy.config import load_config, resolve
from scripts._deploy.records import SCHEMA_PATH

ROOT = Path(__file__).resolve().parents[2]
SOME = "0x00000000000000000000000000000000000000A1"
ADDRESS = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


@pytest.fixture
def broken(tmp_path):
    """Write a configuration with one replacement and return what is wrong with it."""

    def load(name, old, new, file="rate-card.toml"):
        shutil.copytree(ROOT / "config", tmp_path / "config", dirs_exist_ok=True)
        for target in (tmp_path / "config" / name, tmp_path / "config" / file):
            text = target.read_text()
            if old in text:
                target.write_text(text.replace(old, new, 1))
                break
        else:
            pytest.fail(f"{old!r} is in neither file")
        with pytest.raises(InvalidInput) as caught:
            load_config(tmp_path / "config" / name)
        return str(caught.value).replace(f"{tmp_path / 'config'}/", "")

    return load


@pytest.mark.parametrize("name", ["local", "arbitrum-sepolia", "cor-testnet1a"])
def test_committed_files_load(name):
    config = load_config(ROOT / "config" / f"{name}.toml")
    assert config.network.name == name
    terms = Terms(replicas=3)
    usage = Usage(input_units=900, output_units=300)
    assert quote(config.first_card(), 0, terms, usage).total > 0
    assert config.first_reward_card().budget_cap_wei == 50_000 * 10**18
    assert config.roles.node_pot == "reward-fund"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[payment]", "[payments]", "local.toml: payments: is not a known key"),
        ("bucket_seconds = 300", "", "local.toml: payment.bucket_seconds: is missing"),
        ("bucket_seconds = 300", "bucket_secs = 300", "payment.bucket_secs: is not a known key"),
        ("bucket_seconds = 300", 'bucket_seconds = "300"', "payment.bucket_seconds: Expected int"),
        ("bucket_seconds = 300", "bucket_seconds = 0", "payment.bucket_seconds: Expected int >= 1"),
        (
            "bucket_seconds = 300",
            "bucket_seconds = 9",
            "payment.bucket_seconds: must be at least 10",
        ),
        ("bucket_seconds = 300", "bucket_seconds = 2592001", "Expected int <= 2592000"),
        ("chain_ids = [31337, 1337]", "chain_ids = []", "network.chain_ids: Expected array"),
        ("is_local = true", "is_local = 1", "network.is_local: Expected bool"),
        ('owner = "deployer"', 'owner = ""', "roles.owner: must be an address"),
        ('owner = "deployer"', 'owner = "0x12"', "roles.owner: must be an address"),
        ('owner = "deployer"', f'owner = "0x{"0" * 40}"', "roles.owner: must not be the zero"),
        ('owner = "deployer"', f'owner = "{SOME.replace("A1", "a1")}"', None),
        ('owner = "deployer"', f'owner = "{ADDRESS.replace("C51", "c51")}"', "a wrong checksum"),
        ('settler = "test:1"', 'settler = "test:x"', "routers[0].settler: must be an address"),
        ('slasher = "deployer"', 'slasher = "0x12"', "roles.slasher: must be an address"),
        ('slasher = "deployer"', 'slasher = "none"', None),
        ('owner = "deployer"', 'owner = "none"', "roles.owner: must be an address"),
        ("cooldown_seconds = 3600", "cooldown_seconds = 3300", "must be more than 3300, bucket +"),
        ("cooldown_seconds = 3600", "cooldown_seconds = 5184001", "Expected int <= 5184000"),
        ("resolve_seconds = 1200", "resolve_seconds = 3001", "pool.resolve_seconds: must be at"),
        ("cover_bps = 20000", "cover_bps = 1000001", "pool.cover_bps: Expected int <= 1000000"),
        ("slash_cap_bps = 1000", "slash_cap_bps = 0", "pool.slash_cap_bps: Expected int >= 1"),
        ('node_stake_wei = "1', 'node_stake_wei = "x', "pool.node_stake_wei: must be wei as"),
        ('node_stake_wei = "1', 'node_stake_wei = "0', "pool.node_stake_wei: must be from 1 to"),
        ("cooldown_seconds = 1296000", "cooldown_seconds = 1209600", "Expected int >= 1209601"),
        ("  300, 280,", "  1048576, 280,", "quota.rates_ppm[0]: Expected int <= 1048575"),
        ("  300, 280,", "  280,", "quota.rates_ppm: Expected array of length >= 12"),
        ('cap_wei = "7', 'cap_wei = "70000', "quota.cap_wei: must be from 1 to 68719476735"),
        ('000"\n\n# 0.05', '001"\n\n# 0.05', "quota.cap_wei: must be a multiple of 1000000000000"),
        ("burst_ticks = 5400", "burst_ticks = 0", "quota.burst_ticks: must not be 0 with a rate"),
        ("burst_ticks = 5400", "burst_ticks = 65536", "burst_ticks: Expected int <= 65535"),
        ('penalty_wei = "1', 'penalty_wei = "-1', "dispute.penalty_wei: must be wei as decimal"),
        (
            'deposit_wei = "1',
            'deposit_wei = "0',
            "dispute.deposit_wei: must be from 1 to 2**96 - 1",
        ),
        (
            "answer_seconds = 600",
            "answer_seconds = 1",
            "dispute.answer_seconds: must be at least 2",
        ),
        ("forced_inclusion_seconds = 1", "forced_inclusion_seconds = 0", "must be the real delay"),
        ("\nwindow_seconds = 600", "\nwindow_seconds = 1", "rewards.window_seconds: must be at l"),
        ("\nveto_seconds = 600", "\nveto_seconds = 1", "rewards.veto_seconds: must be at least 2"),
        ("veto_delay_seconds = 300", "veto_delay_seconds = 0", "veto_delay_seconds: Expected int"),
        ("epoch_seconds = 3600", "epoch_seconds = 1500", "rewards.epoch_seconds: must be more tha"),
        ("post_seconds = 3600", "post_seconds = 1500", "post_seconds: must be more than 1500, win"),
        (
            "cooldown_seconds = 3600 # above those",
            "cooldown_seconds = 1500 #",
            "rewards.cooldown_seconds: must be more than 1500",
        ),
        ("expiry_seconds = 7776000", "expiry_seconds = 7775999", "expiry_seconds: Expected int >="),
        (
            'bond_wei = "10000000000000000000000" # 10,000 COR, as',
            'bond_wei = "0" #',
            "rewards.bond_wei: must be from 1 to",
        ),
        ("card_delay_seconds = 3600", "card_delay_seconds = 0", "rewards.card_delay_seconds: Exp"),
        ("rejoin_seconds = 600", "rejoin_seconds = 7776001", "reputation.rejoin_seconds: Expecte"),
        ("[reputation]", "[reputations]", "local.toml: reputations: is not a known key"),
        ('steward = "deployer"', 'steward = "none"', None),
        ('reward_guardian = "deployer"', 'reward_guardian = "none"', None),
        ('node_pot = "reward-fund"', 'node_pot = "deployer"', None),
        ('node_pot = "reward-fund"', 'node_pot = "reward_fund"', "roles.node_pot: must be an addr"),
        (
            'validator_pot = "deployer"',
            'validator_pot = "reward-fund"',
            "validator_pot: must be",
        ),
        ('"reward-card.toml"', '"missing.toml"', "missing.toml: card: cannot read"),
        ("[network]", "[reward_card]\n[network]", "local.toml: reward_card: belongs into the fi"),
        ('bond_owner = "deployer"', "", "routers[0].bond_wei: goes with bond_owner"),
        ('bond_owner = "deployer"', 'bond_owner = ""', "routers[0].bond_owner: must be an address"),
        ('bond_wei = "12', 'bond_wei = "9', "routers[0].bond_wei: must be at least 1000000"),
        ("[[routers]]", "[[router]]", "local.toml: router: is not a known key"),
        ('address = "mock"', f'address = "{ADDRESS}"', "token.mock_supply_wei: goes with"),
        ("mock_supply_wei = ", "# ", "token.mock_supply_wei: must be from 1"),
        ('"1000000000000000000000000000"', f'"{2**96}"', "token.mock_supply_wei: must be from 1"),
        ('"rate-card.toml"', '"missing.toml"', "missing.toml: card: cannot read"),
        ("[network]", "[card]\n[network]", "local.toml: card: belongs into the file"),
        ("[network]", "[network", "local.toml: is not TOML"),
        ("late_rebate_bps = 5000", "late_rebate_bps = 10001", "card.late_rebate_bps: must be at"),
        ("threshold_bps = 200", "threshold = 200", "card.threshold: is not a field"),
        ("threshold_bps = 200", "threshold_bps = 0.5", "card.threshold_bps: must be an integer"),
    ],
)
def test_local_mistakes(broken, old, new, message):
    if message is None:  # a valid variant, to show that the refusals are not about its form
        with pytest.raises(pytest.fail.Exception):
            broken("local.toml", old, new)
        return
    assert message in broken("local.toml", old, new)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("settle_window_seconds = 172800", "settle_window_seconds = 172799", "at least 172800"),
        ("challenge_window_seconds = 172800", "challenge_window_seconds = 1", "at least 172800"),
        ("answer_seconds = 172800", "answer_seconds = 172799", "answer_seconds: must be at least"),
        ("grace_seconds = 172800", "grace_seconds = 172799", "grace_seconds: must be at least"),
        ("veto_seconds = 172800", "veto_seconds = 172799", "veto_seconds: must be at least"),
        ("epoch_seconds = 604800", "epoch_seconds = 518400", "must be more than 518400, window +"),
        ('reward_guardian = ""', 'reward_guardian = "deployer"', "this network is not local"),
        ('slasher = ""', 'slasher = "deployer"', "roles.slasher: must be an address: this network"),
        ('slasher = ""', 'slasher = "none"', None),
        ("forced_inclusion_seconds = 86400", "forced_inclusion_seconds = 0", "the real delay"),
        ('address = ""', 'address = "mock"', "token.address: `mock` is for local"),
        ('owner = ""', 'owner = "deployer"', "roles.owner: must be an address: this network"),
        ('settler = ""', 'settler = "test:1"', "routers[0].settler: must be an address"),
    ],
)
def test_mistakes_that_only_real_networks_mind(broken, old, new, message):
    if message is None:
        with pytest.raises(pytest.fail.Exception):
            broken("arbitrum-sepolia.toml", old, new)
        return
    assert message in broken("arbitrum-sepolia.toml", old, new)


def test_two_routers_cannot_share_a_settler(broken):
    again = '[[routers]]\nname = "b"\nsettler = "test:1"\n[[routers]]'
    found = broken("local.toml", "[[routers]]", again)
    assert "routers[1].settler: is the settler of another router" in found


def test_empty_roles_are_refused_one_at_a_time__and_filled_in_a_rehearsal():
    config = load_config(ROOT / "config" / "arbitrum-sepolia.toml")
    with pytest.raises(InvalidInput, match=r"roles\.owner: is empty"):
        resolve(config, ADDRESS, str)
    # A rehearsal fills roles; the token is replaced by the command.
    with pytest.raises(InvalidInput, match=r"token\.address: is empty"):
        resolve(config, ADDRESS, str, rehearse=True)


def test_supply_that_the_quotas_words_cannot_hold_is_refused(broken):
    found = broken("local.toml", '"1000000000000000000000000000"', f'"{2**96 - 1}"')
    assert "token.mock_supply_wei: must be below 2**56 micro-COR" in found


def test_local_roles_resolve_to_accounts():
    config = load_config(ROOT / "config" / "local.toml")
    resolved = resolve(config, ADDRESS, lambda index: f"0x{index:040x}")
    assert resolved.roles.owner == ADDRESS
    assert resolved.routers[0].settler == f"0x{1:040x}"


def test_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(json.loads(SCHEMA_PATH.read_text()))


def test_a_wrong_reward_card_is_named_by_its_file(broken):
    found = broken("local.toml", "\ncap_bps = 1000\n", "\ncap_bps = 10001\n", "reward-card.toml")
    assert found.startswith("reward-card.toml: card.cap_bps: must be at most 10000")
