# SPDX-License-Identifier: Apache-2.0
"""Many calls in few requests: of one block, in order, through several endpoints, never in part."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from eth_abi.abi import decode, encode

from cortensor.chain.call_many import MOST_CALLS, call_many
from cortensor.chain.rpc import connect, contract
from cortensor.errors import Unavailable

POOL = "0x" + "11" * 20
AWAY = "http://127.0.0.1:1"
BLOCK = 77
PAIRS = [(f"0x{number:040x}", "0x" + "22" * 20) for number in range(1, 2 * MOST_CALLS + 6)]
CHAIN_ID = 5

Change = Callable[[list[dict[str, Any]]], Any]


class Node:
    """Answers `is_staked` with whether the owner's number is odd; batches backwards."""

    def __init__(self) -> None:
        self.batches: list[list[dict[str, Any]]] = []
        self.change: Change = lambda answers: answers
        node = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                answer = json.dumps(node.answer(asked)).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, asked: Any) -> Any:
        if isinstance(asked, list):
            self.batches.append(asked)
            return self.change([self._one(each) for each in asked][::-1])
        result: Any = hex(CHAIN_ID)
        if asked["method"] == "eth_getBlockByNumber":
            result = {"timestamp": "0x1"}
        return {"jsonrpc": "2.0", "id": asked["id"], "result": result}

    def _one(self, asked: dict[str, Any]) -> dict[str, Any]:
        data = bytes.fromhex(asked["params"][0]["data"][2:])
        owner, _ = decode(["address", "address"], data[4:])
        found = encode(["bool"], [int(owner, 16) % 2 == 1]).hex()
        return {"jsonrpc": "2.0", "id": asked["id"], "result": f"0x{found}"}


@pytest.fixture
def node() -> Iterator[Node]:
    made = Node()
    yield made
    made.server.shutdown()
    made.server.server_close()


def ask(*urls: str) -> list[bool]:
    web3 = connect(urls[0] if len(urls) == 1 else list(urls))
    return list(call_many(web3, contract(web3, "StakePool", POOL), "is_staked", PAIRS, BLOCK))


def test_a_hundred_calls_are_one_request_and_all_are_of_one_block(node: Node) -> None:
    assert ask(node.url) == [int(owner, 16) % 2 == 1 for owner, _ in PAIRS]
    assert [len(batch) for batch in node.batches] == [MOST_CALLS, MOST_CALLS, 5]
    assert {each["params"][1] for batch in node.batches for each in batch} == {hex(BLOCK)}


def test_several_endpoints_are_asked_like_one(node: Node) -> None:
    assert ask(AWAY, node.url) == [int(owner, 16) % 2 == 1 for owner, _ in PAIRS]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda _: {"jsonrpc": "2.0", "id": None, "error": {"message": "too many"}}, "too many"),
        (lambda answers: answers[1:], "99 answers to a batch of 100"),
        (
            lambda answers: [
                {"jsonrpc": "2.0", "id": answers[0]["id"], "error": {"message": "no state"}},
                *answers[1:],
            ],
            "no state",
        ),
    ],
)
def test_what_is_not_answered_whole_is_no_answer(node: Node, change: Change, reason: str) -> None:
    node.change = change
    with pytest.raises(Unavailable, match=f"is_staked at block {BLOCK}: .*{reason}"):
        ask(node.url)
