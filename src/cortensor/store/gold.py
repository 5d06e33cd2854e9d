# SPDX-License-Identifier: Apache-2.0
"""Answers to questions whose right answer is known: what sessions' accuracy is measured by.

Votes are kept, not sums: so records, error correlation and confusion counts can be recounted by
anyone with the table, and an item that is handed in twice counts once.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from msgspec import Struct

from cortensor.consensus import GoldItem, Vote
from cortensor.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cortensor.store.database import Database, Sql


class Answered(Struct, frozen=True, kw_only=True):
    """A known item with the votes it got.

    Attributes:
        item: its id, of the caller's choosing.
        known: right answer and votes; of a vote count rater, label, model and prompt.
        is_gold: whether nobody who voted could know that the answer is known.
        voted_at: when each rater answered, unix seconds; empty for now.
    """

    item: str
    known: GoldItem
    is_gold: bool = True
    voted_at: dict[str, int] = {}


class Gold:
    """The known items in the store.

    Args:
        database: an open database; the caller closes it.
    """

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, items: Iterable[Answered], now: int) -> int:
        """Store items and votes; returns how many votes are new.

        All or nothing. A vote that is there already is left as it is; one without a rater or a
        label is no vote.

        Args:
            items: any number of them.
            now: unix seconds.

        Raises:
            Conflict: an item is there with another right answer, or as another kind.
        """
        with self._db.transaction() as sql:
            return sum(_add(sql, each, now) for each in items)

    def answer(self, answered: Answered, now: int) -> None:
        """Store an item's votes in place of those that its raters gave before.

        Raises:
            Conflict: the item is there with another right answer, or as another kind.
        """
        with self._db.transaction() as sql:
            for vote in answered.known.votes:
                sql.execute(
                    "DELETE FROM gold_votes WHERE item = ? AND rater = ?",
                    (answered.item, vote.rater),
                )
            _add(sql, answered, now)

    def answered_at(self, rater: str) -> dict[str, int]:
        """Return when a rater answered each item it answered, in unix seconds."""
        query = (
            "SELECT v.item, COALESCE(v.voted_at, i.added_at) AS at"
            " FROM gold_votes v JOIN gold_items i ON i.item = v.item WHERE v.rater = ?"
        )
        return {row["item"]: row["at"] for row in self._db.rows(query, rater)}

    def items(self) -> list[Answered]:
        """Return every item with its votes, by id."""
        votes: dict[str, list[Vote]] = defaultdict(list)
        times: dict[str, dict[str, int]] = defaultdict(dict)
        query = (
            "SELECT v.item, rater, label, model, prompt, COALESCE(v.voted_at, i.added_at) AS at"
            " FROM gold_votes v JOIN gold_items i ON i.item = v.item ORDER BY v.item, rater"
        )
        for row in self._db.rows(query):
            found = votes[row["item"]]
            times[row["item"]][row["rater"]] = row["at"]
            found.append(
                Vote(
                    index=len(found),
                    label=row["label"],
                    rater=row["rater"],
                    model=row["model"],
                    prompt=row["prompt"],
                )
            )
        return [
            Answered(
                item=row["item"],
                known=GoldItem(votes=tuple(votes[row["item"]]), right=row["answer"]),
                is_gold=bool(row["is_gold"]),
                voted_at=times[row["item"]],
            )
            for row in self._db.rows("SELECT item, answer, is_gold FROM gold_items ORDER BY item")
        ]


def _add(sql: Sql, given: Answered, now: int) -> int:
    sql.execute(
        "INSERT INTO gold_items (item, answer, is_gold, added_at) VALUES (?,?,?,?)"
        " ON CONFLICT DO NOTHING",
        (given.item, given.known.right, int(given.is_gold), now),
    )
    row = sql.execute(
        "SELECT answer, is_gold FROM gold_items WHERE item = ?", (given.item,)
    ).fetchone()
    if (row["answer"], bool(row["is_gold"])) != (given.known.right, given.is_gold):
        raise Conflict(
            f"{given.item!r} is stored with another answer or as another kind",
            field="item",
            code="gold_item_differs",
        )
    added = 0
    for vote in given.known.votes:
        if vote.rater is not None and vote.label is not None:
            added += sql.execute(
                "INSERT INTO gold_votes (item, rater, label, model, prompt, voted_at)"
                " VALUES (?,?,?,?,?,?) ON CONFLICT DO NOTHING",
                (given.item, vote.rater, vote.label, vote.model, vote.prompt, now),
            ).rowcount
    return added
