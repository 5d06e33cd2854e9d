# SPDX-License-Identifier: Apache-2.0
"""What is published is what is served: schemathesis reads the document and tries the router."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from cortensor.receipts.schema import receipt_schemas
from tests.python.router.fake_model import FakeModel, Script
from tests.python.router.harness import token

if TYPE_CHECKING:
    from tests.python.router.conftest import Start
    from tests.python.router.harness import Router

FEWEST_CASES, FEWEST_RUNS = 5000, 50

# Every check of the program but one: a request may fit its schema and be refused all the same, for
# example since two of its fields contradict each other.
CHECKS = ("--checks=all", "--exclude-checks=positive_data_acceptance")


def readable(request: dict[str, Any], _: Script) -> bytes:
    """What any endpoint and strategy can read, so that what fails is the router."""
    asks_for_verdict = "verdict" in json.dumps(request["messages"])
    return FakeModel.reply(request, Script('{"verdict": "VALID"}' if asks_for_verdict else "1"))


@pytest.mark.slow
def test_schemathesis_finds_no_500_and_no_answer_that_is_not_published(
    start: Start, session: str, model: FakeModel, tmp_path: Path
) -> None:
    """Each bound of each field of each operation, and some at random: the same each time."""
    model.reply = readable  # type: ignore[method-assign]
    router = start(limits={"session_cache_s": 600, "surcharge_cache_s": 600})
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            "run",
            f"{router.url}/openapi.json",
            f"--header=Authorization: Bearer {token(session)}",
            *CHECKS,
            "--phases=coverage,fuzzing",
            "--max-examples=10",
            "--generation-deterministic",
            "--no-shrink",
            "--request-timeout=20",
            "--suppress-health-check=all",
            "--warnings=off",
            "--no-color",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    generated = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
    assert generated is not None, done.stdout
    assert int(generated[1]) > FEWEST_CASES
    assert len(model.requests) > FEWEST_RUNS
    router.ledger()  # sound after all of it


def test_each_schema_is_a_document_of_its_own(router: Router) -> None:
    listed = router.get("/schemas").json()["schemas"]
    components = router.get("/openapi.json").json()["components"]["schemas"]
    assert "/schemas/ChatRequest.json" in listed
    for path in listed:
        answer = router.get(path)
        assert answer.headers["content-type"] == "application/schema+json"
        found: dict[str, Any] = answer.json()
        jsonschema.Draft202012Validator.check_schema(found)
        name = path.removeprefix("/schemas/").removesuffix(".json")
        assert found["$id"] == path
        if name in receipt_schemas():
            assert found == receipt_schemas()[name]
            continue
        assert set(found["$defs"][name]) == set(components[name])
        assert found["$defs"][name].get("properties", {}).keys() == (
            components[name].get("properties", {}).keys()
        )
    assert router.get("/schemas/Nothing.json").json()["code"] == "unknown_schema"


def test_a_schema_says_what_the_router_says(router: Router, session: str) -> None:
    schema = router.get("/schemas/DelegateRequest.json").json()
    validator = jsonschema.Draft202012Validator(schema)
    good = {"session_id": session, "objective": "do it"}
    assert validator.is_valid(good)
    assert router.post("delegate", good).ok
    for wrong in ({"sampling": {"temperature_bps": -1}}, {"more": 1}, {"objective": ""}):
        assert not validator.is_valid({**good, **wrong})
        assert router.post("delegate", {**good, **wrong}).status_code == 422
