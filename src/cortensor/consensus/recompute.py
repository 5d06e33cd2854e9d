# SPDX-License-Identifier: Apache-2.0
"""A receipt's consensus block, computed again from the receipt's own replica entries.

Format 1 holds a majority without history. A block with `weighing` holds any strategy: each
replica's weight is in its entry, and how the confidence was made is in `calibration`, so that no
history is needed to recompute either. With `likeness` the groups follow from stated similarities.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from cortensor.consensus.arbitration import ruling
from cortensor.consensus.likeness import EMBEDDING, Likeness
from cortensor.consensus.majority import VERDICT, decide_groups
from cortensor.consensus.numeric import NUMERIC, SCORE, Past, Scale, decide_scores
from cortensor.consensus.outcome import Rules
from cortensor.consensus.vote import ABSTAIN, OK, Calibrated, Decision, Vote, Weighing
from cortensor.errors import InvalidInput, VerificationFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

_NO_WEIGHING = Weighing()
_BY_COUNT = Calibrated()


class Recomputed(NamedTuple):
    """What the replica entries give, and every field where the receipt says otherwise."""

    decision: Decision
    differences: tuple[str, ...]


def recompute(body: Mapping[str, Any]) -> Recomputed:
    """Recompute the consensus of a receipt body (its JSON object) and compare.

    Raises:
        VerificationFailed: if an entry the computation needs is missing or malformed.
    """
    try:
        stated = body["consensus"]
        decision = _decide_scores(body) if stated["equivalence"] == SCORE else _decide(body)
        return Recomputed(decision, tuple(_differences(body, stated, decision)))
    except InvalidInput as error:
        raise VerificationFailed(error.reason, field=error.field) from error
    except (KeyError, TypeError, AttributeError, ValueError, msgspec.MsgspecError) as error:
        raise VerificationFailed(f"cannot be recomputed: {error!r}", field="consensus") from error


def block_of(decision: Decision) -> dict[str, Any]:
    """Return what every consensus block needs beyond format 1, as JSON.

    The weights themselves go into the replica entries: see `entry_of`.
    """
    weighing, calibration = decision.weighing, decision.calibration
    return {
        "weighing": {
            "strategy": weighing.strategy,
            "weight_by": weighing.weight_by,
            "fallback": weighing.fallback,
            "priors": weighing.priors,
            "correlation_bps": weighing.correlation_bps,
        },
        "labels": None if decision.labels is None else list(decision.labels),
        "non_vote_rule": decision.non_vote_rule,
        "n_eff_milli": decision.n_eff_milli,
        "margin_micro": decision.margin_micro,
        "calibration": msgspec.to_builtins(calibration),
    }


def entry_of(decision: Decision, index: int) -> dict[str, Any]:
    """Return what a replica entry needs beyond format 1, as JSON; None where the rule has none.

    `preference` may exceed what a JSON number holds (wei), so it is a decimal string.
    """
    weighing = decision.weighing
    preference = weighing.preference.get(index)
    return {
        "weight_micro": weighing.weights.get(index),
        "likelihoods": weighing.likelihoods.get(index),
        "preference": None if preference is None else str(preference),
    }


def is_plain(decision: Decision) -> bool:
    """Return whether format 1 of the receipt can hold the decision: a majority without history."""
    return (
        decision.weighing == _NO_WEIGHING
        and decision.calibration == _BY_COUNT
        and decision.non_vote_rule == ABSTAIN
        and decision.labels is None
        and decision.equivalence not in {SCORE, EMBEDDING}
        and decision.tolerance_millionths == 0
    )


def _decide(body: Mapping[str, Any]) -> Decision:
    stated = body["consensus"]
    equivalence = stated["equivalence"]
    weighs = "weighing" in stated
    labels = stated["labels"] if weighs else None
    likeness = msgspec.convert(stated["likeness"], Likeness) if equivalence == EMBEDDING else None
    decision = decide_groups(
        _by_likeness(body, likeness)
        if likeness is not None
        else [(entry["index"], _label(entry, equivalence)) for entry in body["replicas"]],
        equivalence=equivalence,
        policy=stated["disagreement_policy"],
        threshold_bps=stated["agreement_threshold_bps"],
        labels_possible=labels,
        non_votes=stated["non_vote_rule"] if weighs else ABSTAIN,
        weighing=_weighing(body) if weighs else None,
        calibrated=_calibrated(stated) if weighs else None,
    )
    decision = msgspec.structs.replace(
        decision,
        tolerance_millionths=stated.get("tolerance_millionths", 0),
        likeness=likeness,
    )
    least = stated.get("least_confidence_bps")
    return decision if least is None else ruling(decision, least)


def _decide_scores(body: Mapping[str, Any]) -> Decision:
    stated = body["consensus"]
    calibration = msgspec.convert(stated["calibration"], Calibrated)
    scale = stated["scale"]
    bounds = scale["bounds"]
    votes = [
        Vote(
            index=entry["index"],
            status=entry["status"],
            value=None if entry["value"] is None else int(entry["value"]),
        )
        for entry in body["replicas"]
    ]
    if stated["weighing"]["strategy"] not in NUMERIC:
        raise InvalidInput("is not one for scores", field="consensus.strategy")
    return decide_scores(
        votes,
        stated["weighing"]["strategy"],
        Rules(
            equivalence=SCORE,
            policy=stated["disagreement_policy"],
            threshold_bps=stated["agreement_threshold_bps"],
            non_votes=stated["non_vote_rule"],
        ),
        Scale(
            tolerance=int(scale["tolerance"]),
            bounds=None if bounds is None else (int(bounds[0]), int(bounds[1])),
        ),
        past=Past(
            within=calibration.right or 0,
            rounds=calibration.rounds or 0,
            half_width=None if scale["half_width"] is None else int(scale["half_width"]),
            version=calibration.version,
        ),
        correlation_bps=stated["weighing"]["correlation_bps"],
    )


def _weighing(body: Mapping[str, Any]) -> Weighing:
    stated = body["consensus"]["weighing"]
    entries = body["replicas"]
    return Weighing(
        strategy=stated["strategy"],
        weight_by=stated["weight_by"],
        fallback=stated["fallback"],
        priors=stated["priors"],
        correlation_bps=stated["correlation_bps"],
        weights=_by_index(entries, "weight_micro"),
        likelihoods=_by_index(entries, "likelihoods"),
        preference={i: int(text) for i, text in _by_index(entries, "preference").items()},
    )


def _by_index(entries: list[Mapping[str, Any]], name: str) -> dict[int, Any]:
    return {entry["index"]: entry[name] for entry in entries if entry[name] is not None}


def _calibrated(stated: Mapping[str, Any]) -> Any:
    calibration = msgspec.convert(stated["calibration"], Calibrated)
    return lambda _votes, _winning: calibration


def _by_likeness(body: Mapping[str, Any], likeness: Likeness) -> list[tuple[int, str | None]]:
    """Return each replica's group as the stated similarities give it, whatever its entry says."""
    number = {index: group.label for group in likeness.groups() for index in group.members}
    return [(entry["index"], number.get(entry["index"])) for entry in body["replicas"]]


