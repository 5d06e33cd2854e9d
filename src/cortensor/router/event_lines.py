# SPDX-License-Identifier: Apache-2.0
"""Server-sent events out of bytes that come in any pieces. Pure."""

from __future__ import annotations

DONE = b"[DONE]"
"""The data of the last event of an answer, by the convention of the OpenAI API."""
_PREFIX = b"data:"


class EventLines:
    """The data of events, each of one line; comments, names and blank lines have none."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Take what came, and return the data of the lines that are whole by now."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        found = [line.removeprefix(_PREFIX).strip() for line in whole if line.startswith(_PREFIX)]
        return [each for each in found if each]
