# SPDX-License-Identifier: Apache-2.0
"""Known items are counted once, and the command says what they show."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from cortensor.consensus import GoldItem, Vote
from cortensor.errors import Conflict, InvalidInput
from cortensor.router.config import ConsensusConfig, InitialRecord
from cortensor.router.measured import history_of
from cortensor.store.address import DatabaseAddress
from cortensor.store.gold import Answered
from cortensor.store.gold_commands import gold
from cortensor.store.store import Store
from tests.python.databases import config_of


def item(name: str, right: str, *, is_gold: bool = True, **said: str) -> Answered:
    votes = tuple(
        Vote(index=index, rater=rater, label=label)
        for index, (rater, label) in enumerate(said.items())
    )
    return Answered(item=name, known=GoldItem(votes=votes, right=right), is_gold=is_gold)


def test_an_item_handed_in_twice_counts_once(database: DatabaseAddress) -> None:
    with Store(database) as store:
        assert store.gold.add([item("q1", "VALID", a="VALID", b="INVALID")], 1) == 2
        assert store.gold.add([item("q1", "VALID", a="INVALID", c="VALID")], 2) == 1
        (found,) = store.gold.items()
    assert {vote.rater: vote.label for vote in found.known.votes} == {
        "a": "VALID",
        "b": "INVALID",
        "c": "VALID",
    }


def test_an_item_with_another_answer_is_refused_with_all_beside_it(
    database: DatabaseAddress,
) -> None:
    with Store(database) as store:
        store.gold.add([item("q1", "VALID", a="VALID")], 1)
        for other in (item("q1", "INVALID"), item("q1", "VALID", is_gold=False)):
            with pytest.raises(Conflict, match="q1"):
                store.gold.add([item("q2", "VALID", a="VALID"), other], 2)
        assert [each.item for each in store.gold.items()] == ["q1"]


def test_only_gold_counts_as_audited() -> None:
    config = ConsensusConfig(
        records={"a": InitialRecord(right=10, total=20, audited=5)}, gold_items=5
    )
    items = [
        item("q1", "VALID", a="VALID", b="INVALID"),
        item("q2", "VALID", is_gold=False, a="INVALID", b="VALID"),
    ]
    history = history_of(items, config, ())
    assert history.reputation is not None
    assert history.reputation.gold_items == 6
    a, b = (history.reputation.records[name] for name in "ab")
    assert (a.right, a.total, a.audited) == (11, 22, 6)
    assert (b.right, b.total, b.audited) == (1, 2, 1)
    assert history.model is not None
    assert history.model.gold_items == 1


def test_nothing_is_known_without_records_and_items() -> None:
    history = history_of([], ConsensusConfig(), ())
    assert (history.reputation, history.model, history.calibrations) == (None, None, ())


def test_the_command_adds_and_shows(tmp_path: Path, database: DatabaseAddress) -> None:
    lines = tmp_path / "gold.jsonl"
    Store(database).close()
    rows = [
        {"item": "q1", "answer": "VALID", "votes": {"201": "VALID", "202": "INVALID"}},
        {"item": "q2", "answer": "INVALID", "votes": {"201": "INVALID"}, "gold": False},
    ]
    lines.write_text("\n".join(map(json.dumps, rows)) + "\n")
    where = ["--database", config_of(database)]
    added = CliRunner().invoke(gold, ["add", *where, str(lines)])
    assert added.output == "2 items, 3 new votes\n"
    shown = CliRunner().invoke(gold, ["show", *where])
    assert shown.output.splitlines() == [
        "1 gold items, 1 checked afterwards",
        "201: 2 of 2 right",
        "202: 0 of 1 right",
    ]


def test_a_malformed_line_is_named_and_nothing_stored(
    tmp_path: Path, database: DatabaseAddress
) -> None:
    lines = tmp_path / "gold.jsonl"
    Store(database).close()
    lines.write_text('{"item": "q1", "answer": "VALID", "votes": {}}\n{"item": 1}\n')
    result = CliRunner().invoke(gold, ["add", "--database", config_of(database), str(lines)])
    assert isinstance(result.exception, InvalidInput)
    assert "line 2" in str(result.exception)
    with Store(database) as store:
        assert store.gold.items() == []
