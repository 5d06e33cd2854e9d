# SPDX-License-Identifier: Apache-2.0
"""A JSON-RPC node that holds a few sessions, for routers under test. Real ABI, fake state."""

from __future__ import annotations

import json
import threading
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from eth_abi import decode, encode
from eth_utils import keccak

from cortensor.chain.rpc import load_abi
from cortensor.pricing import RateCard

PAYMENT = "0x" + "11" * 20
TABLE = "0x" + "22" * 20
ANCHOR = "0x" + "33" * 20
POOL = "0x" + "44" * 20
QUOTA = "0x" + "55" * 20
CHAIN_ID = 31337
MICRO = 10**12
NOBODY = "0x" + "00" * 20
SESSION_FIELDS = (
    "payer",
    "session_key",
    "deposit",
    "settled",
    "expiry",
    "state",
    "funding",
    "volume_tier",
    "version",
    "surcharge_cap_bps",
    "task_cap_gwei",
)
FACTS: dict[str, Any] = {
    "settled": 0,
    "expiry": 2**39,
    "state": 1,
    "funding": 0,
    "volume_tier": 0,
    "version": 1,
    "surcharge_cap_bps": 2000,
    "task_cap_gwei": 2**64 - 1,
}


def _type(item: dict[str, Any]) -> str:
    kind: str = item["type"]
    if kind.startswith("tuple"):
        inner = ",".join(_type(part) for part in item["components"])
        return f"({inner}){kind.removeprefix('tuple')}"
    return kind


@cache
def functions(name: str) -> dict[str, tuple[str, list[str], list[str]]]:
    found = {}
    for item in load_abi(name):
        if item["type"] == "function":
            inputs = [_type(part) for part in item["inputs"]]
            selector = keccak(f"{item['name']}({','.join(inputs)})".encode())[:4].hex()
            found[selector] = (item["name"], inputs, [_type(part) for part in item["outputs"]])
    return found


class FakeNode:
    """Serves eth_call for the three contracts from plain attributes."""

    def __init__(self, card: RateCard, settler: str) -> None:
        self.card = card
        self.settler = settler
        self.sessions: dict[int, list[Any]] = {}
        self.surcharges = [0]
        self.accounts: dict[int, dict[str, int]] = {}
        self.permissions: dict[int, tuple[int, ...]] = {}
        self.quota_pool = (10**30, 0, 10**30)
        self.quota_limits = (2**36 - 1, 0, 0)
        self.down = False
        self.now = 1
        self.calls: list[str] = []
        self._abis = {
            PAYMENT: functions("SessionPayment"),
            TABLE: functions("SessionPaymentTable"),
            ANCHOR: functions("ReceiptAnchor"),
            QUOTA: functions("StakeQuota"),
        }
        node = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Headers and body go out apart: with Nagle's algorithm the second waits 40 ms for a
            # peer that delays its acknowledgement.
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                call = json.loads(raw)
                answer = json.dumps(node.answer(call)).encode()
                self.send_response(503 if node.down else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        # `shutdown` waits for the loop's next look at it, by default half a second.
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()

    def open(
        self, session: int, payer: str, deposit: int, session_key: str = NOBODY, **facts: int
    ) -> str:
        """Open a session; facts override what stands in FACTS."""
        values = {**FACTS, **facts, "payer": payer, "deposit": deposit, "session_key": session_key}
        self.sessions[session] = [values[name] for name in SESSION_FIELDS]
        return f"0x{session:040x}"

    def stake(self, session: int, payer: str, bucket: int, **account: int) -> str:
        """Open a stake session and enrol it; micro-COR, `weekly` for weeks."""
        self.accounts[session] = {"window": 1, "bucket": bucket, **account}
        return self.open(session, payer, 0, funding=2)

    def _account(self, session: int) -> tuple[Any, ...]:
        found = self.accounts.get(session, {})
        names = ("stake", "drawn", "left_now", "left_before", "overage_now", "window", "bucket")
        leaving = (bool(found.get("weekly")), found.get("leaving", 0), 0, 0)
        return (*(found.get(name, 0) for name in names), *leaving)

    def answer(self, call: dict[str, Any]) -> dict[str, Any]:
        method = call["method"]
        result: str
        if method == "eth_chainId":
            result = hex(CHAIN_ID)
        elif method == "eth_blockNumber":
            result = "0x1"
        elif method == "eth_getBlockByNumber":
            block = {"number": "0x1", "timestamp": hex(self.now)}
            return {"jsonrpc": "2.0", "id": call["id"], "result": block}
        elif method == "eth_call":
            result = "0x" + self._call(call["params"][0]).hex()
        else:
            return {"jsonrpc": "2.0", "id": call["id"], "error": {"code": -32601, "message": "?"}}
        return {"jsonrpc": "2.0", "id": call["id"], "result": result}

    def _call(self, call: dict[str, Any]) -> bytes:
        data = bytes.fromhex((call.get("data") or call["input"])[2:])
        name, inputs, outputs = self._abis[call["to"].lower()][data[:4].hex()]
        self.calls.append(name)
        values = decode(inputs, data[4:])
        return encode(outputs, self._values(name, values))

    def _values(self, name: str, values: tuple[Any, ...]) -> list[Any]:
        zero = [NOBODY, NOBODY, *[0] * (len(SESSION_FIELDS) - 2)]
        answers: dict[str, Any] = {
            "TABLE": lambda: [TABLE],
            "ANCHOR": lambda: [ANCHOR],
            "QUOTA": lambda: [QUOTA],
            "POOL": lambda: [POOL],
            "account": lambda: [self._account(values[0])],
            "permission": lambda: [self.permissions.get(values[0], (0, 0, 0, 0, 0))],
            "pool": lambda: list(self.quota_pool),
            "limits": lambda: [self.quota_limits],
            "router": lambda: [self.settler, 0],
            "session": lambda: [tuple(self.sessions.get(values[0], zero))],
            "card": lambda: [self.card.abi_tuple()],
            "surcharge_epoch": lambda: [len(self.surcharges) - 1],
            "surcharge_bps": lambda: [self.surcharges[values[0]]],
        }
        return list(answers[name]())

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
