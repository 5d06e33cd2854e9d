# SPDX-License-Identifier: Apache-2.0
"""The router's own jobs show which nodes are there: receipts that verify and charge nobody."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cortensor.errors import InvalidInput
from cortensor.receipts.body import Body
from cortensor.receipts.bundle import Bundle
from cortensor.receipts.canonical import load_json
from cortensor.receipts.tiers import HEARTBEAT
from cortensor.receipts.verify import verify_bundle
from cortensor.rewards.extract import collect
from cortensor.rewards.records import ANSWERED
from cortensor.rewards.records import HEARTBEAT as BEAT
from cortensor.rewards.roster import Node, Roster
from cortensor.router.config import Limits
from cortensor.router.heartbeat_prompts import load_prompts, made_up
from cortensor.store.store import Store
from tests.python.router.fake_model import FakeModel, Script
from tests.python.router.harness import PAYER, session_number, token
from tests.python.router.test_breaker import state_of
from tests.python.router.test_health import until
from tests.python.router.test_paid_path import delegate

if TYPE_CHECKING:
    from cortensor.store.records import ReceiptRecord
    from tests.python.router.conftest import Start
    from tests.python.router.fake_node import FakeNode
    from tests.python.router.harness import Router

NAMES = ("201", "202", "203", "204")


def miner(number: int) -> str:
    return f"0x{number + 1:040x}"


def table(number: int) -> dict[str, Any]:
    name = NAMES[number]
    return {"id": name, "model": name, "miner": miner(number), "max_concurrency": 8}


@pytest.fixture
def own(node: FakeNode) -> str:
    """A session of the operator's own, with nothing to spend."""
    return node.open(session_number(9), PAYER, 0)


def beating(start: Start, session: str, **changes: Any) -> Router:
    changes.setdefault("sessions", [table(number) for number in range(4)])
    beats = {"session": session, "interval_s": 1, **changes.pop("heartbeats", {})}
    return start(heartbeats=beats, health={"probe_interval_s": 0}, **changes)


def receipts(router: Router) -> list[ReceiptRecord]:
    with Store(router.config.database_address) as store:
        rows = store.database.rows("SELECT receipt_id FROM receipts ORDER BY seq")
        found = [store.ledger.receipt(row["receipt_id"]) for row in rows]
    return [each for each in found if each is not None]


def bodies(router: Router) -> list[Body]:
    return [Body.from_json(load_json(each.body)) for each in receipts(router)]


def asked_by(found: list[Body]) -> Counter[str]:
    """How often each node was asked; of all four, once each was."""
    asked = Counter({miner(number): 0 for number in range(4)})
    asked.update(each.miner for body in found for each in body.replicas if each.miner)
    return asked


def test_everybody_is_asked_and_the_receipts_verify_and_charge_nobody(
    start: Start, own: str, model: FakeModel
) -> None:
    model.scripts["203"] = Script(status=500)
    router = beating(start, own)
    # A group of three and one alone, twice; on a busy machine a round may end after the next one's.
    until(lambda: min(asked_by(bodies(router)).values(), default=0) >= 2)
    found = bodies(router)
    assert {body.policy.tier for body in found} == {HEARTBEAT}
    assert {body.bill.charge for body in found} == {"0"}
    assert {len(body.replicas) for body in found} == {1, 3}
    asked = asked_by(found)
    assert set(asked) == {miner(number) for number in range(4)}
    # Nobody more often than the rounds that began, of which two may be under way.
    assert max(asked.values()) - min(asked.values()) <= 2
    silent = [r.status for body in found for r in body.replicas if r.miner == miner(2)]
    assert set(silent) == {"ERROR"}
    assert router.ledger() == {own: (0, 0)}
    for record in receipts(router)[:4]:
        path = f"/api/v4/receipt/{record.receipt_id}?bundle=1"
        bundle = Bundle.load(router.get(path, auth=token(own)).content)
        assert bundle.request is not None
        assert not verify_bundle(bundle).failures


