# SPDX-License-Identifier: Apache-2.0
"""A flame graph as one page that opens from disk: it zooms, finds, lists the dearest lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from cortensor.gas.flame import CONTRACT, FUNCTION, LINE, hottest
from cortensor.gas.html import render_html, script_data

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cortensor.gas.closure import Closure
    from cortensor.gas.flame import Box
    from cortensor.gas.profile import Note, Profile

KINDS = {"root": 0, CONTRACT: 1, FUNCTION: 2, LINE: 3}
LISTED_LINES = 200


class Part(NamedTuple):
    """A part of a receipt's gas; `permille` of the bar, where a refund takes from execution."""

    name: str
    color: str
    sign: str
    gas: int
    permille: int


class Drawn(NamedTuple):
    """What a page is of: `what` names the transactions, `tx_hash` the one if it is one.

    `closure` is of their receipts' gas; the graph divides its execution.
    """

    title: str
    what: str
    closure: Closure
    tx_hash: str = ""


def drawn_of(found: Profile) -> Drawn:
    """Return what a page of one transaction is of."""
    function = (found.calldata.function or "").partition("(")[0]
    title = f"{found.contract} {function or '(no call)'}".strip()
    what = "Transaction, failed" if found.is_failed else "Transaction"
    return Drawn(title, what, found.closure, found.tx_hash)


def flame_page(root: Box, drawn: Drawn, notes: list[Note]) -> str:
    """Return the page of a graph.

    Args:
        root: the graph.
        drawn: what it is of.
        notes: what the graph could not say.
    """
    return render_html(
        "flame.html.j2",
        drawn=drawn,
        parts=list(_parts(drawn.closure)),
        execution=drawn.closure.execution,
        hottest=hottest(root, LISTED_LINES),
        notes=notes,
        data=script_data(_data(root)),
    )


def _parts(closure: Closure) -> Iterator[Part]:
    taken = closure.intrinsic + closure.execution + closure.poster
    told = [
        ("intrinsic", "other", "", closure.intrinsic, closure.intrinsic),
        ("execution", "accent", "+ ", closure.execution, closure.execution - closure.refund),
        ("refund", "accent", "- ", closure.refund, closure.refund),
        ("poster", "amber", "+ ", closure.poster, closure.poster),
    ]
    for name, color, sign, gas, wide in told:
        if gas:
            yield Part(name, color, sign, gas, wide * 1000 // taken)


def _data(box: Box) -> list[Any]:
    inside = [_data(each) for each in box.inside.values()]
    return [KINDS[box.kind], box.name, box.file, box.text, box.gas, inside]
