# SPDX-License-Identifier: Apache-2.0
"""`cortensor gold`: hand in answers to known questions, and see what they say of the sessions."""

from __future__ import annotations

import time
from typing import IO, TYPE_CHECKING

import click
import msgspec
from msgspec import Struct

from cortensor.consensus import GoldItem, Vote, records_of
from cortensor.errors import InvalidInput
from cortensor.store.address import existing_database_option
from cortensor.store.gold import Answered
from cortensor.store.store import Store

if TYPE_CHECKING:
    from cortensor.store.address import DatabaseAddress


class Line(Struct, frozen=True, forbid_unknown_fields=True):
    """One known item: `votes` maps compute session to verdict; not `gold` if checked afterwards."""

    item: str
    answer: str
    votes: dict[str, str]
    gold: bool = True


database_option = click.option(
    "--database",
    required=True,
    type=existing_database_option,
    help="The router's database, a file or a postgresql:// URL.",
)


@click.group("gold")
def gold() -> None:
    """Measure compute sessions on questions whose right answer is known."""


@gold.command("add")
@database_option
@click.argument("lines", type=click.File("rb"))
def add(database: DatabaseAddress, lines: IO[bytes]) -> None:
    """Store answers: JSON lines of {"item", "answer", "votes": {session: verdict}, "gold"}."""
    items = [read_line(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    with Store(database) as store:
        added = store.gold.add(items, int(time.time()))
    click.echo(f"{len(items)} items, {added} new votes")


@gold.command("show")
@database_option
def show(database: DatabaseAddress) -> None:
    """Show how often each session was right."""
    with Store(database) as store:
        items = store.gold.items()
    hidden = sum(1 for each in items if each.is_gold)
    click.echo(f"{hidden} gold items, {len(items) - hidden} checked afterwards")
    for rater, record in sorted(records_of(each.known for each in items).items()):
        click.echo(f"{rater}: {record.right} of {record.total} right")


def read_line(number: int, line: bytes) -> Answered:
    """Return the known item in a line.

    Raises:
        InvalidInput: it is no such line; the number says which.
    """
    try:
        given = msgspec.json.decode(line, type=Line)
    except msgspec.MsgspecError as error:
        raise InvalidInput(f"line {number}: {error}", field="lines") from error
    votes = tuple(
        Vote(index=index, rater=rater, label=label)
        for index, (rater, label) in enumerate(given.votes.items())
    )
    known = GoldItem(votes=votes, right=given.answer)
    return Answered(item=given.item, known=known, is_gold=given.gold)
