# SPDX-License-Identifier: Apache-2.0
"""Trees, tiles, notes and entries of transparency logs, and what an auditor refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cortensor.errors import Error, InvalidInput
from cortensor.receipts.sign import address_of, sign
from cortensor.tlog.entry import Entry, LogName, next_head
from cortensor.tlog.grant import grant_digest, read_grant
from cortensor.tlog.note import Checkpoint, NoteKey, open_note, read_checkpoint
from cortensor.tlog.tree import (
    bundle,
    leaf_hash,
    read_bundle,
    read_tile_path,
    tile,
    tile_path,
    tiles_of,
    tree_hash,
)
from cortensor.watch.log_audit import Mirror, audit

KEY, OTHER_KEY = "0x" + "a1" * 32, "0x" + "b2" * 32
NAME = LogName(31337, "0x" + "33" * 20, address_of(KEY))
ORIGIN = "router.example/tlog"


def test_the_tree_is_that_of_certificate_transparency() -> None:
    # The eight leaves and the root that implementations of RFC 6962 are tried with.
    texts = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")
    leaves = [
        leaf_hash(bytes.fromhex(text)) for text in (*texts, "606162636465666768696a6b6c6d6e6f")
    ]
    assert tree_hash(leaves).hex() == (
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
    )


def test_tiles_hold_the_tree() -> None:
    leaves = [leaf_hash(number.to_bytes(2, "big")) for number in range(700)]
    assert list(tiles_of(700)) == [(0, 0, 256), (0, 1, 256), (0, 2, 188), (1, 0, 2)]
    assert tile(leaves, 1, 0, 2) == tree_hash(leaves[:256]) + tree_hash(leaves[256:512])
    assert tile(leaves, 0, 2, 188) == b"".join(leaves[512:])
    assert tile(leaves, 0, 2, 189) is None
    assert tile(leaves, 1, 0, 3) is None


@pytest.mark.parametrize(
    ("place", "path"),
    [
        ((0, 0, 256), "tile/0/000"),
        ((0, 1_234_067, 256), "tile/0/x001/x234/067"),
        ((1, 0, 2), "tile/1/000.p/2"),
        (("entries", 273, 5), "tile/entries/273.p/5"),
    ],
)
def test_paths(place: tuple[Any, int, int], path: str) -> None:
    assert (tile_path(*place), read_tile_path(path)) == (path, place)


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/0",
        "tile/00/000",
        "tile/0/000.p/256",
        "tile/0/000.p/0",
        "tile/0/x000/001",
        "tile/-1/000",
        "tile/0/000.p/",
        "tile/64/000",
        "tile/0/000.p/05",
        "entries/000",
        "tile/0/../000",
        "tile/\u0661/000",
    ],
)
def test_other_paths_are_none(path: str) -> None:
    assert read_tile_path(path) is None


def test_a_note_of_another_implementation_is_verified() -> None:
    # The example of Go's package golang.org/x/mod/sumdb/note.
    text = (
        "If you think cryptography is the answer to your problem,\n"
        "then you don't know what your problem is.\n"
    )
    blob = (
        "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6Ry"
        "yBwJnAM="
    )
    verifier = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    note = f"{text}\n\u2014 PeterNeumann {blob}\n"
    assert open_note(note, verifier) == text
    with pytest.raises(InvalidInput, match="not signed"):
        open_note(note.replace("answer", "question"), verifier)


def test_the_key_is_the_anchorers() -> None:
    verifier = NoteKey(b"1" * 32, ORIGIN).verifier
    good = f"{verifier}\n{NAME.line}\n0x{sign(KEY, grant_digest(verifier, NAME)).hex()}\n"
    assert read_grant(good, NAME) == verifier
    forged = f"{verifier}\n{NAME.line}\n0x{sign(OTHER_KEY, grant_digest(verifier, NAME)).hex()}\n"
    with pytest.raises(InvalidInput, match="not granted"):
        read_grant(forged, NAME)
    with pytest.raises(InvalidInput, match="not for this chain"):
        read_grant(good, LogName(1, NAME.contract, NAME.anchorer))


class Served(Mirror):
    """A log that says what a test lets it say, and is anchored as it says."""

    def __init__(self, folder: Path, texts: list[str]) -> None:
        super().__init__("http://127.0.0.1:9", folder)
        key = NoteKey(b"1" * 32, ORIGIN)
        self.entries, head = [], NAME.genesis()
        for number, text in enumerate(texts, 1):
            root = "0x" + text.encode().hex().rjust(64, "0")
            head = next_head(head, root, 1, 9, "")
            self.entries.append(Entry(1, f"0x{head:064x}", number, root, 9, ""))
        self.on_chain = head
        raw = [entry.encode() for entry in self.entries]
        leaves = [leaf_hash(data) for data in raw]
        lines = [NAME.line, f"head 0x{head:064x}"]
        granted = sign(KEY, grant_digest(key.verifier, NAME))
        self.files = {
            "key": f"{key.verifier}\n{NAME.line}\n0x{granted.hex()}\n".encode(),
            "checkpoint": key.sign(
                Checkpoint(ORIGIN, len(raw), tree_hash(leaves), lines).text()
            ).encode(),
            tile_path("entries", 0, len(raw)): bundle(raw),
            tile_path(0, 0, len(raw)): b"".join(leaves),
        }

    def fetch(self, path: str) -> bytes:
        return self.files[path]

    def place(self, _anchorer: str, root: str) -> tuple[int, int, int]:
        (number,) = [each.number for each in self.entries if each.root == root]
        return 9, 1, number

    def head(self, _anchorer: str) -> bytes:
        return self.on_chain.to_bytes(32, "big")


def check(served: Served) -> int:
    return audit(served, NAME, served).entries  # type: ignore[arg-type]  # it plays both


def test_an_auditor_takes_growth_and_nothing_else(tmp_path: Path) -> None:
    assert check(Served(tmp_path, ["a", "b"])) == 2
    assert check(Served(tmp_path, ["a", "b", "c"])) == 3
    for texts in (["a", "b"], ["a", "x", "c", "d"]):  # shorter; another past
        with pytest.raises(InvalidInput, match="does not go on"):
            check(Served(tmp_path, texts))
    assert check(Served(tmp_path, ["a", "b", "c", "d"])) == 4


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("checkpoint", "signed"),
        ("tile/entries/000.p/2", "entries"),
        ("tile/0/000.p/2", "not of the entries"),
    ],
)
def test_a_changed_file_is_refused(tmp_path: Path, path: str, reason: str) -> None:
    served = Served(tmp_path, ["a", "b"])
    data = bytearray(served.files[path])
    data[-10] ^= 1
    served.files[path] = bytes(data)
    with pytest.raises(InvalidInput, match=reason):
        check(served)
    assert served.kept("checkpoint") is None


def test_what_the_chain_does_not_have_is_refused(tmp_path: Path) -> None:
    served = Served(tmp_path, ["a", "b"])
    served.on_chain += 1
    with pytest.raises(InvalidInput, match="not the chain's"):
        check(served)
    served.entries[1] = Entry(1, "0x0", 1, served.entries[1].root, 9, "")
    with pytest.raises(InvalidInput, match="the chain has batch 1"):
        check(served)


@pytest.mark.parametrize("data", [b"\x00", b"\x00\x05ab"])
def test_bundles_that_are_cut_off(data: bytes) -> None:
    with pytest.raises(ValueError, match="cut off"):
        read_bundle(data)


@pytest.mark.parametrize(
    "text", ["", "a\n1\n", "a\n01\n" + "A" * 43 + "=\n", "a\n-1\n" + "A" * 43 + "=\n"]
)
def test_texts_that_are_no_checkpoint(text: str) -> None:
    with pytest.raises(Error, match="no checkpoint"):
        read_checkpoint(text)
