# SPDX-License-Identifier: Apache-2.0
"""Two agents from their registration to answers that third-party clients read, on a real node."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from cortensor.agents.fetching import Reach, read_uri
from cortensor.agents.registration import TYPE, Registration
from cortensor.chain.caller import Caller
from cortensor.receipts.canonical import load_json
from cortensor.receipts.typed import OUTCOMES
from cortensor.receipts.validation_score import validation_score
from scripts._demo.operating import SIGNER_KEY
from scripts._deploy.bindings import contract_at
from tests.ape.agents.succession import anchor_calls, successor_of, written
from tests.ape.agents.world import (
    AGENT_KEY,
    VALIDATOR_KEY,
    cortensor,
    hex_key,
    register,
    running_world,
    told,
)
from tests.ape.running import ROOT, rpc
from tests.python.agents.hosting import Host

pytestmark = [pytest.mark.anvil, pytest.mark.model, pytest.mark.slow]

CLIENTS = ROOT / ".venv-erc8004" / "bin" / "python"
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with running_world(tmp_path_factory.mktemp("agents")) as found:
        yield found


@pytest.fixture
def host():
    made = Host()
    yield made
    made.close()


@pytest.fixture(scope="module")
def answered(world):
    """A request about Corgent that the service answered: its key, and what the service told."""
    service = world.serve()
    request = world.ask("corgent", "Water is wet.")
    event = service.until("answered", request)
    service.stop()
    return request, event


@pytest.fixture(scope="module")
def attested(world):
    """What Bardiel attests of itself."""
    payload = world.folder / "own.json"
    payload.write_text(
        json.dumps(
            {
                "type": "cortensor-validation/1",
                "kind": "output",
                "question": "What is the capital of France?",
                "output": "Paris",
                "tier": "fast",
            }
        )
    )
    keys = {**world.environment, VALIDATOR_KEY: hex_key(world.owner)}
    arguments = ("agent", "attest", world.agents["bardiel"], payload, "--config", world.config)
    done = cortensor(*arguments, "--json", env=keys)
    return told(done)


def test_agents_register_from_their_files_once(world):
    assert world.agents == {"corgent": 0, "bardiel": 1}
    for name, agent_id in world.agents.items():
        uri = world.place.identity.uri(agent_id)
        file = Registration(load_json(read_uri(uri, Reach())))
        assert file.id_in(world.place.registry_name) == agent_id
        before = world.chain.web3.eth.get_transaction_count(world.owner.address)
        again = register(name, world.router.url, world.here, world.owner)
        assert again["agent_id"] == agent_id
        assert again["done"][0] == f"already registered as {agent_id}"
        assert world.place.identity.uri(agent_id) == uri
        assert world.chain.web3.eth.get_transaction_count(world.owner.address) == before


def test_only_who_is_approved_by_nobody_else_is_approved(world):
    identity, caller = world.place.identity, Caller(world.place.web3, hex_key(world.owner))
    sold = "0x" + "5d" * 20
    mined = caller.call(identity.address, identity.register_data("data:,x"))
    agent_id = identity.registered_id(mined.receipt)
    caller.call(identity.address, identity.approve_data(sold, agent_id))
    options = ("--agent-id", agent_id, "--approve", "--endpoint", f"router={world.router.url}")
    file = ROOT / "config" / "agents" / "corgent.json"
    env = {AGENT_KEY: hex_key(world.owner)}
    done = cortensor("agent", "register", file, *world.here, *options, env=env, code=2)
    assert "other_approved" in done.output
    assert identity.approved(agent_id).lower() == sold
    stranger = {AGENT_KEY: hex_key(world.responder)}
    done = cortensor("agent", "register", file, *world.here, *options, env=stranger, code=2)
    assert "may not act for it" in done.output


def test_a_request_on_the_chain_is_answered_by_a_receipt(world, answered):
    request, event = answered
    bundle = world.bundle(event["receipt_id"])
    struct = bundle.struct()
    status = world.place.validation().status(request)
    assert status.response_hash == event["receipt_id"]
    assert status.verdict == event["score"]
    assert status.verdict == validation_score(OUTCOMES[struct.outcome], struct.confidence_bps)
    assert status.tag == "receipt/v4:majority:third-party"
    agent = world.place.validator().agent(world.agents["corgent"])
    assert struct.subject == agent.subject(bytes.fromhex(request[2:]))
    assert (event["bound"], len(bundle.receipt.replicas)) == ("hash", 3)
    assert world.answers(request) == [event["receipt_id"]]


def test_an_agent_attests_of_itself_in_one_transaction(world, attested):
    status = world.place.validation().status(attested["request"])
    assert status.agent_id == world.agents["bardiel"]
    assert status.verdict == attested["score"]
    assert status.response_hash == attested["receipt_id"]
    assert status.tag == "receipt/v4:majority:self"
    assert world.receipts()[attested["receipt_id"]] == int(attested["charge_wei"])


def test_the_doctor_finds_both_agents_well(world, answered, attested):
    assert answered
    assert attested
    for agent_id in world.agents.values():
        options = ("--config", world.config, "--validate", "--allow-private", "--json")
        done = cortensor("agent", "doctor", agent_id, *world.here, *options, env=world.environment)
        found = told(done)
        assert found["ok"] is True
        assert found["agent_id"] == agent_id
        assert [step["name"] for step in found["steps"]] == [
            "registry",
            "file",
            "registrations",
            "router",
            "receipts",
            "validator",
            "approval",
            "anchorer",
            "validate",
            "answer",
        ]
        assert {step["status"] for step in found["steps"]} == {"ok"}


def broken(agent_id, *options):
    """Return what the doctor finds broken about an agent: the steps' names, and all it said."""
    arguments = ("agent", "doctor", agent_id, "--allow-private", *options, "--json")
    found = told(cortensor(*arguments, code=1))
    assert found["ok"] is False
    assert all(step["what_to_do"] for step in found["steps"] if step["status"] == "broken")
    names = [step["name"] for step in found["steps"] if step["status"] == "broken"]
    return names, found["steps"]


