# SPDX-License-Identifier: Apache-2.0
"""A router that publishes what a test tells it to, and receipts that it signed."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec

from cortensor.receipts.body import Body
from cortensor.receipts.keccak import to_hex
from cortensor.receipts.sign import address_of, sign
from cortensor.receipts.tiers import HEARTBEAT
from cortensor.receipts.typed import Domain
from cortensor.watch.fetch import FetchLimits
from cortensor.watch.leaves import Leaf, make_leaf, tree_of

VECTORS = Path(__file__).resolve().parents[2] / "conformance" / "vectors"
REAL = json.loads((VECTORS / "good-validate-majority.json").read_text())["bundle"]["receipt"]
KEY = "0x" + "a1" * 32
DOMAIN = Domain(REAL["chain"]["chain_id"], REAL["chain"]["session_payment"])
LIMITS = FetchLimits(is_private_allowed=True, timeout_s=5)


BEAT = 100
"""From this number on receipts are heartbeats."""


def body(number: int) -> Body:
    tier = {"policy": {"tier": HEARTBEAT}} if number >= BEAT else {}
    return Body.from_json(REAL | {"issued_at": REAL["issued_at"] + number} | tier)


def leaf(number: int, key: str = KEY) -> Leaf:
    struct = body(number).struct()
    signature = sign(key, struct.digest(DOMAIN))
    anchored = ("0x" + "44" * 32, address_of(KEY))
    return make_leaf(struct, number + 1, 10**18, signature, DOMAIN, anchored)


class Answers:
    """What the router at `url` says: path with query -> status and content."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes] = {}
        answers = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = answers.pages.get(self.path)
                self.send_response(404 if found is None else 200)
                self.send_header("Content-Length", str(len(found or b"")))
                self.end_headers()
                self.wfile.write(found or b"")

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/batch"

    def page(self, first: int, following: int | None, numbers: list[int]) -> None:
        raw = [msgspec.Raw(body(number).canonical()) for number in numbers]
        content = msgspec.json.encode({"next": following, "bodies": raw})
        self.pages[f"/batch/receipts?first={first}"] = content

    def batch(self, leaves: list[Leaf]) -> str:
        """Publish a batch; returns its root."""
        published = [
            {
                "index": each.index,
                "cumulative": str(each.cumulative),
                "charge": each.receipt.to_json(),
                "signature": to_hex(each.signature),
            }
            for each in leaves
        ]
        self.pages["/batch"] = json.dumps({"leaves": published}).encode()
        return to_hex(tree_of([each.hashed for each in leaves]).root)
