# SPDX-License-Identifier: Apache-2.0
"""The verifier against every vector, and the vectors against their generator."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cortensor.errors import VerificationFailed
from cortensor.receipts import Bundle, verify_bundle
from cortensor.receipts.payments import clashes
from tests.conformance.all_cases import all_cases
from tests.conformance.chain_facts import ChainFacts
from tests.conformance.generate import SETS, VECTORS, main, render
from tests.conformance.set_cases import set_cases

FILES = sorted(VECTORS.glob("*.json"))
SET_FILES = sorted(SETS.glob("*.json"))


def load(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return data


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_vector(path: Path) -> None:
    vector = load(path)
    expect = vector["expect"]
    view = None if vector["chain"] is None else ChainFacts(vector["chain"])
    if expect["verdict"] == "malformed":
        with pytest.raises(VerificationFailed) as caught:
            verify_bundle(vector["bundle"], view)
        assert caught.value.field == expect["field"]
        return
    verification = verify_bundle(vector["bundle"], view, session_payment=vector["session_payment"])
    assert sorted(check.name for check in verification.failures) == expect["failed"]
    assert verification.verdict == expect["verdict"]
    assert verification.ok == (expect["verdict"] == "verified")
    assert list(verification.withheld) == expect["withheld"]


@pytest.mark.parametrize("path", SET_FILES, ids=lambda path: path.stem)
def test_set(path: Path) -> None:
    vector = load(path)
    bundles = [Bundle.from_json(data) for data in vector["bundles"]]
    assert not any(verify_bundle(bundle).failures for bundle in bundles)
    found = [{"reference": each, "receipts": list(ids)} for each, ids in clashes(bundles)]
    assert found == vector["expect"]["clashes"]


def test_there_are_enough_dishonest_vectors() -> None:
    verdicts = [load(path)["expect"]["verdict"] for path in FILES]
    assert verdicts.count("failed") >= 100
    assert verdicts.count("malformed") >= 25


def test_generator_reproduces_the_files() -> None:
    assert main(["--check"]) == 0


def test_there_is_a_vector_for_every_case() -> None:
    assert {path.stem for path in SET_FILES} == {case.name for case in set_cases()}
    assert {path.stem for path in FILES} == {case.name for case in all_cases()}


def test_cases_do_not_depend_on_earlier_runs() -> None:
    assert [render(case) for case in all_cases()] == [render(case) for case in all_cases()]


def test_every_check_fails_in_some_vector() -> None:
    checks = {check.name for check in verify_bundle(load(FILES[0])["bundle"]).checks}
    failing = {name for path in FILES for name in load(path)["expect"].get("failed", [])}
    assert checks - failing == set()


def test_bundles_survive_their_own_text() -> None:
    for path in FILES:
        vector = load(path)
        if vector["expect"]["verdict"] in {"verified", "consistent"}:
            bundle = Bundle.load(json.dumps(vector["bundle"]))
            assert bundle.to_json() == vector["bundle"]
