# SPDX-License-Identifier: Apache-2.0
"""Receipts that callers hold: what a router signed, to compare with what it anchored."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from cortensor.errors import Error, InvalidInput
from cortensor.nesting import check_nesting
from cortensor.receipts.typed import ReceiptStruct
from cortensor.watch.leaves import read_signature

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_BYTES = 16 * 1024 * 1024

log = logging.getLogger(__name__)


class HeldReceipt(Struct, frozen=True):
    """A signed struct and the router's signature over it."""

    struct: ReceiptStruct
    signature: bytes


class _File(Struct):
    """What a bundle and an answer of `GET /api/v4/receipt/{id}` have in common."""

    charge: dict[str, str]
    signature: str


def read_held(folder: Path) -> Iterator[HeldReceipt]:
    """Yield the receipts in the JSON files of a folder; files that are none are passed over.

    Raises:
        InvalidInput: there is no such folder.
    """
    if not folder.is_dir():
        raise InvalidInput(f"no folder {folder}", field="receipts")
    for path in sorted(folder.glob("*.json")):
        try:
            if path.stat().st_size > MAX_BYTES:
                continue
            data = path.read_bytes()
            check_nesting(data)
            found = msgspec.json.decode(data, type=_File)
            struct = ReceiptStruct.from_json(found.charge)
            yield HeldReceipt(struct, read_signature(found.signature))
        except (OSError, ValueError, Error) as error:  # msgspec's errors are ValueErrors
            log.info("%s is no receipt: %s", path.name, str(error)[:120])
