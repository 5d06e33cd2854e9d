# SPDX-License-Identifier: Apache-2.0
"""When two answers are "the same": relations from strict to loose, in integers.

Each relation is a `Rung`: `prepare` turns a text into a comparable form once, `similarity` gives
millionths (1,000,000 = identical) or `None` where the two must not be counted as one answer. All
rungs depend on the texts alone, never on who said them or when. The loosest relation, by embedding,
needs a model and is in `likeness`.
"""

from __future__ import annotations

import json as _json
import re
import unicodedata
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from cortensor.consensus.gates import Claims, agree, claims
from cortensor.errors import InvalidInput
from cortensor.nesting import check_nesting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ONE = 1_000_000
"""Similarity of two answers that are the same, in millionths."""

OVERLAP_NUMERATOR = 65
OVERLAP_DENOMINATOR = 100
"""Least token Jaccard index of two answers that count as one: the network's own 0.65."""

MAX_JSON_DEPTH = 64
MAX_NUMBER_DIGITS = 400
"""A longer number, or one with a larger exponent, makes the text no JSON for our purposes."""


class Rung(NamedTuple):
    """One relation: its name in the receipt, and its two functions."""

    name: str
    prepare: Callable[[str], Any]
    similarity: Callable[[Any, Any], int | None]


def fold(text: str) -> str:
    """Return the text in NFC, case-folded, with runs of whitespace as one space, trimmed."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def _exact_similarity(left: str, right: str) -> int | None:
    return ONE if left == right else None


EXACT = Rung("exact", fold, _exact_similarity)


class _NotJson(Exception):  # noqa: N818 -- internal signal, never leaves this module
    """The text is not JSON this rung compares."""


def _number(text: str) -> Decimal:
    # Decimal keeps every digit, so 19.50 equals 19.5 and 0.1 stays a tenth.
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise _NotJson from None
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or abs(exponent) > MAX_NUMBER_DIGITS:
        raise _NotJson
    if len(value.as_tuple().digits) > MAX_NUMBER_DIGITS:
        raise _NotJson
    return value


def _reject_constant(_text: str) -> Any:
    raise _NotJson


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:  # two values under one name have no single meaning
            raise _NotJson
        result[key] = value
    return result


def _strip_fence(text: str) -> str:
    # Models wrap JSON in a Markdown fence; the fence carries no meaning.
    match = re.fullmatch(r"\s*```[A-Za-z]*\s*\n(.*)\n\s*```\s*", text, re.DOTALL)
    return match[1] if match else text


def parse_json(text: str) -> object:
    """Return the text's JSON value with numbers as exact `Decimal`.

    Raises:
        InvalidInput: if it is not one JSON value, repeats a key, nests deeper than
            `MAX_JSON_DEPTH` or holds a number beyond `MAX_NUMBER_DIGITS`.
    """
    bare = _strip_fence(text)
    check_nesting(bare, MAX_JSON_DEPTH, field="text")
    try:
        return cast(
            "object",
            _json.loads(
                bare,
                parse_float=_number,
                parse_int=_number,
                parse_constant=_reject_constant,
                object_pairs_hook=_object,
            ),
        )
    except (_NotJson, ValueError):
        raise InvalidInput("is not a JSON value that can be compared", field="text") from None


def _prepare_json(text: str) -> tuple[bool, object]:
    # An answer that is no JSON is compared as text, so prose never equals an object.
    try:
        return True, parse_json(text)
    except InvalidInput:
        return False, fold(text)


def _values_match(left: object, right: object, tolerance_millionths: int) -> bool:
    if isinstance(left, bool) or isinstance(right, bool) or left is None or right is None:
        return left is right
    if isinstance(left, Decimal) and isinstance(right, Decimal):
        return _numbers_match(left, right, tolerance_millionths)
    if isinstance(left, str) and isinstance(right, str):
        return fold(left) == fold(right)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(
            _values_match(a, b, tolerance_millionths) for a, b in zip(left, right, strict=True)
        )
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(
            _values_match(left[key], right[key], tolerance_millionths) for key in left
        )
    return False


def _scaled(value: Decimal, exponent: int) -> int:
    sign, digits, own = value.as_tuple()
    scale: int = 10 ** (int(own) - exponent)
    number = int("".join(map(str, digits)) or "0") * scale
    return -number if sign else number


def _numbers_match(left: Decimal, right: Decimal, tolerance_millionths: int) -> bool:
    # In integers at the finer of the two scales: Decimal arithmetic would round at 28 digits.
    exponent = min(int(left.as_tuple().exponent), int(right.as_tuple().exponent))
    a, b = _scaled(left, exponent), _scaled(right, exponent)
    return abs(a - b) * ONE <= tolerance_millionths * max(abs(a), abs(b))


def json_rung(tolerance_millionths: int = 0) -> Rung:
    """Return the JSON relation: same structure, keys in any order, numbers as exact decimals.

    Args:
        tolerance_millionths: relative difference two numbers may have, of the larger one.
    """
    if not 0 <= tolerance_millionths <= ONE:
        raise InvalidInput("must be 0 .. 1000000", field="tolerance_millionths")

    def similarity(left: tuple[bool, object], right: tuple[bool, object]) -> int | None:
        if left[0] != right[0]:
            return None
        if not left[0]:
            return ONE if left[1] == right[1] else None
        return ONE if _values_match(left[1], right[1], tolerance_millionths) else None

    return Rung("json", _prepare_json, similarity)


JSON = json_rung()


def _overlap_similarity(left: Claims, right: Claims) -> int | None:
    # The gates come first: likeness decides only where the facts of both texts already agree.
    if not agree(left, right):
        return None
    union = len(left.words | right.words)
    if union == 0:
        return ONE
    shared = len(left.words & right.words)
    if shared * OVERLAP_DENOMINATOR < union * OVERLAP_NUMERATOR:
        return None
    return shared * ONE // union


OVERLAP = Rung("overlap", claims, _overlap_similarity)

RUNGS = {rung.name: rung for rung in (EXACT, JSON, OVERLAP)}


ALIASES: Mapping[str, str] = MappingProxyType(
    {"canonical_json": JSON.name, "token_overlap": OVERLAP.name}
)
"""Longer names that a request may use -> those in a receipt."""


def rung(name: str) -> Rung:
    """Return a relation by its name in a receipt.

    Raises:
        InvalidInput: if there is none.
    """
    if name not in RUNGS:
        raise InvalidInput(f"must be one of {', '.join(RUNGS)}", field="consensus.equivalence")
    return RUNGS[name]


def exact(left: str, right: str) -> bool:
    """Return whether two texts are the same after NFC, whitespace and case folding."""
    return EXACT.similarity(EXACT.prepare(left), EXACT.prepare(right)) is not None


def json(left: str, right: str, tolerance_millionths: int = 0) -> bool:
    """Return whether two texts are the same JSON value (see `json_rung`)."""
    chosen = json_rung(tolerance_millionths)
    return chosen.similarity(chosen.prepare(left), chosen.prepare(right)) is not None


def overlap(left: str, right: str) -> bool:
    """Return whether two texts pass the gates and share enough words."""
    return OVERLAP.similarity(OVERLAP.prepare(left), OVERLAP.prepare(right)) is not None
