# SPDX-License-Identifier: Apache-2.0
"""Takes the pictures of the receipt page: `python -m tests.python.router.receipt_pictures`."""

from __future__ import annotations

import asyncio
import json
import socket
import tempfile
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette

from cortensor.router.receipt_page import ReceiptPage
from tests.conformance.generate import VECTORS
from tests.python.router.browser import Browser

IMAGES = Path(__file__).parents[3] / "docs/images"
SHOWN = "good-validate-majority"
HEIGHT = 1660


def read() -> dict[str, Any]:
    data: dict[str, Any] = json.loads((VECTORS / f"{SHOWN}.json").read_text(encoding="utf-8"))
    return data


def write(path: Path, data: Any) -> None:
    path.write_text(json.dumps(data), encoding="utf-8")


async def take(url: str, folder: Path, *, dark: bool) -> bytes:
    vector = read()
    bundle = vector["bundle"]
    files = {"receipt.json": bundle, "card.json": bundle["card"]}
    for name, data in files.items():
        write(folder / name, data)
    trusted = {
        "contract": vector["session_payment"],
        "signer": bundle["receipt"]["router"]["signer"],
        "root": bundle["anchor"]["root"],
    }
    async with Browser(dark=dark) as browser:
        await browser.open(f"{url}/receipt")
        for field, value in trusted.items():
            await browser.run(f"document.querySelector('#{field}').value = {value!r}")
        await browser.choose("#card", folder / "card.json")
        await browser.choose("#file", folder / "receipt.json")
        await browser.until("document.querySelector('.banner')")
        picture = await browser.picture(HEIGHT)
        assert browser.complaints == []
    return picture


async def take_both() -> dict[str, bytes]:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    app = Starlette(routes=ReceiptPage().routes())
    server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    with tempfile.TemporaryDirectory() as folder:
        pictures = {
            f"receipt-{name}.png": await take(url, Path(folder), dark=name == "dark")
            for name in ("light", "dark")
        }
    server.should_exit = True
    await serving
    return pictures


if __name__ == "__main__":
    for file, picture in asyncio.run(take_both()).items():
        (IMAGES / file).write_bytes(picture)
