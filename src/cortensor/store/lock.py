# SPDX-License-Identifier: Apache-2.0
"""Exclusive process locks beside the database file."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING, Self

from cortensor.errors import Conflict

if TYPE_CHECKING:
    from pathlib import Path


class FileLock:
    """An flock held by this process until closed; the kernel frees it when the process dies.

    Args:
        path: the lock file, created if missing and never removed (removing it would let two
            processes lock two different files of one name).
        holder: what the lock stands for, used in the error.
    """

    def __init__(self, path: Path, holder: str) -> None:
        self._path = path
        self._holder = holder
        self._fd: int | None = None

    def acquire(self) -> None:
        """Take the lock without waiting.

        Raises:
            Conflict: another process holds it.
        """
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.pread(fd, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(fd)
            raise Conflict(
                f"{self._holder} already runs on this database (process {owner}, "
                f"lock {self._path})",
                code="already_running",
            ) from error
        os.ftruncate(fd, 0)
        os.pwrite(fd, str(os.getpid()).encode("ascii"), 0)
        self._fd = fd

    def release(self) -> None:
        """Give the lock back; harmless when it is not held."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
