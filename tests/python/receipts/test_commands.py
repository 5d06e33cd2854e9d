# SPDX-License-Identifier: Apache-2.0
"""`cortensor receipt` as a verifier types it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cortensor.cli import main
from tests.conformance.case import chain_facts, forged_facts
from tests.conformance.chain_facts import ChainFacts
from tests.conformance.edits import forged
from tests.conformance.samples import CARD, CHAIN, SIGNER, good_bundles
from tests.python.pricing.test_card import _toml

GOOD = good_bundles()


@pytest.fixture
def good(tmp_path: Path) -> str:
    path = tmp_path / "good.json"
    path.write_text(json.dumps(GOOD["delegate-agreed"]))
    return str(path)


@pytest.fixture
def bad(tmp_path: Path) -> str:
    path = tmp_path / "bad.json"
    path.write_text(json.dumps({**GOOD["delegate-agreed"], "receipt_id": "0x" + "1" * 64}))
    return str(path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["receipt", *arguments], env={"COLUMNS": "160"})


def trusted_values(folder: Path) -> list[str]:
    card = folder / "card.toml"
    card.write_text(_toml(CARD.to_json()))
    root = GOOD["delegate-agreed"]["anchor"]["root"]
    known = ["--card", str(card), "--signer", SIGNER, "--root", root]
    return [*known, "--session-payment", CHAIN.session_payment]


def test_a_verified_receipt_exits_0(good: str, tmp_path: Path) -> None:
    result = run("verify", good, *trusted_values(tmp_path))
    assert result.exit_code == 0, result.output
    assert "VERIFIED" in result.output


def test_a_receipt_with_trust_open_exits_3(good: str, tmp_path: Path) -> None:
    result = run("verify", good)
    assert result.exit_code == 3, result.output
    assert "VERIFIED" not in result.output
    headline = "CONSISTENT, trust open: contract, signer, card, anchored not checked"
    assert headline in " ".join(result.output.split())
    missing = str(tmp_path / "none.json")
    assert run("verify", good, missing).exit_code == 2
    assert run("verify", missing, good).exit_code == 2


def test_what_a_stranger_made_alone_is_not_verified(
    good: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "forged.json"
    path.write_text(json.dumps(forged()))
    assert run("verify", str(path)).exit_code == 3
    use_chain(monkeypatch, forged_facts())
    rpc = ["--rpc", "http://127.0.0.1:1"]
    result = run("verify", str(path), *rpc)
    assert (result.exit_code, "trust open: contract not checked" in result.output) == (3, True)
    pinned = ["--session-payment", CHAIN.session_payment]
    assert run("verify", str(path), *rpc, *pinned).exit_code == 1
    use_chain(monkeypatch, chain_facts())
    assert run("verify", good, *rpc, *pinned).exit_code == 0
    assert run("verify", good, str(path), *rpc, *pinned).exit_code == 1


def test_help_says_what_the_verdicts_mean() -> None:
    text = " ".join(run("verify", "--help").output.split())
    for part in (
        "0 all verified",
        "1 a receipt failed",
        "2 a source",
        "3 nothing failed",
        "4 a node",
        "5 a policy",
    ):
        assert part in text


def test_an_open_receipt_says_what_it_left_out(good: str) -> None:
    result = run("verify", good)
    assert "not checked" in result.output
    assert "Not proven by any receipt" in result.output


def test_a_refused_receipt_exits_1_whatever_else_is_given(
    good: str, bad: str, tmp_path: Path
) -> None:
    result = run("verify", good, bad, str(tmp_path / "none.json"))
    assert result.exit_code == 1
    assert "FAILED" in result.output
    assert "the body hashes to" in result.output
    assert "none.json" in result.output


@pytest.mark.parametrize("content", ["", "{", "{} {}", "1.5", "[" * 100_000, "\x00"])
def test_an_unreadable_file_exits_2(tmp_path: Path, content: str) -> None:
    path = tmp_path / "broken.json"
    path.write_text(content)
    result = run("verify", str(path))
    assert result.exit_code == 2
    assert "unreadable" in result.output
    assert run("show", str(path)).exit_code == 2


def test_missing_files_and_folders_exit_2(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        result = run("verify", str(path))
        assert (result.exit_code, "cannot read" in result.output) == (2, True)


def test_a_malformed_bundle_is_refused_with_its_field(tmp_path: Path) -> None:
    path = tmp_path / "bundle.json"
    data = {key: value for key, value in GOOD["delegate-agreed"].items() if key != "signature"}
    path.write_text(json.dumps(data))
    result = run("verify", str(path), "--json")
    assert result.exit_code == 1
    [entry] = json.loads(result.output)
    assert entry["ok"] is False
    assert entry["checks"][0]["name"] == "format"
    assert "signature" in entry["checks"][0]["detail"]


def test_json_lists_files_checks_and_errors(good: str, bad: str, tmp_path: Path) -> None:
    result = run("verify", good, bad, str(tmp_path / "none.json"), "--json")
    first, second, third = json.loads(result.output)
    assert (first["ok"], second["ok"], third["ok"]) == (False, False, False)
    assert (first["verdict"], second["verdict"]) == ("consistent", "failed")
    assert {check["status"] for check in first["checks"]} == {"proven", "not_checked"}
    assert third["error"]["code"] == "invalid_input"


def test_trusted_values(good: str, tmp_path: Path) -> None:
    result = run("verify", good, *trusted_values(tmp_path), "--json")
    [entry] = json.loads(result.output)
    assert (entry["verdict"], entry["ok"]) == ("verified", True)
    statuses = {c["name"]: c["status"] for c in entry["checks"]}
    assert [statuses[name] for name in ("card", "signer", "anchored")] == ["proven"] * 3
    assert run("verify", good, "--signer", "0x" + "1" * 40).exit_code == 1
    assert run("verify", good, "--card", str(tmp_path / "none.toml")).exit_code == 2


def use_chain(monkeypatch: pytest.MonkeyPatch, facts: dict[str, Any]) -> list[Any]:
    """Let --rpc reach a chain with these facts; returns what it is asked for."""
    asked: list[Any] = []

    class View(ChainFacts):
        def __init__(self, rpc_url: tuple[str, ...], chain: Any) -> None:
            asked.append((rpc_url, chain.chain_id))
            super().__init__(facts)

    module = ModuleType("cortensor.chain.verify")
    module.ChainView = View  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "cortensor.chain.verify", module)
    return asked


def test_rpc_asks_a_chain(good: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = use_chain(monkeypatch, chain_facts())
    trusted = ["--session-payment", CHAIN.session_payment]
    result = run("verify", good, "--rpc", "http://127.0.0.1:1", *trusted)
    assert result.exit_code == 0, result.output
    assert "not checked" not in result.output
    assert asked == [(("http://127.0.0.1:1",), 421_614)]


def test_show_prints_the_receipt(good: str) -> None:
    result = run("show", good)
    assert result.exit_code == 0
    for text in (
        "urn:cortensor:receipt:0x",
        "100.00% of 3 replicas",
        "80.00% (laplace)",
        "rebates",
    ):
        assert text in result.output
    body = json.loads(run("show", good, "--json").output)
    assert body == GOOD["delegate-agreed"]["receipt"]


def test_text_from_a_receipt_is_never_markup(tmp_path: Path) -> None:
    data = json.loads(json.dumps(GOOD["delegate-agreed"]))
    data["receipt"]["result"]["output_summary"] = "[bold]x[/] [/nonsense] [link=http://a]y[/link]"
    data["receipt"]["replicas"][0]["model"] = "[/oops]"
    path = tmp_path / "markup.json"
    path.write_text(json.dumps(data))
    shown = run("show", str(path))
    assert shown.exit_code == 0
    assert "[bold]x[/] [/nonsense]" in shown.output
    assert "[/oops]" in shown.output
    assert run("verify", str(path)).exit_code == 1


def test_text_from_a_receipt_cannot_steer_the_terminal(tmp_path: Path) -> None:
    data = json.loads(json.dumps(GOOD["delegate-agreed"]))
    hostile = "\x1b[2J\x1b[1;32mVERIFIED\x1b[0m \u202e\r"
    data["receipt"]["result"]["output_summary"] = hostile
    data["receipt"]["result"]["outcome"] = hostile
    data["receipt"]["replicas"][0]["model"] = hostile
    path = tmp_path / "hostile.json"
    path.write_text(json.dumps(data))
    for result in (run("show", str(path)), run("verify", str(path))):
        assert "\x1b[2J" not in result.output
        assert "\u202e" not in result.output
        assert "\\x1b" in result.output
    path.write_text('{"\x1b[2J": 1, "\x1b[2J": 2}')
    assert "\x1b" not in run("verify", str(path)).output
