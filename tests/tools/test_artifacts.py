# SPDX-License-Identifier: Apache-2.0
"""Artefacts are complete, and any drift from them is found."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts._deploy import compiler
from tools import artifacts
from tools.findings import ROOT

Spoil = Callable[[str, str, str], Path]
JAR = "contracts/Jar.vy"
ABI = "src/cortensor/chain/abi/Jar.json"
LAYOUT = "layouts/Jar.json"
ERRORS = "src/cortensor/chain/abi/errors.json"


def written(root: Path) -> dict[str, str]:
    """Builds and writes the artefacts of a repository without errors."""
    files, broken = artifacts.build(root)
    assert broken == []
    artifacts.write(root, files)
    return files


def test_written_artefacts_have_no_difference(repository: Path) -> None:
    files = written(repository)
    assert set(files) == {ABI, LAYOUT, ERRORS}
    assert list(artifacts.differences(repository, artifacts.build(repository)[0])) == []


def test_abi_is_the_plain_list_with_one_entry_a_line(repository: Path) -> None:
    text = written(repository)[ABI]
    assert {entry.get("name", "constructor") for entry in json.loads(text)} >= {"tip", "owner"}
    assert len(text.splitlines()) == len(json.loads(text)) + 2


def test_layout_names_every_slot(repository: Path) -> None:
    layout = json.loads(written(repository)[LAYOUT])["storage_layout"]
    assert layout["_tips"]["slot"] == 1
    assert layout["ownable"]["owner"]["slot"] == 0


def test_error_table_names_own_and_imported_reasons_that_can_be_reached(repository: Path) -> None:
    assert json.loads(written(repository)[ERRORS]) == {
        "Jar": {
            "jar: too little": "contracts/Jar.vy",
            "jar_rules: empty tip": "contracts/lib/jar_rules.vy",
        }
    }


def test_changed_contract_is_a_difference(repository: Path, spoil: Spoil) -> None:
    written(repository)
    files, _ = artifacts.build(spoil(JAR, "_tips: uint256", "_spare: uint256\n_tips: uint256"))
    paths = [finding.path for finding in artifacts.differences(repository, files)]
    assert paths == [LAYOUT]


def test_artefact_of_a_contract_that_is_gone_is_a_difference_and_removed(repository: Path) -> None:
    files = written(repository)
    stale = repository / "layouts/Gone.json"
    stale.write_text("{}\n")
    assert [f.path for f in artifacts.differences(repository, files)] == ["layouts/Gone.json"]
    artifacts.write(repository, files)
    assert not stale.exists()


def test_contract_that_does_not_compile_fails(spoil: Spoil) -> None:
    _, broken = artifacts.build(spoil(JAR, "self._tips += amount", "self._tops += amount"))
    assert [finding.rule for finding in broken] == ["compile"]


def test_code_over_the_limit_fails(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifacts, "MAX_RUNTIME_BYTES", 100)
    assert [finding.rule for finding in artifacts.build(repository)[1]] == ["size"]


def test_what_is_compiled_is_kept_as_deployments_would_have_compiled_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiler, "CACHE", tmp_path)
    built = artifacts.compiled(ROOT, ROOT / "contracts" / "RewardFund.vy")
    assert isinstance(built, artifacts.Built)
    [kept] = tmp_path.glob("*")
    assert compiler._read(kept) == compiler.compile_contract("RewardFund", fresh=True)
