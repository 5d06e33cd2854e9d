# SPDX-License-Identifier: Apache-2.0
"""The engine below `ape run deploy`: interrupted runs, drifted chains, accounts not at hand."""

from __future__ import annotations

import json

import msgspec
import pytest
from web3 import Web3

from cortensor.errors import Conflict, InvalidInput
from scripts._anvil import ROOT, run_anvil
from scripts._deploy import KeySigner, deploy_all, load_config, make_plan
from scripts._deploy.checks import verify_record, verify_wiring
from scripts._deploy.config import ZERO_ADDRESS, resolve
from scripts._deploy.engine import inspection
from scripts._deploy.records import Store
from scripts._deploy.sending import Sender

pytestmark = pytest.mark.anvil

# Anvil's first accounts.
KEYS = (
    "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
)
DEPLOYER, SETTLER, STRANGER = map(KeySigner, KEYS)
NETWORK = "local"
CONTRACTS = 16
DEPLOYER_CALLS = 11  # bind five times, set_dispute, register, three pots, COR for the bond
SETTLER_CALLS = 3  # approve, open the bond, authorise


@pytest.fixture(scope="module")
def chain():
    with run_anvil() as anvil:
        web3 = Web3(Web3.HTTPProvider(anvil.url))
        yield web3
        web3.provider.get_request_headers()


@pytest.fixture
def web3(chain):
    """The chain, as it was, afterwards."""
    snapshot = chain.provider.make_request("evm_snapshot", [])["result"]
    yield chain
    chain.provider.make_request("evm_revert", [snapshot])


def local_config():
    """The local configuration with an address in every role."""
    loaded = load_config(ROOT / "config" / "local.toml")
    return resolve(loaded, DEPLOYER.address, lambda _index: SETTLER.address)


@pytest.fixture
def config():
    return local_config()


def deploy(web3, config, folder, *, signers=(DEPLOYER, SETTLER), own=True, lines=None):
    report = lines.append if lines is not None else (lambda _line: None)
    return deploy_all(
        web3, config, signers, folder, network=NETWORK, is_own_node=own, report=report
    )


def plan_of(web3, config, folder, *, signers=(DEPLOYER, SETTLER), own=True):
    store = Store(folder, NETWORK)
    return make_plan(inspection(web3, config, signers, store, is_own_node=own))


def with_roles(config, roles):
    return msgspec.structs.replace(config, roles=msgspec.structs.replace(config.roles, **roles))


def test_deployed_contracts_verify(web3, config, tmp_path):
    deployment = deploy(web3, config, tmp_path)
    assert len(deployment.sent) == CONTRACTS + DEPLOYER_CALLS + SETTLER_CALLS
    checks = [
        check
        for record in deployment.records.values()
        for check in verify_record(web3, record, fresh=False)
    ]
    checks += verify_wiring(web3, deployment.records)
    assert {check.status for check in checks} == {"ok"}
    assert plan_of(web3, config, tmp_path).is_empty


def test_wrong_record__every_lie_is_found(web3, config, tmp_path):
    records = deploy(web3, config, tmp_path).records
    record = records["SessionPayment"]

    def failed(changed):
        found = verify_record(web3, {**record, **changed}, fresh=False)
        return {check.name for check in found if check.status == "failed"}

    arguments = record["constructor_args"]
    assert "code" in failed({"constructor_args": {**arguments, "bucket_seconds": "301"}})
    assert "creation" in failed({"constructor_args": {**arguments, "owner": STRANGER.address}})
    assert failed({"source_integrity": "0" * 64}) == {"source integrity"}
    assert failed({"code_hash": "0x" + "0" * 64}) == {"code hash"}
    assert failed({"tx_hash": "0x" + "0" * 64}) == {"creation"}
    assert failed({"roles": {**record["roles"], "guardian": STRANGER.address}}) == {"role guardian"}
    assert "code" in failed({"address": records["ReceiptAnchor"]["address"]})


def test_settler_not_at_hand__its_call_is_left_to_it_and_verify_says_so(web3, config, tmp_path):
    deployment = deploy(web3, config, tmp_path, signers=(DEPLOYER,))
    assert [call.function for call in deployment.manual] == ["approve", "open_bond", "authorise"]
    assert {(c.role, c.sender) for c in deployment.manual} == {("settler", SETTLER.address)}
    checks = verify_wiring(web3, deployment.records)
    failed = {check.name: check.detail for check in checks if check.status == "failed"}
    assert set(failed) == {"settler_1 authorised", "settler_1 bonded"}
    assert "has not authorised" in failed["settler_1 authorised"]
    assert "it cannot settle" in failed["settler_1 bonded"]

    deploy(web3, config, tmp_path)
    assert {c.status for c in verify_wiring(web3, deployment.records)} == {"ok"}


