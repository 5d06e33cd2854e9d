# SPDX-License-Identifier: Apache-2.0
"""Nodes: registered with their consent, accused, retired, registered again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from eth_utils import keccak

from scripts._gas.bench import DAY_SECONDS, NODE_STAKE_WEI, Bench, Used, keyed
from scripts._gas.owning import run_ownership
from scripts._gas.scenario import Scenario

APPEAL_SECONDS = RESOLVE_SECONDS = 2 * DAY_SECONDS
REJOIN_SECONDS = 14 * DAY_SECONDS


def run_nodes(bench: Bench) -> Iterator[Scenario]:
    """Run a node from its registration to its end."""
    with bench.aside():
        yield from _run(bench)


def _run(bench: Bench) -> Iterator[Scenario]:
    actors = bench.actors
    operator, steward = actors.payer, actors.guardian
    contract = bench.deploy(
        "NodeReputation",
        actors.owner,
        bench.pool.address,
        steward,
        REJOIN_SECONDS,
        APPEAL_SECONDS,
        RESOLVE_SECONDS,
    )
    bench.deploy("RewardFund", actors.owner, bench.cor.address)
    for name in ("NodeReputation", "RewardFund"):
        yield Scenario(f"deploy.{name}", bench.deployed.pop(name), 1, "constructor included")
    nodes = contract.functions
    key = keyed("node")
    bench.send(bench.pool.functions.open_node(key.address, NODE_STAKE_WEI), operator)
    yield Scenario("node.register", _register(bench, nodes, operator), 1, "a node's first stay")
    with bench.aside():
        call = nodes.declare_models(key.address, keccak(text="more models"), 5)
        used = bench.send(call, operator)
        yield Scenario("node.models.declare", used, 1, "another list, by its operator")
        used = bench.send(nodes.set_steward(actors.oracle), actors.owner)
        yield Scenario("node.steward.set", used, 1, "another")
    with bench.aside():
        used = bench.send(nodes.accuse(key.address, keccak(text="evidence")), steward)
        yield Scenario("node.accuse", used, 1, "never accused before")
        with bench.aside():
            used = bench.send(nodes.appeal(key.address), operator)
            yield Scenario("node.appeal", used, 1, "by its operator")
            used = bench.send(nodes.resolve(key.address, True), actors.owner)
            yield Scenario("node.resolve", used, 1, "upheld: disqualified")
        with bench.aside():
            bench.send(nodes.appeal(key.address), operator)
            bench.send(nodes.resolve(key.address, False), actors.owner)
            bench.wait(APPEAL_SECONDS + 1)
            used = bench.send(nodes.accuse(key.address, keccak(text="other evidence")), steward)
            yield Scenario("node.accuse.again", used, 1, "acquitted of the accusation before")
        bench.wait(APPEAL_SECONDS + 1)
        used = bench.send(nodes.disqualify(key.address), actors.anchorer)
        yield Scenario("node.disqualify", used, 1, "nobody appealed")
    used = bench.send(nodes.retire(key.address), operator)
    yield Scenario("node.retire", used, 1, "by its operator")
    bench.wait(REJOIN_SECONDS + 1)
    yield from run_ownership(bench, "NodeReputation", contract)
    used = _register(bench, nodes, operator)
    yield Scenario("node.register.again", used, 1, "its second stay")


def _register(bench: Bench, nodes: Any, operator: str) -> Used:
    key = keyed("node")
    deadline = bench.now() + DAY_SECONDS
    digest = nodes.consent_digest(key.address, operator, deadline).call()
    signature = bytes(key.unsafe_sign_hash(digest).signature)
    call = nodes.register(key.address, keccak(text="models"), 4, deadline, signature)
    return bench.send(call, operator)
