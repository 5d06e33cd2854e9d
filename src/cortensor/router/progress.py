# SPDX-License-Identifier: Apache-2.0
"""The work that is running now, replica by replica, for its payer to watch.

Held in memory only: a finished task is a receipt, and a killed router's tasks are gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from cortensor.router.schemas import ReplicaProgress, TaskProgress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortensor.router.ports import ReplicaStatus

RUNNING: ReplicaStatus = "RUNNING"


class _Task(Struct):
    session: str
    key: str | None
    endpoint: str
    compute_sessions: list[str] = field(default_factory=list)
    statuses: list[ReplicaStatus] = field(default_factory=list)


class Board:
    """Tasks that are running."""

    def __init__(self) -> None:
        self._tasks: dict[str, _Task] = {}

    def begin(
        self,
        task_id: str,
        *,
        session: str,
        key: str | None,
        endpoint: str,
    ) -> None:
        """Note that a task starts."""
        self._tasks[task_id] = _Task(session, key, endpoint)

    def start(self, task_id: str, compute_sessions: Sequence[str]) -> None:
        """Note that a replica starts on each compute session, after those already there."""
        task = self._tasks[task_id]
        task.compute_sessions += compute_sessions
        task.statuses += [RUNNING] * len(compute_sessions)

    def note(self, task_id: str, index: int, status: ReplicaStatus) -> None:
        """Note that a replica ended."""
        self._tasks[task_id].statuses[index] = status

    def end(self, task_id: str) -> None:
        """Forget a task."""
        self._tasks.pop(task_id, None)

    def of(self, session: str) -> list[TaskProgress]:
        """Return the running tasks of a payment session, oldest first."""
        return [
            TaskProgress(
                task_id=task_id,
                endpoint=task.endpoint,
                idempotency_key=task.key,
                replicas=[
                    ReplicaProgress(index=index, session_id=name, status=status)
                    for index, (name, status) in enumerate(
                        zip(task.compute_sessions, task.statuses, strict=True)
                    )
                ],
            )
            for task_id, task in self._tasks.items()
            if task.session == session
        ]
