# SPDX-License-Identifier: Apache-2.0
"""Whatever is asked in whatever words: what the client signs is what the router commits to.

The session's key signs each call, so a router that reads another request refuses it; and its
receipt is opened and compared all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cortensor.client import (
    Client,
    Consensus,
    MessageRequest,
    SamplingRequest,
    asks,
    chat_asks,
    completion_asks,
    older_asks,
)
from cortensor.client.core import Core
from cortensor.client.flow import Reply
from cortensor.client.preparing import MODELS_PATH, prepared
from cortensor.receipts.evidence import request_commitment
from cortensor.receipts.keccak import from_hex, to_hex
from tests.python.client.clients import TRUST, keyed
from tests.python.router.fake_model import Script

if TYPE_CHECKING:
    from collections.abc import Callable

    from cortensor.client import Ask
    from tests.python.router.fake_model import FakeModel
    from tests.python.router.harness import Router

WORDS = st.text('ab é"\\\n\u2028😀0', min_size=1, max_size=6)
NUMBERS = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(
    -1e21, 1e21, allow_nan=False, allow_subnormal=False
)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | WORDS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORDS, inner, max_size=2),
    max_leaves=4,
)
OBJECTS = st.dictionaries(WORDS, VALUES, max_size=2)
RATE = st.floats(0, 1, width=32)
PENALTY = st.floats(-2, 2)
TOKENS = st.integers(1, 64)
MILLISECONDS = st.integers(4000, 60_000)
SCHEMA = st.just({"type": "object"})
V3 = st.sampled_from(
    [
        Consensus(replicas=1),
        Consensus(replicas=3),
        Consensus(replicas=3, session_pool=["203", "201", "202"]),
        Consensus(replicas=3, strategy="weighted", disagreement_policy="return_all"),
    ]
)
V4 = V3 | st.just(Consensus(replicas=3, min_replicas=2, agreement_threshold_bps=5001))
MESSAGES = st.lists(
    st.builds(lambda text: {"role": "user", "content": text}, WORDS)
    | st.builds(lambda text: MessageRequest(role="user", content=text, name="a"), WORDS),
    min_size=1,
    max_size=3,
)
SAMPLING = st.builds(
    SamplingRequest,
    temperature_bps=st.none() | st.integers(0, 20_000),
    top_k=st.none() | st.integers(0, 99),
    seed=st.none() | st.integers(0, 99),
    stop=st.none() | st.lists(WORDS, max_size=2),
)

POLICY: dict[str, Any] = {
    "tier": st.sampled_from(["fast", "safe"]),
    "risk": st.sampled_from(["low", "medium"]),
    "latency": st.sampled_from(["normal", "low"]),
    "budget_wei": st.just(10**18),
}
COMMON: dict[str, Any] = {"max_tokens": TOKENS, "timeout_ms": MILLISECONDS}
CALL = {**COMMON, **POLICY, "metadata": OBJECTS}
OWN = {**CALL, "consensus": V4, "receipt": st.booleans(), "tool_trace": st.lists(OBJECTS)}
OWN |= {"extra": st.fixed_dictionaries({}, optional={"metadata": OBJECTS, "max_tokens": TOKENS})}
TASK: dict[str, Any] = {"input": VALUES, "output_schema": SCHEMA}
TASK_EXTRA = st.fixed_dictionaries(
    {},
    optional={
        "execution": st.fixed_dictionaries({"timeout_ms": st.just(5000)}),
        "tools": st.just([]),
        "workflow": st.none(),
    },
)
CLAIM_EXTRA = st.fixed_dictionaries({}, optional={"actor": VALUES, "context": VALUES})
FACT_EXTRA = st.fixed_dictionaries({}, optional={"context": VALUES, "policy": st.just({})})
COMPUTE = {"compute_session": st.sampled_from(["201", "203"])}
TEXT = {
    **COMMON,
    **COMPUTE,
    "client_reference": WORDS,
    "temperature": RATE,
    "top_p": RATE,
    "top_k": st.integers(0, 99),
    "presence_penalty": PENALTY,
    "frequency_penalty": PENALTY,
    "extra": st.fixed_dictionaries(
        {},
        optional={
            "timeout": st.floats(4, 60),
            "precommit_timeout": RATE,
            "prompt_type": st.sampled_from([0, 1]),
            "temperature": RATE,
            "max_tokens": TOKENS,
        },
    ),
}
CHAT = {
    **COMMON,
    **POLICY,
    "model": st.sampled_from(["cortensor", "201"]),
    "temperature": RATE,
    "top_p": RATE,
    "presence_penalty": PENALTY,
    "frequency_penalty": PENALTY,
    "seed": st.integers(0, 99),
    "stop": WORDS | st.lists(WORDS, max_size=2),
    "response_format": st.sampled_from([{"type": "text"}, {"type": "json_object"}]),
    "user": WORDS,
    "metadata": st.dictionaries(WORDS, WORDS, max_size=2),
    "receipt": st.booleans(),
    "top_k": st.integers(0, 99),
    "tool_trace": st.lists(OBJECTS, max_size=2),
    "extra": st.fixed_dictionaries(
        {}, optional={"parallel_tool_calls": st.just(True), "n": st.just(1), "seed": st.just(7)}
    ),
}


def options(
    make: Callable[..., Ask[Any]], subject: st.SearchStrategy[Any], more: dict[str, Any]
) -> st.SearchStrategy[Ask[Any]]:
    given_ = st.fixed_dictionaries({}, optional=more)
    return st.builds(lambda first, rest: make(first, **rest), subject, given_)


# What contradicts itself is refused, so of two words for one thing only one is drawn.
def without(found: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: each for name, each in found.items() if name not in names}


ASKS = {
    "delegate": options(
        asks.delegate,
        WORDS,
        {**OWN, **TASK, "sampling": SAMPLING},
    ),
    "conversation": options(
        lambda messages, **more: asks.delegate(messages=messages, **more),
        MESSAGES,
        {**OWN, "sampling": SAMPLING},
    ),
    "repaired": options(
        lambda objective, **more: asks.delegate(objective, output_schema={}, **more),
        WORDS,
        {"repair_attempts": st.integers(0, 1), "consensus": V4},
    ),
    "validate": options(asks.validate, WORDS, {**OWN, "context": VALUES}),
    "factcheck": options(asks.factcheck, WORDS, {**OWN, "context": VALUES}),
    "delegate_v2": options(
        older_asks.delegate_v2,
        WORDS,
        without({**CALL, **COMPUTE, **TASK, "extra": TASK_EXTRA}, "timeout_ms", "tier", "risk"),
    ),
    "validate_v2": options(
        older_asks.validate_v2,
        WORDS,
        without(
            {**CALL, **COMPUTE, "context": VALUES, "actor": VALUES, "extra": CLAIM_EXTRA},
            "tier",
            "risk",
        ),
    ),
    "factcheck_v2": options(
        older_asks.factcheck_v2,
        WORDS,
        without({**CALL, **COMPUTE, "context": VALUES, "extra": FACT_EXTRA}, "tier", "risk"),
    ),
    "delegate_v3": options(
        older_asks.delegate_v3,
        WORDS,
        without({**CALL, "consensus": V3, **TASK, "extra": TASK_EXTRA}, "timeout_ms"),
    ),
    "validate_v3": options(
        older_asks.validate_v3,
        WORDS,
        {**CALL, "consensus": V3, "context": VALUES, "actor": VALUES, "extra": CLAIM_EXTRA},
    ),
    "factcheck_v3": options(
        older_asks.factcheck_v3,
        WORDS,
        {**CALL, **COMPUTE, "context": VALUES, "extra": FACT_EXTRA},
    ),
    "completion_v2": options(completion_asks.completion_v2, WORDS, TEXT),
    "completion": options(
        completion_asks.completion, WORDS, {**without(TEXT, "compute_session"), "consensus": V3}
    ),
    # A model that is one compute session runs no three replicas.
    "chat": options(chat_asks.chat, MESSAGES, without(CHAT, "model"))
    | options(chat_asks.chat, MESSAGES, without(CHAT, "tier", "risk")),
}


def computed(client: Client, router: Router, ask: Ask[Any]) -> bytes:
    """What the client says the receipt commits to."""
    core: Core = client._core
    flow = prepared(core, ask, core.until(None))
    outcome: Reply | None = None
    while True:
        try:
            step = flow.send(outcome)
        except StopIteration as done:
            found: bytes = done.value.text
            return found
        assert getattr(step, "url", "").endswith(MODELS_PATH)
        outcome = Reply(200, {}, router.get(MODELS_PATH).content)


def test_every_call_of_the_client_is_tried() -> None:
    modules = (asks, older_asks, completion_asks, chat_asks)
    made = {
        name
        for module in modules
        for name, found in vars(module).items()
        if callable(found) and "Ask[" in str(getattr(found, "__annotations__", {}).get("return"))
        if not name.startswith("_") and name != "made"
    }
    assert made == set(ASKS) - {"conversation", "repaired"}


@pytest.mark.parametrize("name", ASKS)
def test_the_router_commits_to_what_the_client_computed(
    router: Router, keyed_session: str, model: FakeModel, name: str
) -> None:
    model.default = Script('{"verdict": "VALID"}')
    client = Client(router.url, keyed(keyed_session), trust=TRUST)

    @settings(max_examples=8, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(ask=ASKS[name], is_streamed=st.booleans())
    def check(ask: Ask[Any], is_streamed: bool) -> None:
        text = computed(client, router, ask)
        if is_streamed and name.startswith(("completion", "chat")):
            done = list(client.stream(ask))[-1].paid
        else:
            done = client.run(ask)
        assert done is not None
        assert done.bundle is not None
        shown = done.bundle.request
        assert shown is not None
        assert shown.canonical == text.decode()
        salt = from_hex(shown.salt, 32, "salt")
        assert done.bundle.receipt.request_commitment == to_hex(request_commitment(salt, text))

    with client:
        check()
