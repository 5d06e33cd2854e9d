# SPDX-License-Identifier: Apache-2.0
"""The OpenAI client, as it is, against `/v1`."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import openai
import pytest
import requests
from pydantic import BaseModel

from tests.python.router.fake_model import Script
from tests.python.router.harness import COR, KEYED, PAYER, session_number, signed, token

if TYPE_CHECKING:
    from tests.python.router.fake_model import FakeModel
    from tests.python.router.fake_node import FakeNode
    from tests.python.router.harness import Router

ASK: list[Any] = [{"role": "user", "content": "Say something"}]


def client_of(router: Router, session: str, **options: Any) -> openai.OpenAI:
    options = {"max_retries": 0, "timeout": 30, **options}
    return openai.OpenAI(base_url=f"{router.url}/v1", api_key=token(session), **options)


def raw_chat(router: Router, session: str, body: dict[str, Any], **headers: str) -> Any:
    url = f"{router.url}/v1/chat/completions"
    sent = {"Authorization": f"Bearer {token(session)}", **headers}
    return requests.post(url, json=body, headers=sent, timeout=30)


def test_the_client_gets_an_answer_its_receipt_and_its_price(
    router: Router, session: str, model: FakeModel
) -> None:
    with client_of(router, session) as client:
        made = client.chat.completions.create(model="cortensor", messages=ASK)
    assert made.choices[0].message.content == "an answer"
    assert made.choices[0].finish_reason == "stop"
    assert made.usage is not None
    assert made.usage.total_tokens == 25
    extra = made.model_extra or {}
    block = extra["cortensor"]
    assert block["status"] == "complete"
    assert router.ledger() == {session: (int(block["charge_wei"]), 0)}
    stored = router.get(f"/api/v4/receipt/{block['receipt_id']}", auth=token(session)).json()
    assert stored["receipt"]["bill"]["charge"] == block["charge_wei"]
    assert model.requests[0]["messages"] == [
        {"role": "system", "content": "You are a careful assistant."},
        {"role": "user", "content": "Say something"},
    ]


def test_the_async_client_and_its_stream(router: Router, session: str) -> None:
    async def ask() -> tuple[str, list[str]]:
        url = f"{router.url}/v1"
        async with openai.AsyncOpenAI(base_url=url, api_key=token(session)) as client:
            whole = await client.chat.completions.create(model="cortensor", messages=ASK)
            stream = await client.chat.completions.create(
                model="cortensor", messages=ASK, stream=True
            )
            pieces = [c.choices[0].delta.content async for c in stream if c.choices]
        return whole.choices[0].message.content or "", [each for each in pieces if each]

    whole, pieces = asyncio.run(ask())
    assert (whole, pieces) == ("an answer", ["an ", "answer"])


def test_a_stream_ends_with_the_receipt_of_what_was_committed(
    router: Router, session: str, model: FakeModel
) -> None:
    with client_of(router, session) as client:
        chunks = list(
            client.chat.completions.create(
                model="cortensor",
                messages=ASK,
                stream=True,
                stream_options={"include_usage": True},
            )
        )
    *pieces, last, usage = chunks
    assert [chunk.choices[0].delta.content for chunk in pieces] == ["an ", "answer"]
    assert pieces[0].choices[0].delta.role == "assistant"
    assert (last.choices[0].finish_reason, last.choices[0].delta.content) == ("stop", None)
    block = (last.model_extra or {})["cortensor"]
    assert router.ledger() == {session: (int(block["charge_wei"]), 0)}
    assert router.get(f"/api/v4/receipt/{block['receipt_id']}").json()["charge"]
    assert usage.choices == []
    assert usage.usage is not None
    assert usage.usage.completion_tokens == 5
    assert (usage.model_extra or {})["cortensor"]["receipt_id"] == block["receipt_id"]
    assert {chunk.id for chunk in chunks} == {chunks[0].id}
    assert model.requests[0]["stream_options"] == {"include_usage": True}


def test_consensus_by_extra_body_and_by_header(
    router: Router, session: str, model: FakeModel
) -> None:
    model.scripts["202"] = Script("something else entirely")
    asked = {"cortensor": {"consensus": {"replicas": 3}, "policy": {"tier": "safe"}}}
    with client_of(router, session) as client:
        made = client.chat.completions.create(model="cortensor", messages=ASK, extra_body=asked)
        again = client.chat.completions.create(
            model="cortensor", messages=ASK, extra_headers={"X-Cortensor-Tier": "safe"}
        )
        streamed = list(
            client.chat.completions.create(
                model="cortensor",
                messages=ASK,
                stream=True,
                extra_headers={"X-Cortensor-Replicas": "3"},
            )
        )
    for answer in (made, again):
        found = (answer.model_extra or {})["cortensor"]["consensus"]
        assert (found["replicas"], found["agreement"]) == (3, 0.6666)
        assert answer.choices[0].message.content == "an answer"
    # What several replicas agree on is known only after all of them.
    assert [chunk.choices[0].delta.content for chunk in streamed] == ["an answer", None]
    assert not any(each["stream"] for each in model.requests)
    differ = raw_chat(
        router,
        session,
        {"model": "cortensor", "messages": ASK, "cortensor": {"consensus": {"replicas": 1}}},
        **{"X-Cortensor-Replicas": "3"},
    )
    assert (differ.status_code, differ.json()["error"]["param"]) == (400, "X-Cortensor-Replicas")


def test_no_consensus_is_an_empty_answer_that_says_so(
    router: Router, session: str, model: FakeModel
) -> None:
    for number, name in enumerate(("201", "202", "203")):
        model.scripts[name] = Script(f"{number} apples and {number} pears")
    body = {"model": "cortensor", "messages": ASK, "cortensor": {"policy": {"tier": "safe"}}}
    data = raw_chat(router, session, body).json()
    assert data["choices"][0]["finish_reason"] == "no_consensus"
    assert data["choices"][0]["message"]["content"] == ""
    assert data["cortensor"]["status"] == "no_consensus"
    body["cortensor"]["consensus"] = {"disagreement_policy": "fail_hard"}
    hard = raw_chat(router, session, body)
    assert hard.status_code == 409
    assert hard.headers["x-should-retry"] == "false"  # it is charged: no client may try again
    assert hard.json()["error"]["code"] == "consensus_failed"
    assert hard.json()["cortensor"]["receipt_id"].startswith("urn:cortensor:receipt:0x")


def test_models_are_those_of_the_sessions(router: Router, session: str, model: FakeModel) -> None:
    with client_of(router, session) as client:
        assert [each.id for each in client.models.list()] == ["cortensor", "201", "202", "203"]
        assert client.models.retrieve("202").object == "model"
        made = client.chat.completions.create(model="202", messages=ASK)
        assert made.model == "202"
        with pytest.raises(openai.NotFoundError) as unknown:
            client.chat.completions.create(model="gpt-x", messages=ASK)
    assert unknown.value.code == "model_not_found"
    assert unknown.value.param == "model"
    assert [each["model"] for each in model.requests] == ["202"]


def test_sampling_and_limits_reach_the_model(
    router: Router, session: str, model: FakeModel
) -> None:
    with client_of(router, session) as client:
        client.chat.completions.create(
            model="cortensor",
            messages=[
                {"role": "developer", "content": "Be brief."},
                {"role": "user", "content": [{"type": "text", "text": "Say something"}]},
                {"role": "assistant", "content": "What?"},
                {"role": "user", "content": "Anything"},
            ],
            temperature=0.25,
            top_p=0.5,
            seed=7,
            stop=["END", "\n\n"],
            max_completion_tokens=33,
            presence_penalty=1,
            frequency_penalty=-1,
            user="u1",
            metadata={"job": "1"},
        )
    asked = model.requests[0]
    assert asked["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Say something"},
        {"role": "assistant", "content": "What?"},
        {"role": "user", "content": "Anything"},
    ]
    assert {name: asked[name] for name in ("temperature", "top_p", "seed", "max_tokens")} == {
        "temperature": 0.25,
        "top_p": 0.5,
        "seed": 7,
        "max_tokens": 33,
    }
    assert asked["stop"] == ["END", "\n\n"]
    assert (asked["presence_penalty"], asked["frequency_penalty"]) == (1.0, -1.0)


def test_the_receipt_of_a_chat_verifies_and_holds_its_sampling(
    router: Router, session: str
) -> None:
    body = {"model": "cortensor", "messages": ASK, "temperature": 0.25, "seed": 7}
    block = raw_chat(router, session, body).json()["cortensor"]
    path = f"/api/v4/receipt/{block['receipt_id']}?bundle=1"
    bundle = router.get(path, auth=token(session)).json()
    replica = bundle["receipt"]["replicas"][0]
    assert (replica["temperature_bps"], replica["seed"]) == (2500, 7)
    committed = json.loads(bundle["request"]["canonical"])["request"]
    assert committed["sampling"] == {"temperature_bps": 2500, "seed": 7}
    assert committed["messages"] == ASK


class Point(BaseModel):
    x: int
    y: int


class Line(BaseModel):
    start: Point
    end: Point


def test_a_pydantic_model_as_response_format(
    router: Router, session: str, model: FakeModel
) -> None:
    line = {"start": {"x": 1, "y": 2}, "end": {"x": 3, "y": 4}}
    model.default = Script(json.dumps(line))
    with client_of(router, session) as client:
        made = client.chat.completions.parse(model="cortensor", messages=ASK, response_format=Line)
        anything = client.chat.completions.create(
            model="cortensor", messages=ASK, response_format={"type": "json_object"}
        )
    assert made.choices[0].message.parsed == Line.model_validate(line)
    assert anything.choices[0].message.content == json.dumps(line)
    first, second = model.requests
    sent = first["response_format"]["json_schema"]["schema"]
    assert sent["properties"]["start"]["properties"]["x"]["type"] == "integer"
    assert second["response_format"] == {"type": "json_object"}


UNSUPPORTED: list[tuple[dict[str, Any], str]] = [
    ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
    ({"logprobs": True}, "logprobs"),
    ({"n": 2}, "n"),
    ({"modalities": ["audio"]}, "modalities"),
    ({"audio": {"voice": "x"}}, "audio"),
    ({"logit_bias": {"1": 2}}, "logit_bias"),
    ({"reasoning_effort": "high"}, "reasoning_effort"),
    ({"functions": [{"name": "f"}]}, "functions"),
    (
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "what is it?"},
                        {"type": "image_url", "image_url": {"url": "data:,"}},
                    ],
                }
            ]
        },
        "messages[0].content[1]",
    ),
]


@pytest.mark.parametrize(("more", "field"), UNSUPPORTED, ids=[field for _, field in UNSUPPORTED])
def test_what_is_not_supported_is_one_clear_error(
    router: Router, session: str, model: FakeModel, more: dict[str, Any], field: str
) -> None:
    answer = raw_chat(router, session, {"model": "cortensor", "messages": ASK, **more})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["code"], error["param"]) == ("unsupported_parameter", field)
    assert error["type"] == "invalid_request_error"
    assert model.requests == []


WRONG: list[tuple[dict[str, Any], int, str, str]] = [
    ({"messages": []}, 400, "invalid_field", "messages"),
    ({"messages": [{"role": "user"}]}, 400, "invalid_field", "messages[0].content"),
    (
        {"messages": [{"role": "tool", "content": "x", "tool_call_id": "c"}]},
        400,
        "invalid_field",
        "messages[0].tool_call_id",
    ),
    ({"temperature": 2.5}, 400, "invalid_field", "temperature"),
    ({"tempreature": 1}, 400, "unknown_field", "tempreature"),
    ({"max_tokens": 100_000}, 400, "invalid_field", "max_tokens"),
    ({"max_tokens": 3, "max_completion_tokens": 4}, 400, "invalid_field", "max_completion_tokens"),
    ({"stream_options": {"include_usage": True}}, 400, "invalid_field", "stream_options"),
    (
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "n", "schema": {"pattern": "a*"}},
            }
        },
        400,
        "invalid_field",
        "response_format.json_schema.schema.pattern",
    ),
    (
        {"cortensor": {"consensus": {"replicas": 2}}},
        400,
        "invalid_field",
        "cortensor.consensus.replicas",
    ),
    ({"model": "201", "cortensor": {"session_id": 202}}, 400, "invalid_field", "model"),
]


@pytest.mark.parametrize(("more", "status", "code", "field"), WRONG, ids=[w[3] for w in WRONG])
def test_each_wrong_field_is_named_as_the_caller_knows_it(
    router: Router, session: str, more: dict[str, Any], status: int, code: str, field: str
) -> None:
    answer = raw_chat(router, session, {"model": "cortensor", "messages": ASK, **more})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (status, code, field)
    assert router.ledger().get(session, (0, 0)) == (0, 0)


def test_errors_are_those_the_client_knows(
    router: Router, session: str, node: FakeNode, model: FakeModel
) -> None:
    poor = node.open(session_number(2), PAYER, 10)
    with pytest.raises(openai.AuthenticationError), client_of(router, session) as client:
        client.with_options(api_key="sk-none").chat.completions.create(model="m", messages=ASK)
    with client_of(router, poor) as client, pytest.raises(openai.APIStatusError) as broke:
        client.chat.completions.create(model="cortensor", messages=ASK)
    assert (broke.value.status_code, broke.value.code) == (402, "over_budget")
    model.default = Script(status=500)
    with client_of(router, session) as client, pytest.raises(openai.InternalServerError) as down:
        client.chat.completions.create(model="cortensor", messages=ASK)
    assert (down.value.status_code, down.value.code) == (502, "all_replicas_failed")
    lost = requests.get(f"{router.url}/v1/nothing", timeout=10)
    assert (lost.status_code, lost.json()["error"]["code"]) == (404, "unknown_route")
    got = requests.get(f"{router.url}/v1/chat/completions", timeout=10)
    assert (got.status_code, got.json()["error"]["code"]) == (405, "method_not_allowed")


def test_one_key_is_one_charge_streamed_or_not(
    router: Router, session: str, model: FakeModel
) -> None:
    with client_of(router, session) as client:
        key = {"Idempotency-Key": "k1"}
        made = client.chat.completions.create(model="cortensor", messages=ASK, extra_headers=key)
        streamed = list(
            client.chat.completions.create(
                model="cortensor", messages=ASK, stream=True, extra_headers=key
            )
        )
    first, last = (made.model_extra or {})["cortensor"], streamed[-1].model_extra or {}
    assert last["cortensor"]["receipt_id"] == first["receipt_id"]
    assert [chunk.choices[0].delta.content for chunk in streamed] == ["an answer", None]
    assert len(model.requests) == 1
    assert router.ledger() == {session: (int(first["charge_wei"]), 0)}


def test_a_session_with_a_key_signs_the_v4_form(router: Router, node: FakeNode) -> None:
    keyed = node.open(session_number(3), PAYER, COR, session_key=KEYED)
    body = {"session_id": keyed, "messages": ASK}
    with client_of(router, keyed) as client:
        made = client.chat.completions.create(
            model="cortensor", messages=ASK, extra_headers=signed(body)
        )
        with pytest.raises(openai.AuthenticationError) as unsigned:
            client.chat.completions.create(model="cortensor", messages=ASK)
    assert made.choices[0].message.content == "an answer"
    assert unsigned.value.code == "request_not_signed"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_streams(router: Router, session: str) -> None:
    body = {"model": "cortensor", "messages": ASK, "stream": True}
    command = ["curl", "-sN", f"{router.url}/v1/chat/completions"]
    command += ["-H", f"Authorization: Bearer {token(session)}"]
    command += ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout
    assert shown.endswith("data: [DONE]\n\n")
    assert shown.count("data: ") == 4
