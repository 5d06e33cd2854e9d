# SPDX-License-Identifier: Apache-2.0
"""A watcher under test, and where a router publishes its batches."""

from __future__ import annotations

import http.server
import threading
from pathlib import Path
from typing import Any

from cortensor.chain.dispute import AnchoredLeaf
from cortensor.watch.fetch import FetchLimits
from cortensor.watch.leaves import Leaf, tree_of
from cortensor.watch.report import PassReport
from cortensor.watch.service import Job, run_once
from cortensor.watch.settings import Settings
from tests.python.watch.making import SETTLER, STRANGER_KEY, published, rooted
from tests.python.watch.watched_chain import PAYMENT, WatchedChain


class Shelf:
    """Where a router publishes its batches."""

    def __init__(self) -> None:
        self.shown: dict[str, bytes] = {}
        shelf = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = shelf.shown.get(self.path)
                self.send_response(404 if body is None else 200)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        # `shutdown` waits for the loop's next look at it, by default half a second.
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Watch:
    """A watcher of the node, with what a router does on it."""

    def __init__(self, node: WatchedChain, shelf: Shelf, folder: Path) -> None:
        self.node = node
        self.shelf = shelf
        self.state = folder / "watch.db"

    def job(self, key: str | None = STRANGER_KEY, **changes: Any) -> Job:
        extra = {name: changes.pop(name) for name in ("ledger", "receipts") if name in changes}
        limits = FetchLimits(timeout_s=5, is_private_allowed=True)
        values = {"confirmations": 2, "patience_s": 100, "limits": limits, **changes}
        return Job(
            self.node.url,
            PAYMENT,
            31337,
            self.state,
            Settings(**values),
            key,
            timeout_s=0.3,
            **extra,
        )

    def look(self, key: str | None = STRANGER_KEY, **changes: Any) -> PassReport:
        return run_once(self.job(key, **changes))

    def batch(self, leaves: list[Leaf], block: int, *, is_shown: bool = True) -> list[Leaf]:
        """Anchor and settle leaves of one session."""
        made = rooted(leaves)
        root = made[0].root
        if is_shown:
            self.shelf.shown[f"/{root}"] = published(made)
        self.node.anchor(root, len(made), f"{self.shelf.url}{root}", block)
        self.node.settle(root, block, **{f"s{made[0].session}": made[-1].cumulative})
        return made

    def found(self, report: PassReport) -> list[tuple[str, int]]:
        return sorted((finding.kind, finding.index) for finding in report.findings)


def anchored(made: list[Leaf], at: int) -> AnchoredLeaf:
    each = made[at]
    proof = tree_of([other.hashed for other in made]).proof(at)
    root = bytes.fromhex(each.root[2:])
    return AnchoredLeaf(each.receipt, each.index, each.cumulative, SETTLER, root, proof)
