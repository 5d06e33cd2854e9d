# SPDX-License-Identifier: Apache-2.0
"""Requests that name our validator, from a block on, and what they ask.

A request's key is bound to what it asks if it is the keccak256 of the payload, as ERC-8004 has it,
or if the payload stands in the request itself (`data:`). Any other payload could be changed after
the request was made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from cortensor.agents.fetching import read_uri
from cortensor.agents.payload import Payload, payload_hash, read_payload

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cortensor.agents.fetching import Reach
    from cortensor.agents.place import Place
    from cortensor.chain.erc8004_registries import ValidationRequest

Bound = Literal["hash", "uri", "none"]


class Asked(Struct, frozen=True):
    """What a request asks, and by what its payload is bound to it."""

    payload: Payload
    bound: Bound


class RequestLog:
    """Reads the requests to our validator, each once, in runs of blocks.

    Args:
        place: the contracts.
        first: the block to begin with.
        confirmations: how many blocks below the head are not looked at yet.
    """

    def __init__(self, place: Place, first: int, confirmations: int) -> None:
        self._place = place
        self._registry = place.validation()
        self._validator = place.validator().address
        self._next = first
        self._confirmations = confirmations

    def new(self) -> Iterator[ValidationRequest]:
        """Yield what was asked since the last time, oldest first.

        Raises:
            Unavailable: the node; the next call goes on where this one ended.
        """
        last = self._place.head() - self._confirmations
        while self._next <= last:
            end = min(last, self._next + RUN - 1)
            found = list(self._registry.requests(self._validator, self._next, end))
            self._next = end + 1
            yield from found


RUN = 10_000
"""Blocks after which what was read is handed out."""


def read_request(request: ValidationRequest, reach: Reach) -> Asked:
    """Fetch and read what a request asks.

    Raises:
        InvalidInput: it can never be read (`bad_uri`, `bad_payload`).
        Unavailable: it cannot be had now (`unreachable`).
    """
    raw = read_uri(request.uri, reach)
    if payload_hash(raw) == request.request_hash:
        bound: Bound = "hash"
    else:
        bound = "uri" if request.uri.startswith("data:") else "none"
    return Asked(read_payload(raw), bound)
