# SPDX-License-Identifier: Apache-2.0
"""A batch's receipts as their router publishes them, each held to its anchored leaf."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from cortensor.errors import Error, VerificationFailed
from cortensor.nesting import check_nesting
from cortensor.receipts.body import Body
from cortensor.receipts.canonical import load_json
from cortensor.receipts.keccak import keccak256, to_hex
from cortensor.receipts.sign import recover
from cortensor.watch.fetch import fetch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from cortensor.watch.fetch import FetchLimits
    from cortensor.watch.leaves import Leaf

MAX_PAGES = 65_536


class _Page(Struct):
    next: int | None
    bodies: list[msgspec.Raw]


def fetch_bodies(uri: str, leaves: Sequence[Leaf], limits: FetchLimits) -> list[tuple[str, Body]]:
    """Return (receipt id, body) of every leaf, which its router signed.

    A leaf that the anchorer did not sign is passed over: it says nothing that anybody stands for.

    Args:
        uri: where the batch is; its receipts are one step below.
        leaves: the batch's, proven to be what is anchored.
        limits: of each fetch.

    Raises:
        Unavailable: the router does not give them.
        VerificationFailed: a body is missing, or not what a leaf commits to.
    """
    return bodies_of(leaves, _pages(f"{uri.rstrip('/')}/receipts", limits))


def bodies_of(leaves: Sequence[Leaf], published: Iterable[bytes]) -> list[tuple[str, Body]]:
    """Return (receipt id, body) of every leaf that its router signed, from published bodies.

    Raises:
        VerificationFailed: a body is missing, or not what a leaf commits to.
    """
    bodies = {to_hex(keccak256(raw)): raw for raw in published}
    found = []
    for leaf in leaves:
        identifier = to_hex(leaf.receipt.receipt_id)
        if identifier not in bodies:
            raise VerificationFailed(f"no body of {identifier} is published", field="receipts")
        if _is_signed(leaf):
            found.append((identifier, _read(bodies[identifier], leaf, identifier)))
    return found


def _pages(url: str, limits: FetchLimits) -> Iterator[bytes]:
    first = 0
    for _ in range(MAX_PAGES):
        data = fetch(f"{url}?first={first}", limits)
        try:
            check_nesting(data)
            page = msgspec.json.decode(data, type=_Page)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, Error) as error:
            raise VerificationFailed(
                f"cannot be read: {str(error)[:120]}", field="receipts"
            ) from error
        yield from (bytes(each) for each in page.bodies)
        if page.next is None:
            return
        if page.next <= first:
            break
        first = page.next
    raise VerificationFailed("its pages do not end", field="receipts")


def _is_signed(leaf: Leaf) -> bool:
    try:
        return recover(leaf.digest, leaf.signature).lower() == leaf.anchorer.lower()
    except Error:
        return False


def _read(raw: bytes, leaf: Leaf, identifier: str) -> Body:
    """Return a body that has the leaf's id, and says nothing else than the signed struct."""
    try:
        body = _body(raw)
        is_same = body.struct(identifier) == leaf.receipt
    except Error as error:
        raise VerificationFailed(
            f"{identifier} cannot be read: {error}", field="receipts"
        ) from error
    if not is_same:
        raise VerificationFailed(f"{identifier} is not what was signed", field="receipts")
    return body


def _body(raw: bytes) -> Body:
    """Read a body. Raises InvalidInput.

    What is written as canonical JSON writes it has one meaning, whoever parses it; the checks for
    anything else, which take several times as long, are for the rest.
    """
    try:
        body = msgspec.json.decode(raw, type=Body)
        if body.canonical() == raw:
            return body
    except (msgspec.DecodeError, UnicodeDecodeError, Error):
        pass
    return Body.from_json(load_json(raw))
