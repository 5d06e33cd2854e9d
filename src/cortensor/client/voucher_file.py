# SPDX-License-Identifier: Apache-2.0
"""Voucher state in a file: replaced whole, on disk before it counts, owned by one process."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from cortensor.errors import Conflict

PRIVATE = 0o600


class VoucherFile:
    """A `VoucherStore` in one file, with a lock file beside it.

    Two clients of one session would each sign what the other one knows nothing of, so a second
    owner is refused.

    Args:
        path: the file; its folder must exist.

    Raises:
        Conflict: another client has it.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._lock = os.open(f"{self._path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise Conflict(f"another client uses {self._path}", field="vouchers") from error

    def load(self) -> bytes | None:
        """Return what was saved last, or None."""
        return self._path.read_bytes() if self._path.exists() else None

    def save(self, data: bytes) -> None:
        """Replace the file; a crash leaves the old one or the new one."""
        fresh = Path(f"{self._path}.new")
        with os.fdopen(
            os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE), "wb"
        ) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def close(self) -> None:
        """Let another client have it."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


class VoucherMemory:
    """A `VoucherStore` that ends with the process: what it leaves unsigned stays unsigned."""

    def __init__(self) -> None:
        self._data: bytes | None = None

    def load(self) -> bytes | None:
        """Return what was saved last, or None."""
        return self._data

    def save(self, data: bytes) -> None:
        """Replace it."""
        self._data = data
