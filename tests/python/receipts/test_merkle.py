# SPDX-License-Identifier: Apache-2.0
"""Trees and leaves against OpenZeppelin's own library (vectors/README.md) and eth_abi."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from cortensor.errors import InvalidInput
from cortensor.receipts import (
    StandardMerkleTree,
    evidence_leaf,
    from_hex,
    leaf,
    process_proof,
    to_hex,
    verify_proof,
)
from cortensor.receipts.merkle import double_hash

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parent / "vectors" / "openzeppelin_merkle.json").read_text(encoding="utf-8")
)
words = st.binary(min_size=32, max_size=32)


def _leaf(types: list[str], value: list[str]) -> bytes:
    if types == ["bytes32", "bytes"]:
        return evidence_leaf(from_hex(value[0], 32, "salt"), bytes.fromhex(value[1][2:]))
    return leaf(from_hex(value[0], 32, "digest"), int(value[1]), int(value[2]))


@pytest.mark.parametrize(
    "vector", VECTORS["trees"], ids=lambda v: f"{v['types'][1]}-{len(v['values'])}"
)
def test_openzeppelin_agrees(vector: dict[str, Any]) -> None:
    leaves = [_leaf(vector["types"], value) for value in vector["values"]]
    assert [to_hex(item) for item in leaves] == vector["leaves"]
    tree = StandardMerkleTree(leaves)
    assert to_hex(tree.root) == vector["root"]
    assert len(tree) == len(leaves)
    for i, expected in enumerate(vector["proofs"]):
        assert [to_hex(node) for node in tree.proof(i)] == expected


@given(words, st.integers(0, 2**64 - 1), st.integers(0, 2**96 - 1))
def test_receipt_leaf_is_the_abi_encoding(digest: bytes, index: int, cumulative: int) -> None:
    encoded = encode(["bytes32", "uint64", "uint96"], [digest, index, cumulative])
    assert leaf(digest, index, cumulative) == double_hash(encoded)


@given(words, st.binary(max_size=200))
def test_evidence_leaf_is_the_abi_encoding(salt: bytes, data: bytes) -> None:
    assert evidence_leaf(salt, data) == double_hash(encode(["bytes32", "bytes"], [salt, data]))


@given(st.lists(words, min_size=1, max_size=40), st.data())
def test_every_leaf_is_proven_and_no_other(leaves: list[bytes], data: st.DataObject) -> None:
    tree = StandardMerkleTree(leaves)
    i = data.draw(st.integers(0, len(leaves) - 1))
    assert verify_proof(tree.root, leaves[i], tree.proof(i))
    other = data.draw(words.filter(lambda word: word not in leaves))
    assert not verify_proof(tree.root, other, tree.proof(i))
    assert StandardMerkleTree(leaves[::-1]).root == tree.root


def test_refusals() -> None:
    with pytest.raises(InvalidInput, match="at least one leaf"):
        StandardMerkleTree([])
    with pytest.raises(InvalidInput, match=r"leaves\[1\]: must have 32 bytes"):
        StandardMerkleTree([bytes(32), bytes(31)])
    tree = StandardMerkleTree([bytes(32)])
    for index in (-1, 1):
        with pytest.raises(InvalidInput, match="leaf_index"):
            tree.proof(index)
    for index, cumulative in ((-1, 0), (2**64, 0), (0, 2**96), (0, -1)):
        with pytest.raises(InvalidInput):
            leaf(bytes(32), index, cumulative)


def test_a_single_leaf_is_its_own_root() -> None:
    assert StandardMerkleTree([b"\1" * 32]).root == process_proof(b"\1" * 32, [])


def test_a_hundred_thousand_leaves_take_seconds() -> None:
    started = time.monotonic()
    tree = StandardMerkleTree([leaf(bytes(32), i, i) for i in range(100_000)])
    # About a second on two busy cores; the bound only catches another order of magnitude.
    assert time.monotonic() - started < 20
    assert len(tree.proof(77)) in {16, 17}
