# SPDX-License-Identifier: Apache-2.0
"""The reward contracts as `ape run deploy` leaves them: bound, paid by the node pot, and usable."""

from __future__ import annotations

import shutil

import msgspec
import pytest
from eth_account import Account
from web3.exceptions import ContractLogicError

from cortensor.chain.rpc import contract
from cortensor.errors import Conflict, InvalidInput
from cortensor.rewards import RewardCard
from scripts._deploy import abi
from scripts._deploy.arguments import REWARDS, constructor_arguments
from scripts._deploy.checks import verify_node_pot, verify_record, verify_wiring
from scripts._deploy.compiler import compile_contract
from scripts._deploy.report import plan_json, plan_lines
from scripts._deploy.reward_limits import check_rewards
from tests.ape import test_deploy_engine as engine
from tests.ape.test_deploy_engine import DEPLOYER, SETTLER, STRANGER, deploy, plan_of, with_roles

pytestmark = pytest.mark.anvil
chain = engine.chain

NODE_POT = 0
DAY = 86_400


@pytest.fixture(scope="module")
def config():
    return engine.local_config()


@pytest.fixture(scope="module")
def once(chain, config, tmp_path_factory):
    """A deployment, and where its records are."""
    folder = tmp_path_factory.mktemp("records")
    return deploy(chain, config, folder), folder


@pytest.fixture
def web3(once, chain):
    """The chain with the deployment, as it was, afterwards."""
    snapshot = chain.provider.make_request("evm_snapshot", [])["result"]
    yield chain
    chain.provider.make_request("evm_revert", [snapshot])


@pytest.fixture
def deployment(once):
    return once[0]


@pytest.fixture
def records(once, tmp_path):
    """A copy of the records' folder, to be changed."""
    return shutil.copytree(once[1], tmp_path / "records")


def functions(web3, deployment, name):
    return contract(web3, name, deployment.address(name)).functions


def send(web3, call, signer):
    """Send a call of an account that the node holds; raises if it reverts."""
    receipt = web3.eth.wait_for_transaction_receipt(call.transact({"from": signer.address}))
    assert receipt["status"] == 1


def real(config, deployment):
    """The configuration of a network that is not one's own, with the token that is there."""
    token = msgspec.structs.replace(config.token, address=deployment.token, mock_supply_wei=None)
    return msgspec.structs.replace(config, token=token)


def test_bound_and_as_configured(web3, config, deployment):
    at = deployment.address
    reward = functions(web3, deployment, "NodeReward")
    assert reward.dispute().call() == at("RewardDispute")
    assert functions(web3, deployment, "NodeReputation").reward().call() == at("NodeReward")
    assert functions(web3, deployment, "NodeReputation").POOL().call() == at("StakePool")
    assert functions(web3, deployment, "RewardFund").reward().call() == at("NodeReward")
    assert functions(web3, deployment, "SessionPayment").pot(NODE_POT).call()[1] == at("RewardFund")
    assert reward.EPOCH_SECONDS().call() == config.rewards.epoch_seconds == 3_600
    assert reward.FORCED_INCLUSION_SECONDS().call() == config.network.forced_inclusion_seconds
    table = functions(web3, deployment, "RewardTable")
    assert RewardCard.from_abi(table.card(1).call()) == config.reward_card
    assert deployment.records["NodeReward"]["roles"] == dict.fromkeys(
        ("owner", "guardian", "treasury"), DEPLOYER.address
    )


def test_an_epoch_opens_on_what_was_deployed(web3, config, deployment):
    reward = functions(web3, deployment, "NodeReward")
    fund = functions(web3, deployment, "RewardFund")
    cor = contract(web3, "MockCOR", deployment.token).functions
    send(web3, cor.approve(deployment.address("RewardFund"), 10**18), DEPLOYER)
    send(web3, fund.grant(10**18), DEPLOYER)
    seconds = config.rewards.epoch_seconds
    # The epoch that runs at deployment does not count; the next one does, once it is over.
    epoch = web3.eth.get_block("latest")["timestamp"] // seconds + 1
    web3.provider.make_request("evm_setNextBlockTimestamp", [(epoch + 1) * seconds])
    web3.provider.make_request("evm_mine", [])
    send(web3, reward.open(epoch), DEPLOYER)
    flight = reward.flight().call()
    assert (flight[0], flight[3]) == (epoch, 10**18)
    assert cor.balanceOf(deployment.address("RewardFund")).call() == 0


