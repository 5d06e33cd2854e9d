# SPDX-License-Identifier: Apache-2.0
"""What runs a job's prompts, and for how long: the backend, behind what the answer needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cortensor.router.fanout import Deadlines
from cortensor.router.prompts import answer_schema
from cortensor.router.repair import RepairingBackend
from cortensor.router.schemas import DelegateRequest
from cortensor.router.streaming import StreamingBackend, can_stream

if TYPE_CHECKING:
    from cortensor.router.config import Limits
    from cortensor.router.ports import Backend, Clock, Engine
    from cortensor.router.schemas import ValidateRequest
    from cortensor.router.streaming import OnText


def deadlines_for(
    request: DelegateRequest | ValidateRequest,
    limits: Limits,
    started: float,
    on_text: OnText | None,
) -> Deadlines:
    """Return when a request's replicas are late, and when it is over.

    An answer that is read while it is made may take as long as the router lets any request take.
    """
    soft = started + (request.timeout_ms or limits.default_timeout_ms) / 1000
    hard = soft + limits.late_grace_ms / 1000
    if on_text is None or not can_stream(request):
        return Deadlines(started=started, soft=soft, hard=hard)
    whole = started + limits.max_timeout_ms / 1000
    return Deadlines(started=started, soft=whole, hard=whole, turn=soft)


def engine_for(
    request: DelegateRequest | ValidateRequest,
    backend: Backend,
    *,
    limits: Limits,
    clock: Clock,
    deadlines: Deadlines,
    on_text: OnText | None,
) -> Engine:
    """Return what runs a request's prompts.

    Args:
        request: the request, checked.
        backend: where prompts run.
        limits: how often an answer may be repaired.
        clock: monotonic time.
        deadlines: no repair goes beyond the soft one, and a first piece comes in its turn.
        on_text: told each piece of an answer that may be shown before it is whole.
    """
    if on_text is not None and can_stream(request):
        return StreamingBackend(backend, on_text, clock, deadlines.turn or deadlines.soft)
    schema = answer_schema(request)
    if not isinstance(request, DelegateRequest) or schema is None:
        return backend
    asked = request.repair_attempts
    attempts = limits.repair_attempts if asked is None else asked
    return RepairingBackend(backend, schema, attempts, clock, deadlines.soft)
