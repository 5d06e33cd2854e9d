# SPDX-License-Identifier: Apache-2.0
"""Child processes of the benchmark, and what they use: CPU seconds and resident memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import msgspec

from cortensor.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).resolve().parents[2]
STOP_S = 15
TAIL_CHARS = 2000
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
MIB = 1 << 20


class Used(NamedTuple):
    """What a process and its children took so far: CPU seconds, and resident MiB now."""

    cpu_s: float
    rss_mib: float


@contextmanager
def child(
    command: Sequence[str], log: Path, *, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program while the block runs; its standard error goes to `log`."""
    with log.open("ab") as errors:
        process = subprocess.Popen(  # noqa: S603 -- our own commands, no shell
            command,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**os.environ, "PYTHONPATH": _python_path(), **(environment or {})},
        )
    try:
        yield process
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process: politely, then for good."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def first_line(process: subprocess.Popen[bytes], log: Path) -> dict[str, Any]:
    """Return the JSON line that a child says it is ready with.

    Raises:
        Unavailable: it ended instead; the message shows the end of its log.
    """
    line = _pipe(process.stdout).readline()
    if not line:
        tail = log.read_text(errors="replace")[-TAIL_CHARS:]
        raise Unavailable(f"{log.stem} did not start; its log ends:\n{tail}")
    said: dict[str, Any] = msgspec.json.decode(line)
    return said


def run_json(module: str, order: bytes) -> bytes:
    """Run a module of the benchmark in a process of its own: JSON in, JSON out."""
    done = subprocess.run(  # noqa: S603 -- our own module
        [sys.executable, "-m", module],
        cwd=ROOT,
        input=order,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": _python_path()},
        check=False,
    )
    if done.returncode != 0:
        raise Unavailable(f"{module} failed: {done.stderr.decode(errors='replace')[-TAIL_CHARS:]}")
    return done.stdout


def used(pid: int) -> Used:
    """Return what a process and all its descendants used. Linux only."""
    cpu = rss = 0.0
    for each in _tree(pid):
        try:
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
            pages = int(Path(f"/proc/{each}/statm").read_text().split()[1])
        except OSError:
            continue  # it has just ended
        cpu += (int(fields[11]) + int(fields[12])) / _TICKS
        rss += pages * _PAGE / MIB
    return Used(cpu, rss)


def _tree(pid: int) -> list[int]:
    found = [pid]
    for known in found:  # grows while it is walked
        try:
            children = Path(f"/proc/{known}/task/{known}/children").read_text().split()
        except OSError:
            continue
        found += [int(each) for each in children]
    return found


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path, seconds: float) -> None:
    """Wait until a URL answers 200.

    Raises:
        Unavailable: it did not in time, or the process ended.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 -- our own child
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    tail = log.read_text(errors="replace")[-TAIL_CHARS:]
    raise Unavailable(f"{log.stem} is not ready; its log ends:\n{tail}")


def _python_path() -> str:
    return os.pathsep.join(filter(None, ("src", os.environ.get("PYTHONPATH", ""))))


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise Unavailable("a child without a pipe")
    return pipe
