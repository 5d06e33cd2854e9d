# SPDX-License-Identifier: Apache-2.0
"""Serves the folder of epochs over HTTP, so that others can read the trees that were posted."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class _Handler(SimpleHTTPRequestHandler):
    """Files of the folder and nothing else: no listing, no hidden file, no log."""

    timeout = 30

    def list_directory(self, path: object) -> None:
        """Refuse a folder."""
        del path
        self.send_error(404)

    def send_head(self) -> object:  # type: ignore[override]  # what the base returns
        """Refuse what is hidden: folders that are being written are."""
        if any(part.startswith(".") for part in unquote(self.path).split("/")):
            self.send_error(404)
            return None
        return super().send_head()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def shared(folder: Path, host: str, port: int) -> Iterator[str]:
    """Serve a folder and yield its URL; port 0 takes a free one.

    Raises:
        OSError: the port is taken.
    """
    folder.mkdir(parents=True, exist_ok=True)
    server = ThreadingHTTPServer((host, port), partial(_Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{host}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
