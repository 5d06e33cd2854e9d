# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium, driven by its own protocol: what it shows, and what it complains about."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--headless=new",
    "--no-sandbox",  # tests run as root in CI
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)
STEPS = 600
"""Of 50 ms: how long a page may take on a busy machine."""
COMPLAINTS = {"Runtime.exceptionThrown", "Log.entryAdded"}


class Browser:
    """One page in a browser of its own.

    Use as an async context. `complaints` are errors in its console, CSP violations among them.
    """

    def __init__(self, *, dark: bool = False, width: int = 1100) -> None:
        self._dark = dark
        self._width = width
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self._count = 0
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self.complaints: list[str] = []

    async def __aenter__(self) -> Self:
        assert CHROMIUM is not None
        self._process = await asyncio.create_subprocess_exec(
            CHROMIUM,
            *FLAGS,
            f"--user-data-dir={self._folder.name}",
            "about:blank",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        while not (port := self._port()):
            assert self._process.returncode is None
            await asyncio.sleep(0.05)
        self._session = aiohttp.ClientSession()
        async with self._session.get(f"http://127.0.0.1:{port}/json") as answer:
            page = next(each for each in await answer.json() if each["type"] == "page")
        self._socket = await self._session.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0)
        self._reader = asyncio.create_task(self._read())
        for domain in ("Page", "Runtime", "Log", "DOM"):
            await self.send(f"{domain}.enable")
        scheme = {"name": "prefers-color-scheme", "value": "dark" if self._dark else "light"}
        await self.send("Emulation.setEmulatedMedia", features=[scheme])
        await self.resize(900)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._reader.cancel()
        await self._socket.close()
        await self._session.close()
        self._process.kill()
        await self._process.wait()
        self._folder.cleanup()

    def _port(self) -> str | None:
        """Return the port it listens on, once it has said so."""
        told = Path(self._folder.name) / "DevToolsActivePort"
        lines = told.read_text(encoding="ascii").split("\n") if told.exists() else []
        return lines[0] if len(lines) > 1 else None

    async def _read(self) -> None:
        async for message in self._socket:
            data = json.loads(message.data)
            if "id" in data:
                self._waiting.pop(data["id"]).set_result(data)
            elif self._is_complaint(data):
                self.complaints.append(json.dumps(data["params"]))

    @staticmethod
    def _is_complaint(event: dict[str, Any]) -> bool:
        said_in_console = event["params"].get("type") in {"error", "warning"}
        return said_in_console or event["method"] in COMPLAINTS

    async def send(self, method: str, **params: Any) -> Any:
        """Return what the browser answers to a command."""
        self._count += 1
        answer = self._waiting[self._count] = asyncio.get_running_loop().create_future()
        command = {"id": self._count, "method": method, "params": params}
        await self._socket.send_json(command)
        found = await asyncio.wait_for(answer, 30)
        assert "error" not in found, found
        return found["result"]

    async def resize(self, height: int) -> None:
        await self.send(
            "Emulation.setDeviceMetricsOverride",
            width=self._width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    async def open(self, url: str) -> None:
        await self.send("Page.navigate", url=url)
        loaded = "document.readyState === 'complete' && !document.querySelector('.loading')"
        await self.until(loaded)

    async def run(self, script: str) -> Any:
        """Return the value of an expression in the page."""
        found = await self.send(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    async def until(self, condition: str) -> None:
        for _ in range(STEPS):
            if await self.run(f"Boolean({condition})"):
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"{condition} never came; {await self.run('document.body.innerText')}")

    async def text(self, selector: str = "main") -> str:
        found: str = await self.run(f"document.querySelector({selector!r}).innerText")
        return found

    async def choose(self, selector: str, *paths: Path) -> None:
        """Choose files in an input."""
        root = (await self.send("DOM.getDocument"))["root"]["nodeId"]
        node = (await self.send("DOM.querySelector", nodeId=root, selector=selector))["nodeId"]
        await self.send("DOM.setFileInputFiles", nodeId=node, files=[str(each) for each in paths])

    async def picture(self, height: int | None = None) -> bytes:
        """Return a picture of the page, or of its top, as PNG."""
        whole = await self.run("document.documentElement.scrollHeight")
        await self.resize(height or whole)
        found = await self.send("Page.captureScreenshot", format="png")
        return base64.b64decode(found["data"])
