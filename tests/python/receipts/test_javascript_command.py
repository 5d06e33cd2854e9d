# SPDX-License-Identifier: Apache-2.0
"""The JavaScript verifier as people start it: from a shell, and as its documentation shows."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cortensor.receipts import Bundle, detach
from tests.conformance.generate import VECTORS
from tests.python.receipts.node import ROOT, node

JS = ROOT / "src/cortensor/receipts/js"
PAGE = ROOT / "docs/spec/receipts.md"


def vector(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))
    return data


def start(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [node(), *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


def verify(folder: Path, bundle: Any, *more: str) -> subprocess.CompletedProcess[str]:
    text = bundle if isinstance(bundle, str) else json.dumps(bundle)
    (folder / "receipt.json").write_text(text, encoding="utf-8")
    return start(str(JS / "verify_receipt.mjs"), "receipt.json", *more, folder=folder)


def test_exit_codes_are_those_of_the_python_command(tmp_path: Path) -> None:
    good = vector("good-validate-majority")
    bundle = good["bundle"]
    (tmp_path / "card.json").write_text(json.dumps(bundle["card"]), encoding="utf-8")
    pinned = ("--session-payment", good["session_payment"])
    trusted = (
        *pinned,
        *("--signer", bundle["receipt"]["router"]["signer"]),
        *("--root", bundle["anchor"]["root"]),
        *("--card", "card.json"),
    )
    verified = verify(tmp_path, bundle, *trusted)
    assert verified.returncode == 0, verified.stderr
    assert verified.stdout.startswith(f"VERIFIED {bundle['receipt_id']}\n")
    consistent = verify(tmp_path, bundle, *pinned)
    assert consistent.returncode == 3
    assert consistent.stdout.startswith("CONSISTENT, trust open: signer, card, anchored")
    assert "not checked  settled     no chain was asked" in consistent.stdout
    failed = verify(tmp_path, vector("bad-over-charged")["bundle"])
    assert failed.returncode == 1
    assert "failed       bill" in failed.stdout
    no_bundle = verify(tmp_path, "[]", "--json")
    assert no_bundle.returncode == 1
    assert (
        json.loads(no_bundle.stdout)["checks"][0]["detail"] == "$: Expected `object`, got `array`"
    )


def test_texts_beside_the_file_are_read(tmp_path: Path) -> None:
    small, texts = detach(Bundle.from_json(vector("good-validate-majority")["bundle"]), 5)
    folder = tmp_path / "receipt.json.bodies"
    folder.mkdir()
    for name, text in texts.items():
        (folder / f"{name}.txt").write_bytes(text.encode())

    def found() -> dict[str, Any]:
        data: dict[str, Any] = json.loads(verify(tmp_path, small.to_json(), "--json").stdout)
        return data

    assert (found()["verdict"], found()["withheld"]) == ("consistent", [])
    first, *_ = folder.iterdir()
    first.unlink()
    assert len(found()["withheld"]) == 1
    first.write_text("another text")
    assert (found()["verdict"], found()["checks"][0]["detail"]) == (
        "failed",
        f"{first.stem}: has another hash than its name",
    )
    # What is no reference of format 2 is refused, and no text mends it.
    first.write_bytes(texts[first.stem].encode())
    old = {**small.to_json(), "format": "cortensor-bundle/1"}
    del old["revocation"], old["signed_by"]
    assert verify(tmp_path, old, "--json").returncode == 1


@pytest.mark.parametrize("arguments", [[], ["gone.json"], ["a", "b"], ["--rpc", "x"]])
def test_bad_input_is_said_without_a_trace(arguments: list[str], tmp_path: Path) -> None:
    done = start(str(JS / "verify_receipt.mjs"), *arguments, folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("unreadable: ")
    assert done.stderr.count("\n") == 1


def test_what_steers_a_terminal_is_spelt_out(tmp_path: Path) -> None:
    bundle = vector("good-validate-majority")["bundle"]
    bundle["receipt"]["result"]["outcome"] = "\x1b[2J\u202eVALID"
    shown = verify(tmp_path, bundle).stdout
    assert "\x1b" not in shown
    assert "\\u001b[2J\\u202eVALID" in shown


def test_the_example_of_the_page_runs(tmp_path: Path) -> None:
    good = vector("good-validate-majority")["bundle"]
    (example,) = re.findall(r"```js\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert "./src/cortensor/receipts/js/verify.js" in example
    assert "0x…" in example
    program = example.replace("./src/cortensor/receipts/js", JS.as_uri())
    signer = good["receipt"]["router"]["signer"]
    (tmp_path / "example.mjs").write_text(program.replace("0x…", signer), encoding="utf-8")
    (tmp_path / "receipt.json").write_text(json.dumps(good), encoding="utf-8")
    done = start("example.mjs", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("consistent [ 'contract', 'card', 'anchored' ] []\n")
    assert "proven signer is the signer you trust" in done.stdout
