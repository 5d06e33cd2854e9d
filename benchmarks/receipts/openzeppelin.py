# SPDX-License-Identifier: Apache-2.0
"""OpenZeppelin's JavaScript library over the same batch as ours: `@openzeppelin/merkle-tree`.

The i-th value of a batch is sha256 of `digest-<leaves>-<i>`, index i + 1 and cumulative
(i + 1) * 10**18 + 7, so that both sides make it by themselves.
"""

from __future__ import annotations

import shutil
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from cortensor.errors import Unavailable
from cortensor.receipts import receipt_leaf

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM = Path(__file__).with_name("openzeppelin_tree.mjs")


class LibraryTree(Struct, frozen=True):
    """The library's root and the proofs asked for, 0x hex, and the CPU seconds they took."""

    root: str
    proofs: list[list[str]]
    root_s: float
    proofs_s: float


def batch_leaves(count: int) -> list[bytes]:
    """Return the leaves of a batch."""
    return [
        receipt_leaf(sha256(f"digest-{count}-{i}".encode()).digest(), i + 1, (i + 1) * 10**18 + 7)
        for i in range(count)
    ]


def library_tree(count: int, proofs: Sequence[int]) -> LibraryTree:
    """Return what the library makes of the same batch.

    Args:
        count: leaves.
        proofs: of which leaves it gives a proof.

    Raises:
        Unavailable: there is no Node.js, or it has not the library.
    """
    node = shutil.which("node")
    if node is None:
        raise Unavailable("Node.js is needed", field="node")
    done = subprocess.run(  # noqa: S603 -- our own program, no shell
        [node, str(PROGRAM)],
        input=msgspec.json.encode({"leaves": count, "proofs": list(proofs)}),
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        last = done.stderr.decode(errors="replace").strip()[-300:]
        raise Unavailable(f"run `make env`: {last}", field="node")
    return msgspec.json.decode(done.stdout, type=LibraryTree)
