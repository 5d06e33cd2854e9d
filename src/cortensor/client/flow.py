# SPDX-License-Identifier: Apache-2.0
"""A call as a generator: it yields what is to be done and is told what came of it.

So the rules (what is sent, when it is sent again, what is believed and signed) are written once,
and the synchronous and the asynchronous client only differ in who carries a step out.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

from msgspec import Struct

T = TypeVar("T")


class Send(Struct, frozen=True):
    """Send a request and wait for the whole reply, `timeout_s` seconds at most."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes | None
    timeout_s: float


class Sleep(Struct, frozen=True):
    """Wait."""

    seconds: float


class Reply(Struct, frozen=True):
    """A whole reply; the names of its headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Lost(Struct, frozen=True):
    """No whole reply came, and nobody knows whether the request arrived."""

    reason: str


Flow = Generator[Send | Sleep, Reply | Lost | None, T]
"""Yields steps; a `Send` is answered by `Reply` or `Lost`, a `Sleep` by None. Returns T."""

MAX_REPLY_BYTES = 96 * 1024 * 1024
"""What a transport reads of one reply at most: the largest settlement batch fits."""
