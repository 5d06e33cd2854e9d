# SPDX-License-Identifier: Apache-2.0
"""Mirrors an anchorer's transparency log and checks it: against itself, the past, and the chain.

A mirror is a folder of the very files that the log serves. A file of whole tiles is fetched once;
what was seen before can so be compared with what is shown now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import requests
from msgspec import Struct

from cortensor.errors import InvalidInput, Unavailable
from cortensor.tlog.entry import HASH_BITS, check_entry, read_entry
from cortensor.tlog.grant import read_grant
from cortensor.tlog.note import open_note, read_checkpoint
from cortensor.tlog.tree import (
    WIDTH,
    leaf_hash,
    read_bundle,
    tile,
    tile_path,
    tiles_of,
    tree_hash,
)

if TYPE_CHECKING:
    from pathlib import Path

    from cortensor.chain.anchor import Anchor
    from cortensor.tlog.entry import Entry, LogName
    from cortensor.tlog.note import Checkpoint

TIMEOUT_S = 30
MOST_BYTES = WIDTH * (2 + 65_535)


class Audited(Struct, frozen=True):
    """What an audit saw: entries now and at the audit before, and the on-chain number and head.

    `unproven` entries are only told in events, of which the contract's head alone knows; that
    proves them when the log is not behind the chain.
    """

    origin: str
    entries: int
    before: int
    root: str
    head: str
    chain_number: int
    unproven: int


class Mirror:
    """A folder with what a log served.

    Args:
        url: the log's prefix, as `https://router.example/tlog`.
        folder: created if missing.
    """

    def __init__(self, url: str, folder: Path) -> None:
        self._url = url.rstrip("/")
        self._folder = folder

    def fetch(self, path: str) -> bytes:
        """Return a file of the log as it is served now. Raises Unavailable."""
        try:
            with requests.get(f"{self._url}/{path}", timeout=TIMEOUT_S, stream=True) as answer:
                answer.raise_for_status()
                data = answer.raw.read(MOST_BYTES + 1, decode_content=True)
        except (requests.RequestException, OSError) as error:
            raise Unavailable(f"{path}: {type(error).__name__}", code="log_unavailable") from error
        if len(data) > MOST_BYTES:
            raise InvalidInput("is too long", field=path)
        return bytes(data)

    def kept(self, path: str) -> bytes | None:
        """Return a file as it was kept; None for one that was not."""
        file = self._folder / path
        return file.read_bytes() if file.is_file() else None

    def keep(self, path: str, data: bytes) -> None:
        """Keep a file; a crash leaves the old one or the new one."""
        file = self._folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_name(file.name + ".new")
        fresh.write_bytes(data)
        fresh.replace(file)

    def get(self, path: str) -> bytes:
        """Return a file that never changes: as kept, else as served, which is not kept yet."""
        found = self.kept(path)
        return self.fetch(path) if found is None else found


def audit(mirror: Mirror, name: LogName, anchor: Anchor) -> Audited:
    """Bring a mirror up to date and check everything in it.

    Args:
        mirror: what was seen before, and where the log is served.
        name: whose log it must be.
        anchor: the contract on chain.

    Raises:
        InvalidInput: the log does not hold; the mirror stays as it was.
        Unavailable: the log or the node does not answer.
    """
    granted = mirror.fetch("key")
    known = mirror.kept("key")
    verifier = read_grant(_text(granted if known is None else known), name)
    note = mirror.fetch("checkpoint")
    now = _checkpoint(note, verifier, name)
    before = mirror.kept("checkpoint")
    seen = None if before is None else _checkpoint(before, verifier, name)
    files, entries = _entries(mirror, now.size)
    leaves = [leaf_hash(each) for each in entries]
    if tree_hash(leaves) != now.root:
        raise InvalidInput("is not over the entries", field="checkpoint")
    if seen is not None and (seen.size > now.size or tree_hash(leaves[: seen.size]) != seen.root):
        raise InvalidInput("does not go on from the one before", field="checkpoint")
    for level, index, width in tiles_of(now.size):
        path = tile_path(level, index, width)
        files[path] = mirror.get(path)
        if files[path] != tile(leaves, level, index, width):
            raise InvalidInput("is not of the entries", field=path)
    chain_number, unproven = _on_chain(entries, now, name, anchor)
    for path, data in {**files, "key": granted if known is None else known}.items():
        mirror.keep(path, data)
    mirror.keep("checkpoint", note)  # last: whatever it commits to is there
    return Audited(
        origin=now.origin,
        entries=now.size,
        before=0 if seen is None else seen.size,
        root="0x" + now.root.hex(),
        head=now.extension[1].removeprefix("head "),
        chain_number=chain_number,
        unproven=unproven,
    )


def _checkpoint(note: bytes, verifier: str, name: LogName) -> Checkpoint:
    found = read_checkpoint(open_note(_text(note), verifier))
    origin = verifier.partition("+")[0]
    if found.origin != origin or len(found.extension) != 2 or found.extension[0] != name.line:  # noqa: PLR2004  log, head
        raise InvalidInput("is of another log", field="checkpoint")
    return found


def _entries(mirror: Mirror, size: int) -> tuple[dict[str, bytes], list[bytes]]:
    """Return the files with the entries of a log, and the entries."""
    files: dict[str, bytes] = {}
    entries: list[bytes] = []
    for first in range(0, size, WIDTH):
        width = min(WIDTH, size - first)
        path = tile_path("entries", first // WIDTH, width)
        files[path] = mirror.get(path)
        try:
            found = read_bundle(files[path])
        except ValueError as error:
            raise InvalidInput(str(error), field=path) from error
        if len(found) != width:
            raise InvalidInput(f"has {len(found)} entries, not {width}", field=path)
        entries += found
    return files, entries


def _on_chain(
    entries: list[bytes], now: Checkpoint, name: LogName, anchor: Anchor
) -> tuple[int, int]:
    """Compare every entry with the contract.

    Returns:
        The number of batches it has, and how many entries it cannot vouch for.
    """
    head, told = name.genesis(), 0
    for data in entries:
        entry = read_entry(data)
        head = check_entry(entry, head)
        told += not _is_stored(entry, name, anchor)
    if now.extension[1] != f"head 0x{head:064x}":
        raise InvalidInput("its head is not the entries'", field="checkpoint")
    on_chain = int.from_bytes(anchor.head(name.anchorer), "big")
    number = on_chain >> HASH_BITS
    if number < now.size:
        raise InvalidInput(f"has {now.size} batches, the chain {number}", field="checkpoint")
    if number == now.size and now.size and on_chain != head:
        raise InvalidInput("its head is not the chain's", field="checkpoint")
    return number, told if number > now.size else 0


def _is_stored(entry: Entry, name: LogName, anchor: Anchor) -> bool:
    """Return whether the contract stores an entry's batch; False where it was only told.

    Raises:
        InvalidInput: it stores something else.
    """
    time, count, number = anchor.place(name.anchorer, entry.root)
    if number == 0 or number > entry.number:  # not stored, or not before a later entry
        return False
    if (time, count, number) != (entry.time, entry.count, entry.number):
        raise InvalidInput(
            f"{entry.number}: the chain has batch {number} of {count} leaves at {time} for"
            f" {entry.root}",
            field="entry",
        )
    return True


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise InvalidInput("is no text", field="checkpoint") from error
