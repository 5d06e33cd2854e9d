# SPDX-License-Identifier: Apache-2.0
"""Seeded mutants of the conformance vectors: what two verifiers must judge alike."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

from tests.conformance.edits import resign
from tests.conformance.generate import VECTORS
from tests.python.receipts.mutating import Path, changed, leaves, parent_of

VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 3, 5, 255, 256, 9_999, 10_000, 10_001, 65_535, 2**32),
    *(2**53 - 1, 2**53, 10**30, -(2**53), 1.0, 2.5, "", "0", "1", "-1", "00", "1\n", "0x", "0x0"),
    *("0x1\n", " ", "x", "OK", "TIMEOUT", "ERROR", "VALID", "INVALID", "RETRY", "NO_CONSENSUS"),
    *("majority", "weighted", "median", "median_of_means", "trimmed_mean", "ensemble_model"),
    *("verdict", "exact", "json", "overlap", "embedding", "score", "against", "ignore"),
    *("abstain", "fail_hard", "best_effort", "laplace", "posterior", "temperature"),
    *("margin_table", "residuals", "reputation", "stake", "adaptive", "fast", "high"),
    *("confident", "settled", "exhausted", "numbers", "structure", "cortensor-receipt/1"),
    *("cortensor-receipt/2", "cortensor-receipt/3", "validate", "delegate", [], {}, [1], [0, 1]),
    *([1, 0], [0, 1, 2], {"VALID": 2}, {"0": 3}, ["VALID"], ["VALID", "VALID"]),
    *('{"total": 19.50}', '{"total":19.5}', "Total: 19.50 EUR", "ﬃ Straße ΣΑΣ ς", "\u0130\u0131"),
    *("é", "e\u0301", 'it\'s "x"', "\x00\u200b\u2028", "\U0001f600 ٣ ²", "a" * 300, "\ud800"),
    *("a\\b", "'"),
)
"""What takes a value's place: of each kind, at each edge, and what another field may hold."""
CALL_KEYS = (
    *("replicas", "min_replicas", "session_pool", "strategy", "aggregation"),
    *("disagreement_policy", "agreement_threshold_bps", "equivalence", "tolerance_millionths"),
    *("dispersion_bps", "weight_by", "non_votes", "score", "least_confidence_bps"),
)


OTHER_KEYS = ("policy", "max_tokens", "mode", "sampling", "tool_trace", "session_id")
KINDS = ("changed", "changed", "value", "gone", "other", "other", "extra", "text", "alike", "alike")


def vectors() -> list[dict[str, Any]]:
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(VECTORS.glob("*.json"))]


def mutants(count: int, seed: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what was done, and the case: one to three edits, some signed again by the router."""
    rng = random.Random(seed)
    bases = vectors()
    for number in range(count):
        case = copy.deepcopy(rng.choice(bases))
        done = [_edit(case, rng, bases) for _ in range(rng.choice((1, 1, 1, 2, 3)))]
        if rng.random() < 0.3:
            done.append(_sign_again(case))
        yield f"{number} {case['name']}: {', '.join(done)}", case


def _edit(case: dict[str, Any], rng: random.Random, bases: list[dict[str, Any]]) -> str:
    bundle = case["bundle"]
    if rng.random() < 0.15 and isinstance(bundle.get("request"), dict):
        return _edit_request(bundle["request"], rng)
    path = rng.choice(list(leaves(bundle)))
    if rng.random() < 0.2:
        path = path[: rng.randint(1, len(path))]
    parent = parent_of(bundle, path)
    kind = rng.choice(KINDS)
    where = ".".join(map(str, path))
    if kind == "changed":
        parent[path[-1]] = changed(parent[path[-1]])
    elif kind == "gone":
        del parent[path[-1]]
    elif kind == "other":
        parent[path[-1]] = _from_another(path, parent[path[-1]], rng, bases)
    elif kind == "extra" and isinstance(parent, dict):
        parent["extra"] = rng.choice(VALUES)
    elif kind == "text" and isinstance(parent[path[-1]], str):
        text = parent[path[-1]]
        place = rng.randint(0, len(text))
        after = text[place + rng.randint(0, 1) :]
        parent[path[-1]] = text[:place] + rng.choice("0a1f xÉ\n") + after
    else:
        fit = [each for each in VALUES if type(each) is type(parent[path[-1]]) or kind != "alike"]
        parent[path[-1]] = copy.deepcopy(rng.choice(fit or VALUES))
    return f"{kind} {where}"


def _from_another(path: Path, value: Any, rng: random.Random, bases: list[dict[str, Any]]) -> Any:
    """What another vector has in the same place, if it has anything there."""
    try:
        return copy.deepcopy(parent_of(rng.choice(bases)["bundle"], path)[path[-1]])
    except (KeyError, IndexError, TypeError):
        return value


def _edit_request(request: dict[str, Any], rng: random.Random) -> str:
    try:
        call = json.loads(request["canonical"])
        asked = call["request"]
        if rng.random() < 0.6:
            key = rng.choice(CALL_KEYS)
            asked.setdefault("consensus", {})[key] = copy.deepcopy(rng.choice(VALUES))
        else:
            key = rng.choice(OTHER_KEYS)
            value = copy.deepcopy(rng.choice(VALUES))
            inside = {"seed": value, "temperature_bps": value, "tier": value}
            asked[key] = rng.choice((value, inside, [value]))
    except (KeyError, TypeError, ValueError, AttributeError):
        return "request as it is"
    request["canonical"] = json.dumps(call, ensure_ascii=rng.random() < 0.5)
    return f"request.{key}"


def _sign_again(case: dict[str, Any]) -> str:
    """Let the router sign what the body says now, where it still can be signed."""
    try:
        case["bundle"] = resign(case["bundle"])
    except Exception:  # noqa: BLE001 -- whatever stops it, the case is as good without
        return "not signed"
    return "signed"