@pytest.mark.parametrize("was_sent", [False, True])
@pytest.mark.parametrize("step", [1, 6, 11, 20, 30])
def test_interrupted_before_the_receipt__taken_over(
    web3, config, tmp_path, monkeypatch, step, was_sent
):
    """The process dies with transaction number `step` signed and written down."""
    stop, count = RuntimeError("the process died"), 0
    broadcast = Sender._broadcast

    def dying(self, entry):
        nonlocal count
        count += 1
        if count < step:
            broadcast(self, entry)
            return
        if was_sent:
            broadcast(self, entry)
        raise stop

    monkeypatch.setattr(Sender, "_broadcast", dying)
    with pytest.raises(RuntimeError, match="the process died"):
        deploy(web3, config, tmp_path)
    assert (tmp_path / "pending.json").exists()
    monkeypatch.undo()

    lines = []
    deployment = deploy(web3, config, tmp_path, lines=lines)
    assert any(line.startswith("resumed ") for line in lines)
    assert not (tmp_path / "pending.json").exists()
    assert len(deployment.records) == CONTRACTS
    # Nothing was sent twice.
    sent = [web3.eth.get_transaction_count(signer.address) for signer in (DEPLOYER, SETTLER)]
    assert sent == [CONTRACTS + DEPLOYER_CALLS, SETTLER_CALLS]
    checks = verify_wiring(web3, deployment.records)
    assert {check.status for check in checks} == {"ok"}


def test_pending_transaction_whose_nonce_is_gone__dropped(web3, config, tmp_path, monkeypatch):
    def dying(_self, _entry):
        raise RuntimeError("the process died")

    monkeypatch.setattr(Sender, "_broadcast", dying)
    with pytest.raises(RuntimeError):
        deploy(web3, config, tmp_path)
    monkeypatch.undo()
    transfer = {"from": DEPLOYER.address, "to": STRANGER.address, "value": 1}
    web3.eth.wait_for_transaction_receipt(web3.eth.send_transaction(transfer))
    lines = []
    assert len(deploy(web3, config, tmp_path, lines=lines).records) == CONTRACTS
    assert lines[0].startswith("drop    deploy MockCOR: nonce 0")


def test_pending_transaction_of_another_chain__refused(web3, config, tmp_path):
    Store(tmp_path, NETWORK).save_pending({"step": "x", "chain_id": 5})
    with pytest.raises(Conflict, match="waits for chain 5"):
        deploy(web3, config, tmp_path)


def test_other_chain_restarted__replaced_on_an_own_node_only(web3, config, tmp_path):
    first = deploy(web3, config, tmp_path)
    web3.provider.make_request("anvil_setCode", [first.address("ReceiptAnchor"), "0x"])
    plan = plan_of(web3, config, tmp_path)
    # NodeReputation is told who is staked by the pool, and the fund is bound to its NodeReward.
    assert {item.name for item in plan.contracts if item.action == "keep"} == {
        "MockCOR",
        "SessionPaymentTable",
        "RewardTable",
        *("IdentityRegistry", "ReputationRegistry", "ValidationRegistry"),
    }
    assert {item.action for item in plan.contracts} == {"keep", "replace"}
    reasons = {item.name: item.reason for item in plan.contracts}
    assert "is bound for ever to SessionPayment at" in reasons["StakeQuota"]
    assert "is bound for ever to SettlementDispute at" in reasons["StakePool"]
    real = msgspec.structs.replace(
        config, token=msgspec.structs.replace(config.token, address=first.token)
    )
    with pytest.raises(Conflict, match="no code at the recorded address"):
        plan_of(web3, real, tmp_path, own=False)

    second = deploy(web3, config, tmp_path)
    assert second.address("SessionPayment") != first.address("SessionPayment")
    assert plan_of(web3, config, tmp_path).is_empty


