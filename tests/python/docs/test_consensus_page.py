# SPDX-License-Identifier: Apache-2.0
"""docs/spec/consensus.md says what the code does: its examples run, its numbers are measured."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from cortensor.consensus import Vote, cosine_bps, decide
from cortensor.consensus.fixed_point import MICRO
from cortensor.consensus.likeness import gate_between
from cortensor.consensus.reputation import cap_micro
from cortensor.embedding import load_model

PAGE = (Path(__file__).parents[3] / "docs" / "spec" / "consensus.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
RESULT = re.compile(r"^(\S.*?)  # (.+)$")
ROW = re.compile(r"^\| (.+?) \| (.+?) \| (\d+) \| (\d+) \| (\S+) \|$", re.MULTILINE)
PAIRS = ROW.findall(PAGE)
MINILM = os.environ.get("CORTENSOR_MINILM")


@pytest.mark.parametrize("code", EXAMPLES, ids=range(len(EXAMPLES)))
def test_examples_give_what_they_say(code: str) -> None:
    """A line "expression  # result" is looked at; all others are run."""
    names: dict[str, object] = {}
    plain, looked_at = [], 0
    for line in code.splitlines():
        found = RESULT.match(line)
        if found is None:
            plain.append(line)
            continue
        exec("\n".join(plain), names)
        plain = []
        assert str(eval(found[1], names)) == found[2]
        looked_at += 1
    assert looked_at, "an example without a result shows nothing"


def test_the_page_has_its_examples_and_pairs() -> None:
    assert (len(EXAMPLES), len(PAIRS)) == (2, 21)


@pytest.mark.parametrize(("left", "right", "wordllama", "_minilm", "gate"), PAIRS)
def test_the_pairs_are_as_measured(
    left: str, right: str, wordllama: str, _minilm: str, gate: str
) -> None:
    model = load_model()
    assert cosine_bps(model.vector(left), model.vector(right)) == int(wordllama)
    assert (gate_between(left, right) or "-") == gate


@pytest.mark.skipif(MINILM is None, reason="CORTENSOR_MINILM names no files of all-MiniLM-L6-v2")
def test_the_pairs_are_as_measured_by_minilm() -> None:
    model = load_model("minilm", Path(MINILM or ""))
    for left, right, _, stated, _ in PAIRS:
        found = cosine_bps(model.vector(left), model.vector(right))
        assert abs(found - int(stated)) <= model.slack_bps, (left, right)


def test_the_cap_grows_as_the_page_says() -> None:
    (stated,) = re.findall(r"\(0 audited: ([\d.]+), 25: ([\d.]+), 50: ([\d.]+)\)", PAGE)
    for audited, cap in zip((0, 25, 50, 1_000), (*stated, stated[-1]), strict=True):
        assert cap_micro(audited) == round(float(cap) * MICRO)


def test_non_votes_count_as_the_page_says() -> None:
    stated = re.search(
        r"One vote and two timeouts: `abstain` gives it with agreement (\d+) and confidence (\d+), "
        r"`ignore` with (\d+) and (\d+),\s+`against` gives `NO_CONSENSUS`",
        PAGE,
    )
    assert stated is not None
    votes = [Vote(index=0, label="TRUE"), *(Vote(index=i, status="TIMEOUT") for i in (1, 2))]
    numbers = [int(text) for text in stated.groups()]
    for rule, expected in (("abstain", numbers[:2]), ("ignore", numbers[2:])):
        decision = decide(votes, non_votes=rule)
        assert [decision.agreement_bps, decision.confidence_bps] == expected
        assert decision.outcome == "TRUE"
    assert decide(votes, non_votes="against").outcome == "NO_CONSENSUS"
