# SPDX-License-Identifier: Apache-2.0
"""Bardiel on a real router: tiers, modes, and each of its seven verdicts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, get_args

import pytest

from cortensor.agents.bardiel import VERDICTS, Bardiel, Job, Task, Verdict, undecided
from tests.python.router.fake_model import Script

if TYPE_CHECKING:
    from cortensor.agents.bardiel import Mode, Tier
    from cortensor.client import Client
    from tests.python.router.fake_model import FakeModel

HAIKU = Task(spec="A haiku on rain", claimed_result="Rain, rain, go away", dispute="17 syllables")


def says(model: FakeModel, *verdicts: str) -> None:
    for name, word in zip(("201", "202", "203", "204", "205"), verdicts, strict=False):
        model.scripts[name] = Script(json.dumps({"verdict": word}))
    model.default = Script(json.dumps({"verdict": verdicts[-1]}))


@pytest.mark.parametrize(
    ("mode", "answers", "verdict"),
    [
        ("validation", ["VALID"] * 3, "VALID"),
        ("validation", ["INVALID"] * 3, "INVALID"),
        ("arbitration", ["SELLER_VALID"] * 5, "SELLER_VALID"),
        ("arbitration", ["SELLER_INVALID"] * 5, "SELLER_INVALID"),
        ("arbitration", ["INCONCLUSIVE"] * 5, "INCONCLUSIVE"),
    ],
)
def test_a_judgement_is_what_the_replicas_agree_on(
    client: Client, model: FakeModel, mode: Mode, answers: list[str], verdict: str
) -> None:
    says(model, *answers)
    found = Bardiel(client).judge(Job(mode=mode, task=HAIKU))
    assert found.verdict == verdict
    assert found.evidence is not None
    assert found.evidence.replicas == len(answers) == len(model.requests)
    assert found.evidence.verdicts == answers
    assert found.evidence.receipt_id.startswith("urn:cortensor:receipt:0x")


def test_runs_that_disagree_are_to_be_tried_again(client: Client, model: FakeModel) -> None:
    says(model, "VALID", "INVALID", "no verdict at all")
    found = Bardiel(client).judge(Job(mode="validation", task=HAIKU))
    assert (found.verdict, found.result) == ("RETRY", None)
    assert undecided("arbitration") == "INCONCLUSIVE"


def test_a_job_without_a_spec_costs_nothing(client: Client, model: FakeModel) -> None:
    bardiel = Bardiel(client)
    modes: tuple[Mode, ...] = ("delegation", "validation", "arbitration")
    for mode in modes:
        found = bardiel.judge(Job(mode=mode, task=Task(claimed_result="x")))
        assert (found.verdict, found.evidence) == ("NEEDS_SPEC", None)
    assert bardiel.judge(Job(mode="validation", task=Task(spec="x"))).verdict == "NEEDS_SPEC"
    assert model.requests == []


@pytest.mark.parametrize(("tier", "runs"), [(None, 1), ("fast", 1), ("safe", 3), ("oracle", 5)])
def test_a_delegation_has_its_tiers_replicas(
    client: Client, model: FakeModel, tier: Tier | None, runs: int
) -> None:
    model.default = Script("Rain")
    job = Job(
        mode="delegation", task=Task(spec="One word on rain", input={"lang": "en"}), tier=tier
    )
    found = Bardiel(client).judge(job)
    assert (found.verdict, found.result) == ("VALID", "Rain")
    assert found.evidence is not None
    assert (found.evidence.replicas, found.evidence.agreement) == (runs, 1.0)


def test_a_job_that_is_sent_twice_is_one_charge(client: Client, model: FakeModel) -> None:
    says(model, "VALID", "VALID", "VALID")
    job = Job(mode="validation", task=HAIKU, trace_id="acp-7")
    first, second = (Bardiel(client).judge(job) for _ in range(2))
    assert first == second
    assert len(model.requests) == 3


def test_every_outcome_has_one_of_the_seven_verdicts() -> None:
    seven = set(get_args(Verdict))
    assert set(VERDICTS.values()) | {undecided("validation")} == seven
    assert len(seven) == 7