def test_fixed_parameter_changed__shown_and_refused_on_a_real_network(web3, config, tmp_path):
    first = deploy(web3, config, tmp_path)
    payment = msgspec.structs.replace(config.payment, bucket_seconds=301)
    token = msgspec.structs.replace(config.token, address=first.token)
    changed = msgspec.structs.replace(config, payment=payment, token=token)
    with pytest.raises(Conflict, match="bucket_seconds: 300 -> 301"):
        plan_of(web3, changed, tmp_path, own=False)


def test_roles_changed__one_call_each(web3, config, tmp_path):
    deploy(web3, config, tmp_path)
    changed = with_roles(
        config,
        dict.fromkeys(
            ("oracle", "guardian", "slasher", "treasury", "steward", "reward_guardian"),
            STRANGER.address,
        ),
    )
    router = msgspec.structs.replace(config.routers[0], settler=STRANGER.address)
    changed = msgspec.structs.replace(changed, routers=[router])
    plan = plan_of(web3, changed, tmp_path)
    assert [call.function for call in plan.calls] == [
        "set_oracle",
        "set_slasher",
        "set_treasury",
        *("set_steward", "set_guardian", "set_treasury"),
        "set_guardian",
        "set_settler",
        "set_pot_recipient",
    ]
    # Only the settler of today names the next, and only the next can authorise.
    assert plan.calls[7].sender == SETTLER.address
    assert [call.function for call in plan.manual] == ["authorise"]
    deployment = deploy(web3, changed, tmp_path, signers=(DEPLOYER, SETTLER, STRANGER))
    assert deployment.records["SessionPayment"]["roles"]["settler_1"] == STRANGER.address
    assert deployment.records["SessionPaymentTable"]["roles"]["oracle"] == STRANGER.address
    assert deployment.records["StakePool"]["roles"] == {
        "owner": DEPLOYER.address,
        "slasher": STRANGER.address,
        "treasury": STRANGER.address,
        "bond_owner_1": DEPLOYER.address,
    }
    assert deployment.records["NodeReputation"]["roles"]["steward"] == STRANGER.address
    assert deployment.records["NodeReward"]["roles"]["guardian"] == STRANGER.address
    assert plan_of(web3, changed, tmp_path).is_empty


def test_owner_and_prices_changed__noted_and_left_alone(web3, config, tmp_path):
    deploy(web3, config, tmp_path)
    card = msgspec.structs.replace(config.card, threshold_bps=300)
    quota = msgspec.structs.replace(config.quota, rates_ppm=[1, *config.quota.rates_ppm[1:]])
    reward_card = msgspec.structs.replace(config.reward_card, min_tasks=21)
    changed = msgspec.structs.replace(
        with_roles(config, {"owner": STRANGER.address}),
        card=card,
        reward_card=reward_card,
        quota=quota,
    )
    plan = plan_of(web3, changed, tmp_path)
    assert plan.is_empty
    texts = {note.subject: note.text for note in plan.notes}
    assert set(texts) == {
        "SessionPaymentTable",
        "SessionPayment",
        "StakePool",
        "StakeQuota",
        *("NodeReputation", "RewardTable", "NodeReward"),
        "rate card",
        "reward card",
        "quota rates",
    }
    assert texts["reward card"].startswith("min_tasks is 20 in card 1, 21 in the file")
    assert texts["rate card"].startswith("threshold_bps is 200 in card 1, 300 in the file")


def test_quota_limits_changed__one_call_each(web3, config, tmp_path):
    deploy(web3, config, tmp_path)
    quota = msgspec.structs.replace(
        config.quota, burst_ticks=6_000, spending_limit_wei="5000000000000000000000"
    )
    changed = msgspec.structs.replace(config, quota=quota)
    plan = plan_of(web3, changed, tmp_path)
    assert [call.function for call in plan.calls] == ["set_limits", "set_spending_limit"]
    deploy(web3, changed, tmp_path)
    assert plan_of(web3, changed, tmp_path).is_empty


def test_nobody_may_slash_accuse_or_veto__a_valid_choice(web3, config, tmp_path):
    roles = dict.fromkeys(("slasher", "steward", "reward_guardian"), ZERO_ADDRESS)
    nobody = with_roles(config, roles)
    records = deploy(web3, nobody, tmp_path).records
    assert "slasher" not in records["StakePool"]["roles"]
    assert "steward" not in records["NodeReputation"]["roles"]
    assert "guardian" not in records["NodeReward"]["roles"]
    assert plan_of(web3, nobody, tmp_path).is_empty


