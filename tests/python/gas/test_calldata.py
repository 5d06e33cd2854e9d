# SPDX-License-Identifier: Apache-2.0
"""Calldata by argument: what each adds to the bytes and to the units."""

from __future__ import annotations

from typing import Any

from eth_abi.abi import encode

from cortensor.gas.arbitrum import poster_units
from cortensor.gas.calldata import Calldata, read_calldata, signature
from cortensor.gas.envelope import parse_envelope, with_data
from cortensor.receipts.keccak import keccak256
from tests.python.gas.signed import signed
from tests.python.gas.traces import transaction

LEVEL = 1
FLAG = {"name": "x", "type": "bool"}
ABI: list[dict[str, Any]] = [
    {"type": "event", "name": "act", "inputs": []},
    {
        "type": "function",
        "name": "act",
        "inputs": [
            {"name": "who", "type": "address"},
            {
                "name": "order",
                "type": "tuple",
                "components": [
                    {"name": "amount", "type": "uint256"},
                    {"name": "note", "type": "string"},
                    {
                        "name": "only",
                        "type": "tuple",
                        "components": [{"name": "x", "type": "bool"}],
                    },
                ],
            },
            {
                "name": "items",
                "type": "tuple[]",
                "components": [{"name": "word", "type": "bytes32"}],
            },
        ],
    },
]
TYPES = ["address", "(uint256,string,(bool))", "(bytes32)[]"]
SIGNATURE = f"act({','.join(TYPES)})"
WORDS = [(keccak256(bytes([number])),) for number in range(20)]
VALUES = ["0x" + "cd" * 20, (5, "hello", (True,)), WORDS]
SELECTOR = keccak256(SIGNATURE.encode())[:4]
DATA = SELECTOR + encode(TYPES, VALUES)


def read(data: bytes, abi: list[dict[str, Any]] | None = ABI, **more: Any) -> Calldata:
    return read_calldata(transaction(data, raw=signed(data, **more)), abi, LEVEL)


def test_each_argument_and_each_field_of_a_struct() -> None:
    assert signature(ABI[1]) == SIGNATURE
    found = read(DATA)
    assert (found.function, found.selector) == (SIGNATURE, "0x" + SELECTOR.hex())
    assert (found.zero_bytes + found.nonzero_bytes, found.units) == (
        len(DATA),
        poster_units(signed(DATA), LEVEL),
    )
    by_name = {each.name: each for each in found.arguments}
    assert {name: (each.type, each.bytes) for name, each in by_name.items()} == {
        "who": ("address", 32),
        "order.amount": ("uint256", 32),
        # Where it is, its length, its text; and without it the struct's place need not be told.
        "order.note": ("string", 128),
        "order.only": ("(bool)", 32),
        "items": ("(bytes32)[]", 32 * 22),
    }
    # Twenty hashes do not compress.
    assert 16 * 20 * 32 <= (by_name["items"].units or 0) <= 16 * 20 * 34


def test_an_arguments_units_are_those_of_a_shorter_transaction() -> None:
    for more in ({}, {"gasPrice": 1}, {"gasPrice": 1, "accessList": []}):
        raw = signed(DATA, **more)
        shorter = SELECTOR + encode(TYPES[1:], VALUES[1:])
        # A signature may be a byte shorter than another.
        assert abs(len(with_data(parse_envelope(raw), shorter)) - len(signed(shorter, **more))) < 3
        assert with_data(parse_envelope(raw), DATA) == raw
        who = read(DATA, **more).arguments[0]
        without = poster_units(with_data(parse_envelope(raw), shorter), LEVEL)
        assert who.units == poster_units(raw, LEVEL) - without


def test_calldata_that_nobody_can_tell_apart() -> None:
    assert read(DATA, abi=None).function is None
    unknown = read(b"\1\2\3\4" + DATA[4:])
    assert (unknown.selector, unknown.function, unknown.arguments) == ("0x01020304", None, [])
    # Too short, or with something behind: the function is known, its arguments are not shown.
    for data in (DATA[:40], DATA + b"\0"):
        assert (read(data).function, read(data).arguments) == (SIGNATURE, [])
    assert read(b"\1\2").selector is None
    created = read_calldata(transaction(DATA, to=None), ABI, LEVEL)
    assert (created.selector, created.units) == (None, None)


def test_without_signed_bytes_there_are_no_units() -> None:
    found = read_calldata(transaction(DATA), ABI, LEVEL)
    assert {each.units for each in found.arguments} == {None}
