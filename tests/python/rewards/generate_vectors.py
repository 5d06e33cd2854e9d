# SPDX-License-Identifier: Apache-2.0
"""Writes `vectors/`: what contract and package must both compute.

python -m tests.python.rewards.generate_vectors
"""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from cortensor.rewards import (
    Facts,
    Leaf,
    RewardCard,
    Sums,
    SumTree,
    Tally,
    amount_of,
    breadth_bps,
    next_level,
    score_of,
)
from tests.python.rewards.strategies import CARD

FOLDER = Path(__file__).with_name("vectors")
CASES = 120
SIZES = (0, 1, 2, 3, 5, 8, 17, 130)
EDGES = 0.15
SHARES = (0, 1, 4_999, 5_000, 8_700, 9_999, 10_000)
TOP = RewardCard(
    level_bps=(65_535,) * 11,
    min_streak=(0,) + (65_535,) * 10,
    min_rate_bps=(0,) + (10_000,) * 10,
    breadth_gain_bps=10_000,
    breadth_half=1,
    max_models=65_535,
    cap_bps=1,
    min_tasks=1,
    min_uptime_bps=0,
    margin_bps=0,
    budget_cap_wei=2**96 - 1,
)
"""Every field at its end."""


def some_facts(random: Random) -> Facts:
    def share() -> int:
        # Most of a node that counts: a single 0 makes the whole score 0.
        edge = random.random() < EDGES
        return random.choice(SHARES) if edge else random.randrange(3_000, 10_001)

    return Facts(
        level_before=random.randrange(11),
        level_after=random.randrange(11),
        flags=int(random.random() < 0.95),
        models=random.choice((0, 1, 2, 5, 16, 17, 65_535)),
        tasks=random.choice((0, 19, 20, 21, 200, 500, 500, 500, 2**32 - 1)),
        streak_before=random.randrange(40),
        streak_after=random.choice((*range(12), 2**32 - 1)),
        rate_bps=share(),
        agreement_bps=share(),
        consistency_bps=share(),
        answered_bps=share(),
        uptime_bps=share(),
    )


def formula_case(card: RewardCard, random: Random) -> dict[str, Any]:
    facts = some_facts(random)
    work = random.choice((0, 1, 12_345, random.getrandbits(40), random.getrandbits(96), 2**96 - 1))
    budget = random.choice((0, 1, 10**21, 10**23 + 7, 50_000 * 10**18, 2**96 - 1))
    score = score_of(card, facts, work)
    operator_score = score + random.choice((0, score, random.getrandbits(80)))
    total_score = operator_score + random.choice((0, operator_score * 30, random.getrandbits(90)))
    return {
        "facts": msgspec.to_builtins(facts),
        "facts_word": hex(facts.pack()),
        "work": str(work),
        "budget": str(budget),
        "operator_score": str(operator_score),
        "total_score": str(total_score),
        "breadth_bps": breadth_bps(card, facts.models),
        "score": str(score),
        "amount": str(amount_of(card, budget, score, operator_score, total_score)),
        "next_level": next_level(card, facts),
    }


def some_leaves(count: int, random: Random) -> list[Leaf]:
    leaves = []
    for number in range(count):
        tally = Tally(work=random.getrandbits(40), operator_score=random.getrandbits(80))
        sums = Sums(amount=random.getrandbits(80), score=random.getrandbits(80))
        operator = 0x10000 + number // 3
        node = random.getrandbits(160)
        leaves.append(Leaf(operator, node, some_facts(random).pack(), tally.pack(), sums.pack()))
    return sorted(leaves)


def as_json(data: bytes) -> str:
    return "0x" + data.hex()


def tree_case(count: int, random: Random) -> dict[str, Any]:
    leaves = some_leaves(count, random)
    tree = SumTree(leaves)
    runs = []
    for depth in range(min(tree.depth, 7) + 1):
        number = random.randrange(-(-max(1, count) // (1 << depth)))
        proof = tree.proof(number, depth)
        runs.append(
            {
                "start": number << depth,
                "leaves": 1 << depth,
                "entry": as_json(tree.entry(depth, number)),
                "proof": [as_json(entry) for entry in proof.siblings],
            }
        )
    return {
        "count": count,
        "root": as_json(tree.root),
        "sums": hex(tree.sums),
        "depth": tree.depth,
        "seal": as_json(tree.seal),
        "leaves": [
            {
                "operator": f"0x{leaf.operator:040x}",
                "node": f"0x{leaf.node:040x}",
                "facts": hex(leaf.facts),
                "tally": hex(leaf.tally),
                "sums": hex(leaf.sums),
                "hash": as_json(leaf.hash()),
            }
            for leaf in leaves
        ],
        "runs": runs,
    }


def vectors() -> dict[str, Any]:
    random = Random(7)
    cards = {"usual": CARD, "top": TOP}
    return {
        "formula.json": [
            {
                "card": name,
                "parameters": card.to_json(),
                "cases": [formula_case(card, random) for _ in range(CASES)],
            }
            for name, card in cards.items()
        ],
        "tree.json": [tree_case(count, random) for count in SIZES],
    }


def rendered() -> dict[str, str]:
    return {name: json.dumps(data, indent=1) + "\n" for name, data in vectors().items()}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, text in rendered().items():
        (FOLDER / name).write_text(text)


if __name__ == "__main__":
    main()
