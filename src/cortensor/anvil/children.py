# SPDX-License-Identifier: Apache-2.0
"""Child processes that never outlive the process that started them."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1


def start_child(arguments: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    """Start a process that ends when this one does, even by SIGKILL (on Linux).

    Call it from the main thread: to the kernel, the thread that starts a child is its parent.

    Args:
        arguments: program and arguments; no shell.
        options: as for `subprocess.Popen`.
    """
    return subprocess.Popen(  # noqa: S603
        arguments,
        stdin=subprocess.DEVNULL,
        # Ctrl-C in a terminal reaches this process alone, which then ends its children in order.
        start_new_session=True,
        preexec_fn=die_with_parent,  # noqa: PLW1509 -- called before any other thread is there
        **options,
    )


def die_with_parent() -> None:
    """Let the kernel end this process when the one that started it ends (on Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def stop(process: subprocess.Popen[Any], seconds: float = 10) -> None:
    """End a process: politely, then for good."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
