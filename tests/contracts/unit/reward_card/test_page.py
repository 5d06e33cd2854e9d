# SPDX-License-Identifier: Apache-2.0
"""docs/spec/reward-formula.md: the worked example on chain, the errors, the cited tests."""

from __future__ import annotations

import re

import msgspec

from cortensor.rewards import Facts, Tally
from tests.contracts.protocol import CONTRACTS
from tests.contracts.reward_cards import CARD, deploy_cards
from tests.contracts.test_spec_examples import HERE, SPEC, numbers, rows

PAGE = "reward-formula"
BUDGET = 1_000_000


def test_the_example(protocol):
    given: dict[str, object] = {}
    lists: dict[str, dict[int, int]] = {}
    for name, value in numbers(PAGE, "Worked example").items():
        place = re.fullmatch(r"(\w+)\[(\d+)\]", name)
        if place:
            lists.setdefault(place[1], {0: 0})[int(place[2])] = value
        elif hasattr(CARD, name):
            given[name] = value
    for name, known in lists.items():
        # What the page leaves open is as the level below.
        given[name] = tuple(known[max(i for i in known if i <= level)] for level in range(11))
    assert len(given) == 10
    holder = deploy_cards(protocol.owner, msgspec.structs.replace(CARD, **given))
    leaves = [list(map(int, row)) for row in rows(PAGE, "Worked example") if len(row) == 13]
    assert len(leaves) == 4
    operators = {operator: 0 for operator, *_ in leaves}
    for leaf in leaves:
        operators[leaf[0]] += leaf[10]
    total = sum(operators.values())
    allotted = 0
    for operator, _, level, models, tasks, streak, rate, agreement, uptime, work, *result in leaves:
        facts = Facts(
            level_before=level,
            flags=1,
            models=models,
            tasks=tasks,
            streak_after=streak,
            rate_bps=rate,
            agreement_bps=agreement,
            consistency_bps=9_600,
            answered_bps=9_900,
            uptime_bps=uptime,
        )
        tally = Tally(work=work, operator_score=operators[operator])
        found = holder.evaluate(1, facts.pack(), tally.pack(), BUDGET, total)
        assert found == (True, *result)
        allotted += result[1]
    results = numbers(PAGE, "Worked example")
    assert results["total score"] == total
    assert results["allotted"] == allotted
    assert results["back to the fund"] == BUDGET - allotted


def test_the_errors():
    sources = [path for path in CONTRACTS.rglob("*.vy") if "mocks" not in path.parts]
    reasons = {r for path in sources for r in re.findall(r'"(rcard: [^"]+)"', path.read_text())}
    assert sorted(row[0] for row in rows(PAGE, "Errors")) == sorted(reasons)


def test_the_cited_tests_exist():
    cited = re.findall(r"`([\w/]+\.py)::(\w+)`", (SPEC / f"{PAGE}.md").read_text())
    assert len(cited) >= 10
    for path, name in cited:
        assert f"def {name}(" in (HERE / path).read_text(), f"{path}::{name}"
    assert {row[0] for row in rows(PAGE, "Invariants")} == {f"INV-C{n}" for n in range(1, 8)}
