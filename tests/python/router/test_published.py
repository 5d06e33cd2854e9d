# SPDX-License-Identifier: Apache-2.0
"""What is published is what is served: schemathesis reads the document and tries the router."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from tests.python.router.fake_model import Script
from tests.python.router.harness import token

if TYPE_CHECKING:
    from tests.python.router.harness import Router

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_headers_conformance,response_schema_conformance,unsupported_method"
)


def schemathesis(router: Router, session: str, folder: Path, *options: str) -> None:
    """Run the real program against the running router; the same requests each time."""
    # Any endpoint can read this answer, so that what fails is the router.
    router.model.default = Script('{"verdict": "VALID"}')
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            "run",
            f"{router.url}/openapi.json",
            f"--header=Authorization: Bearer {token(session)}",
            f"--checks={CHECKS}",
            "--generation-deterministic",
            "--no-shrink",
            "--request-timeout=20",
            "--suppress-health-check=all",
            "--warnings=off",
            "--no-color",
            *options,
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    router.ledger()  # sound after all of it


@pytest.mark.slow
def test_schemathesis_finds_no_500_and_no_answer_that_is_not_published(
    router: Router, session: str, tmp_path: Path
) -> None:
    schemathesis(router, session, tmp_path, "--phases=fuzzing", "--max-examples=10")


@pytest.mark.slow
def test_schemathesis_tries_each_bound_of_a_chat_completion(
    router: Router, session: str, tmp_path: Path
) -> None:
    schemathesis(
        router, session, tmp_path, "--phases=coverage", "--include-path=/v1/chat/completions"
    )


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
