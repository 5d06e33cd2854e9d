# SPDX-License-Identifier: Apache-2.0
"""The router's log: one JSON object a line, with ids and no text of callers or models.

What is being served is noted in a context that every line takes its ids from: `request_id`,
`route`, `payment_session`, `task_id`, `receipt_id`, `key`. Of an exception its type (or stable
code) and where it was raised are logged, never its message: that may quote a prompt.
"""

from __future__ import annotations

import logging
import sys
import time
import traceback
from contextvars import ContextVar
from typing import TYPE_CHECKING, Literal

import msgspec

from cortensor.errors import Error

if TYPE_CHECKING:
    from types import TracebackType

FRAMES = 12
OWN = "cortensor"
TEXT_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"

_serving: ContextVar[dict[str, object] | None] = ContextVar("cortensor_serving", default=None)


def begin(**ids: object) -> dict[str, object]:
    """Begin a request's context; tasks that it starts share it."""
    context = dict(ids)
    _serving.set(context)
    return context


def note(**ids: object) -> None:
    """Add ids to the context of what is being served, if anything is."""
    context = _serving.get()
    if context is not None:
        context.update(ids)


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, object] = {
            "time": f"{seconds}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
            **(_serving.get() or {}),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["error"] = _told(record.exc_info[1])
            line["at"] = _frames(record.exc_info[2])
        return msgspec.json.encode(line, enc_hook=str).decode()


class TextFormatter(logging.Formatter):
    """A record as a line for people; exceptions as in the JSON form."""

    def __init__(self) -> None:
        super().__init__(TEXT_FORMAT)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        plain = logging.makeLogRecord(
            {
                **record.__dict__,
                "msg": _message(record),
                "args": None,
                "exc_info": None,
                "exc_text": None,
            }
        )
        line = super().format(plain)
        fields = {**(_serving.get() or {}), **getattr(record, "fields", {})}
        line += "".join(f" {name}={value}" for name, value in fields.items())
        if record.exc_info:
            frames = " < ".join(reversed(_frames(record.exc_info[2])))
            line += f" error={_told(record.exc_info[1])} at={frames}"
        return line


def configure(form: Literal["json", "text"]) -> None:
    """Send the log of this process to stderr."""
    # No form shows them, nor the line that logged, and each record would look them up.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # noqa: SLF001 -- as its manual says
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


def _message(record: logging.LogRecord) -> str:
    """Return what is logged; of other programs' the first line: asyncio quotes errors below it."""
    text = record.getMessage()
    return text if record.name.startswith(OWN) else text.partition("\n")[0]


def _told(error: BaseException | None) -> str:
    """Name an error and what it came from, without their messages."""
    names = []
    while error is not None:
        names.append(
            f"{type(error).__name__}:{error.code}"
            if isinstance(error, Error)
            else type(error).__name__
        )
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return " < ".join(names)


def _frames(trace: TracebackType | None) -> list[str]:
    found = traceback.extract_tb(trace)[-FRAMES:]
    return [f"{each.filename.rpartition('/')[2]}:{each.lineno} {each.name}" for each in found]
