# SPDX-License-Identifier: Apache-2.0
"""Less of a bundle still verifies, and says what it leaves out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cortensor.cli import main
from cortensor.errors import InvalidInput
from cortensor.receipts import Bundle, attach, detach, disclose, verify
from tests.conformance.case import chain_facts
from tests.conformance.chain_facts import ChainFacts
from tests.conformance.samples import CHAIN, good_bundles

VALIDATED = good_bundles()["validate-majority"]
GOOD = Bundle.from_json(VALIDATED)


def facts() -> ChainFacts:
    data = chain_facts()
    data["sessions"][VALIDATED["receipt"]["session_id"]]["volume_tier"] = 1
    return ChainFacts(data)


@pytest.mark.parametrize(
    ("show", "hide", "withheld"),
    [
        ([], [], ()),
        (["replica:1"], [], ("request", "replica:0", "replica:2")),
        (["replica:1"], ["request"], ("request", "replica:0", "replica:2")),
        (["request"], [], ("replica:0", "replica:1", "replica:2")),
        ([], ["request"], ("request",)),
        ([], ["request", "replica:0"], ("request", "replica:0")),
    ],
)
def test_what_is_left_verifies(show: list[str], hide: list[str], withheld: tuple[str, ...]) -> None:
    left = disclose(GOOD, show=show, hide=hide)
    found = verify(left, facts(), session_payment=CHAIN.session_payment)
    assert (found.verdict, found.withheld) == ("verified", withheld)
    text = json.dumps(left.to_json())
    shown = {item.replica.index for item in left.evidence}
    for item in GOOD.evidence:
        assert (item.salt in text) == (item.replica.index in shown)
    assert ("What validate-majority is about." in text) == ("request" not in withheld)


def test_what_is_not_there_cannot_be_shown() -> None:
    hidden = disclose(GOOD, hide=["replica:0"])
    for bundle, part in ((GOOD, "replica:3"), (GOOD, "verdict"), (hidden, "replica:0")):
        for given in ({"show": [part]}, {"hide": [part]}):
            with pytest.raises(InvalidInput) as caught:
                disclose(bundle, **given)
            assert part in caught.value.reason


def test_texts_beside_a_bundle() -> None:
    small, texts = detach(GOOD, 5)
    assert small.format == "cortensor-bundle/2"
    assert small.detached() == tuple(texts)
    assert set(texts.values()) == {GOOD.request.canonical, "yes, that is right"}  # type: ignore[union-attr]
    found = verify(small)
    assert found.withheld == ("request.canonical", "replica:0.output")
    assert {found.status_of(name) for name in ("evidence", "request")} == {"not_checked"}
    whole = verify(small, texts=texts)
    assert (whole.withheld, whole.verdict) == ((), "consistent")
    assert {whole.status_of(name) for name in ("evidence", "request")} == {"proven"}
    assert attach(small, texts).evidence == GOOD.evidence
    assert detach(GOOD, 10**6) == (GOOD, {})
    with pytest.raises(InvalidInput):
        attach(small, dict.fromkeys(texts, "another text"))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["receipt", *arguments], env={"COLUMNS": "160"})


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "good.json"
    path.write_text(json.dumps(VALIDATED))
    return str(path)


def test_redact_writes_what_verifies(file: str, tmp_path: Path) -> None:
    out = str(tmp_path / "one.json")
    done = run("redact", file, "--show", "replica:1", "--hide", "request", "--out", out)
    assert done.exit_code == 0, done.output
    assert "withheld: request, replica:0, replica:2" in done.output
    result = run("verify", out)
    assert result.exit_code == 3, result.output
    assert "request, replica:0, replica:2" in result.output
    assert json.loads(run("redact", file, "--hide", "request").output)["request"] is None
    assert run("redact", file, "--hide", "prompt").exit_code == 2


def test_redact_puts_large_texts_beside_the_file(file: str, tmp_path: Path) -> None:
    out = tmp_path / "small.json"
    assert run("redact", file, "--detach", "5").exit_code == 2
    assert run("redact", file, "--detach", "5", "--out", str(out)).exit_code == 0
    [entry] = json.loads(run("verify", str(out), "--json").output)
    assert (entry["verdict"], entry["withheld"]) == ("consistent", [])
    bodies = sorted((tmp_path / "small.json.bodies").iterdir())
    assert len(bodies) == 2
    bodies[0].unlink()
    [entry] = json.loads(run("verify", str(out), "--json").output)
    assert len(entry["withheld"]) == 1
    bodies[1].write_text("another text")
    assert run("verify", str(out)).exit_code == 2
