# SPDX-License-Identifier: Apache-2.0
"""The shown request against the receipt, and the verifier's defaults against the API's."""

from __future__ import annotations

from typing import Any

import pytest

from cortensor.nesting import MAX_DEPTH
from cortensor.receipts import Check, verify_bundle
from cortensor.receipts.request_text import request_text
from cortensor.receipts.tiers import DEFAULT_TIER
from cortensor.receipts.verify_request import (
    Asked,
    ConsensusAsked,
    PolicyAsked,
    ScoreAsked,
    read_call,
)
from cortensor.receipts.verify_task import SamplingAsked, trace_hash
from cortensor.router import consensus_schemas, requests, schemas
from cortensor.router.sampling import SamplingRequest
from tests.conformance.edits import asked, commit_to, lie, put, unanchored
from tests.conformance.samples import JOBS, resign


def request_check(data: dict[str, Any]) -> Check:
    return next(check for check in verify_bundle(data).checks if check.name == "request")


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("api_version", "v3", "api_version"),
        ("endpoint", "validate", "endpoint"),
        ("request.session_id", "0x" + "1" * 40, "session_id"),
        ("request.consensus.replicas", 5, "consensus.replicas_requested"),
        ("request.consensus", {"equivalence": "exact"}, "consensus.replicas_requested"),
        ("request.consensus.strategy", "weighted", "consensus.strategy"),
        ("request.consensus.disagreement_policy", "fail_hard", "consensus.disagreement_policy"),
        ("request.consensus.agreement_threshold_bps", 9000, "consensus.agreement_threshold_bps"),
        ("request.consensus.equivalence", "json", "consensus.equivalence"),
        ("request.policy", {"tier": "high"}, "policy.tier"),
        ("request.max_tokens", 5, "replicas[1].output_units"),
        ("request.consensus.session_pool", ["201", "203", "204"], "replicas[1].session_id"),
        ("request.consensus.replicas", True, "request.request.consensus.replicas"),
        ("request.consensus", None, "request.request.consensus"),
        ("note", "x", "request.note"),
    ],
)
def test_a_receipt_of_another_request_is_refused(path: str, value: object, field: str) -> None:
    data = lie("delegate-agreed", asked(path, value))
    failures = verify_bundle(data).failures
    assert [check.name for check in failures] == ["request"]
    assert field in failures[0].detail


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("request.consensus.session_pool", None),
        ("request.consensus.equivalence", None),
        ("request.consensus.strategy", "majority"),
        ("request.max_tokens", None),
        ("request.max_tokens", 6),
        ("request.policy", {"tier": None}),
        ("request.metadata", {"x": [0.25, 1e20, 1e300, -5, 2**53 - 1]}),
    ],
)
def test_what_a_caller_may_leave_out_or_add(path: str, value: object) -> None:
    assert request_check(lie("delegate-agreed", asked(path, value))).status == "proven"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is not JSON"),
        ("Do it.", "is not JSON"),
        ("[]", "Expected `object`"),
        ('{"a":1,"a":1}', "repeats the key"),
        ('{"a":NaN}', "is not an integer"),
        ('{ "a":1}', "unknown field"),
        ('{"a":' + "9" * 5000 + "}", "is not JSON"),
        ('{"a":' * 100 + "1" + "}" * 100, "nests deeper"),
    ],
)
def test_a_request_that_is_no_call_is_refused(text: str, reason: str) -> None:
    data = unanchored("delegate-single")
    commit_to(data, text)
    check = request_check(resign(data))
    assert check.status == "failed"
    assert reason in check.detail


def test_a_float_that_is_written_as_an_integer_is_hashed_as_it_was() -> None:
    entry = {"seconds": 1e20, "rows": 2**53 - 1}
    text = request_text("delegate", {"session_id": "x", "tool_trace": [entry]}).decode()
    assert "100000000000000000000" in text
    [read] = read_call(text).request.tool_trace or []
    assert trace_hash(read) == trace_hash(entry) is not None


def test_a_lone_surrogate_in_the_bundle_is_refused() -> None:
    data = unanchored("delegate-single")
    put("request.canonical", "\ud800")(data)
    assert request_check(data).status == "failed"


def test_the_defaults_are_those_of_the_api() -> None:
    api, here = schemas.ConsensusRequest(), ConsensusAsked()
    for name in here.__struct_fields__:
        assert getattr(here, name) == getattr(api, name), name
    assert PolicyAsked().tier == schemas.PolicyRequest().tier
    for shape in (schemas.DelegateRequest, schemas.ValidateRequest):
        text = {"objective": "x"} if shape is schemas.DelegateRequest else {"claim": "x"}
        session = "0x" + "0" * 40
        made: Any = shape(session_id=session, **text)
        assert Asked(session_id=session).max_tokens == made.max_tokens
        assert Asked(session_id=session).mode == getattr(made, "mode", "validation")
    known = {*schemas.DelegateRequest.__struct_fields__, *schemas.ValidateRequest.__struct_fields__}
    assert set(Asked.__struct_fields__) <= known
    assert set(SamplingAsked.__struct_fields__) <= set(SamplingRequest.__struct_fields__)
    score = consensus_schemas.ScoreRequest()
    for name in ScoreAsked.__struct_fields__:
        assert getattr(ScoreAsked(), name) == getattr(score, name), name
    assert DEFAULT_TIER == "best_effort"


def test_the_text_is_the_one_the_router_commits_to() -> None:
    deep: Any = 1
    for _ in range(MAX_DEPTH - 1):
        deep = [deep]
    body = {"session_id": "0x" + "0" * 40, "objective": "x", "input": deep, "metadata": {"x": 1e20}}
    call = read_call(requests.canonical_request("delegate", body).decode())
    assert (call.api_version, call.endpoint) == ("v4", "delegate")
    for job in JOBS:
        salted = read_call(job.request()[1])
        assert salted.endpoint == job.endpoint
