# SPDX-License-Identifier: Apache-2.0
"""Corgent on a real router: five replicas where much is at stake, and a receipt always."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from cortensor.agents.corgent import Corgent
from tests.python.router.fake_model import Script

if TYPE_CHECKING:
    from cortensor.client import Client
    from tests.python.router.fake_model import FakeModel

SUBJECT = "0x" + "5b" * 32


def says(model: FakeModel, *verdicts: str) -> None:
    for name, word in zip(("201", "202", "203", "204", "205"), verdicts, strict=True):
        model.scripts[name] = Script(json.dumps({"verdict": word}))


def test_what_is_at_stake_is_asked_of_five_by_reputation(client: Client, model: FakeModel) -> None:
    says(model, *["VALID"] * 4, "INVALID")
    word = Corgent(client).validate("Water is wet.", at_stake=True, subject=SUBJECT)
    assert (word.outcome, len(model.requests)) == ("VALID", 5)
    assert word.bundle is not None
    body = word.bundle.receipt
    assert (len(body.replicas), body.subject) == (5, SUBJECT)
    assert word.bundle.request is not None
    asked = json.loads(str(word.bundle.request.canonical))["request"]
    assert asked["consensus"]["strategy"] == "weighted"
    assert asked["consensus"]["weight_by"] == "reputation"
    # Nobody has earned a reputation yet, and it says so.
    assert word.fallback is not None
    assert body.consensus.strategy == "majority"


def test_the_rest_is_asked_of_three(client: Client, model: FakeModel) -> None:
    model.default = Script("Paris")
    corgent = Corgent(client)
    word = corgent.delegate("The capital of France?", key="france")
    assert (word.outcome, word.output, word.fallback) == ("OK", "Paris", None)
    assert word.receipt_id.startswith("urn:cortensor:receipt:0x")
    assert len(model.requests) == 3
    again = corgent.delegate("The capital of France?", key="france")
    assert again.receipt_id == word.receipt_id
    assert len(model.requests) == 3
