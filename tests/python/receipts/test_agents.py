# SPDX-License-Identifier: Apache-2.0
"""Receipts about agents: subjects, scores, tags, and what the page agent-validator.md says.

That the contract computes the same: tests/contracts/mirror/test_agents.py.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cortensor.errors import InvalidInput
from cortensor.pricing import Terms
from cortensor.receipts.agent_subject import AgentAt
from cortensor.receipts.typed import OUTCOMES
from cortensor.receipts.validation_score import (
    ADVERSE,
    FAVOURABLE,
    SELF,
    THIRD_PARTY,
    validation_score,
    validation_tag,
)

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = Path(__file__).parents[3] / "docs" / "spec" / "agent-validator.md"
AGENT = AgentAt(421_614, "0x" + "aa" * 20, "0x" + "bb" * 20, 0)
WORD = b"\x07" * 32


def test_the_example_of_the_page_holds() -> None:
    [example] = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    exec(example, {})


def test_scores_of_the_page() -> None:
    row = re.compile(r"^\| ([A-Z_, ]+) \| (\d+) \| (\d+) \| (\d+) \|$", re.MULTILINE)
    rows = row.findall(PAGE.read_text())
    seen = set()
    for names, *scores in rows:
        for name in names.split(", "):
            seen.add(name)
            found = [validation_score(name, bps) for bps in (4_000, 6_666, 10_000)]
            assert found == [int(score) for score in scores], name
    assert seen == set(OUTCOMES)


def test_every_outcome_has_a_side_or_none() -> None:
    assert FAVOURABLE.isdisjoint(ADVERSE)
    assert set(OUTCOMES) > FAVOURABLE | ADVERSE


@pytest.mark.parametrize(
    ("outcome", "confidence_bps", "field"),
    [
        ("MAYBE", 1, "outcome"),
        ("VALID", -1, "confidence_bps"),
        ("VALID", 10_001, "confidence_bps"),
    ],
)
def test_refuses_what_it_cannot_score(outcome: str, confidence_bps: int, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        validation_score(outcome, confidence_bps)
    assert refused.value.field == field


def test_tags() -> None:
    assert validation_tag(Terms(consensus_method=1).pack(), SELF) == "receipt/v4:weighted:self"
    median = Terms(consensus_method=3).pack()
    assert validation_tag(median, THIRD_PARTY) == "receipt/v4:median_of_means:third-party"
    assert validation_tag(Terms(consensus_method=7).pack(), SELF) == "receipt/v4:other:self"
    with pytest.raises(InvalidInput):
        validation_tag(0, "revoked")


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: AGENT.subject(b"short"), "request_hash"),
        (lambda: AGENT.self_subject(b"short"), "request"),
        (lambda: AGENT.request(bytes(32), WORD), "payload_hash"),
        (lambda: AGENT.request(WORD, bytes(32)), "salt"),
        (lambda: AgentAt(1, "0x1", "0x" + "bb" * 20, 0).subject(WORD), "registry"),
        (lambda: AgentAt(1, "0x" + "aa" * 20, "", 0).subject(WORD), "validator"),
        (lambda: AgentAt(1, "0x" + "aa" * 20, "0x" + "bb" * 20, -1).subject(WORD), "agent_id"),
        (lambda: AgentAt(-1, "0x" + "aa" * 20, "0x" + "bb" * 20, 0).subject(WORD), "chain_id"),
    ],
)
def test_refuses_what_is_no_agent(call: Callable[[], bytes], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        call()
    assert refused.value.field == field
