# SPDX-License-Identifier: Apache-2.0
"""The committed vectors are what the package computes."""

from __future__ import annotations

import json

import pytest

from cortensor.rewards import Facts, Proof, RewardCard, next_level, score_of, verify
from tests.python.rewards.generate_vectors import FOLDER, rendered


@pytest.mark.parametrize("name", ["formula.json", "tree.json"])
def test_the_committed_vectors_are_the_generators(name: str) -> None:
    assert (FOLDER / name).read_text() == rendered()[name]


def test_formula_vectors_read_back() -> None:
    scored = levels = 0
    for group in json.loads((FOLDER / "formula.json").read_text()):
        card = RewardCard.from_json(group["parameters"])
        for case in group["cases"]:
            facts = Facts.unpack(int(case["facts_word"], 16))
            assert score_of(card, facts, int(case["work"])) == int(case["score"])
            assert next_level(card, facts) == case["next_level"]
            scored += case["amount"] != "0"
            levels += case["next_level"] != facts.level_before
    assert min(scored, levels) > 60, "the vectors show something"


def test_tree_vectors_prove() -> None:
    for case in json.loads((FOLDER / "tree.json").read_text()):
        root = bytes.fromhex(case["root"][2:])
        for run in case["runs"]:
            siblings = tuple(bytes.fromhex(entry[2:]) for entry in run["proof"])
            proof = Proof(run["start"] // run["leaves"], siblings)
            entry = bytes.fromhex(run["entry"][2:])
            assert verify(root, int(case["sums"], 16), entry, proof)
