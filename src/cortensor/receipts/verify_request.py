# SPDX-License-Identifier: Apache-2.0
"""The check of the request: what was asked, as the caller sent it, against what the receipt says.

The shown text is the RFC 8785 form of `{"api_version", "endpoint", "request"}` with the body as
sent (the commitment binds its bytes), so what the caller left out has the API's defaults. They are
restated here: a verifier needs no router. A router that answers another request than the one it
commits to fails here.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from cortensor.consensus import (
    ABSTAIN,
    DEFAULT_LEAST_BPS,
    EMBEDDING,
    MAJORITY,
    NUMERIC,
    POI_DISPERSION_BPS,
    REPUTATION,
    WEIGHTED,
)
from cortensor.errors import InvalidInput
from cortensor.nesting import MAX_DEPTH, check_nesting
from cortensor.receipts.body import split_message
from cortensor.receipts.build import fewest_runs
from cortensor.receipts.bundle import Detached
from cortensor.receipts.canonical import (
    MAX_SAFE_INTEGER,
    read_canonical,
    reject_number,
    unique_object,
)
from cortensor.receipts.checks import differ, judge, not_checked
from cortensor.receipts.evidence import request_commitment as commit
from cortensor.receipts.keccak import WORD_BYTES, ZERO_WORD, from_hex, to_hex
from cortensor.receipts.likeness import LikenessBlock
from cortensor.receipts.rule import AdaptiveBlock, ScaleBlock, WeighingBlock
from cortensor.receipts.tiers import ADAPTIVE, plan_of, with_tier
from cortensor.receipts.verify_task import SamplingAsked, compare_task

if TYPE_CHECKING:
    from cortensor.receipts.body import Body, ConsensusBlock
    from cortensor.receipts.bundle import Bundle
    from cortensor.receipts.checks import Check

DEFAULT_REPLICAS = 1
DEFAULT_STRATEGY = "majority"
DEFAULT_POLICY = "return_all"
DEFAULT_THRESHOLD_BPS = 5001
NO_SUBJECT = to_hex(ZERO_WORD)

_NAME = "request"


class ScoreAsked(msgspec.Struct, frozen=True):
    """What scores were said to mean, in the caller's unit."""

    field: str | None = None
    decimals: int = 0
    tolerance: int = 0
    lowest: int | None = None
    highest: int | None = None


class ConsensusAsked(msgspec.Struct, frozen=True):
    """The consensus asked for; null is as good as absent where None is allowed."""

    replicas: int = DEFAULT_REPLICAS
    min_replicas: int | None = None
    session_pool: list[str] | None = None
    strategy: str = DEFAULT_STRATEGY
    disagreement_policy: str = DEFAULT_POLICY
    agreement_threshold_bps: int = DEFAULT_THRESHOLD_BPS
    equivalence: str | None = None
    tolerance_millionths: int | None = None
    dispersion_bps: int | None = None
    weight_by: str | None = None
    non_votes: str = ABSTAIN
    score: ScoreAsked | None = None
    least_confidence_bps: int | None = None


class PolicyAsked(msgspec.Struct, frozen=True):
    """The policy asked for."""

    tier: str | None = None


class Asked(msgspec.Struct, frozen=True):
    """What of a request a receipt restates; the rest (objective, messages, …) is free."""

    session_id: str
    consensus: ConsensusAsked = msgspec.field(default_factory=ConsensusAsked)
    policy: PolicyAsked = msgspec.field(default_factory=PolicyAsked)
    max_tokens: int | None = None
    mode: str = "validation"
    sampling: SamplingAsked | None = None
    tool_trace: list[Any] | None = None
    subject: str | None = None


