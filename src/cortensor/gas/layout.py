# SPDX-License-Identifier: Apache-2.0
"""Slots to variables: a contract's storage as Vyper 0.4.3 lays it out.

A variable has its slots in a row. An entry of a map is at keccak256(the map's slot, its key), with
a key of bytes or text hashed first; a map inside a map is at such an entry. A dynamic array, and
bytes, begin with their length.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING, Any, NamedTuple

from cortensor.errors import InvalidInput
from cortensor.receipts.keccak import WORD_BYTES, keccak256

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MOST_WORDS_OF_A_STRUCT = 1_024  # a layout names structs in maps without their size
ARRAY = re.compile(r"(?P<item>.+)\[(?P<count>\d+)\]")
GENERIC = re.compile(r"(?P<name>\w+)\[(?P<inside>.*)\]")
WORD_TYPE = re.compile(r"address|bool|decimal|u?int\d+|bytes\d+")


class Variable(NamedTuple):
    """A variable in storage."""

    name: str
    type: str
    slot: int
    words: int


class Place(NamedTuple):
    """What a slot is: its variable, and where inside, such as `[0x0f..1c].length`."""

    variable: str
    inside: str


PARTS = {"storage_layout", "code_layout", "transient_storage_layout"}


def variables(layout: Mapping[str, Any]) -> list[Variable]:
    """Return the storage variables of a layout file, by slot.

    Raises:
        InvalidInput: it is none (`missing_layout`).
    """
    broken = InvalidInput("is no storage layout of Vyper", field="layouts", code="missing_layout")
    # The compiler leaves out a part that has nothing, but never all of them.
    if not PARTS & set(layout):
        raise broken
    try:
        found = list(_walk(layout.get("storage_layout", {}), ()))
    except (KeyError, TypeError, AttributeError) as error:
        raise broken from error
    return sorted(found, key=lambda each: each.slot)


def _walk(entries: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[Variable]:
    for name, entry in entries.items():
        if isinstance(entry.get("slot"), int):
            words = entry["n_slots"]
            yield Variable(".".join((*path, name)), entry["type"], entry["slot"], words)
        else:
            yield from _walk(entry, (*path, name))


def words_of(kind: str) -> int | None:
    """Return how many slots a type takes; None where its name does not say."""
    if WORD_TYPE.fullmatch(kind):
        return 1
    generic = GENERIC.fullmatch(kind)
    if generic is None:
        return None
    name, inside = generic["name"], generic["inside"]
    if name == "HashMap":
        return 1
    if name in ("Bytes", "String"):
        return 1 + -(-int(inside) // WORD_BYTES)
    item, count = _array(kind)
    each = words_of(item)
    if each is None:
        return None
    return each * count + (1 if name == "DynArray" else 0)


def _array(kind: str) -> tuple[str, int]:
    """Return an array's item type and length; dynamic or not."""
    if kind.startswith("DynArray["):
        item, _, count = kind.removeprefix("DynArray[").removesuffix("]").rpartition(",")
        return item.strip(), int(count)
    fixed = ARRAY.fullmatch(kind)
    if fixed is None:
        raise InvalidInput(f"{kind} is no array", field="layouts", code="missing_layout")
    return fixed["item"], int(fixed["count"])


def inside(kind: str, offset: int) -> str:
    """Return where in a value of a type a slot is, such as `[3]`; structs by offset."""
    if re.match(r"(Bytes|String)\[", kind):
        return ".length" if offset == 0 else f".data[{offset - 1}]"
    is_dynamic = kind.startswith("DynArray[")
    if is_dynamic and offset == 0:
        return ".length"
    if is_dynamic or (ARRAY.fullmatch(kind) and not kind.startswith("HashMap[")):
        item, _ = _array(kind)
        each = words_of(item)
        if each is not None:
            number, rest = divmod(offset - is_dynamic, each)
            return f"[{number}]{inside(item, rest)}"
    return f"+{offset}" if offset else ""


def map_types(kind: str) -> tuple[str, str] | None:
    """Return a map's key and value types; None if it is no map."""
    if not kind.startswith("HashMap["):
        return None
    key, _, value = kind.removeprefix("HashMap[").removesuffix("]").partition(",")
    return key.strip(), value.strip()


def shown_key(kind: str, word: bytes) -> str:
    """Return a map's key for people."""
    number = int.from_bytes(word, "big")
    if kind == "address":
        return f"0x{number:040x}"
    if kind.startswith("uint") and number < 10**18:
        return str(number)
    return f"0x{word.hex()}"


class _Entry(NamedTuple):
    """A value that a map holds."""

    variable: str
    inside: str
    type: str


class Slots:
    """One contract's slots, by what it hashed."""

    def __init__(self, known: list[Variable]) -> None:
        self._known = known
        self._first = [each.slot for each in known]
        self._entries: dict[int, _Entry] = {
            each.slot: _Entry(each.name, "", each.type) for each in known if map_types(each.type)
        }
        self._hashed: list[int] = []

    def learn(self, words: bytes) -> None:
        """Take a preimage of two words; one that is no map's is left."""
        entry = self._entries.get(int.from_bytes(words[:WORD_BYTES], "big"))
        types = None if entry is None else map_types(entry.type)
        if entry is None or types is None:
            return
        slot = int.from_bytes(keccak256(words), "big")
        if slot not in self._entries:
            key = shown_key(types[0], words[WORD_BYTES:])
            self._entries[slot] = _Entry(entry.variable, f"{entry.inside}[{key}]", types[1])
            at = bisect_right(self._hashed, slot)
            self._hashed.insert(at, slot)

    def place(self, slot: int) -> Place | None:
        """Return what a slot is; None if it is nothing known."""
        at = bisect_right(self._first, slot) - 1
        if at >= 0:
            variable = self._known[at]
            offset = slot - variable.slot
            if offset < variable.words:
                return Place(variable.name, inside(variable.type, offset))
        at = bisect_right(self._hashed, slot) - 1
        if at >= 0:
            entry = self._entries[self._hashed[at]]
            offset = slot - self._hashed[at]
            words = words_of(entry.type)
            if offset < (MOST_WORDS_OF_A_STRUCT if words is None else words):
                return Place(entry.variable, entry.inside + inside(entry.type, offset))
        return None
