# SPDX-License-Identifier: Apache-2.0
"""The router asks known questions by itself; nobody pays, and nobody who answers can tell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cortensor.consensus import GoldItem, Vote
from cortensor.errors import InvalidInput
from cortensor.router.breaker import BreakerRules
from cortensor.router.config import ComputeSession, ConsensusConfig, Limits
from cortensor.router.gold_asking import GoldAsker, load_questions
from cortensor.router.measured import Ages, history_of
from cortensor.router.metrics import Metrics
from cortensor.router.operations_config import GoldConfig
from cortensor.router.registry import ConfiguredSessions
from cortensor.router.selection import Pool
from cortensor.store.gold import Answered
from cortensor.store.store import Store
from tests.python.router.fake_model import FakeModel, Script
from tests.python.router.test_breaker import state_of
from tests.python.router.test_health import Clock, until

if TYPE_CHECKING:
    from tests.python.router.conftest import Start

DAY = 86_400
QUESTIONS = [
    {"item": "q1", "claim": "Water is wet.", "answer": "VALID"},
    {"item": "q2", "claim": "Ice is hot.", "answer": "INVALID", "context": {"t": -1}},
]


def write(folder: Path, questions: object = None) -> str:
    path = folder / "gold.jsonl"
    lines = QUESTIONS if questions is None else questions
    path.write_text("\n".join(json.dumps(each) for each in lines))  # type: ignore[attr-defined]
    return str(path)


def test_sessions_are_asked_and_their_accuracy_is_measured(
    start: Start, tmp_path: Path, session: str, model: FakeModel
) -> None:
    model.default = Script(json.dumps({"verdict": "VALID"}))
    model.scripts["203"] = Script("I cannot say.")
    router = start(
        gold={"questions": write(tmp_path), "interval_s": 1},
        consensus={"refresh_s": 1},
    )
    until(lambda: state_of(router, "201")["measured"] == state_of(router, "202")["measured"] == 2)
    for name in ("201", "202"):
        state = state_of(router, name)
        assert (state["right"], state["audited"]) == (1, 2)
    assert state_of(router, "203")["measured"] == 0  # without an answer nothing is known
    assert state_of(router, "203")["consecutive_failures"] == 0
    assert router.ledger() == {}  # nobody was billed
    with Store(router.config.database_address) as store:
        stored = {each.item: each for each in store.gold.items()}
        assert stored.keys() == {"q1", "q2"}
        assert all(each.is_gold for each in stored.values())
        assert {vote.model for each in stored.values() for vote in each.known.votes} <= {
            "201",
            "202",
        }
        receipts = store.database.rows("SELECT COUNT(*) AS n FROM receipts")[0]["n"]
    assert receipts == 0
    # A payer's own validation of the same claim is the same request, field by field.
    gold = [each for each in model.requests if each["model"] == "201"]
    wet = next(each for each in gold if "Water is wet." in each["messages"][1]["content"])
    sent = [name.lower() for name in model.headers[model.requests.index(wet)]]
    model.requests.clear()
    model.headers.clear()
    body = {"session_id": session, "claim": "Water is wet.", "consensus": {"session_pool": ["201"]}}
    assert router.post("validate", body).ok
    paid = [
        (each, [name.lower() for name in headers])
        for each, headers in zip(model.requests, model.headers, strict=False)
        if each["model"] == "201"
    ]
    assert (wet, sent) in paid


def test_paid_work_comes_first(tmp_path: Path) -> None:
    clock: Any = Clock()
    one, many = ComputeSession("a"), ComputeSession("b", max_concurrency=2)
    pool = Pool(
        ConfiguredSessions([one, many]), clock, BreakerRules(failures=1, first_s=60, longest_s=60)
    )
    questions = load_questions(Path(write(tmp_path)))
    nothing: Any = None
    asker = GoldAsker(
        pool,
        nothing,
        clock,
        nothing,
        questions,
        config=GoldConfig(interval_s=100),
        limits=Limits(),
        metrics=Metrics(),
    )

    def due() -> list[str]:
        return [slot.session.id for slot in asker.due()]

    assert due() == []
    clock.now += 151
    with pool.slots[0].load(), pool.slots[1].load():
        assert due() == ["b"]  # it has a place free
    assert due() == ["a"]  # it stayed due
    assert due() == []
    waits = [asker._due[name] - clock.now for name in "ab"]
    assert all(50 <= wait <= 150 for wait in waits)
    assert waits[0] != waits[1]
    clock.now += 151
    pool.slots[0].failed(clock.now)
    assert due() == ["b"]  # one that is broken is not asked


def answered(item: str, right: str, at: int, **said: str) -> Answered:
    votes = tuple(
        Vote(index=index, rater=rater, label=label)
        for index, (rater, label) in enumerate(said.items())
    )
    known = GoldItem(votes=votes, right=right)
    return Answered(item=item, known=known, voted_at=dict.fromkeys(said, at))


def test_answers_count_half_after_each_half_life() -> None:
    ages = Ages(now=100 * DAY, half_life_s=10 * DAY)
    assert [ages.weight((100 - days) * DAY) for days in (0, 9, 10, 29, 30, 100, 110)] == [
        1024,
        1024,
        512,
        256,
        128,
        1,
        0,
    ]
    fresh = [answered(f"f{n}", "VALID", 100 * DAY, a="VALID") for n in range(10)]
    old = [answered(f"o{n}", "VALID", 85 * DAY, a="INVALID") for n in range(10)]
    ancient = [answered(f"x{n}", "VALID", DAY * -20, a="INVALID") for n in range(10)]
    history = history_of([*fresh, *old, *ancient], ConsensusConfig(), (), ages=ages)
    assert history.reputation is not None
    record = history.reputation.records["a"]
    assert (record.right, record.total, record.audited) == (10, 15, 15)
    assert history.reputation.gold_items == 15


def test_an_answer_given_again_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    with Store(tmp_path / "r.db") as store:
        store.gold.answer(answered("q", "VALID", 0, a="INVALID", b="VALID"), 5)
        store.gold.answer(answered("q", "VALID", 0, a="VALID"), 9)
        (found,) = store.gold.items()
        assert store.gold.answered_at("a") == {"q": 9}
    assert found.voted_at == {"a": 9, "b": 5}
    assert {vote.rater: vote.label for vote in found.known.votes} == {"a": "VALID", "b": "VALID"}


@pytest.mark.parametrize(
    ("questions", "reason"),
    [
        ([], "no questions"),
        ([QUESTIONS[0], QUESTIONS[0]], "one item twice"),
        ([{"item": "q", "claim": "x", "answer": "TRUE"}], "line 1"),
    ],
)
def test_a_malformed_file_is_refused_at_start(
    start: Start, tmp_path: Path, questions: object, reason: str
) -> None:
    with pytest.raises(InvalidInput, match=reason):
        start(gold={"questions": write(tmp_path, questions)})


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"gold.questions: cannot read"):
        load_questions(tmp_path / "none")