def test_register_follows_the_pools_stake(web3, config, deployment):
    """NodeReputation asks StakePool itself: no stake, no registration."""
    register = functions(web3, deployment, "NodeReputation")
    pool = functions(web3, deployment, "StakePool")
    cor = contract(web3, "MockCOR", deployment.token).functions
    node, deadline = STRANGER, web3.eth.get_block("latest")["timestamp"] + 3_600
    digest = register.consent_digest(node.address, DEPLOYER.address, deadline).call()
    signature = Account.from_key(engine.KEYS[2]).unsafe_sign_hash(digest).signature
    call = register.register(node.address, b"\0" * 32, 1, deadline, signature)
    with pytest.raises(Exception, match="node: not staked"):
        call.call({"from": DEPLOYER.address})
    stake = int(config.pool.node_stake_wei)
    send(web3, cor.approve(deployment.address("StakePool"), stake), DEPLOYER)
    send(web3, pool.open_node(node.address, stake), DEPLOYER)
    send(web3, call, DEPLOYER)
    assert register.is_eligible(node.address).call() is True


def test_every_reward_record_verifies__and_every_lie_is_found(web3, deployment):
    records = deployment.records
    for name in REWARDS:
        checks = verify_record(web3, records[name], fresh=False)
        assert {check.status for check in checks} == {"ok"}, name
    record = records["NodeReward"]
    windows = {**record["constructor_args"]["windows"], "veto_seconds": "601"}
    arguments = {**record["constructor_args"], "windows": windows}
    found = verify_record(web3, {**record, "constructor_args": arguments}, fresh=False)
    failed = {check.name for check in found if check.status == "failed"}
    # Other code is asked nothing further.
    assert failed == {"code", "creation"}
    other = {**records, "RewardFund": {**records["RewardFund"], "address": STRANGER.address}}
    failed = {c.name for c in verify_node_pot(other, "reward-fund") if c.status == "failed"}
    assert failed == {"node_pot is RewardFund"}
    (check,) = verify_node_pot(records, "reward-fund")
    assert check.status == "ok"
    assert verify_node_pot(records, STRANGER.address) == []


def test_added_to_a_network_that_has_the_rest(web3, config, tmp_path):
    """As where the escrow was deployed before there were rewards: nothing else is touched."""
    elsewhere = with_roles(config, {"node_pot": STRANGER.address})
    first = deploy(web3, elsewhere, tmp_path)
    for name in REWARDS:
        (tmp_path / f"{name}.json").unlink()
    network = real(config, first)
    plan = plan_of(web3, network, tmp_path, own=False)
    assert [item.name for item in plan.contracts if item.action == "deploy"] == list(REWARDS)
    assert [(call.contract, call.function) for call in plan.calls] == [
        ("NodeReputation", "bind"),
        ("RewardFund", "bind"),
        ("NodeReward", "bind"),
        ("SessionPayment", "set_pot_recipient"),
    ]
    second = deploy(web3, network, tmp_path, own=False)
    assert second.address("SessionPayment") == first.address("SessionPayment")
    assert second.address("NodeReward") != first.address("NodeReward")
    assert {c.status for c in verify_wiring(web3, second.records)} == {"ok"}
    assert plan_of(web3, network, tmp_path, own=False).is_empty


@pytest.mark.parametrize(
    ("lost", "message"),
    [
        ("RewardDispute", "is bound for ever to RewardDispute at"),
        ("NodeReward", "parameters that are fixed at deployment differ; reward: "),
        ("NodeReputation", "parameters that are fixed at deployment differ; reputation: "),
    ],
)
def test_a_lost_record__one_clear_refusal(web3, config, deployment, records, lost, message):
    (records / f"{lost}.json").unlink()
    with pytest.raises(Conflict, match=message) as caught:
        plan_of(web3, real(config, deployment), records, own=False)
    assert deployment.address(lost) in str(caught.value)
    assert "Nothing was sent" in str(caught.value)


def test_a_window_changed__shown_by_its_name(web3, config, deployment, records):
    rewards = msgspec.structs.replace(config.rewards, epoch_seconds=7_200)
    changed = msgspec.structs.replace(config, rewards=rewards)
    with pytest.raises(Conflict, match=r"windows\.epoch_seconds: 3600 -> 7200"):
        plan_of(web3, real(changed, deployment), records, own=False)
    plan = plan_of(web3, changed, records)
    replaced = {item.name for item in plan.contracts if item.action == "replace"}
    # Register and fund are bound for ever to the one that goes; cards stay.
    assert replaced == set(REWARDS) - {"RewardTable"}
    assert "            epoch_seconds = 3600 -> 7200" in list(plan_lines(plan))
    (entry,) = [e for e in plan_json(plan)["contracts"] if e["contract"] == "NodeReward"]
    names = {change["parameter"] for change in entry["changes"]}
    assert names == {"fund", "reputation", "windows.epoch_seconds"}