class Call(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole of the text committed to."""

    api_version: str
    endpoint: str
    request: Asked


def check_request(bundle: Bundle) -> Check:
    """The shown request is the one committed to, and the receipt restates it."""
    if bundle.request is None:
        return not_checked(_NAME, "the request is not shown")
    text, body = bundle.request.canonical, bundle.receipt
    if isinstance(text, Detached):
        return not_checked(_NAME, f"the text {text.keccak256} is not here")
    salt = from_hex(bundle.request.salt, WORD_BYTES, "request.salt")
    # A lone surrogate has no bytes: `read_call` refuses the text for it.
    commitment = to_hex(commit(salt, text.encode(errors="replace")))
    problems = differ(
        "request_commitment", body.request_commitment, commitment, "the shown request gives"
    )
    try:
        problems += _compare(body, read_call(text))
    except InvalidInput as error:
        problems.append(str(error))
    return judge(_NAME, problems, "the shown request is the one committed to and carried out")


def read_call(text: str) -> Call:
    """Read the text a receipt commits to.

    Raises:
        InvalidInput: if it is not JSON or no call.
    """
    check_nesting(text, MAX_DEPTH + 1, field=_NAME)  # the body, at most MAX_DEPTH, is in an object
    data = read_canonical(text)
    if data is None:
        data = _read_json(text)
    if isinstance(data, dict) and isinstance(data.get("request"), dict):
        data = {**data, "request": with_tier(data["request"])}
    try:
        return msgspec.convert(data, Call)
    except msgspec.ValidationError as error:
        reason, field = split_message(str(error))
        raise InvalidInput(reason, field=f"{_NAME}.{field}") from error


def _read_json(text: str) -> Any:
    try:
        # Fractions are fine here: nothing that is compared below may be one.
        data = json.loads(
            text,
            parse_int=_whole,
            parse_constant=reject_number,
            object_pairs_hook=unique_object,
        )
    except InvalidInput as error:
        raise InvalidInput(error.reason, field=_NAME) from error
    except ValueError as error:
        raise InvalidInput(f"is not JSON: {error}", field=_NAME) from error
    if not _has_bytes(text, data):
        raise InvalidInput("holds a lone surrogate", field=_NAME)
    return data


def _has_bytes(text: str, data: object) -> bool:
    """Return whether a JSON text and all texts in it, which it may hold escaped, have bytes."""
    try:
        text.encode()
        if "\\u" in text:
            json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _whole(text: str) -> int | float:
    # RFC 8785 writes 1e20 with all its digits; its own integers end at 2^53 - 1.
    value = int(text)
    return value if abs(value) <= MAX_SAFE_INTEGER else float(text)


def compare_rule(body: Body, call: Call) -> list[str]:
    """Return where the rule applied is another than the request's, beyond a stated fallback."""
    asked, block = call.request.consensus, body.consensus
    weighing = block.weighing
    fell_back = isinstance(weighing, WeighingBlock) and weighing.fallback is not None
    strategy = MAJORITY if fell_back else asked.strategy
    by = None if fell_back else asked.weight_by or (REPUTATION if strategy == WEIGHTED else None)
    is_dispute = call.request.mode == "arbitration"
    least = asked.least_confidence_bps
    least = DEFAULT_LEAST_BPS if is_dispute and least is None else least
    plan = None
    if call.request.policy.tier == ADAPTIVE:
        fewest = fewest_runs(asked.replicas, asked.agreement_threshold_bps, asked.min_replicas)
        plan = list(plan_of(asked.replicas, fewest))
    rule = block.non_vote_rule
    adaptive = block.adaptive
    stated: list[tuple[str, object, object]] = [
        ("strategy", block.strategy, strategy),
        ("weight_by", weighing.weight_by if isinstance(weighing, WeighingBlock) else None, by),
        ("non_vote_rule", rule if isinstance(rule, str) else ABSTAIN, asked.non_votes),
        ("least_confidence_bps", block.least_confidence_bps or None, least),
        ("adaptive.plan", adaptive.plan if isinstance(adaptive, AdaptiveBlock) else None, plan),
        ("scale", _scale_stated(body), _scale_asked(asked)),
        *_likeness(block, asked),
    ]
    return [
        problem
        for name, ours, theirs in stated
        for problem in differ(f"consensus.{name}", ours, theirs, "the request says")
    ]


def _likeness(block: ConsensusBlock, asked: ConsensusAsked) -> list[tuple[str, object, object]]:
    """Return what is said of answers that are the same without being equal."""
    by = block.likeness
    distance = by.dispersion_bps if isinstance(by, LikenessBlock) else None
    wanted = POI_DISPERSION_BPS if asked.dispersion_bps is None else asked.dispersion_bps
    return [
        ("tolerance_millionths", block.tolerance_millionths or 0, asked.tolerance_millionths or 0),
        ("likeness.dispersion_bps", distance, None if distance is None else wanted),
    ]


def _scale_stated(body: Body) -> tuple[object, ...] | None:
    scale = body.consensus.scale
    if not isinstance(scale, ScaleBlock):
        return None
    return scale.field, scale.decimals, scale.tolerance, scale.bounds


def _scale_asked(asked: ConsensusAsked) -> tuple[object, ...] | None:
    if asked.strategy not in NUMERIC:
        return None
    score = asked.score or ScoreAsked()
    bounds = (score.lowest, score.highest)
    texts = None if None in bounds else [str(bound) for bound in bounds]
    return score.field, score.decimals, str(score.tolerance), texts


def _compare(body: Body, call: Call) -> list[str]:
    """Return where the receipt says something else than the request."""
    asked, block = call.request, body.consensus
    stated: list[tuple[str, object, object]] = [
        ("api_version", body.api_version, call.api_version),
        ("endpoint", body.endpoint, call.endpoint),
        ("session_id", body.session_id, asked.session_id),
        ("consensus.replicas_requested", block.replicas_requested, asked.consensus.replicas),
        ("policy.tier", body.policy.tier, asked.policy.tier),
        ("subject", body.subject, asked.subject or NO_SUBJECT),
    ]
    names = ["disagreement_policy", "agreement_threshold_bps"]
    if asked.consensus.equivalence is not None or block.equivalence == EMBEDDING:
        names.append("equivalence")
    stated += [(f"consensus.{n}", getattr(block, n), getattr(asked.consensus, n)) for n in names]
    problems: list[str] = []
    wanted = asked.consensus
    fewest = fewest_runs(wanted.replicas, wanted.agreement_threshold_bps, wanted.min_replicas)
    if len(body.replicas) < fewest:
        problems.append(f"replicas: {len(body.replicas)} ran, the request wants {fewest} at least")
    for field, ours, theirs in stated:
        problems += differ(field, ours, theirs, "the request says")
    problems += compare_rule(body, call)
    problems += compare_task(body, asked.sampling, asked.tool_trace)
    for replica in body.replicas:
        where = f"replicas[{replica.index}]"
        if asked.max_tokens is not None and replica.output_units > asked.max_tokens:
            problems.append(
                f"{where}.output_units is {replica.output_units}, "
                f"the request allows {asked.max_tokens}"
            )
        pool = asked.consensus.session_pool
        if pool is not None and replica.session_id not in pool:
            problems.append(f"{where}.session_id {replica.session_id} is not in the request's pool")
    return problems
