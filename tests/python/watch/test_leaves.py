# SPDX-License-Identifier: Apache-2.0
"""A published batch is believed only if it is what was anchored."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortensor.errors import VerificationFailed
from cortensor.router.schemas import BatchResponse
from cortensor.watch.leaves import MAX_LEAVES, Leaf, read_batch
from tests.python.watch.making import DOMAIN, SETTLER, chain, published, receipt, rooted

LEAVES = rooted(chain([receipt(i) for i in range(5)]))
ROOT = LEAVES[0].root


def read(data: bytes, count: int = 5, root: str = ROOT) -> list[Leaf]:
    return read_batch(data, root=root, anchorer=SETTLER, count=count, domain=DOMAIN)


def test_an_anchored_batch_is_read() -> None:
    assert read(published(LEAVES)) == LEAVES


def test_the_order_of_leaves_does_not_matter() -> None:
    assert set(read(published(LEAVES[::-1]))) == set(LEAVES)


def test_it_is_what_the_router_publishes() -> None:
    data = msgspec.json.decode(published(LEAVES))
    shown: dict[str, Any] = {"version": 1, "uri": "", "state": "confirmed", "tx_hash": None}
    msgspec.convert({**data, **shown}, BatchResponse)


@pytest.mark.fuzz
@given(st.data())
def test_one_changed_value_is_noticed(data: st.DataObject) -> None:
    shown = msgspec.json.decode(published(LEAVES))
    each = shown["leaves"][data.draw(st.integers(0, 4))]
    name = data.draw(st.sampled_from(["index", "cumulative", *each["charge"]]))
    if name == "index":
        each["index"] += 1
    elif name == "cumulative":
        each["cumulative"] = str(int(each["cumulative"]) + 1)
    elif each["charge"][name].startswith("0x"):
        each["charge"][name] = "0x" + "5e" * 32
    else:
        each["charge"][name] = str(int(each["charge"][name]) ^ 1)
    with pytest.raises(VerificationFailed, match="root"):
        read(msgspec.json.encode(shown))


def test_what_a_batch_says_of_itself_is_not_believed() -> None:
    shown = msgspec.json.decode(published(LEAVES))
    for each in shown["leaves"]:
        each["digest"] = each["leaf"] = "0x" + "00" * 32
        each["session_id"] = "0x" + "00" * 20
    shown["root"] = shown["something_new"] = "0x" + "00" * 32
    assert read(msgspec.json.encode(shown)) == LEAVES


def test_a_missing_leaf_is_noticed() -> None:
    with pytest.raises(VerificationFailed, match="4 leaves, 5 are anchored"):
        read(published(LEAVES[:4]))
    with pytest.raises(VerificationFailed, match="root"):
        read(published(LEAVES[:4]), count=4)


@pytest.mark.parametrize("text", ["0x", "", "0x12", "zz", "0x" + "00" * 64, "0x" + "00" * 66])
def test_a_malformed_signature_hides_no_leaf(text: str) -> None:
    shown = msgspec.json.decode(published(LEAVES))
    shown["leaves"][0]["signature"] = text
    assert read(msgspec.json.encode(shown))[0].signature == b""


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b'{"leaves":[1,2,3,4,5]}',
        b"[" * 100_000,
        b'{"leaves":' + b"[" * 200 + b"]" * 200 + b"}",
        published(LEAVES).replace(b'"cumulative":"', b'"cumulative":"-'),
        published(LEAVES).replace(b'"index":1,', b'"index":-1,'),
        published(LEAVES).replace(b'"index":1,', b'"index":99999999999999999999999999,'),
        published(LEAVES).replace(b'"cumulative":"', b'"cumulative":"' + b"9" * 40),
        published(LEAVES).replace(b'"outcome"', b'"outcomes"'),
    ],
    ids=range(12),
)
def test_nonsense_is_refused(data: bytes) -> None:
    with pytest.raises(VerificationFailed):
        read(data)


def test_too_large_a_batch_is_not_read() -> None:
    with pytest.raises(VerificationFailed, match="leaves"):
        read(published(LEAVES), count=MAX_LEAVES + 1)
