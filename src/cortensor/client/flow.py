# SPDX-License-Identifier: Apache-2.0
"""A call as a generator: it yields what is to be done and is told what came of it.

So the rules (what is sent, when it is sent again, what is believed and signed) are written once,
and the synchronous and the asynchronous client only differ in who carries a step out.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Generic, TypeVar

from msgspec import Struct

T = TypeVar("T")


class Send(Struct, frozen=True):
    """Send a request and wait for the whole reply, `timeout_s` seconds at most."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes | None
    timeout_s: float


class Open(Send, frozen=True):
    """Send a request whose answer may come as events; no silence is longer than `timeout_s`."""


class Read(Struct, frozen=True):
    """Wait for more of what was opened last."""


class Sleep(Struct, frozen=True):
    """Wait."""

    seconds: float


class Reply(Struct, frozen=True):
    """A whole reply; the names of its headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Opened(Struct, frozen=True):
    """An answer comes as events; the names of its headers are in lower case."""

    headers: dict[str, str]


class Part(Struct, frozen=True):
    """More of what was opened; nothing where it ended."""

    data: bytes


class Lost(Struct, frozen=True):
    """No whole reply came, and nobody knows whether the request arrived."""

    reason: str


Outcome = Reply | Opened | Part | Lost | None

Flow = Generator[Send | Sleep, Outcome, T]
"""Yields steps; a `Send` is answered by `Reply` or `Lost`, a `Sleep` by None. Returns T.

An `Open` is answered by `Opened`, too, and each `Read` after it by `Part` or `Lost`.
"""


class Chunk(Struct, Generic[T], frozen=True, kw_only=True):
    """A piece of a streamed answer; the last one has no text, and `paid`."""

    text: str = ""
    paid: T | None = None


Stream = Generator[Send | Sleep | Read | Chunk[T], Outcome, None]
"""A flow that also hands out chunks; they are answered by None."""

MAX_REPLY_BYTES = 96 * 1024 * 1024
"""What a transport reads of one reply at most: the largest settlement batch fits."""
