# SPDX-License-Identifier: Apache-2.0
"""Writes flame graphs, in the form that a file's name asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cortensor.errors import InvalidInput
from cortensor.gas.flame import code_addresses, flame
from cortensor.gas.flame_page import drawn_of, flame_page
from cortensor.gas.folded import folded
from cortensor.gas.sources import sources_of
from cortensor.gas.trace import read_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from cortensor.gas.flame import Box
    from cortensor.gas.flame_page import Drawn
    from cortensor.gas.known import Known
    from cortensor.gas.profile import Note, Profile
    from cortensor.gas.transaction import Traced

PAGE, FOLDED = ".html", ".folded"


def check_names(paths: Sequence[Path]) -> None:
    """Check that each file's name says its form.

    Raises:
        InvalidInput: one does not.
    """
    for path in paths:
        if path.suffix not in (PAGE, FOLDED):
            raise InvalidInput(f"{path} must end in {PAGE} or {FOLDED}", field="flame")


def write_flames(
    paths: Sequence[Path],
    traced: Traced,
    found: Profile,
    known: Mapping[str, Known],
    folder: Path,
    read_codes: Callable[[list[str]], dict[str, bytes]],
) -> None:
    """Write a transaction's graph to each file, and say so.

    Args:
        paths: files, each `.html` or `.folded`.
        traced: a node's answers.
        found: its profile.
        known: address in lower case -> what is known of it.
        folder: of line maps.
        read_codes: returns the code at addresses.

    Raises:
        InvalidInput: a file cannot be written.
        Error: as `sources_of` and `flame`.
    """
    transaction, trace = traced.transaction, traced.trace
    steps = read_steps(trace, is_creation=transaction.to is None, is_failed=found.is_failed)
    codes = code_addresses(trace, steps, transaction.to or transaction.created or "")
    on_chain = read_codes([each for each in dict.fromkeys(codes) if each in known])
    sources, notes = sources_of(transaction, codes, known, folder, on_chain)
    write_graph(paths, flame(trace, steps, codes, sources), drawn_of(found), notes)


def write_graph(paths: Sequence[Path], root: Box, drawn: Drawn, notes: list[Note]) -> None:
    """Write a graph to each file, and say so.

    Args:
        paths: files, each `.html` or `.folded`.
        root: the graph.
        drawn: what it is of.
        notes: what it could not say.

    Raises:
        InvalidInput: a file cannot be written.
    """
    for path in paths:
        text = flame_page(root, drawn, notes) if path.suffix == PAGE else folded(root)
        try:
            path.write_text(text, "utf-8")
        except OSError as error:
            raise InvalidInput(f"cannot write {path}: {error.strerror}", field="flame") from error
        click.echo(f"wrote {path}", err=True)
    for note in notes:
        click.echo(f"note: {note.reason} [{note.code}]", err=True)
