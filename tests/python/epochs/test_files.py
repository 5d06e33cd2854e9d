# SPDX-License-Identifier: Apache-2.0
"""An epoch's folder: the same bytes everywhere, and nothing in it can be changed unseen."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec import structs

from cortensor.epochs import files
from cortensor.epochs.tree_file import decode_leaves, seal_of
from cortensor.errors import VerificationFailed
from cortensor.rewards.epoch import compute_epoch, why_nobody
from cortensor.rewards.roster import Roster
from tests.python.epochs.samples import SOURCES, inputs


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files.write_epoch(tmp_path / "3", inputs(), SOURCES)
    return tmp_path / "3"


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_what_is_written_is_read_back_and_gives_the_same_files(folder: Path) -> None:
    found = files.read_files(folder)
    again = files.read_inputs(found)
    result = compute_epoch(again)
    derived = files.derived_files(again, SOURCES, result)
    made = {name: b"".join(data) for name, data in (*files.input_files(again, SOURCES), *derived)}
    assert made == dict(found)
    assert files.digests_of((name, [data]) for name, data in made.items()) == found.digests
    said = files.announced(folder)
    assert (said.root, said.sums, said.count) == (result.tree.root, result.tree.sums, 9)
    assert said.inputs_hash == compute_epoch(inputs()).inputs_hash
    assert decode_leaves(found["tree.bin"]) == result.leaves
    manifest = json.loads((folder / "manifest.json").read_bytes())
    assert manifest["seal"] == "0x" + seal_of(said.root, said.sums, said.count).hex()


def test_another_process_with_another_hash_seed_writes_the_same_bytes(
    folder: Path, tmp_path: Path
) -> None:
    script = (
        "import sys, msgspec; from pathlib import Path; from cortensor.epochs import files;"
        "from cortensor.epochs.sources import Sources;"
        "found = files.read_files(Path(sys.argv[1]));"
        "sources = msgspec.json.decode(found[files.SOURCES], type=Sources);"
        "files.write_epoch(Path(sys.argv[2]), files.read_inputs(found), sources)"
    )
    target = tmp_path / "other" / "3"
    target.parent.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder), str(target)],
        env={**os.environ, "PYTHONHASHSEED": "77", "TZ": "Asia/Tokyo"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert contents(target) == contents(folder)


def test_a_changed_missing_or_added_file_is_named(folder: Path) -> None:
    (folder / "metrics.csv").write_bytes(b"")
    with pytest.raises(VerificationFailed, match=r"metrics\.csv: is not what the manifest says"):
        files.read_files(folder)
    (folder / "metrics.csv").unlink()
    with pytest.raises(VerificationFailed, match=r"metrics\.csv: is missing"):
        files.read_files(folder)
    (folder / "extra").touch()
    with pytest.raises(VerificationFailed, match="extra: is not in the manifest"):
        files.read_files(folder)


def test_a_file_that_changes_while_it_is_used_is_named(folder: Path) -> None:
    found = files.read_files(folder)
    (folder / "inputs" / "records.bin").write_bytes(b"")
    with pytest.raises(VerificationFailed, match=r"records\.bin: is not what the manifest says"):
        files.read_inputs(found)


def test_a_folder_that_is_taken_away_while_it_is_used_is_none(folder: Path) -> None:
    found = files.read_files(folder)
    folder.rename(folder.with_name("gone"))
    with pytest.raises(VerificationFailed, match="cannot be read: No such file") as caught:
        files.read_inputs(found)
    assert caught.value.field == files.NUMBERS
    with pytest.raises(VerificationFailed, match="cannot be read"):
        found.check()


def test_a_manifest_that_says_nothing_of_a_file_is_refused(folder: Path) -> None:
    said = json.loads((folder / "manifest.json").read_bytes())
    said["files"]["tree.bin"] = {"bytes": 1}
    (folder / "manifest.json").write_text(json.dumps(said))
    with pytest.raises(VerificationFailed, match=r"manifest\.json: cannot be read"):
        files.read_files(folder)


def test_what_later_epochs_need_is_read_from_a_folder(folder: Path) -> None:
    seal = bytes.fromhex(files.read_manifest(folder)["seal"].removeprefix("0x"))
    assert files.load_earlier(folder.with_name("none"), seal) is None
    assert files.load_earlier(folder, bytes(32)) is None
    kept, given = files.load_earlier(folder, seal), inputs()
    assert kept is not None
    assert kept.records.equals(given.records)
    assert (kept.roster.nodes, kept.models) == (given.roster.nodes, given.models)
    assert kept.sources == SOURCES


def test_levels_before_are_of_an_operators_nodes(folder: Path) -> None:
    (node, *_) = inputs().roster.nodes
    said = json.loads((folder / files.PRIOR).read_bytes())
    assert said == {f"0x{node.operator:040x}": {f"0x{node.node:040x}": [2, 5, 9_000]}}
    assert files.read_inputs(files.read_files(folder)).prior == inputs().prior


def test_a_folder_of_the_old_format_is_refused_and_for_later_epochs_as_none(folder: Path) -> None:
    seal = bytes.fromhex(files.read_manifest(folder)["seal"].removeprefix("0x"))
    manifest = folder / files.MANIFEST
    manifest.write_text(manifest.read_text().replace("cortensor-epoch/2", "cortensor-epoch/1"))
    assert files.load_earlier(folder, seal) is None
    for read in (files.read_files, files.announced):
        with pytest.raises(VerificationFailed, match="is not of the format cortensor-epoch/2"):
            read(folder)


def test_what_is_no_epoch_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VerificationFailed, match="is no epoch's folder"):
        files.read_files(tmp_path)
    (tmp_path / "manifest.json").write_text('{"format": "other", "files": {}}')
    with pytest.raises(VerificationFailed, match="is not of the format"):
        files.read_files(tmp_path)


def test_a_folder_is_replaced_whole(folder: Path) -> None:
    (folder / "left.over").touch()
    files.write_epoch(folder, inputs(budget=5), SOURCES)
    assert "left.over" not in contents(folder)
    assert files.read_inputs(files.read_files(folder)).budget == 5


def test_inputs_that_are_none_name_their_file(folder: Path) -> None:
    found = files.read_files(folder)
    for name in ("inputs/card.json", "inputs/roster.bin", "inputs/records.bin"):
        with pytest.raises(VerificationFailed, match=name.replace(".", r"\.")):
            files.read_inputs({**found, name: b"{"})


def test_the_page_says_what_the_tree_says(folder: Path) -> None:
    page = (folder / "report.html").read_text("utf-8")
    assert "0x" + files.announced(folder).root.hex() in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert page.count("<tr>") == 1 + 9  # a head, and a line a node


def test_the_page_of_an_unfunded_epoch_says_so(tmp_path: Path) -> None:
    files.write_epoch(tmp_path / "3", inputs(budget=0), SOURCES)
    assert "This epoch is unfunded" in (tmp_path / "3" / "report.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"roster": Roster([]), "prior": {}, "records": inputs().records.clear(), "history": []},
            "no node was registered all through it",
        ),
        ({"records": inputs().records.clear()}, "no node passes the card"),
        ({"budget": 0}, "it is unfunded"),
        ({"budget": 1}, "every amount rounds down to nothing"),
    ],
)
def test_an_epoch_that_pays_nobody_is_whole_and_says_why(
    tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    given = inputs(**changes)
    result = files.write_epoch(tmp_path / "3", given, SOURCES)
    assert result.sums.amount == 0
    assert why_nobody(given, result).startswith(said)
    found = files.read_files(tmp_path / "3")
    again = files.digests_of(files.derived_files(files.read_inputs(found), SOURCES, result))
    assert again == {
        name: said for name, said in found.digests.items() if not name.startswith("inputs/")
    }
    page = found[files.PAGE].decode()
    assert f"This epoch pays nobody: {said}" in page.replace("&#39;", "'")
    assert found[files.METRICS].decode().startswith("operator,node,tasks,asked,")


def test_the_page_names_what_was_left_out(folder: Path, tmp_path: Path) -> None:
    assert "do not count" not in (folder / "report.html").read_text("utf-8")
    (batch,) = SOURCES.batches
    gone = structs.replace(batch, left_out=True)
    before = structs.replace(batch, root="0x" + "55" * 32, count=7, left_out=True)
    sources = structs.replace(SOURCES, batches=[gone], left_out_before=[before])
    files.write_epoch(tmp_path / "other", inputs(), sources)
    page = (tmp_path / "other" / "report.html").read_text("utf-8")
    told = page.partition("Receipts that do not count")[2].partition("How it is spread")[0]
    cells = re.findall("<td[^>]*>(?:<code>)?([^<]*)", told)
    assert cells == [
        gone.root,
        "4",
        "1",
        "12",
        "this one",
        before.root,
        "7",
        "1",
        "12",
        "an earlier one",
    ]
    assert files.read_sources(files.read_files(tmp_path / "other")) == sources
