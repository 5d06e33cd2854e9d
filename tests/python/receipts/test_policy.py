# SPDX-License-Identifier: Apache-2.0
"""Policies: each rule met and not met, joined, and as text."""

from __future__ import annotations

from typing import Any

import pytest

from cortensor.errors import InvalidInput
from cortensor.receipts import Bundle, parse_policy, verify
from cortensor.receipts import policy as p
from tests.conformance.case import chain_facts
from tests.conformance.chain_facts import ChainFacts
from tests.conformance.edits import edit, put
from tests.conformance.party_cases import party_facts
from tests.conformance.party_samples import party_bundles
from tests.conformance.rule_samples import rule_bundles
from tests.conformance.samples import (
    CHAIN,
    ISSUED_AT,
    OTHER_KEY,
    SIGNER,
    address_of,
    good_bundles,
)

AGREED, MEDIUM = good_bundles()["delegate-agreed"], good_bundles()["validate-majority"]
SIGNED, PARTLY = party_bundles()["signed"], party_bundles()["partly-signed"]
ADAPTIVE = rule_bundles()["adaptive"]
NOW = ISSUED_AT + 3_600


def reasons(data: dict[str, Any], policy: p.Policy, now: int = NOW) -> list[str]:
    found = verify(data, policy=policy, now=now)
    assert (found.verdict == "refused") == (not all(each.is_met for each in found.rulings))
    return [str(each) for each in found.rulings if not each.is_met]


@pytest.mark.parametrize(
    ("data", "policy", "reason"),
    [
        (AGREED, p.signed_by(SIGNER.upper().replace("X", "x")), None),
        (AGREED, p.signed_by(address_of(OTHER_KEY)), f"signer: signed by {SIGNER}"),
        (SIGNED, p.operators(3), None),
        (AGREED, p.operators(2), "operators: 1 of 2 operators"),
        (SIGNED, p.operators(3, signed=True), None),
        (PARTLY, p.operators(2, signed=True), "operators: 1 of 2 operators"),
        (AGREED, p.operators(1, signed=True), "operators: miners is not proven"),
        (AGREED, p.agreement(10_000), None),
        (MEDIUM, p.agreement(6_667), "agreement: 6666 of 6667 bps"),
        (AGREED, p.confidence(8_000), None),
        (AGREED, p.confidence(8_001), "confidence: 8000 of 8001 bps"),
        (AGREED, p.younger_than(3_600), None),
        (AGREED, p.younger_than(3_599), "younger: 3600 s old, 3599 s allowed"),
        (AGREED, p.tier("fast"), "tier: the tier is none"),
        (MEDIUM, p.tier("fast"), "tier: the tier is medium"),
        (ADAPTIVE, p.tier("safe"), None),
        (ADAPTIVE, p.tier("oracle"), "tier: the tier is adaptive"),
        (AGREED, p.outcome("OK", "VALID"), None),
        (AGREED, p.outcome("VALID"), "outcome: the outcome is OK"),
        (AGREED, p.finality("soft"), "finality: anchored is not proven"),
        (AGREED, p.verified(), "verified: the verdict is consistent"),
    ],
)
def test_rules(data: dict[str, Any], policy: p.Policy, reason: str | None) -> None:
    assert reasons(data, policy) == ([] if reason is None else [reason])


def test_a_tier_needs_its_replicas() -> None:
    bundle = Bundle.from_json(AGREED)
    found = verify(bundle)
    for tier, replicas, least, is_met in (
        ("safe", 3, "safe", True),
        ("oracle", 5, "safe", True),
        ("safe", 1, "safe", False),
        ("fast", 3, "safe", False),
    ):
        data = edit(AGREED, put("receipt.policy.tier", tier))
        data["receipt"]["consensus"]["replicas_requested"] = replicas
        case = p.Case(Bundle.from_json(data), found, NOW)
        assert p.tier(least).judge(case)[0].is_met == is_met, (tier, replicas)


def test_what_failed_meets_nothing() -> None:
    broken = edit(AGREED, put("receipt.consensus.confidence_bps", 10_000))
    found = verify(broken, policy=p.confidence(9_000), now=NOW)
    assert found.verdict == "failed"
    assert [str(each) for each in found.rulings] == ["confidence: consensus is not proven"]


def test_age_counts_from_the_older_of_issue_and_block() -> None:
    facts = chain_facts()
    [key] = facts["batches"]
    early = ChainFacts(edit(facts, put(f"batches.{key}.0", ISSUED_AT - 300)))
    for view, is_met in ((ChainFacts(facts), True), (early, False)):
        found = verify(AGREED, view, policy=p.younger_than(3_600), now=NOW)
        assert found.rulings[0].is_met == is_met
    assert reasons(AGREED, p.younger_than(9), ISSUED_AT - 300) == []
    assert reasons(AGREED, p.younger_than(9), ISSUED_AT - 301) == ["younger: 301 s from the future"]


def test_finality_and_trust_with_a_chain() -> None:
    facts = party_facts()
    [key] = facts["batches"]
    for level, met in (("soft", 1), ("safe", 2), ("hard", 3)):
        view = ChainFacts(edit(facts, put(f"batches.{key}.2", level)))
        for number, least in enumerate(("soft", "safe", "hard"), start=1):
            policy = p.finality(least) & p.verified()
            found = verify(SIGNED, view, policy=policy, session_payment=CHAIN.session_payment)
            assert found.ok == (number <= met), (level, least)


def test_rules_are_joined() -> None:
    yes, no, other = p.agreement(1), p.confidence(9_999), p.outcome("VALID")
    assert reasons(AGREED, yes & yes) == []
    assert reasons(AGREED, yes & no & other) == [
        "confidence: 8000 of 9999 bps",
        "outcome: the outcome is OK",
    ]
    assert reasons(AGREED, no | yes) == []
    assert reasons(AGREED, (no | other) & yes) == [
        "confidence: 8000 of 9999 bps",
        "outcome: the outcome is OK",
    ]


def test_policies_as_text() -> None:
    text = f"signer={address_of(OTHER_KEY)}|{SIGNER},operators=1, agreement=66.67%,confidence=80%"
    assert reasons(AGREED, parse_policy(text + ",younger=2h,outcome=OK|VALID")) == []
    assert reasons(AGREED, parse_policy("younger=30m")) == ["younger: 3600 s old, 1800 s allowed"]
    assert reasons(SIGNED, parse_policy("signed-operators=3")) == []
    assert len(reasons(AGREED, parse_policy("tier=safe,finality=hard,verified"))) == 3


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("", "policy"),
        ("colour=red", "policy"),
        ("agreement=50%,", "policy"),
        ("signer=0x12", "policy.signer"),
        ("operators=two", "policy.operators"),
        ("signed-operators=-1", "policy.signed-operators"),
        ("agreement=101%", "policy.agreement"),
        ("agreement=.5", "policy.agreement"),
        ("confidence=10001", "policy.confidence"),
        ("younger=7", "policy.younger"),
        ("tier=adaptive", "policy.tier"),
        ("finality=none", "policy.finality"),
        ("verified=yes", "policy.verified"),
    ],
)
def test_what_is_no_policy(text: str, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_policy(text)
    assert caught.value.field == field
