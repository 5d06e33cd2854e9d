# SPDX-License-Identifier: Apache-2.0
"""Lies that one line of the verifier alone catches: everything else about them fits."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import pytest

from cortensor.receipts import Check, address_of, to_hex, verify_bundle
from tests.conformance.case import chain_facts
from tests.conformance.chain_facts import ChainFacts
from tests.conformance.edits import lie, put
from tests.conformance.samples import CHAIN, OTHER_KEY, fixed, good_bundles

GOOD = good_bundles()["delegate-agreed"]


def failures(data: Any, view: ChainFacts | None = None) -> list[Check]:
    trusted = None if view is None else CHAIN.session_payment
    return list(verify_bundle(data, view, session_payment=trusted).failures)


def put_entry(name: str, value: object) -> Any:
    return put(f"receipt.replicas.1.{name}", value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("session_id", "207"),
        ("task_id", to_hex(fixed("another task", 16))),
        ("input_units", 1),
        ("output_units", 1),
        ("model", "another-model"),
        ("output_hash", to_hex(fixed("another answer"))),
    ],
)
def test_an_entry_that_is_not_what_its_evidence_says(name: str, value: object) -> None:
    # The leaf is the true record's, so the root and the shown record agree with it.
    failed = {c.name: c.detail for c in failures(lie("delegate-agreed", put_entry(name, value)))}
    assert f"replicas[1].{name} says" in failed["evidence"]


@pytest.mark.parametrize(("name", "status"), [("status", "ERROR"), ("verdict", "VALID")])
def test_a_failure_or_verdict_that_is_not_in_the_evidence(name: str, status: str) -> None:
    failed = {c.name: c.detail for c in failures(lie("delegate-agreed", put_entry(name, status)))}
    assert f"replicas[1].{name} says" in failed["evidence"]


@pytest.mark.parametrize("count", [1, 2, 3, 16, 64, 2**40])
def test_a_proof_has_the_depth_of_its_batch(count: int) -> None:
    # Six leaves: three steps, or two. Hashes alone would let an inner node pass for a leaf.
    steps = len(GOOD["anchor"]["proof"])
    data = copy.deepcopy(GOOD)
    data["anchor"]["count"] = count
    [check] = failures(data)
    assert check.name == "proof"
    assert f"has {steps} steps, a batch of {count} has" in check.detail


def test_the_contracts_word_on_a_proof_counts() -> None:
    class Refusing(ChainFacts):
        def is_anchored(self, anchorer: str, leaf: str, proof: Sequence[str], root: str) -> bool:
            asked = (leaf, list(proof), root)
            assert asked == tuple(GOOD["anchor"][key] for key in ("leaf", "proof", "root"))
            assert anchorer != address_of(OTHER_KEY)
            return False

    [check] = failures(GOOD, Refusing(chain_facts()))
    assert (check.name, check.detail) == ("anchored", "the contract refuses the proof")
