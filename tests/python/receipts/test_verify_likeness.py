# SPDX-License-Identifier: Apache-2.0
"""Similarities in a receipt: proven with the model and the answers, else said to be not proven."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cortensor.consensus import recompute
from cortensor.embedding import model_for
from cortensor.receipts import verify_bundle
from cortensor.receipts.checks import Check
from cortensor.receipts.commands import receipt
from tests.conformance.edits import lie
from tests.conformance.likeness_samples import LIKENESS_JOBS, MODEL
from tests.conformance.rule_cases import said


def bundle(*changes: Any) -> dict[str, Any]:
    return lie("meaning", *changes, jobs=LIKENESS_JOBS)


RAISED = bundle(said("consensus.likeness.pairs.0.similarity_bps", 9_998))
"""What a router without honesty could say, and nobody without the model could notice."""


class Another:
    """The same name, other files."""

    name = MODEL.name
    digest = "sha256:0"
    slack_bps = 0

    def vector(self, text: str) -> list[int]:
        raise AssertionError(f"is not asked for {text}")


class Loose:
    """The model on a machine that rounds otherwise."""

    name = MODEL.name
    digest = MODEL.digest
    slack_bps = 10_000

    def vector(self, text: str) -> Any:
        return MODEL.vector(text)


def check(data: dict[str, Any], models: Any) -> Check:
    checks = {each.name: each for each in verify_bundle(data, models=models).checks}
    return checks["likeness"]


def test_with_the_model_they_are_proven_and_a_raised_one_is_found() -> None:
    assert check(bundle(), model_for).status == "proven"
    found = check(RAISED, model_for)
    assert (found.status, "wordllama/l2_supercat_256 gives" in found.detail) == ("failed", True)


@pytest.mark.parametrize("models", [None, lambda _name: None, lambda _name: Another()])
def test_without_it_they_are_not_proven_and_the_groups_follow(models: Any) -> None:
    for data in (bundle(), RAISED):
        found = check(data, models)
        assert (found.status, found.detail[:10]) == ("not_checked", "not proven")
        verification = verify_bundle(data, models=models)
        assert verification.status_of("grouping") == verification.status_of("consensus") == "proven"


def test_a_machine_may_be_off_by_what_its_model_says() -> None:
    assert check(RAISED, lambda _name: Loose()).status == "proven"


def test_with_hidden_answers_the_groups_still_follow() -> None:
    data = bundle()
    data["evidence"] = data["evidence"][:2]
    verification = verify_bundle(data, models=model_for)
    assert verification.status_of("grouping") == "proven"
    assert check(data, model_for).detail == "not proven: not every answer is shown"


def test_consensus_is_recomputed_from_the_body_alone() -> None:
    body = bundle()["receipt"]
    found = recompute(body)
    assert (found.differences, found.decision.winner) == ((), (0, 1))
    body["replicas"][2]["cluster"] = 0
    (difference,) = recompute(body).differences
    assert difference == "replicas[2].cluster: says 0, the similarities give 1"


def test_other_receipts_have_no_similarities() -> None:
    data = lie("tolerance", jobs=LIKENESS_JOBS)
    assert "likeness" not in {each.name for each in verify_bundle(data, models=model_for).checks}


def test_show_says_how_alike_answers_are(tmp_path: Path) -> None:
    path = tmp_path / "bundle.json"
    for job, expected in (
        ("meaning", "0 and 2 88.77% but for negation"),
        ("tolerance", "numbers within 10000 millionths"),
    ):
        path.write_text(json.dumps(lie(job, jobs=LIKENESS_JOBS)))
        result = CliRunner().invoke(receipt, ["show", str(path)], env={"COLUMNS": "200"})
        assert expected in " ".join(result.output.split())


def test_the_command_makes_them_again(tmp_path: Path) -> None:
    path = tmp_path / "bundle.json"
    for data, status, code in ((bundle(), "proven", 3), (RAISED, "failed", 1)):
        path.write_text(json.dumps(data))
        result = CliRunner().invoke(receipt, ["verify", str(path), "--json"])
        assert result.exit_code == code
        (verification,) = json.loads(result.output)
        found = {each["name"]: each["status"] for each in verification["checks"]}
        assert found["likeness"] == status
