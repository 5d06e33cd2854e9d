# SPDX-License-Identifier: Apache-2.0
"""Reads vote files, splits their items and draws replicas, all without a random generator."""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REPLICAS = (1, 3, 5)
MOST = REPLICAS[-1]


class Rater(NamedTuple):
    """Who voted; a person has neither model nor method."""

    name: str
    model: str | None
    method: str | None


@dataclass(frozen=True)
class Item:
    """A question, its right answer and what each rater said, as written in the file."""

    name: str
    gold: str
    votes: dict[Rater, str]
    latencies: dict[Rater, int]


@dataclass(frozen=True)
class Dataset:
    """Items of one set: `history` to fit on, `test` to measure on."""

    name: str
    history: list[Item]
    test: list[Item]

    @property
    def is_binary(self) -> bool:
        """Whether votes are verdicts, not scores."""
        return all(
            vote in {"0", "1"}
            for item in self.history
            for vote in (*item.votes.values(), item.gold)
        )


def digest(text: str) -> str:
    """Return the hex SHA-256 of a text."""
    return sha256(text.encode()).hexdigest()


def read(folder: Path) -> dict[str, list[Item]]:
    """Return dataset -> items in order of the SHA-256 of their names."""
    found: dict[tuple[str, str], Item] = {}
    for path in sorted(folder.glob("*.csv.gz")):
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                rater = Rater(row["rater"], row["model"] or None, row["method"] or None)
                key = (row["dataset"], row["item"])
                item = found.setdefault(key, Item(row["item"], row["gold"], {}, {}))
                item.votes[rater] = row["vote"]
                if row["latency_ms"]:
                    item.latencies[rater] = int(row["latency_ms"])
    sets: dict[str, list[Item]] = {}
    for (dataset, _), item in found.items():
        sets.setdefault(dataset, []).append(item)
    return {
        name: sorted(items, key=lambda item: digest(item.name))
        for name, items in sorted(sets.items())
    }


def datasets(folder: Path, held_out: Path | None = None) -> list[Dataset]:
    """Return the sets, split.

    Args:
        folder: vote files. The first half of a set's items is history, the rest test.
        held_out: if given, more vote files: then all items of `folder` are history, and the items
            that only `held_out` has are test. A set that only `held_out` has is split in half.
    """
    known = read(folder)
    if held_out is None:
        return [_halves(name, items) for name, items in known.items()]
    result = []
    for name, items in read(held_out).items():
        if name not in known:
            result.append(_halves(name, items))
            continue
        seen = {item.name for item in known[name]}
        new = [item for item in items if item.name not in seen]
        if new:
            result.append(Dataset(name, known[name], new))
    return result


def _halves(name: str, items: list[Item]) -> Dataset:
    half = len(items) // 2
    return Dataset(name, items[:half], items[half:])


def draws(dataset: str, items: list[Item], count: int) -> Iterator[tuple[Item, list[Rater]]]:
    """Yield `count` times for each item five of its raters in order of asking; three are a prefix.

    Draw d takes the raters with the smallest SHA-256 of "d|dataset|item|rater".
    """
    for item in items:
        for draw in range(count):
            order = sorted(
                item.votes, key=lambda rater: digest(f"{draw}|{dataset}|{item.name}|{rater.name}")
            )
            yield item, order[:MOST]
