# SPDX-License-Identifier: Apache-2.0
"""What every versioned request has in common: whom it names, and what becomes of its fields.

`session_id` of v2 and v3 is a *compute session*; the payment session is that of the caller's grant.
A payment session's id there is understood too, since v4 has it in that place.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from cortensor.router.problems import InvalidField
from cortensor.router.requests import settled

if TYPE_CHECKING:
    from collections.abc import Callable

    from cortensor.router.schemas import PaidResponse
    from cortensor.router.versions.streams import Shape

    Show = Callable[[PaidResponse], Struct]

POOL = "consensus.session_pool"
PROBLEM_JSON = "application/problem+json"
_PAYMENT = re.compile(r"0x[0-9a-f]{40}")


class Upgraded(Struct, frozen=True, kw_only=True):
    """A request as v4 has it, and how its answer goes back.

    `fields` maps v4's names of fields to those that the caller sent, for refusals. `show` makes
    the answer's shape, None for v4's own; `problem` rewrites a charged problem's members.
    `problem_type` is its media type. `stream` asks for server-sent events of that shape.
    """

    body: dict[str, Any]
    fields: dict[str, str] = field(default_factory=dict)
    show: Show | None = None
    problem: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    problem_type: str = PROBLEM_JSON
    stream: Shape | None = None


def addressed(data: dict[str, Any], session: str) -> tuple[str, str | None]:
    """Return the payment session that a body is for, and the compute session it names, if any.

    Args:
        data: the body, checked against its schema.
        session: the payment session of the caller's grant.
    """
    named = data.get("session_id")
    if isinstance(named, str) and _PAYMENT.fullmatch(named):
        return named, None  # the service compares it with the grant
    return session, None if named is None else str(named)


def single(compute: str | None) -> dict[str, Any]:
    """Return the consensus block of a request to one compute session."""
    return {"replicas": 1} if compute is None else {"replicas": 1, "session_pool": [compute]}


def pooled(data: dict[str, Any], compute: str | None) -> dict[str, Any]:
    """Return the consensus block of a v3 body.

    `session_id` is the pool of a request for one replica. More replicas need more sessions than
    it names: without a `session_pool` any of the router's may run them.

    Raises:
        InvalidField: `session_id` is not in the pool beside it, or the block contradicts itself.
    """
    asked = {name: value for name, value in data.get("consensus", {}).items() if value is not None}
    pool = asked.get("session_pool")
    if compute is None:
        return asked
    if pool is not None:
        if compute not in pool:
            raise InvalidField(f"is not in {POOL}", field="session_id")
        return asked
    whole = settled({"consensus": asked, "policy": data.get("policy", {})})
    return (
        {**asked, "session_pool": [compute]}
        if whole["consensus"].get("replicas", 1) == 1
        else asked
    )


def given(data: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return the members of a body that v4 has by the same name, without nulls."""
    return {name: data[name] for name in names if data.get(name) is not None}