def test_pot_waits_until_another_binds_the_fund(web3, config, tmp_path):
    """Whoever pays a fund that is not bound trusts its binder, so the owner does not."""
    binder = with_roles(config, {"owner": STRANGER.address})
    first = deploy(web3, binder, tmp_path, signers=(DEPLOYER,))
    assert "binder" in {call.role for call in first.manual}
    order = [(call.contract, call.function) for call in first.manual]
    assert order.index(("RewardFund", "bind")) < order.index(
        ("SessionPayment", "set_pot_recipient")
    )
    # The escrow changes hands before the old owner has bound the fund.
    escrow = functions(web3, first, "SessionPayment")
    send(web3, escrow.transfer_ownership(DEPLOYER.address), STRANGER)
    send(web3, escrow.accept_ownership(), DEPLOYER)
    plan = plan_of(web3, config, tmp_path)
    pots = [call.arguments["pot"] for call in plan.calls if call.function == "set_pot_recipient"]
    assert pots == ["1", "2"]
    texts = {note.subject: note.text for note in plan.notes}
    assert texts["node_pot recipient"] == (
        f"is set once {STRANGER.address} has bound RewardFund; run again then"
    )
    deploy(web3, config, tmp_path, signers=(DEPLOYER, SETTLER, STRANGER))
    deployment = deploy(web3, config, tmp_path, signers=(DEPLOYER, SETTLER, STRANGER))
    assert deployment.records["SessionPayment"]["roles"]["node_pot"] == deployment.address(
        "RewardFund"
    )


@pytest.mark.parametrize(
    ("name", "section", "key", "good", "bad"),
    [
        ("NodeReward", "rewards", "window_seconds", 2, 1),
        ("NodeReward", "rewards", "veto_seconds", 2, 1),
        ("NodeReward", "rewards", "veto_delay_seconds", 1, 0),
        ("NodeReward", "rewards", "epoch_seconds", 1_501, 1_500),
        ("NodeReward", "rewards", "post_seconds", 1_501, 1_500),
        ("NodeReward", "rewards", "cooldown_seconds", 1_501, 1_500),
        ("NodeReward", "rewards", "expiry_seconds", 90 * DAY, 90 * DAY - 1),
        ("NodeReward", "rewards", "bond_wei", "1", "0"),
        ("NodeReward", "rewards", "bond_wei", str(2**96 - 1), str(2**96)),
        ("RewardTable", "rewards", "card_delay_seconds", 1, 0),
        ("RewardTable", "rewards", "card_delay_seconds", 30 * DAY, 30 * DAY + 1),
        ("NodeReputation", "reputation", "rejoin_seconds", 1, 0),
        ("NodeReputation", "reputation", "rejoin_seconds", 90 * DAY, 90 * DAY + 1),
        ("NodeReputation", "reputation", "appeal_seconds", 30 * DAY, 30 * DAY + 1),
        ("NodeReputation", "reputation", "resolve_seconds", 30 * DAY, 30 * DAY + 1),
    ],
)
def test_the_file_is_refused_where_the_constructor_refuses(
    web3, config, deployment, name, section, key, good, bad
):
    addresses = {name: record["address"] for name, record in deployment.records.items()}
    artifact = compile_contract(name)

    def is_deployable(config):
        arguments = constructor_arguments(name, config, addresses)
        encoded = abi.encode_json(abi.constructor_inputs(artifact.abi), arguments)
        data = "0x" + (artifact.creation_code + encoded).hex()
        try:
            web3.eth.call({"from": DEPLOYER.address, "data": data})
        except ContractLogicError:
            return False
        return True

    def is_accepted(config):
        part = getattr(config, section)
        try:
            msgspec.convert(msgspec.structs.asdict(part), type(part))
            check_rewards(config)
        except (InvalidInput, msgspec.ValidationError):
            return False
        return True

    for value, is_right in ((good, True), (bad, False)):
        part = msgspec.structs.replace(getattr(config, section), **{key: value})
        changed = msgspec.structs.replace(config, **{section: part})
        assert (is_deployable(changed), is_accepted(changed)) == (is_right, is_right)
