# SPDX-License-Identifier: Apache-2.0
"""Payloads of validation requests, and the call that each becomes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cortensor.agents.asking import question_of, salted
from cortensor.agents.payload import (
    MAX_PAYLOAD_BYTES,
    OUTPUT_CLAIM,
    Claim,
    read_payload,
    validation_ask,
)
from cortensor.errors import InvalidInput
from cortensor.receipts.keccak import keccak256

SUBJECT = bytes.fromhex("5b" * 32)
TYPE = {"type": "cortensor-validation/1"}


def body_of(payload: dict[str, Any]) -> dict[str, Any]:
    read = read_payload(json.dumps({**TYPE, **payload}).encode())
    ask = validation_ask(read, "safe", SUBJECT, most_wei=10**16, deadline_s=1.0)
    assert ask.path == "/api/v4/validate"
    assert ask.idempotency_key == f"agent-{SUBJECT.hex()}"
    assert ask.body.pop("subject") == "0x" + SUBJECT.hex()
    assert ask.body["policy"].pop("budget_wei") == str(10**16)
    return ask.body


def test_a_claim_is_asked_as_it_is() -> None:
    body = body_of({"kind": "claim", "claim": "Water is wet.", "context": {"by": ["physics"]}})
    assert body == {
        "claim": "Water is wet.",
        "context": {"by": ["physics"]},
        "policy": {"tier": "safe"},
    }
    assert "context" not in body_of({"kind": "claim", "claim": "x", "tier": "oracle"})


def test_an_output_is_held_to_its_question() -> None:
    asked = {"question": "The capital of France?", "output": "Paris"}
    body = body_of({"kind": "output", **asked, "tier": "fast"})
    assert body == {"claim": OUTPUT_CLAIM, "context": asked, "policy": {"tier": "fast"}}
    body = body_of({"kind": "output", **asked, "reference": "an atlas"})
    assert body["context"]["reference"] == "an atlas"


def test_a_dispute_is_arbitrated() -> None:
    body = body_of({"kind": "dispute", "specification": "a haiku", "delivered": "a limerick"})
    assert body == {
        "claim": "a limerick",
        "mode": "arbitration",
        "context": {"specification": "a haiku"},
        "policy": {"tier": "safe"},
    }


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"type": "cortensor-validation/2"}, "type"),
        ({"kind": "poem"}, "kind"),
        ({"claim": ""}, "claim"),
        ({"claim": None}, "claim"),
        ({"tier": "free"}, "tier"),
        ({"session_id": "0x1"}, "session_id"),
        ({"context": 1.5}, "$"),
    ],
)
def test_what_is_no_payload_is_refused(change: dict[str, Any], field: str) -> None:
    raw = json.dumps({**TYPE, "kind": "claim", "claim": "x", **change}).encode()
    with pytest.raises(InvalidInput) as refused:
        read_payload(raw)
    assert refused.value.code == "bad_payload"
    assert (refused.value.field or "").startswith(field)


@pytest.mark.parametrize("raw", [b"", b"\xff", b"[]", b"[" * 100, b"x" * (MAX_PAYLOAD_BYTES + 1)])
def test_bytes_that_are_none_are_refused(raw: bytes) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_payload(raw)
    assert refused.value.code == "bad_payload"


def test_a_salt_makes_a_key_that_nobody_can_guess() -> None:
    claim = Claim(type="cortensor-validation/1", claim="Water is wet.")
    first, second = salted(claim), salted(claim)
    assert first != second
    assert read_payload(first).salt is not None
    own = Claim(type="cortensor-validation/1", claim="x", salt="mine")
    assert salted(own) == salted(own)
    question = question_of(first)
    assert question.hash == keccak256(first)
    assert question_of(first, "https://a.example/p.json").uri == "https://a.example/p.json"
    long = Claim(type="cortensor-validation/1", claim="x" * 9000)
    with pytest.raises(InvalidInput, match="serve it"):
        question_of(salted(long))
