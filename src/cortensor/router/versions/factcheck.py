# SPDX-License-Identifier: Apache-2.0
"""Fact checks: validations whose labels are TRUE and FALSE. Their receipts are validations'.

Nothing is looked up: replicas go by what they know and by the context that the caller gives.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import structs

from cortensor.router.prompts import INVALID, VALID
from cortensor.router.requests import convert
from cortensor.router.schemas import ConsensusResult, PaidRequest, Text
from cortensor.router.versions.calls import addressed_body, show_validate
from cortensor.router.versions.schemas import (
    FactcheckRequestV2,
    FactcheckRequestV3,
    ValidateAnswerV2,
)
from cortensor.router.versions.upgrade import Upgraded, given

if TYPE_CHECKING:
    from cortensor.router.schemas import PaidResponse

LABELS = {VALID: "TRUE", INVALID: "FALSE"}


class FactcheckRequest(PaidRequest, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Check a fact, optionally against a context; the verdict is TRUE or FALSE."""

    claim: Text
    context: Any = None


def factcheck(version: str, data: dict[str, Any], session: str) -> Upgraded:
    """Return a fact check of `version` v2, v3 or v4 as v4's validation.

    Args:
        version: v2, v3 or v4.
        data: the body as sent.
        session: the payment session of the caller's grant.

    Raises:
        InvalidField: the body is not of that version.
    """
    if version == "v4":
        if "mode" in data:  # validate's own; the rest is validate's schema
            convert(data, FactcheckRequest)
        return Upgraded(body=data, show=relabel, problem=relabel_problem)
    convert(data, FactcheckRequestV3 if version == "v3" else FactcheckRequestV2)
    body, fields = addressed_body(version, data, session)
    body |= given(data, "claim", "context")
    show = partial(_show, version)
    return Upgraded(body=body, fields=fields, show=show, problem=relabel_problem)


def _show(version: str, answer: PaidResponse) -> ValidateAnswerV2:
    return show_validate(version, relabel(answer))


def relabel(answer: PaidResponse) -> PaidResponse:
    """Return a validation's answer with the labels of a fact check."""
    result = answer.result
    return structs.replace(
        answer,
        result=structs.replace(
            result, outcome=_label(result.outcome), verdict=LABELS.get(result.verdict or "")
        ),
        consensus=relabel_consensus(answer.consensus),
    )


def relabel_consensus(found: ConsensusResult) -> ConsensusResult:
    """Return a consensus block with the labels of a fact check."""
    return structs.replace(
        found,
        verdicts=[_label(word) for word in found.verdicts],
        votes={_label(word): count for word, count in found.votes.items()},
        replica_results=[
            structs.replace(each, verdict=LABELS.get(each.verdict or ""))
            for each in found.replica_results
        ],
    )


def relabel_problem(problem: dict[str, Any]) -> dict[str, Any]:
    """Return a problem that was charged with the labels of a fact check."""
    found = msgspec.convert(problem["consensus"], ConsensusResult)
    return {**problem, "consensus": relabel_consensus(found)}


def _label(word: str) -> str:
    return LABELS.get(word, word)
