# SPDX-License-Identifier: Apache-2.0
"""Slots to variables: rows of slots, maps by preimage, arrays, bytes, structs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cortensor.errors import InvalidInput
from cortensor.gas.known import load_known, load_layout
from cortensor.gas.layout import Place, Slots, Variable, inside, variables, words_of
from cortensor.receipts.keccak import keccak256


def word(number: int) -> bytes:
    return number.to_bytes(32, "big")


def hashed(slot: int, key: bytes) -> int:
    return int.from_bytes(keccak256(word(slot) + key), "big")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("uint256", 1),
        ("address", 1),
        ("bytes32", 1),
        ("uint256[3]", 3),
        ("uint256[3][2]", 6),
        ("Bytes[33]", 3),
        ("String[32]", 2),
        ("DynArray[uint256[2], 5]", 11),
        ("DynArray[DynArray[uint256, 2], 2]", 7),
        ("HashMap[address, uint256]", 1),
        ("Pair declaration object", None),
        ("DynArray[Pair declaration object, 4]", None),
    ],
)
def test_sizes_of_types(kind: str, words: int | None) -> None:
    assert words_of(kind) == words


@pytest.mark.parametrize(
    ("kind", "offset", "shown"),
    [
        ("uint256", 0, ""),
        ("uint256[3]", 2, "[2]"),
        ("uint256[3][2]", 4, "[1][1]"),
        ("DynArray[uint256, 5]", 0, ".length"),
        ("DynArray[uint256, 5]", 3, "[2]"),
        ("DynArray[DynArray[uint256, 2], 2]", 4, "[1].length"),
        ("String[64]", 0, ".length"),
        ("String[64]", 2, ".data[1]"),
        ("Pair declaration object", 1, "+1"),
        ("Pair declaration object[2]", 3, "+3"),
    ],
)
def test_places_in_a_value(kind: str, offset: int, shown: str) -> None:
    assert inside(kind, offset) == shown


def test_maps_by_what_was_hashed() -> None:
    slots = Slots(
        [
            Variable("owner", "address", 0, 1),
            Variable("kept", "HashMap[address, HashMap[uint256, Pair declaration object]]", 4, 1),
            Variable("lists", "HashMap[uint256, DynArray[uint256, 4]]", 5, 1),
        ]
    )
    outer = hashed(4, word(0xAB))
    inner = hashed(outer, word(7))
    assert slots.place(inner) is None
    slots.learn(word(4) + word(0xAB))
    slots.learn(word(outer) + word(7))
    slots.learn(word(5) + word(10**20))
    slots.learn(word(0) + word(1))  # no map
    slots.learn(word(99) + word(1))  # nothing at all
    who = f"0x{0xAB:040x}"
    assert slots.place(0) == Place("owner", "")
    assert slots.place(inner) == Place("kept", f"[{who}][7]")
    assert slots.place(inner + 1) == Place("kept", f"[{who}][7]+1")
    key = f"0x{10**20:064x}"
    listed = hashed(5, word(10**20))
    assert slots.place(listed) == Place("lists", f"[{key}].length")
    assert slots.place(listed + 4) == Place("lists", f"[{key}][3]")
    assert slots.place(listed + 5) is None
    assert [slots.place(slot) for slot in (1, 6, hashed(0, word(1)))] == [None] * 3


def test_every_committed_layout_is_read() -> None:
    for path in Path("layouts").glob("*.json"):
        found = load_layout(path)
        assert found is not None, path
        # The compiler leaves the part out where a contract keeps nothing.
        assert bool(found) == ("storage_layout" in json.loads(path.read_text())), path
        assert [words_of(each.type) for each in found] == [each.words for each in found], path
    pots = next(v for v in load_layout(Path("layouts/SessionPayment.json")) or [] if v.slot == 3)
    assert (pots.name, pots.words) == ("pots._pots", 3)


def test_files_that_are_no_layouts(tmp_path: Path) -> None:
    assert load_layout(tmp_path / "none.json") is None
    for text in ("{", "{}", '{"storage_layout": [1]}', '{"storage_layout": {"a": 1}}'):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(InvalidInput, match="no storage layout") as caught:
            load_layout(tmp_path / "bad.json")
        assert caught.value.code == "missing_layout"
    with pytest.raises(InvalidInput):
        variables({"storage_layout": {"a": {"slot": 1}}})


def test_deployment_records_give_names(tmp_path: Path) -> None:
    address = "0x" + "Ab" * 20
    record = {"contract": "StakePool", "address": address, "chain_id": 5}
    (tmp_path / "StakePool.json").write_text(json.dumps(record))
    (tmp_path / "manifest.json").write_text("[]")
    found = load_known(tmp_path, Path("layouts"), 5, lambda _: None)
    assert found[address.lower()].name == "StakePool"
    assert found[address.lower()].variables
    with pytest.raises(InvalidInput, match="of chain 5, the node of 6") as caught:
        load_known(tmp_path, Path("layouts"), 6, lambda _: None)
    assert caught.value.code == "wrong_chain"
    with pytest.raises(InvalidInput, match="no deployment records"):
        load_known(tmp_path / "none", Path("layouts"), 5, lambda _: None)
