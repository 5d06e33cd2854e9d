# SPDX-License-Identifier: Apache-2.0
"""A few threads for what waits for others: strangers' servers, and the router."""

from __future__ import annotations

import logging
import queue
import threading
from typing import TYPE_CHECKING, Generic, TypeVar

from cortensor.errors import Error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

log = logging.getLogger(__name__)


class Workers(Generic[T]):
    """Runs jobs beside each other; whoever ends the process leaves them.

    What they leave is safe: the router goes on with a call, charges it once, and answers it again
    under the same key.

    Args:
        most: jobs at a time.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._running = 0
        self._done: queue.SimpleQueue[tuple[str, T | Error]] = queue.SimpleQueue()

    @property
    def is_free(self) -> bool:
        """Whether another job may start."""
        return self._running < self._most

    @property
    def is_busy(self) -> bool:
        """Whether a job runs, or was not collected."""
        return self._running > 0

    def start(self, name: str, job: Callable[[], T]) -> None:
        """Start a job; `finished` will name it."""
        self._running += 1
        threading.Thread(target=self._run, args=(name, job), daemon=True).start()

    def _run(self, name: str, job: Callable[[], T]) -> None:
        found: T | Error
        try:
            found = job()
        except Error as error:
            found = error
        except Exception as error:  # a fault of ours: it must not end the others
            log.exception("job %s failed", name)
            found = Error(f"{type(error).__name__}: {error}")
        self._done.put((name, found))

    def finished(self) -> Iterator[tuple[str, T | Error]]:
        """Yield what ended since the last time: a job's name, and its result or its error."""
        while not self._done.empty():
            self._running -= 1
            yield self._done.get()
