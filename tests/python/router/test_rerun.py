# SPDX-License-Identifier: Apache-2.0
"""`cortensor receipt rerun` against a server, for receipts that a router made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner, Result

from cortensor.cli import main
from tests.python.router.fake_model import Script
from tests.python.router.harness import token
from tests.python.router.test_paid_path import delegate, validate, verdicts

if TYPE_CHECKING:
    from tests.python.router.fake_model import FakeModel
    from tests.python.router.harness import Router


def kept(router: Router, session: str, folder: Path, data: dict[str, Any], **edits: Any) -> str:
    path = f"/api/v4/receipt/{data['receipt_id']}?bundle=1"
    bundle = {**router.get(path, auth=token(session)).json(), **edits}
    file = folder / "receipt.json"
    file.write_text(json.dumps(bundle))
    return str(file)


def run(file: str, url: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["receipt", "rerun", file, "--backend", url, *arguments])


def test_the_same_answers(router: Router, session: str, model: FakeModel, tmp_path: Path) -> None:
    verdicts(model, "VALID", "VALID", "INVALID")
    data = router.post("validate", validate(session)).json()
    file = kept(router, session, tmp_path, data)
    before = [dict(each) for each in model.requests]
    result = run(file, model.url)
    assert result.exit_code == 0, result.output
    assert result.output.count("byte for byte") == 3
    assert "3 of 3 re-run answers agree" in result.output
    again = model.requests[len(before) :]
    for first, second in zip(
        sorted(before, key=lambda each: each["model"]),
        sorted(again, key=lambda each: each["model"]),
        strict=True,
    ):
        for name in ("messages", "model", "seed", "temperature", "max_tokens", "response_format"):
            assert first.get(name) == second.get(name), name


def test_verdicts_and_answers_that_changed(
    router: Router, session: str, model: FakeModel, tmp_path: Path
) -> None:
    verdicts(model, "VALID", "VALID", "INVALID")
    data = router.post("validate", validate(session)).json()
    file = kept(router, session, tmp_path, data)
    model.scripts["201"] = Script("VALID")
    model.scripts["202"] = Script(json.dumps({"verdict": "INVALID"}))
    model.scripts["203"] = Script(status=500)
    found = json.loads(run(file, model.url, "--json").output)
    assert [each["result"] for each in found] == ["agrees", "differs", "failed"]
    assert run(file, model.url).exit_code == 1
    assert run(file, model.url, "--replica", "0").exit_code == 0
    assert run(file, model.url, "--replica", "2").exit_code == 4
    assert run(file, model.url, "--replica", "7").exit_code == 2
    assert run(file, "http://127.0.0.1:1").exit_code == 4


def test_a_delegation_agrees_as_its_consensus_has_it(
    router: Router, session: str, model: FakeModel, tmp_path: Path
) -> None:
    data = router.post("delegate", delegate(session)).json()
    file = kept(router, session, tmp_path, data)
    for text, result in (("AN  answer", "agrees"), ("no answer", "differs")):
        model.scripts[data["consensus"]["replica_results"][0]["session_id"]] = Script(text)
        [found] = json.loads(run(file, model.url, "--json").output)
        assert (found["result"], found["output"]) == (result, text)


def test_what_may_not_be_run_again(
    router: Router, session: str, model: FakeModel, tmp_path: Path
) -> None:
    asked = delegate(session, tool_trace=[{"tool": "search"}])
    data = router.post("delegate", asked).json()
    result = run(kept(router, session, tmp_path, data), model.url)
    assert (result.exit_code, "tools did part of the work" in result.output) == (3, True)
    asked = delegate(session, sampling={"temperature_bps": 5_000})
    data = router.post("delegate", asked).json()
    file = kept(router, session, tmp_path, data)
    seed = json.loads(Path(file).read_text())["receipt"]["replicas"][0]["seed"]
    assert run(file, model.url).exit_code == (3 if seed is None else 0)
    hidden = kept(router, session, tmp_path, data, request=None)
    result = run(hidden, model.url)
    assert (result.exit_code, "is not shown" in result.output) == (2, True)
    broken = kept(router, session, tmp_path, data, receipt_id="0x" + "1" * 64)
    assert run(broken, model.url).exit_code == 1
