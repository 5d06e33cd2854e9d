# SPDX-License-Identifier: Apache-2.0
"""Every paid route: what it takes, the v4 endpoint behind it, what it answers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from cortensor.router.schemas import DelegateRequest, PaidResponse, ValidateRequest
from cortensor.router.versions import schemas
from cortensor.router.versions.calls import delegate, validate
from cortensor.router.versions.completion_schemas import (
    CompletionRequestV2,
    CompletionRequestV3,
    CompletionV2,
    CompletionV3,
)
from cortensor.router.versions.completions import completion
from cortensor.router.versions.factcheck import FactcheckRequest, factcheck
from cortensor.router.versions.upgrade import Upgraded

if TYPE_CHECKING:
    from collections.abc import Callable


class Face(Struct, frozen=True, kw_only=True):
    """A paid route.

    `upgrade` makes v4's request of a body and the payment session of the caller's grant.
    """

    path: str
    endpoint: Literal["delegate", "validate"]
    title: str
    request: type[Struct]
    answer: type[Struct]
    upgrade: Callable[[dict[str, Any], str], Upgraded]


def _as_sent(data: dict[str, Any], _session: str) -> Upgraded:
    return Upgraded(body=data)


def _completions(version: str, request: type[Struct], answer: type[Struct]) -> list[Face]:
    return [
        Face(
            path=f"/api/{version}/completions{place}",
            endpoint="delegate",
            title=title,
            request=request,
            answer=answer,
            upgrade=partial(completion, version),
        )
        for place, title in (
            ("", "Complete a prompt"),
            ("/{session_id}", "Complete a prompt on a compute session"),
        )
    ]


FACES = (
    Face(
        path="/api/v4/delegate",
        endpoint="delegate",
        title="Do a task on k compute sessions",
        request=DelegateRequest,
        answer=PaidResponse,
        upgrade=_as_sent,
    ),
    Face(
        path="/api/v4/validate",
        endpoint="validate",
        title="Check a claim on k compute sessions",
        request=ValidateRequest,
        answer=PaidResponse,
        upgrade=_as_sent,
    ),
    Face(
        path="/api/v4/factcheck",
        endpoint="validate",
        title="Check a fact on k compute sessions",
        request=FactcheckRequest,
        answer=PaidResponse,
        upgrade=partial(factcheck, "v4"),
    ),
    Face(
        path="/api/v3/delegate",
        endpoint="delegate",
        title="Do a task with explicit redundancy",
        request=schemas.DelegateRequestV3,
        answer=schemas.DelegateAnswerV3,
        upgrade=partial(delegate, "v3"),
    ),
    Face(
        path="/api/v3/validate",
        endpoint="validate",
        title="Check a claim with explicit redundancy",
        request=schemas.ValidateRequestV3,
        answer=schemas.ValidateAnswerV3,
        upgrade=partial(validate, "v3"),
    ),
    Face(
        path="/api/v3/factcheck",
        endpoint="validate",
        title="Check a fact with explicit redundancy",
        request=schemas.FactcheckRequestV3,
        answer=schemas.ValidateAnswerV3,
        upgrade=partial(factcheck, "v3"),
    ),
    Face(
        path="/api/v2/delegate",
        endpoint="delegate",
        title="Do a task on one compute session",
        request=schemas.DelegateRequestV2,
        answer=schemas.DelegateAnswerV2,
        upgrade=partial(delegate, "v2"),
    ),
    Face(
        path="/api/v2/validate",
        endpoint="validate",
        title="Check a claim on one compute session",
        request=schemas.ValidateRequestV2,
        answer=schemas.ValidateAnswerV2,
        upgrade=partial(validate, "v2"),
    ),
    Face(
        path="/api/v2/factcheck",
        endpoint="validate",
        title="Check a fact on one compute session",
        request=schemas.FactcheckRequestV2,
        answer=schemas.ValidateAnswerV2,
        upgrade=partial(factcheck, "v2"),
    ),
    *_completions("v3", CompletionRequestV3, CompletionV3),
    *_completions("v2", CompletionRequestV2, CompletionV2),
)
"""All of them; v4's delegate and validate are the two that the others become."""