def _label(entry: Mapping[str, Any], equivalence: str) -> str | None:
    if entry["status"] != OK:
        return None
    if equivalence == VERDICT:
        verdict = entry["verdict"]
        return None if verdict is None else str(verdict)
    cluster = entry["cluster"]
    return None if cluster is None else str(cluster)


def _differences(
    body: Mapping[str, Any], stated: Mapping[str, Any], decision: Decision
) -> list[str]:
    expected: dict[str, object] = {
        "replicas": decision.replicas,
        "votes": decision.votes,
        "non_votes": decision.non_votes,
        "agreement_bps": decision.agreement_bps,
        "confidence_bps": decision.confidence_bps,
        "winner": list(decision.winner),
        "dissent": list(decision.dissent),
    }
    if "weighing" in stated:
        expected |= {
            "n_eff_milli": decision.n_eff_milli,
            "margin_micro": decision.margin_micro,
        }
    if decision.equivalence == SCORE:
        expected |= {
            "value": None if decision.value is None else str(decision.value),
            "interval": None if decision.interval is None else [str(x) for x in decision.interval],
        }
    found = [
        f"consensus.{name}: says {_plain(stated[name])}, the replicas give {value}"
        for name, value in expected.items()
        if _plain(stated[name]) != value
    ]
    if decision.likeness is not None:
        # One that gave no answer could join two that are not alike.
        answered = [
            entry["index"]
            for entry in body["replicas"]
            if entry["status"] == OK and entry["output_hash"] is not None
        ]
        if sorted(decision.likeness.order) != answered:
            found.append(
                f"consensus.likeness.order: says {list(decision.likeness.order)}, "
                f"the replicas {answered} answered"
            )
        found += [
            f"replicas[{entry['index']}].cluster: says {entry['cluster']}, the similarities give "
            f"{decision.cluster_of(entry['index'])}"
            for entry in body["replicas"]
            if entry["cluster"] != decision.cluster_of(entry["index"])
        ]
    outcome = body["result"]["outcome"]
    if outcome != decision.outcome:
        found.append(f"result.outcome: says {outcome}, the replicas give {decision.outcome}")
    return found


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
