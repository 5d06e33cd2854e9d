# SPDX-License-Identifier: Apache-2.0
"""What users of other gateways complain of in streams; each such test is named after it."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import openai
import pytest
import requests

from tests.python.router.fake_model import Script
from tests.python.router.harness import COR, PAYER, session_number, token
from tests.python.router.test_chat import ASK, client_of, raw_chat
from tests.python.router.test_versions import post

if TYPE_CHECKING:
    from tests.python.router.conftest import Start
    from tests.python.router.fake_model import FakeModel
    from tests.python.router.harness import Router

CHAT: dict[str, Any] = {"model": "cortensor", "messages": ASK}
STREAM = {**CHAT, "stream": True}
LONG = "one two three four five"
CUTS = {
    "after_one": Script(LONG, cut_after=1),
    "after_three": Script(LONG, cut_after=3),
    "before_the_end": Script(LONG, cut_after=5),
    "with_a_polite_done": Script(LONG, cut_after=3, polite_cut=True),
    "by_an_error_event": Script(LONG, error_after=2),
}
FAILURES = {
    "500": Script(status=500),
    "429": Script(status=429),
    "404": Script(status=404),
    "hang_up": Script(hang_up=True),
    "no_json": Script(raw=b"<html>busy</html>"),
}
STREAM_FAILURES = {
    "cut_before_the_first_token": Script(cut_after=0),
    "done_without_a_word": Script(pieces=[], cut_after=0, polite_cut=True),
}


def events_of(text: str) -> list[str]:
    """The data of every event."""
    return [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS.keys())
def test_fallback_lost_mid_stream(
    router: Router, session: str, model: FakeModel, cut: Script
) -> None:
    """The answer breaks off with an error, never with the rest of somebody else's answer."""
    model.default = Script("another answer altogether")
    model.scripts["201"] = cut
    body = {**STREAM, "cortensor": {"consensus": {"session_pool": ["201", "202"]}}}
    *pieces, last = [json.loads(data) for data in events_of(raw_chat(router, session, body).text)]
    text = "".join(piece["choices"][0]["delta"]["content"] for piece in pieces)
    assert text
    assert LONG.startswith(text)
    assert last["choices"][0]["finish_reason"] == "incomplete"
    assert last["cortensor"]["status"] == "incomplete"
    assert last["error"]["code"] == "all_replicas_failed"
    assert len(model.requests) == 1
    assert router.ledger() == {session: (0, 0)}


def test_an_answer_that_was_read_to_its_end_is_charged_whatever_it_looks_like(
    router: Router, session: str, model: FakeModel
) -> None:
    """Brackets nested as deep as this are refused where JSON is asked for; here they are text."""
    deep = "[" * 100
    model.scripts["201"] = Script(deep, pieces=[deep])
    *pieces, last, _done = events_of(raw_chat(router, session, STREAM).text)
    assert "".join(json.loads(p)["choices"][0]["delta"].get("content", "") for p in pieces) == deep
    charge = int(json.loads(last)["cortensor"]["charge_wei"])
    assert charge > 0
    assert router.ledger() == {session: (charge, 0)}


def test_a_stream_is_not_doubled_because_it_is_long(start: Start, model: FakeModel) -> None:
    router = start(hedging={"slow": "always", "max_share_bps": 10_000})
    session = router.node.open(session_number(1), PAYER, COR)
    model.default = Script(LONG)
    for _ in range(8):
        assert raw_chat(router, session, CHAT).ok
    model.default = Script(LONG, drip_s=0.2)
    asked = len(model.requests)
    *_, last, _done = events_of(raw_chat(router, session, STREAM).text)
    assert json.loads(last)["cortensor"]["consensus"]["attempts"] == []
    assert len(model.requests) == asked + 1


@pytest.mark.parametrize("failure", [*FAILURES, "cut_before_the_first_token"])
def test_another_session_answers_before_the_first_token(
    router: Router, session: str, model: FakeModel, failure: str
) -> None:
    model.default = Script(LONG)
    model.scripts["201"] = {**FAILURES, **STREAM_FAILURES}[failure]
    shown = raw_chat(router, session, STREAM).text
    assert "[DONE]" in shown, shown
    *_, last, done = events_of(shown)
    block = json.loads(last)["cortensor"]
    assert done == "[DONE]"
    assert [each["session_id"] for each in block["consensus"]["attempts"]] == ["201"]
    assert block["consensus"]["replica_results"][0]["session_id"] == "202"
    assert router.ledger() == {session: (int(block["charge_wei"]), 0)}


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS.keys())
def test_cut_stream_as_clean_200(
    router: Router, session: str, model: FakeModel, cut: Script
) -> None:
    model.default = cut
    with client_of(router, session) as client:
        chunks = client.chat.completions.create(model="cortensor", messages=ASK, stream=True)
        assert next(chunks).choices[0].delta.content == "one "
        with pytest.raises(openai.APIError) as broken:
            list(chunks)
    assert broken.value.code == "all_replicas_failed"
    shown = raw_chat(router, session, STREAM).text
    assert "[DONE]" not in shown
    assert "event: error\n" in shown
    for version in ("v2", "v3"):
        answer = post(router, session, f"{version}/completions", {"prompt": "p", "stream": True})
        last = json.loads(events_of(answer.text)[-1])
        assert "[DONE]" not in answer.text
        assert last["choices"][0]["finish_reason"] == "incomplete"
        assert last["error"]["code"] == "all_replicas_failed"
        assert last["error"]["replica_results"][0]["reason"] in {"cut_stream", "upstream_error"}
    assert router.ledger() == {session: (0, 0)}


