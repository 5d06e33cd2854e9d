# SPDX-License-Identifier: Apache-2.0
"""The embedded model's process: llama.cpp's HTTP server on a loopback port.

Run as `python -m cortensor.router.adapters.llama_server` by the embedded backend. The first line
of stdin is its settings as JSON, the first line of stdout its address as JSON. It ends when stdin
closes, and the kernel kills it if the parent dies without closing anything.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path

import msgspec
from msgspec import Struct

PR_SET_PDEATHSIG = 1
STDOUT = 1


class ModelSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """What the child loads. `api_key` keeps other local users out of the loopback port."""

    model_path: str
    context_tokens: int
    parallel: int
    threads: int
    api_key: str
    parent: int


def main() -> None:
    """Load the model, say where it listens, serve until stdin closes."""
    settings = msgspec.json.decode(sys.stdin.buffer.readline(), type=ModelSettings)
    _die_with(settings.parent)
    # Whatever the native code prints goes to stderr: stdout carries one JSON line.
    say = os.fdopen(os.dup(STDOUT), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), STDOUT)
    import xllamacpp  # noqa: PLC0415 -- after the redirection, and only in this process

    params = xllamacpp.CommonParams()
    params.model.path = settings.model_path
    params.model_alias = [Path(settings.model_path).stem]
    params.n_ctx = settings.context_tokens * settings.parallel
    params.n_parallel = settings.parallel
    params.cpuparams.n_threads = settings.threads
    params.cpuparams_batch.n_threads = settings.threads
    params.api_keys = [settings.api_key]
    params.warmup = False
    params.verbosity = 0
    server = xllamacpp.Server(params)
    say.write(msgspec.json.encode({"url": server.listening_address}).decode() + "\n")
    say.flush()
    while sys.stdin.buffer.read(4096):
        pass
    # The server's threads are native; nothing here needs their orderly end.
    os._exit(0)


def _die_with(parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the group; the parent decides
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the call above
        os._exit(1)


if __name__ == "__main__":
    main()
