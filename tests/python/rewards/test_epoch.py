# SPDX-License-Identifier: Apache-2.0
"""One epoch, whole: leaves, totals, levels over epochs, and the hash of all inputs."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import polars as pl
import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from benchmarks.rewards.network import SECONDS, Machine, network_of, run_epoch
from benchmarks.rewards.study import run
from cortensor.errors import InvalidInput
from cortensor.rewards import Facts, Leaf, Sums, Tally, amount_of, next_level, score_of, verify
from cortensor.rewards.collusion import contested
from cortensor.rewards.epoch import RULES, EpochInputs, compute_epoch, inputs_hash, prior_of
from cortensor.rewards.records import record_frame
from cortensor.rewards.roster import Node, Prior, Roster
from cortensor.rewards.words import possible_facts
from tests.python.rewards.strategies import CARD

ROOT = Path(__file__).parents[3]
MACHINES = [Machine(operator=n // 2, nodes=1 + n % 2) for n in range(10)]
NETWORK = network_of(MACHINES)


def inputs(epoch: int = 0, **changes: object) -> EpochInputs:
    given = EpochInputs(
        epoch=epoch,
        start=epoch * SECONDS,
        end=(epoch + 1) * SECONDS,
        budget=10**21 + 7,
        card=CARD,
        roster=NETWORK.roster,
        prior={},
        records=run_epoch(NETWORK, epoch, 300, 1),
        models=["a", "b"],
        receipts=[bytes(32)],
    )
    return given._replace(**changes)


def test_every_leaf_follows_from_its_words_by_the_formula() -> None:
    given = inputs()
    result = compute_epoch(given)
    assert [(leaf.operator, leaf.node) for leaf in result.leaves] == [
        (entry.operator, entry.node) for entry in NETWORK.roster.nodes
    ]
    by_operator: dict[int, int] = {}
    for leaf in result.leaves:
        score = Sums.unpack(leaf.sums).score
        by_operator[leaf.operator] = by_operator.get(leaf.operator, 0) + score
    for index, leaf in enumerate(result.leaves):
        facts, tally, sums = (
            Facts.unpack(leaf.facts),
            Tally.unpack(leaf.tally),
            Sums.unpack(leaf.sums),
        )
        assert facts.level_after == next_level(CARD, facts)
        assert sums.score == score_of(CARD, facts, tally.work) > 0
        assert tally.operator_score == by_operator[leaf.operator]
        total = result.sums.score
        assert sums.amount == amount_of(CARD, given.budget, sums.score, tally.operator_score, total)
        proof = result.tree.proof(index)
        assert verify(result.tree.root, result.tree.sums, leaf.entry(), proof)
    assert 0 < result.sums.amount <= given.budget


def test_levels_streaks_and_rates_go_on_from_the_prior_leaves() -> None:
    first = compute_epoch(inputs())
    prior = prior_of(first.leaves)
    second = compute_epoch(inputs(1, prior=prior))
    for before, after in zip(first.facts, second.facts, strict=True):
        assert after.level_before == before.level_after
        assert after.streak_before == before.streak_after
    assert all(facts.level_after > 0 for facts in second.facts)


IDLE = inputs(1, records=record_frame(inputs().records.clear()))
WORDS = st.integers(0, 2**256 - 1) | st.integers(0, 2**217 - 1)


@pytest.mark.fuzz
@drawn(st.lists(st.tuples(WORDS, WORDS), min_size=len(IDLE.roster), max_size=len(IDLE.roster)))
def test_an_epoch_follows_from_a_final_tree_of_any_words(said: list[tuple[int, int]]) -> None:
    """A root that nobody challenged may say anything; the next one is computed all the same."""
    before = [
        Leaf(entry.operator, entry.node, facts, tally, 0)
        for entry, (facts, tally) in zip(NETWORK.roster.nodes, said, strict=True)
    ]
    given = IDLE._replace(prior=prior_of(before))
    for facts, (word, tally) in zip(compute_epoch(given).facts, said, strict=True):
        begun = (facts.level_before, facts.streak_before)
        is_known = possible_facts(word, tally) is not None
        assert begun == ((word >> 8 & 0xFF, word >> 104 & 0xFFFFFFFF) if is_known else (0, 0))


@pytest.mark.parametrize(
    ("word", "tally"), [(11, 0), (11 << 8, 0), (2 << 16, 0), (10_001 << 136, 0), (0, 1 << 224)]
)
def test_after_a_leaf_that_cannot_be_a_node_has_no_rate_either(word: int, tally: int) -> None:
    first = compute_epoch(inputs())
    leaf = first.leaves[0]
    wrong = leaf._replace(facts=leaf.facts | word, tally=leaf.tally | tally)
    prior = prior_of([wrong, *first.leaves[1:]])
    anew = {pair: each for pair, each in prior_of(first.leaves).items() if pair != leaf[:2]}
    assert prior == anew
    assert compute_epoch(inputs(1, prior=prior)).facts[0].level_before == 0


def test_an_unfunded_epoch_has_levels_and_scores_and_no_money() -> None:
    funded, unfunded = compute_epoch(inputs()), compute_epoch(inputs(budget=0))
    assert unfunded.facts == funded.facts
    assert unfunded.sums == Sums(amount=0, score=funded.sums.score)


def test_nodes_without_stake_work_or_heartbeats_are_in_the_tree_unpaid() -> None:
    idle = Node(1 << 90, 1 << 91, True)
    unstaked = NETWORK.roster.nodes[0]._replace(is_staked=False)
    roster = Roster([unstaked, *NETWORK.roster.nodes[1:], idle])
    result = compute_epoch(
        inputs(roster=roster, prior={(idle.operator, idle.node): Prior(3, 9, 8_000)})
    )
    assert len(result.leaves) == len(NETWORK.roster.nodes) + 1
    assert Sums.unpack(result.leaves[0].sums) == Sums()
    assert not result.facts[0].is_staked
    last = result.facts[-1]
    assert (last.tasks, last.rate_bps, last.uptime_bps, last.streak_after) == (0, 8_000, 0, 9)
    assert (last.level_before, last.level_after) == (3, 2), "absent: one level down"


def test_who_was_sent_no_heartbeat_was_there_as_its_answers_show() -> None:
    given = inputs()
    paid = record_frame(given.records.filter(pl.col("kind") == 0))
    for facts in compute_epoch(given._replace(records=paid)).facts:
        assert facts.uptime_bps == facts.answered_bps > 9_000


@pytest.mark.parametrize("rule", sorted(RULES))
def test_the_hash_covers_every_rule(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = inputs()
    base = inputs_hash(given)
    monkeypatch.setitem(RULES, rule, RULES[rule] + 1)
    assert inputs_hash(given) != base


def test_every_constant_that_the_page_names_is_a_rule() -> None:
    page = (ROOT / "docs" / "rewards.md").read_text("utf-8")
    named = {
        name.lower(): int(value.replace(",", ""))
        for name, value in re.findall(r"^\| `([A-Z_]+)` \| ([0-9,]+) \|", page, re.MULTILINE)
    }
    assert named.items() <= RULES.items()
    assert RULES.keys() - named == {"later_level_bps", "max_replicas"}


def test_the_hash_covers_every_input() -> None:
    given = inputs()
    base = inputs_hash(given)
    assert base == inputs_hash(inputs()) == compute_epoch(given).inputs_hash
    other = given.records.slice(1)
    node = NETWORK.roster.nodes[0]
    pair = (node.operator, node.node)
    roster = Roster([node._replace(is_staked=False), *NETWORK.roster.nodes[1:]])
    changes = [
        {"epoch": 9},
        {"start": 1},
        {"end": SECONDS + 1},
        {"budget": 1},
        {"card": msgspec.structs.replace(CARD, margin_bps=1)},
        {"roster": roster},
        {"prior": {pair: Prior(0, 0, 0)}},
        {"prior": {pair: Prior(0, 1, None)}},
        {"prior": {pair: Prior(1, 0, None)}},
        {"records": other},
        {"models": ["a", "c"]},
        {"receipts": [b"\1" * 32]},
        {"history": (contested(given.records),)},
    ]
    found = {inputs_hash(given._replace(**change)) for change in changes}
    assert len(found | {base}) == len(changes) + 1


def test_a_copier_earns_less_than_by_its_own_answers() -> None:
    honest = [Machine(operator=n) for n in range(10)]
    copying = [msgspec.structs.replace(m, copies=(6,)) if m.operator == 5 else m for m in honest]
    alone, copied = run(honest, 6, 600, 7, CARD), run(copying, 6, 600, 7, CARD)
    assert copied.flagged == {(5, 6)}
    assert copied.by_operator()[5] < alone.by_operator()[5] * 95 // 100
    assert abs(copied.by_operator()[6] - alone.by_operator()[6]) * 20 < alone.by_operator()[6]


@pytest.mark.parametrize("budget", [-1, CARD.budget_cap_wei + 1])
def test_a_budget_beyond_the_cards_is_refused(budget: int) -> None:
    with pytest.raises(InvalidInput, match="budget_cap_wei"):
        compute_epoch(inputs(budget=budget))


def test_an_epoch_without_nodes_is_an_empty_tree() -> None:
    empty = record_frame(inputs().records.clear())
    result = compute_epoch(inputs(roster=Roster([]), records=empty))
    assert (result.leaves, result.sums) == ([], Sums())
