# SPDX-License-Identifier: Apache-2.0
"""The Merkle tree of RFC 6962 over a log's entries, cut into tiles of 256 hashes."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

WIDTH = 256
LENGTH_BYTES = 2
MAX_LEVEL = 63
_INDEX = re.compile(r"(?:x\d{3}/)*\d{3}")


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of an entry as a leaf."""
    return sha256(b"\x00" + entry).digest()


def tree_hash(leaves: Sequence[bytes]) -> bytes:
    """Return the root over hashed leaves; of none it is the hash of nothing."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    left = 1 << (len(leaves) - 1).bit_length() - 1  # the largest power of two below the count
    return sha256(b"\x01" + tree_hash(leaves[:left]) + tree_hash(leaves[left:])).digest()


def tile(leaves: Sequence[bytes], level: int, index: int, width: int) -> bytes | None:
    """Return a tile's hashes one after another; None if the tree is not as large.

    Args:
        leaves: all hashed leaves.
        level: 0 for leaves; each hash of a level is over 256 of the level below.
        index: of the tile in its level.
        width: how many hashes, from 1 to 256.
    """
    span = WIDTH**level
    first = index * WIDTH
    if not 1 <= width <= WIDTH or (first + width) * span > len(leaves):
        return None
    return b"".join(
        tree_hash(leaves[place * span : (place + 1) * span])
        for place in range(first, first + width)
    )


def tiles_of(size: int) -> Iterator[tuple[int, int, int]]:
    """Yield (level, index, width) of every tile of a tree."""
    level, count = 0, size
    while count:
        full, rest = divmod(count, WIDTH)
        yield from ((level, index, WIDTH) for index in range(full))
        if rest:
            yield level, full, rest
        level, count = level + 1, full


def tile_path(level: int | str, index: int, width: int) -> str:
    """Return a tile's path below the log's prefix; `level` is "entries" for entries."""
    rest, last = divmod(index, 1000)
    path = f"{last:03}"
    while rest:
        rest, group = divmod(rest, 1000)
        path = f"x{group:03}/{path}"
    return f"tile/{level}/{path}" + ("" if width == WIDTH else f".p/{width}")


def read_tile_path(path: str) -> tuple[int | str, int, int] | None:
    """Return (level, index, width) of a path; None for one that names no tile."""
    parts = path.split("/", 2)
    if len(parts) != 3 or parts[0] != "tile":  # noqa: PLR2004  tile, level, rest
        return None
    name, partial, width = parts[2].partition(".p/")
    if not _INDEX.fullmatch(name) or (partial and not width.isascii()):
        return None
    level: int | str = parts[1]
    if level != "entries":
        if not parts[1].isascii() or not parts[1].isdigit() or int(parts[1]) > MAX_LEVEL:
            return None
        level = int(parts[1])
    if partial and not (width.isdigit() and 0 < int(width) < WIDTH):
        return None
    index = int(name.replace("x", "").replace("/", ""))
    found = (level, index, int(width) if partial else WIDTH)
    return found if tile_path(*found) == path else None


def bundle(entries: Sequence[bytes]) -> bytes:
    """Return entries one after another, each with its length before it."""
    return b"".join(len(entry).to_bytes(LENGTH_BYTES, "big") + entry for entry in entries)


def read_bundle(data: bytes) -> list[bytes]:
    """Return the entries of a bundle. Raises ValueError for one that is cut off."""
    found = []
    while data:
        end = LENGTH_BYTES + int.from_bytes(data[:LENGTH_BYTES], "big")
        if len(data) < max(end, LENGTH_BYTES):
            raise ValueError("the bundle is cut off")
        found.append(data[LENGTH_BYTES:end])
        data = data[end:]
    return found
