# SPDX-License-Identifier: Apache-2.0
"""The loosest relation: answers that mean the same, by the distance of their embeddings.

The model is the caller's (`TextModel`) and gives vectors of integers; the cosine of two is exact
and rounded once, so that whoever has the model gets the same basis points. The gates come first:
embeddings fail exactly where it matters. All that was compared is kept (`Likeness`), so that a
receipt can be grouped again without the model.
"""

from __future__ import annotations

import re
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from cortensor.consensus.equivalence import JSON, fold, parse_json
from cortensor.consensus.fixed_point import BPS, isqrt
from cortensor.consensus.gates import GATES, Claims, claims, closed_gate
from cortensor.consensus.grouping import Group, group_stars
from cortensor.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

EMBEDDING = "embedding"
POI_DISPERSION_BPS = 2_500
"""The network's Proof of Inference calls answers dispersed beyond this cosine distance."""
STRUCTURE = "structure"
"""The gate of answers with fields: JSON is compared as JSON, and never by what it resembles."""
SCRIPT = "script"
"""The gate of letters that are not Latin: the other gates do not know what their words deny."""
CLOSED = (STRUCTURE, SCRIPT, *GATES)
"""What may keep a pair from being one answer, however alike."""


_OTHER_LETTER = re.compile(
    r"[^\W\d_A-Za-z\u00aa\u00b5\u00ba\u00c0-\u024f\u0300-\u036f\u1e00-\u1eff]"
)


class TextModel(Protocol):
    """An embedding model.

    Attributes:
        name: what receipts call it.
        digest: identifies its files: another digest may give other vectors.
        slack_bps: by how much the same files may give another similarity on another machine.
    """

    name: str
    digest: str
    slack_bps: int

    def vector(self, text: str) -> Sequence[int]:
        """Return a text's direction; all zeros if it has none, such as the empty text."""


class Embedding(NamedTuple):
    """A model, and the largest cosine distance of two answers that count as one, in bps."""

    model: TextModel
    dispersion_bps: int = POI_DISPERSION_BPS


class Pair(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Two answers compared.

    Attributes:
        replicas: their indices, the lower first.
        similarity_bps: cosine in bps, rounded down; 0 if it is negative or a text has no direction.
        gate: the first gate they do not pass together (one of `CLOSED`), or None.
    """

    replicas: tuple[int, int]
    similarity_bps: int
    gate: str | None

    def __post_init__(self) -> None:
        """Refuse what no comparison gives."""
        if not 0 <= self.similarity_bps <= BPS:
            raise InvalidInput("must be 0 .. 10000", field="consensus.likeness.similarity_bps")
        if self.gate is not None and self.gate not in CLOSED:
            raise InvalidInput(
                f"must be one of {', '.join(CLOSED)}", field="consensus.likeness.gate"
            )


class Likeness(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How alike the answers of a round are, and by which model: what their groups follow from.

    Attributes:
        model: the model's name.
        digest: that of its files.
        dispersion_bps: the largest distance, 10000 less the similarity, of one answer.
        order: replicas with an answer, in order of their folded texts, then by index.
        pairs: every two of them, ascending.
    """

    model: str
    digest: str
    dispersion_bps: int
    order: tuple[int, ...]
    pairs: tuple[Pair, ...]

    def __post_init__(self) -> None:
        """Refuse a comparison that leaves out or repeats a pair."""
        if not 0 <= self.dispersion_bps <= BPS:
            raise InvalidInput("must be 0 .. 10000", field="consensus.likeness.dispersion_bps")
        expected = list(combinations(sorted(self.order), 2))
        if len(set(self.order)) != len(self.order) or expected != [p.replicas for p in self.pairs]:
            raise InvalidInput("must compare every two answers once", field="consensus.likeness")

    def groups(self) -> list[Group]:
        """Return who gave the same answer, by `grouping.group_stars`."""
        alike: dict[tuple[int, int], int] = {}
        for pair in self.pairs:
            if pair.gate is None and BPS - pair.similarity_bps <= self.dispersion_bps:
                left, right = pair.replicas
                alike[left, right] = alike[right, left] = pair.similarity_bps
        return group_stars(self.order, alike)


class _Read(NamedTuple):
    """A text as it is compared; `fields` if it is a JSON object or list."""

    folded: str
    claims: Claims
    is_latin: bool
    fields: tuple[bool, object] | None


def order_of(answers: Sequence[tuple[int, str]]) -> tuple[int, ...]:
    """Return the indices of answers in order of their folded texts, then by index."""
    return tuple(index for _, index in sorted((fold(text), index) for index, text in answers))


def gate_between(left: str, right: str) -> str | None:
    """Return the gate that two texts do not pass together; None where likeness may decide."""
    return _gate(_read(left), _read(right))


def is_same_text(left: str, right: str) -> bool:
    """Return whether two texts are one answer without any model: equal as text or as JSON."""
    return _is_same(_read(left), _read(right))


def compare(answers: Sequence[tuple[int, str]], by: Embedding) -> Likeness:
    """Compare every two answers.

    Args:
        answers: replica index and text.
        by: the model and the distance that is still the same answer.

    Raises:
        InvalidInput: for a distance out of range or vectors of different lengths.
    """
    read = {index: _read(text) for index, text in answers}
    vectors = {index: by.model.vector(text) for index, text in answers}
    pairs = []
    for left, right in combinations(sorted(read), 2):
        same = _is_same(read[left], read[right])
        pairs.append(
            Pair(
                replicas=(left, right),
                similarity_bps=BPS if same else cosine_bps(vectors[left], vectors[right]),
                gate=None if same else _gate(read[left], read[right]),
            )
        )
    return Likeness(
        model=by.model.name,
        digest=by.model.digest,
        dispersion_bps=by.dispersion_bps,
        order=order_of(answers),
        pairs=tuple(pairs),
    )


def cosine_bps(left: Sequence[int], right: Sequence[int]) -> int:
    """Return floor(10000 cos) of two vectors; 0 if it is negative or one of them is zero.

    Raises:
        InvalidInput: if they have different lengths.
    """
    if len(left) != len(right):
        raise InvalidInput("must have one length", field="vectors")
    dot = sum(a * b for a, b in zip(left, right, strict=True))
    squares = sum(a * a for a in left) * sum(b * b for b in right)
    if dot <= 0 or squares == 0:
        return 0
    return isqrt(BPS * BPS * dot * dot // squares)


def _read(text: str) -> _Read:
    return _Read(fold(text), claims(text), _OTHER_LETTER.search(text) is None, _fields(text))


def _fields(text: str) -> tuple[bool, object] | None:
    try:
        value = parse_json(text)
    except InvalidInput:
        return None
    return (True, value) if isinstance(value, dict | list) else None


def _is_same(left: _Read, right: _Read) -> bool:
    if left.folded == right.folded:
        return True
    both = left.fields is not None and right.fields is not None
    return both and JSON.similarity(left.fields, right.fields) is not None


def _gate(left: _Read, right: _Read) -> str | None:
    if _is_same(left, right):
        return None
    if left.fields is not None or right.fields is not None:
        return STRUCTURE
    if not (left.is_latin and right.is_latin):
        return SCRIPT
    return closed_gate(left.claims, right.claims)
