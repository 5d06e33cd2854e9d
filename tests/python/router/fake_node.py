# SPDX-License-Identifier: Apache-2.0
"""A JSON-RPC node that holds a few sessions, for routers under test. Real ABI, fake state."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from eth_abi import decode, encode
from eth_utils import keccak

from cortensor.chain.rpc import load_abi
from cortensor.pricing import RateCard

PAYMENT = "0x" + "11" * 20
TABLE = "0x" + "22" * 20
ANCHOR = "0x" + "33" * 20
CHAIN_ID = 31337


def _type(item: dict[str, Any]) -> str:
    kind: str = item["type"]
    if kind.startswith("tuple"):
        inner = ",".join(_type(part) for part in item["components"])
        return f"({inner}){kind.removeprefix('tuple')}"
    return kind


def _functions(name: str) -> dict[str, tuple[str, list[str], list[str]]]:
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
        self.down = False
        self.calls: list[str] = []
        self._abis = {
            PAYMENT: _functions("SessionPayment"),
            TABLE: _functions("SessionPaymentTable"),
            ANCHOR: _functions("ReceiptAnchor"),
        }
        node = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

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
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def open(self, session: int, payer: str, deposit: int, **facts: int) -> str:
        """Open a session; facts override expiry, state, tier, version, cap, task_cap_gwei."""
        self.sessions[session] = [
            payer,
            deposit,
            facts.get("settled", 0),
            facts.get("expiry", 2**39),
            facts.get("state", 1),
            0,
            facts.get("volume_tier", 0),
            facts.get("version", 1),
            facts.get("surcharge_cap_bps", 2000),
            facts.get("task_cap_gwei", 2**64 - 1),
        ]
        return f"0x{session:040x}"

    def answer(self, call: dict[str, Any]) -> dict[str, Any]:
        method = call["method"]
        result: str
        if method == "eth_chainId":
            result = hex(CHAIN_ID)
        elif method == "eth_blockNumber":
            result = "0x1"
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
        zero = ["0x" + "00" * 20, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        answers: dict[str, Any] = {
            "TABLE": lambda: [TABLE],
            "ANCHOR": lambda: [ANCHOR],
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
