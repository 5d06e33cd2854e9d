# SPDX-License-Identifier: Apache-2.0
"""`ape run lines`: every instruction of a contract, with the line that it comes from."""

from __future__ import annotations

import pytest

from cortensor.errors import VerificationFailed
from cortensor.gas.line_map import NOWHERE, load_line_map
from scripts._deploy.compiler import ROOT, compile_contract
from scripts._gas.line_maps import line_map_of
from tests.ape.running import ape_run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lines")
    done = ape_run("lines", "ReceiptAnchor", "--out", str(folder), timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ReceiptAnchor.json: " in done.stdout
    return folder


def test_it_is_of_the_code_that_is_deployed(folder):
    found = load_line_map(folder, "ReceiptAnchor")
    artifact = compile_contract("ReceiptAnchor")
    assert found.integrity == artifact.integrity
    assert found.runtime.is_of(artifact.runtime_code + bytes(artifact.immutable_bytes))
    assert not found.runtime.is_of(artifact.runtime_code[:-1])
    assert found.creation.is_of(artifact.creation_code)


def test_it_quotes_the_sources_as_they_are(folder):
    found = load_line_map(folder, "ReceiptAnchor")
    assert "contracts/ReceiptAnchor.vy" in found.files
    own = found.files.index("contracts/ReceiptAnchor.vy")
    text = (ROOT / "contracts" / "ReceiptAnchor.vy").read_text().splitlines()
    lines = [line for line in found.lines if line.file == own]
    assert len(lines) > 30
    assert all(line.text == text[line.number - 1].strip() for line in lines)
    for function in found.functions:
        if function.file == own and not function.name.isupper():
            assert function.name in text[function.line - 1]


def test_nearly_all_code_has_a_line(folder):
    runtime = load_line_map(folder, "ReceiptAnchor").runtime
    ends = [*(run.pc for run in runtime.runs[1:]), runtime.size]
    lost = sum(
        end - run.pc for run, end in zip(runtime.runs, ends, strict=True) if run.function == NOWHERE
    )
    # The rest is which function is called, and what was put in by the optimiser.
    assert lost * 4 < runtime.size
    assert all((run.function == NOWHERE) == (run.line == NOWHERE) for run in runtime.runs)


def test_a_map_of_other_sources_is_made_anew(folder, tmp_path):
    (tmp_path / "MockCOR.json").write_bytes((folder / "ReceiptAnchor.json").read_bytes())
    assert line_map_of("MockCOR", tmp_path).contract == "MockCOR"
    assert load_line_map(tmp_path, "MockCOR").contract == "MockCOR"


def test_code_that_is_not_the_compilers_is_refused(monkeypatch, tmp_path):
    other = compile_contract("MockAnchorReader")
    monkeypatch.setattr("scripts._gas.line_maps.compile_contract", lambda _: other)
    with pytest.raises(VerificationFailed, match="mapped code differs"):
        line_map_of("ReceiptAnchor", tmp_path)


def test_a_name_that_is_none():
    done = ape_run("lines", "Nobody", timeout=60)
    assert done.returncode == 1
    assert "no contract Nobody; there are MockCOR" in done.stdout + done.stderr
