# SPDX-License-Identifier: Apache-2.0
"""What the register of nodes says decides who is asked, and what holds while the chain is away."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from cortensor.chain.node_register import NodeFacts
from cortensor.consensus.reputation import YOUNG_CAP_MICRO
from cortensor.errors import Unavailable
from cortensor.router.breaker import BreakerRules
from cortensor.router.config import ComputeSession, ConsensusConfig, InitialRecord
from cortensor.router.gauges import States
from cortensor.router.health import Prober
from cortensor.router.measured import history_of
from cortensor.router.metrics import Metrics
from cortensor.router.operations_config import HealthConfig, RegistryConfig
from cortensor.router.problems import TooFewHealthy
from cortensor.router.registry import RegisteredSessions
from cortensor.router.selection import Pool, with_accuracy
from cortensor.router.standing import NodeStanding
from tests.python.router.test_health import Clock

GOOD = NodeFacts(True, False, False, True, 0)
RULES = BreakerRules(failures=1, first_s=10, longest_s=10)
CONFIG = RegistryConfig(stale_after_s=100)


def node(number: int) -> str:
    return f"0x{number:040x}"


class Nodes:
    """A register that holds what a test says."""

    def __init__(self, *facts: NodeFacts) -> None:
        self.facts_of = {node(number): each for number, each in enumerate(facts, 1)}
        self.asked: list[list[str]] = []
        self.is_away = False

    def facts(self, nodes: Sequence[str]) -> list[NodeFacts]:
        self.asked.append(list(nodes))
        if self.is_away:
            raise Unavailable("no answer", code="chain_unavailable")
        return [self.facts_of[each] for each in nodes]


def made(*facts: NodeFacts) -> tuple[RegisteredSessions, Pool, Nodes, Clock]:
    clock, nodes = Clock(), Nodes(*facts)
    given = [
        ComputeSession(chr(ord("a") + place), miner=node(place + 1)) for place in range(len(facts))
    ]
    registry = RegisteredSessions([*given, ComputeSession("z", miner="me")], nodes, clock, CONFIG)
    return registry, Pool(registry, clock, RULES), nodes, clock


def picked(pool: Pool, replicas: int = 1, wanted: list[str] | None = None) -> list[str]:
    return [slot.session.id for slot in pool.pick(wanted, replicas, 1)]


def look(registry: RegisteredSessions) -> None:
    asyncio.run(registry.refresh())


def test_one_look_asks_for_every_node_once() -> None:
    registry, _, nodes, _ = made(GOOD, GOOD)
    look(registry)
    assert nodes.asked == [[node(1), node(2)]]
    assert registry.standing("a") == NodeStanding("chain", "registered", 0, True, 100)
    assert registry.standing("z") is None  # its miner is no address


def test_who_is_disqualified_or_retired_is_not_asked() -> None:
    out = GOOD._replace(is_disqualified=True, is_eligible=False, level=9)
    gone = GOOD._replace(is_retired=True, is_eligible=False)
    new = NodeFacts(False, False, False, False, 0)
    registry, pool, _, _ = made(out, gone, new, GOOD)
    assert sorted(picked(pool, 5)) == ["a", "b", "c", "d", "z"]  # before the first look
    look(registry)
    assert picked(pool, 3) == ["d", "c", "z"]
    assert picked(pool, 3, ["a", "c", "d"]) == ["d", "c"]
    with pytest.raises(TooFewHealthy, match="0 of 2 compute sessions"):
        picked(pool, 1, ["a", "b"])
    assert {slot.session.id for slot in pool.askable} == {"c", "d", "z"}
    assert pool.spare(["a", "b"], (), 3, ()) is None
    states = {each.id: each for each in pool.states()}
    assert [states[name].healthy for name in "abcd"] == [False, False, True, True]
    assert [each.node and each.node.status for each in pool.states()] == [
        "disqualified", "retired", "unregistered", "registered", None,
    ]  # fmt: skip


def test_probes_spare_them_too() -> None:
    registry, pool, _, clock = made(GOOD._replace(is_disqualified=True), GOOD)
    look(registry)
    nothing: Any = None
    prober = Prober(pool, nothing, clock, HealthConfig(probe_interval_s=30), Metrics())
    clock.now += 50
    assert [slot.session.id for slot in prober.due()] == ["b", "z"]


def test_stake_and_then_level_come_first_among_the_equally_loaded() -> None:
    facts = [
        GOOD._replace(is_eligible=False, level=9),
        GOOD._replace(level=2),
        GOOD._replace(level=5),
    ]
    registry, pool, _, _ = made(*facts)
    look(registry)
    assert picked(pool, 4) == ["c", "b", "a", "z"]
    with pool.slots[2].load():
        assert picked(pool, 4) == ["b", "a", "z", "c"]


def test_what_was_known_holds_while_the_chain_is_away_and_then_the_configuration() -> None:
    facts = (
        GOOD._replace(level=3),
        GOOD._replace(is_retired=True),
        GOOD._replace(is_disqualified=True),
    )
    registry, pool, nodes, clock = made(*facts)
    nodes.is_away = True
    look(registry)
    assert registry.standing("a") == NodeStanding("config")
    assert sorted(picked(pool, 3)) == ["a", "b", "c"]
    nodes.is_away = False
    look(registry)
    nodes.is_away = True
    clock.now += 60
    look(registry)
    assert registry.standing("a") == NodeStanding("last_known", "registered", 3, True, 100)
    assert registry.levels() == {"a": 3}
    assert registry.failures == 1
    clock.now += 41
    assert registry.standing("a") == NodeStanding("config", read_at=100)
    assert registry.standing("b") == NodeStanding("config", read_at=100)
    assert registry.standing("c") == NodeStanding("config", "disqualified", read_at=100)
    assert registry.levels() == {}
    assert sorted(picked(pool, 3)) == ["a", "b", "z"]
    nodes.is_away = False
    look(registry)
    found = registry.standing("a")
    assert found == NodeStanding("chain", "registered", 3, True, 201)


def test_a_level_weighs_as_votes_that_nobody_audited_and_is_not_shown_as_measured() -> None:
    config = ConsensusConfig(
        records={"a": InitialRecord(6, 10, 10), "b": InitialRecord(6, 10, 10)}, gold_items=25
    )
    plain = history_of([], config, ())
    history = history_of([], config, (), levels={"a": 10, "c": 10})
    assert plain.reputation is not None
    assert history.reputation is not None
    raters = dict(enumerate("abc"))
    before = plain.reputation.weights_micro(raters)
    after = history.reputation.weights_micro(raters)
    assert after[0] > before[0]
    assert after[1] == before[1]  # what others' levels are does not move it
    assert before[2] < after[2] <= YOUNG_CAP_MICRO  # never measured here: little it can weigh
    assert dict(history.measured) == dict(plain.measured)
    assert history_of([], ConsensusConfig(), (), levels={"a": 10}).reputation is None


def test_the_gauges_tell_level_bar_and_age() -> None:
    registry, pool, _, _ = made(GOOD._replace(level=4), GOOD._replace(is_disqualified=True))
    look(registry)
    nothing: Any = None
    collected = {
        (sample.name, sample.labels["session"]): sample.value
        for metric in States(pool, nothing, nothing)._nodes(pool.states())
        for sample in metric.samples
    }
    assert collected[("cortensor_node_level", "a")] == 4
    assert collected[("cortensor_node_barred", "a")] == 0
    assert collected[("cortensor_node_barred", "b")] == 1
    assert collected[("cortensor_node_read_timestamp_seconds", "a")] == 100
    assert not any(session == "z" for _, session in collected)


def test_accuracy_is_shown_beside_the_standing() -> None:
    registry, pool, _, _ = made(GOOD)
    look(registry)
    config = ConsensusConfig(records={"a": InitialRecord(3, 4)})
    shown = with_accuracy(pool.states(), history_of([], config, (), levels={"a": 9}).measured)
    assert (shown[0].right, shown[0].measured) == (3, 4)
    assert shown[0].node == NodeStanding("chain", "registered", 0, True, 100)