def test_the_doctor_says_what_is_broken(world, host):
    here = (*world.here, "--router-id", 1)
    names, steps = broken(1_000, *here)
    assert names == ["registry"]
    assert "no agent 1000" in steps[0]["detail"]
    cases = {
        "": ["file"],
        "ipfs://nowhere": ["file"],
        f"{host.url}/none": ["file"],
        "data:application/json,%7B%7D": ["file"],
    }
    lying = Registration(
        {
            "type": TYPE,
            "name": "Liar",
            "description": "d",
            "image": "",
            "active": False,
            "services": [
                {"name": "A2A", "endpoint": "http://127.0.0.1:1/card"},
                {"name": "MCP", "endpoint": f"{host.url}/gone"},
                {"name": "ENS", "endpoint": "liar.eth"},
            ],
            "cortensor": {"api": f"{host.url}/api/v4", "receipts": f"{host.url}/receipt"},
        }
    )
    cases[lying.named(world.place.registry_name, 0).data_uri()] = [
        "registrations",
        "active",
        "endpoint A2A",
        "router",
    ]
    identity, caller = world.place.identity, Caller(world.place.web3, hex_key(world.owner))
    agent_id = identity.registered_id(
        caller.call(identity.address, identity.register_data("x")).receipt
    )
    for uri, expected in cases.items():
        caller.call(identity.address, identity.set_agent_uri_data(agent_id, uri))
        names, steps = broken(agent_id, *here)
        assert names == [*expected, "anchorer"], uri
    skipped = [step["name"] for step in steps if step["status"] == "skipped"]
    assert skipped == ["endpoint ENS", "approval", "validate", "answer"]
    nowhere = ("--rpc", "http://127.0.0.1:1", "--deployments", world.chain.records)
    assert "chain_unavailable" in cortensor("agent", "doctor", 0, *nowhere, code=4).output
    assert "needs --config" in cortensor("agent", "doctor", 0, *here, "--validate", code=2).output