@pytest.mark.parametrize(
    ("failure", "streams"),
    [(failure, streams) for failure in FAILURES for streams in (False, True)]
    + [(failure, True) for failure in STREAM_FAILURES],
)
def test_200_for_a_failed_upstream(
    router: Router, session: str, model: FakeModel, failure: str, *, streams: bool
) -> None:
    model.default = {**FAILURES, **STREAM_FAILURES}[failure]
    answer = raw_chat(router, session, {**CHAT, "stream": streams})
    assert answer.status_code == 502
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["error"]["code"] == "all_replicas_failed"
    versions = post(router, session, "v2/completions", {"prompt": "p", "stream": streams})
    assert versions.status_code == 502
    assert versions.headers["content-type"] == "application/problem+json"
    assert router.ledger() == {session: (0, 0)}


def test_a_deadline_chosen_to_cut_the_last_word_cuts_nothing(
    router: Router, session: str, model: FakeModel
) -> None:
    model.default = Script(LONG, drip_s=0.3)
    body = {**STREAM, "cortensor": {"timeout_ms": 900}}
    *pieces, last, done = events_of(raw_chat(router, session, body).text)
    text = "".join(json.loads(piece)["choices"][0]["delta"]["content"] for piece in pieces)
    assert (text, done) == (LONG, "[DONE]")
    assert router.ledger() == {session: (int(json.loads(last)["cortensor"]["charge_wei"]), 0)}


def test_a_first_word_that_is_too_late_is_a_refusal(
    router: Router, session: str, model: FakeModel
) -> None:
    model.default = Script(LONG, delay_s=1)
    answer = raw_chat(router, session, {**STREAM, "cortensor": {"timeout_ms": 300}})
    assert answer.status_code == 502
    assert answer.json()["cortensor"]["replica_results"][0]["reason"] == "timeout"
    assert router.ledger() == {session: (0, 0)}


def test_a_stream_that_never_ends_breaks_off_at_the_routers_bound(
    start: Start, session: str, model: FakeModel
) -> None:
    router = start(limits={"max_timeout_ms": 2500, "default_timeout_ms": 2400})
    model.default = Script(LONG, drip_s=0.8)
    last = json.loads(events_of(raw_chat(router, session, STREAM).text)[-1])
    assert last["choices"][0]["finish_reason"] == "incomplete"
    assert last["cortensor"]["replica_results"][0]["reason"] == "timeout"
    assert router.ledger() == {session: (0, 0)}


def test_a_caller_who_leaves_mid_stream_is_charged_once_and_finds_the_answer(
    router: Router, session: str, model: FakeModel
) -> None:
    model.default = Script(LONG, drip_s=0.15)
    headers = {"Authorization": f"Bearer {token(session)}", "Idempotency-Key": "mine"}
    url = f"{router.url}/v1/chat/completions"
    with requests.post(url, json=STREAM, headers=headers, stream=True, timeout=30) as answer:
        assert next(answer.iter_lines()).startswith(b"data: ")
    deadline = time.monotonic() + 10
    while router.ledger()[session][1] and time.monotonic() < deadline:
        time.sleep(0.05)
    charged, reserved = router.ledger()[session]
    assert charged > 0
    assert reserved == 0
    again = requests.post(url, json=STREAM, headers=headers, timeout=30)
    assert again.headers["idempotent-replayed"] == "true"
    first, last, done = events_of(again.text)
    assert json.loads(first)["choices"][0]["delta"]["content"] == LONG
    assert int(json.loads(last)["cortensor"]["charge_wei"]) == charged
    assert done == "[DONE]"
    assert len(model.requests) == 1
    assert router.ledger() == {session: (charged, 0)}


def test_two_who_send_one_key_get_one_stream_and_one_copy(
    router: Router, session: str, model: FakeModel
) -> None:
    model.default = Script(LONG, drip_s=0.15)
    headers = {"Authorization": f"Bearer {token(session)}", "Idempotency-Key": "ours"}
    url = f"{router.url}/v1/chat/completions"
    with requests.post(url, json=STREAM, headers=headers, stream=True, timeout=30) as answer:
        lines = answer.iter_lines()
        next(lines)
        copy = requests.post(url, json=CHAT, headers=headers, timeout=30).json()
        rest = [line for line in lines if line.startswith(b"data: {")]
    last = json.loads(rest[-1].removeprefix(b"data: "))
    assert copy["choices"][0]["message"]["content"] == LONG
    assert copy["cortensor"]["receipt_id"] == last["cortensor"]["receipt_id"]
    assert len(model.requests) == 1


def test_a_server_that_knows_no_streams_gives_one_piece(
    router: Router, session: str, model: FakeModel
) -> None:
    model.default = Script(LONG, streams=False)
    first, last, done = events_of(raw_chat(router, session, STREAM).text)
    assert json.loads(first)["choices"][0]["delta"]["content"] == LONG
    assert json.loads(last)["choices"][0]["finish_reason"] == "stop"
    assert done == "[DONE]"
