# SPDX-License-Identifier: Apache-2.0
"""Bytes that are no text, where a contract has a string: they stop nobody who reads the chain."""

from __future__ import annotations

from typing import Any

from eth_abi import encode
from hexbytes import HexBytes

from cortensor.chain.calldata import named, read_call
from cortensor.chain.rpc import connect, contract

NOWHERE = "http://127.0.0.1:9"
ANCHOR, ESCROW = "0x" + "a1" * 20, "0x" + "e5" * 20
ROOT = b"\x07" * 32
NO_TEXT = b"ipfs://\xff\xfe"
SHOWN = "ipfs://\ufffd\ufffd"


def told(uri: bytes) -> dict[str, Any]:
    """Return the log of a batch that was anchored with a URI of any bytes."""
    event = contract(connect(NOWHERE), "ReceiptAnchor", ANCHOR).events.BatchAnchored()
    types = [each["type"] for each in event.abi["inputs"] if not each["indexed"]]
    values: list[Any] = [
        uri if kind == "string" else bytes(32) if kind == "bytes32" else 1 for kind in types
    ]
    # Text and bytes have the same encoding.
    data = encode(["bytes" if kind == "string" else kind for kind in types], values)
    indexed = [each for each in event.abi["inputs"] if each["indexed"]]
    return {
        "address": ANCHOR,
        "topics": [HexBytes(event.topic), *(HexBytes(bytes(31) + b"\1") for _ in indexed)],
        "data": HexBytes(data),
        "blockNumber": 1,
        "blockHash": HexBytes(ROOT),
        "transactionHash": HexBytes(ROOT),
        "transactionIndex": 0,
        "logIndex": 0,
        "removed": False,
    }


def test_a_batch_with_such_a_uri_is_seen() -> None:
    event = contract(connect(NOWHERE), "ReceiptAnchor", ANCHOR).events.BatchAnchored()
    assert event.process_log(told(b"https://x"))["args"]["uri"] == "https://x"
    assert event.process_log(told(NO_TEXT))["args"]["uri"] == SHOWN


def test_a_settlement_with_such_a_uri_is_read() -> None:
    escrow = contract(connect(NOWHERE), "SessionPayment", ESCROW)
    batch = (1, 1, ROOT, 1, "u" * len(NO_TEXT), [5])
    plain = bytes.fromhex(escrow.encode_abi("settle", [batch])[2:])
    data = plain.replace(b"u" * len(NO_TEXT), NO_TEXT)
    assert data != plain
    names = ("router_id", "version", "root", "count", "uri", "items")
    read = named(read_call(escrow, "settle", data)["batch"], names)
    assert (read["uri"], list(read["items"])) == (SHOWN, [5])