def test_third_party_clients_read_the_agents_and_the_answer(world, answered):
    assert CLIENTS.exists(), "the clients' environment is missing: run `make env`"
    request, event = answered
    registries, validator = world.place.registries, world.place.validator().address
    given = {
        "url": world.chain.rpc_url,
        "chain": world.place.chain_id,
        "identity": registries.identity,
        "reputation": registries.reputation,
        "validation": registries.validation,
        "key": hex_key(world.responder),
        "agents": world.agents,
        "request": request,
        "validator": validator,
    }
    done = subprocess.run(
        [str(CLIENTS), str(HERE / "loop_client.py")],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    seen = json.loads(done.stdout)
    owner = world.owner.address
    assert seen["loaded"] == {"corgent": ["Corgent", [owner]], "bardiel": ["Bardiel", [owner]]}
    assert seen["agent"]["registration_verified"] is True
    assert seen["status"]["has_response"] is True
    assert seen["status"]["response"] == event["score"]
    assert seen["status"]["response_hash"] == event["receipt_id"]
    assert seen["status"]["validator"] == validator
    summary = seen["summary"]
    assert (summary["count"], summary["average_response"]) == (1, event["score"])
    assert request in seen["of_validator"]["request_hashes"]


def test_a_service_that_cannot_work_says_why(world):
    text = world.config.read_text()
    other = world.folder / "other.toml"
    for change, environment, reason in (
        (("0x00000001", "0x00000009"), world.environment, "has no router 9"),
        (("poll_s", "pol_s"), world.environment, "pol_s"),
        (("", ""), {}, f"${VALIDATOR_KEY} is not set"),
    ):
        other.write_text(text.replace(*change, 1))
        done = cortensor("agent", "serve", "--config", other, env=environment, code=2)
        assert reason in done.output


def test_what_cannot_be_answered_is_told_once_and_stops_nobody(world, host):
    """Before an answerable request stand one of each kind that is not."""
    host.pages["/claim"] = b'{"type":"cortensor-validation/1","kind":"claim","claim":"x"}'
    stranger = register("corgent", world.router.url, world.here, world.owner, is_heard=False)
    asked = {
        "unreachable": world.ask_at("corgent", "https://127.0.0.1:1/payload.json"),
        "payload_not_bound": world.ask_at("corgent", f"{host.url}/claim"),
        "bad_uri": world.ask_at("corgent", "ftp://payloads.example/1"),
        "bad_payload": world.ask_at("corgent", "data:application/json,%7B%7D"),
        "agent_not_allowed": world.ask_at(stranger["agent_id"], "data:application/json,%7B%7D"),
    }
    before = world.receipts()
    service = world.serve()
    good = world.ask("bardiel", "Ice is cold.", tier="fast")
    seen = service.all_until("answered", good)
    service.stop()
    told = {name: [each for each in seen if each["request"] == key] for name, key in asked.items()}
    finals = ("payload_not_bound", "bad_uri", "bad_payload")
    for name, events in told.items():
        assert [(each["state"], each["reason"]) for each in events] == [
            ("skipped" if name in finals else "waiting", name)
        ]
        assert world.place.validation().status(asked[name]).is_answered is False
    assert len(world.receipts()) == len(before) + 1


def test_a_service_that_is_killed_answers_once_and_is_charged_once(world):
    before = world.receipts()
    service = world.start()
    request = world.ask("corgent", "Fire is cold.", tier="fast")
    # It has the receipt, and waits for the router to anchor it.
    waiting = service.until("waiting", request)
    assert waiting["reason"] == "not_anchored"
    service.kill()
    assert world.answers(request) == []
    service = world.start()
    event = service.until("answered", request)
    assert event["receipt_id"] == waiting["receipt_id"]
    # A next one is answered too, and nothing is done again for the first.
    later = service.until("answered", world.ask("corgent", "Ice is cold.", tier="fast"))
    assert service.stop() == 0
    assert world.answers(request) == [event["receipt_id"]]
    made = world.receipts().keys() - before.keys()
    assert made == {event["receipt_id"], later["receipt_id"]}


def test_an_answer_that_a_reorganisation_undoes_is_given_again(world):
    deep = world.folder / "deep.toml"
    deep.write_text(world.config.read_text().replace("confirmations = 0", "confirmations = 2"))
    service = world.serve(deep)
    request = world.ask("corgent", "Snow is black.", tier="fast")
    for _ in range(2):
        rpc(world.chain.rpc_url, "evm_mine")
    event = service.until("answered", request)
    rpc(world.chain.rpc_url, "anvil_reorg", 1, [])
    again = service.until("answered", request)
    service.stop()
    assert again["receipt_id"] == event["receipt_id"]
    assert again["tx_hash"] != event["tx_hash"]
    assert world.answers(request) == [event["receipt_id"]]


def test_an_answer_follows_its_receipts_successors_and_their_end(world, answered):
    request, event = answered
    service = world.serve()

    def replaced(by, score):
        assert service.until("replaced", request)["receipt_id"] == by
        status = world.place.validation().status(request)
        assert (status.response_hash, status.verdict) == (by, score)
        assert status.tag == "receipt/v4:majority:third-party"

    # The router names another validation of the same matter, by its own command.
    settler = world.chain.people.settler
    first = world.bundle(event["receipt_id"])
    second = world.validate("Water is quite wet.", first.receipt.subject)
    arguments = ("receipt", "revoke", event["receipt_id"], "--successor", second.receipt_id)
    env = {SIGNER_KEY: hex_key(settler)}
    cortensor(*arguments, "--config", world.folder / "router.toml", env=env)
    result = second.receipt.result
    score = validation_score(result.outcome, second.receipt.consensus.confidence_bps)
    replaced(second.receipt_id, score)

    # Its settler makes a third, which the router knows nothing of.
    third = successor_of(second, hex_key(settler))
    folder = world.folder / "successors"
    folder.mkdir()
    (folder / f"{third.receipt_id}.json").write_bytes(written(third))
    anchor = contract_at(world.chain.web3, "ReceiptAnchor", world.place.anchor().address)
    for call in anchor_calls(anchor, third):  # the router has nothing to send from this key now
        world.chain.send(settler, call)
    replaced(third.receipt_id, score)

    world.chain.send(settler, anchor.functions.revoke(bytes.fromhex(third.receipt_id[2:])))
    assert service.until("retracted", request)["receipt_id"] == third.receipt_id
    service.stop()
    status = world.place.validation().status(request)
    assert (status.verdict, status.tag) == (50, "receipt/v4:revoked")


@pytest.mark.parametrize(
    ("agent", "budget", "state", "reason"),
    [
        ("bardiel", "agents = [0]", "skipped", "agent_not_listed"),
        ("corgent", "max_per_hour = 1", "waiting", "hour_used_up"),  # by runs before this one
        ("corgent", 'max_price_wei = "1"', "waiting", "over_budget"),
    ],
)
def test_no_more_is_paid_than_the_settings_allow(world, agent, budget, state, reason):
    # The last in this file: what they leave open would be answered by services of others.
    config = world.folder / "thrifty.toml"
    config.write_text(f"{world.config.read_text()}[budget]\n{budget}\n")
    before = world.receipts()
    service = world.serve(config)
    request = world.ask(agent, "Fog is loud.", tier="fast")
    assert service.until(state, request)["reason"] == reason
    service.stop()
    assert world.receipts() == before