def test_killed_between_pool_and_escrow__the_pool_is_kept(web3, config, tmp_path, monkeypatch):
    send, dead = Sender.send, RuntimeError("the process died")

    def dying(self, purpose, *rest):
        if purpose["step"] == "deploy SessionPayment":
            raise dead
        return send(self, purpose, *rest)

    monkeypatch.setattr(Sender, "send", dying)
    with pytest.raises(RuntimeError, match="the process died"):
        deploy(web3, config, tmp_path)
    monkeypatch.undo()
    pool = Store(tmp_path, NETWORK).load("StakePool")["address"]
    actions = {item.name: item.action for item in plan_of(web3, config, tmp_path).contracts}
    assert actions["StakePool"] == actions["StakeQuota"] == "keep"
    assert actions["SessionPayment"] == actions["SettlementDispute"] == "deploy"
    deployment = deploy(web3, config, tmp_path)
    assert deployment.address("StakePool") == pool
    assert {c.status for c in verify_wiring(web3, deployment.records)} == {"ok"}


@pytest.mark.parametrize("lost", ["SettlementDispute", "SessionPayment"])
def test_bound_to_what_is_gone__replaced_together_on_an_own_node_only(web3, config, tmp_path, lost):
    first = deploy(web3, config, tmp_path)
    (tmp_path / f"{lost}.json").unlink()
    actions = {item.name: item.action for item in plan_of(web3, config, tmp_path).contracts}
    assert {name for name, action in actions.items() if action != "keep"} == {
        "StakePool",
        "StakeQuota",
        "SessionPayment",
        "SettlementDispute",
        "AgentValidator",
        *("NodeReputation", "RewardFund", "NodeReward", "RewardDispute"),
    }
    token = msgspec.structs.replace(config.token, address=first.token, mock_supply_wei=None)
    real = msgspec.structs.replace(config, token=token)
    with pytest.raises(Conflict):
        plan_of(web3, real, tmp_path, own=False)

    second = deploy(web3, config, tmp_path)
    assert second.address("StakePool") != first.address("StakePool")
    assert {c.status for c in verify_wiring(web3, second.records)} == {"ok"}
    assert plan_of(web3, config, tmp_path).is_empty


def test_bound_to_a_dispute_without_a_record__one_clear_refusal(web3, config, tmp_path):
    first = deploy(web3, config, tmp_path)
    (tmp_path / "SettlementDispute.json").unlink()
    token = msgspec.structs.replace(config.token, address=first.token, mock_supply_wei=None)
    real = msgspec.structs.replace(config, token=token)
    with pytest.raises(Conflict, match="is bound for ever to SettlementDispute at") as caught:
        plan_of(web3, real, tmp_path, own=False)
    assert first.address("SettlementDispute") in str(caught.value)
    assert "Nothing was sent" in str(caught.value)


def test_wrong_chain__refused(web3, config, tmp_path):
    network = msgspec.structs.replace(config.network, chain_ids=[1])
    with pytest.raises(Conflict, match="the node is on chain 31337"):
        deploy(web3, msgspec.structs.replace(config, network=network), tmp_path)
    assert web3.eth.get_transaction_count(DEPLOYER.address) == 0


def test_mock_token_on_a_real_network__refused(web3, config, tmp_path):
    with pytest.raises(Conflict, match="`mock` is for nodes of your own"):
        deploy(web3, config, tmp_path, own=False)


def test_folder_in_use__refused(web3, config, tmp_path):
    with (
        Store(tmp_path, NETWORK).locked(),
        pytest.raises(Conflict, match="another run is deploying here"),
    ):
        deploy(web3, config, tmp_path)


def test_records_of_another_network_or_shape__refused(web3, config, tmp_path):
    deploy(web3, config, tmp_path)
    with pytest.raises(Conflict, match="is a record of local, not of cor-testnet1a"):
        Store(tmp_path, "cor-testnet1a").load("ReceiptAnchor")
    path = tmp_path / "ReceiptAnchor.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "surprise": 1}))
    with pytest.raises(InvalidInput, match="surprise"):
        Store(tmp_path, NETWORK).load("ReceiptAnchor")
    path.write_text("{")
    with pytest.raises(InvalidInput, match="cannot be read"):
        Store(tmp_path, NETWORK).load("ReceiptAnchor")
