# SPDX-License-Identifier: Apache-2.0
"""Completions: prompts as their clients send them, answers as they read them."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.python.router.fake_model import Script
from tests.python.router.harness import token
from tests.python.router.test_versions import post

if TYPE_CHECKING:
    from tests.python.router.fake_model import FakeModel
    from tests.python.router.harness import Router

AS_SENT: dict[str, Any] = {
    "session_id": 202,
    "prompt": "Say something",
    "prompt_type": 1,
    "prompt_template": "",
    "stream": False,
    "timeout": 60,
    "precommit_timeout": 90,
    "client_reference": "job-1",
    "max_tokens": 64,
    "temperature": 0.7,
    "top_p": 1,
}


@pytest.mark.parametrize("version", ["v2", "v3"])
def test_a_completion_has_the_documented_shape(
    router: Router, session: str, model: FakeModel, version: str
) -> None:
    data = post(router, session, f"{version}/completions", AS_SENT).json()
    assert data["object"] == "text_completion"
    assert data["choices"] == [
        {"index": 0, "text": "an answer", "finish_reason": "stop", "logprobs": None}
    ]
    assert data["usage"] == {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25}
    assert abs(data["created"] - time.time()) < 60
    assert (data["model"], data["id"]) == ("202", data["receipt_id"])
    assert data["task_id"].startswith("0x")
    assert data["not_applied"] == ["precommit_timeout"]
    assert ("consensus" in data) == (version == "v3")
    asked = model.requests[0]
    assert (asked["messages"][1]["content"], asked["max_tokens"]) == ("Say something", 64)


def test_a_completion_is_the_delegation_of_its_prompt(router: Router, session: str) -> None:
    short = {"prompt": "Say something"}
    text = post(router, session, "v2/completions/203", short, key="a").json()
    same = {"objective": "Say something", "session_id": "203"}
    whole = post(router, session, "v2/delegate", same, key="a")
    assert whole.headers["idempotent-replayed"] == "true"
    assert whole.json()["result"] == text["choices"][0]["text"]
    assert whole.json()["receipt_id"] == text["receipt_id"]


def test_a_stream_of_one_replica_comes_in_pieces_and_ends_with_what_it_cost(
    router: Router, session: str, model: FakeModel
) -> None:
    answer = post(router, session, "v2/completions", {**AS_SENT, "stream": True})
    assert answer.headers["content-type"].startswith("text/event-stream")
    *events, done, rest = answer.text.split("\n\n")
    assert (done, rest) == ("data: [DONE]", "")
    pieces = [json.loads(event.removeprefix("data: ")) for event in events]
    assert [piece["choices"][0]["text"] for piece in pieces] == ["an ", "answer", ""]
    last = pieces[-1]
    assert last["choices"][0]["finish_reason"] == "stop"
    assert last["usage"]["total_tokens"] == 25
    assert router.ledger() == {session: (int(last["charge_wei"]), 0)}
    assert last["total_wei"] == last["charge_wei"]
    assert model.requests[0]["stream"] is True


def test_sampling_reaches_the_model_and_the_receipt(
    router: Router, session: str, model: FakeModel
) -> None:
    sampled = {**AS_SENT, "top_k": 40, "presence_penalty": -0.5, "frequency_penalty": 0.25}
    data = post(router, session, "v2/completions", sampled).json()
    asked = model.requests[0]
    assert {name: asked[name] for name in ("temperature", "top_p", "top_k")} == {
        "temperature": 0.7,
        "top_p": 1.0,
        "top_k": 40,
    }
    assert (asked["presence_penalty"], asked["frequency_penalty"]) == (-0.5, 0.25)
    shown = router.get(f"/api/v4/receipt/{data['id']}", auth=token(session)).json()
    assert shown["receipt"]["replicas"][0]["temperature_bps"] == 7000
    bad = post(router, session, "v2/completions", {**AS_SENT, "temperature": 3})
    assert (bad.status_code, bad.json()["field"]) == (422, "temperature")


def test_several_replicas_stream_what_they_agree_on(
    router: Router, session: str, model: FakeModel
) -> None:
    model.scripts["202"] = Script("something else entirely")
    body = {"prompt": "Say something", "consensus": {"replicas": 3}, "stream": True}
    answer = post(router, session, "v3/completions", body)
    *events, done, _ = answer.text.split("\n\n")
    assert done == "data: [DONE]"
    pieces = [json.loads(event.removeprefix("data: ")) for event in events]
    assert [piece["choices"][0]["text"] for piece in pieces] == ["an answer", ""]
    assert pieces[-1]["consensus"]["replicas"] == 3
    assert not any(asked["stream"] for asked in model.requests)


def test_a_stream_that_fails_is_a_problem_and_free(
    router: Router, session: str, model: FakeModel
) -> None:
    model.default = Script(status=503)
    answer = post(router, session, "v2/completions", {**AS_SENT, "stream": True})
    assert answer.status_code == 502
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "all_replicas_failed"
    assert router.ledger() == {session: (0, 0)}


def test_v3_completes_by_consensus_and_says_when_there_is_none(
    router: Router, session: str, model: FakeModel
) -> None:
    model.scripts["202"] = Script("something else entirely")
    body = {"prompt": "Say something", "consensus": {"replicas": 3}}
    data = post(router, session, "v3/completions", body).json()
    assert data["choices"][0]["text"] == "an answer"
    assert data["consensus"]["replicas"] == 3
    assert data["usage"]["total_tokens"] == 75
    assert data["model"] in {"201", "203"}
    model.scripts["203"] = Script("a third thing")
    apart = post(router, session, "v3/completions", body).json()
    assert apart["choices"][0] == {
        "index": 0,
        "text": "",
        "finish_reason": "no_consensus",
        "logprobs": None,
    }