def test_rewards_read_uptime_from_them(start: Start, own: str, model: FakeModel) -> None:
    model.scripts["202"] = Script(hang_up=True)
    router = beating(start, own)
    until(lambda: len(receipts(router)) >= 4)
    roster = Roster(Node(1, number + 1, True) for number in range(4))
    with_ids = [
        (record.receipt_id, body)
        for record, body in zip(receipts(router)[:4], bodies(router), strict=False)
    ]
    rows = collect(with_ids, roster).frame
    assert set(rows["kind"]) == {BEAT}
    for number in range(4):
        outcomes = rows.filter(rows["node"] == number)["outcome"]
        there = sum(each in ANSWERED for each in outcomes)
        assert (len(outcomes), there) == (2, 0 if number == 1 else 2)


def test_one_whose_breaker_is_open_is_asked_all_the_same(
    start: Start, own: str, model: FakeModel
) -> None:
    model.default = Script(status=500)
    router = beating(
        start,
        own,
        sessions=[table(0)],
        limits={
            "breaker_failures": 1,
            "breaker_cooldown_ms": 60_000,
            "breaker_cooldown_max_ms": 60_000,
        },
    )
    until(lambda: len(receipts(router)) >= 2)
    assert state_of(router, "201")["state"] == "open"
    statuses = {replica.status for body in bodies(router) for replica in body.replicas}
    assert statuses == {"ERROR"}
    model.default = Script()
    until(lambda: state_of(router, "201")["state"] == "closed")  # a good one lets it back in


def test_who_has_not_answered_yet_is_not_asked_again(
    start: Start, own: str, model: FakeModel
) -> None:
    model.default = Script(delay_s=3)
    router = beating(start, own, sessions=[table(0)])
    until(lambda: len(receipts(router)) == 1)
    assert len(model.requests) <= 2  # one a second, had it been asked all the same


def test_a_node_sees_what_a_caller_would_have_sent(
    start: Start, own: str, session: str, model: FakeModel, tmp_path: Path
) -> None:
    path = tmp_path / "prompts.jsonl"
    path.write_text(json.dumps({"objective": "Name a river.", "input": {"in": "Peru"}}))
    router = beating(start, own, sessions=[table(0)], heartbeats={"prompts": str(path)})
    until(lambda: len(model.requests) >= 1)
    beat, sent = model.requests[0], sorted(name.lower() for name in model.headers[0])
    before = len(model.requests)
    body = {**delegate(session), "objective": "Name a river.", "input": {"in": "Peru"}}
    body = {name: body[name] for name in ("session_id", "objective", "input")}
    assert router.post("delegate", body).ok
    later = zip(model.requests[before:], model.headers[before:], strict=False)
    assert (beat, sent) in [(each, sorted(n.lower() for n in names)) for each, names in later]


def test_nobody_is_asked_for_a_session_that_is_over(
    start: Start, node: FakeNode, model: FakeModel
) -> None:
    ended = node.open(session_number(9), PAYER, 0, expiry=5)
    router = beating(start, ended, metrics={"access": "open"})
    line = 'cortensor_heartbeats_skipped_total{code="session_expired"}'
    until(lambda: line in router.get("/metrics").text)
    assert model.requests == []
    assert receipts(router) == []


def test_a_caller_cannot_ask_for_a_free_job(start: Start, session: str) -> None:
    body = {**delegate(session), "policy": {"tier": HEARTBEAT}}
    answer = start().post("delegate", body)
    assert (answer.status_code, answer.json()["field"]) == (422, "policy.tier")


def test_heartbeats_that_could_never_be_are_refused_at_the_start(start: Start, own: str) -> None:
    other = f"0x{2 << 128:040x}"
    with pytest.raises(InvalidInput, match="no payment session of router 1"):
        beating(start, other)
    with pytest.raises(InvalidInput, match="no compute session has a miner"):
        beating(start, own, sessions=[{"id": "201"}])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "line 1"),
        ("", "has no prompts"),
        ('{"objective": "x", "policy": {"tier": "fast"}}', "is the router's to say"),
        ('{"objective": "x", "repair_attempts": 1}', "is for answers with an output_schema"),
        ('{"claim": 3}', "claim"),
    ],
)
def test_a_prompt_that_no_caller_could_send_is_refused(
    tmp_path: Path, line: str, reason: str
) -> None:
    path = tmp_path / "prompts.jsonl"
    path.write_text(line)
    with pytest.raises(InvalidInput, match=reason):
        load_prompts(path, Limits())


def test_what_is_made_up_hardly_repeats() -> None:
    made = [made_up()["objective"] for _ in range(200)]
    assert len(set(made)) > 150
    assert not any("{" in each for each in made)
