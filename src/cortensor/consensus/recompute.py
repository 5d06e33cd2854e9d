# SPDX-License-Identifier: Apache-2.0
"""A receipt's consensus block, computed again from the receipt's own replica entries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from cortensor.consensus.majority import VERDICT, decide_groups
from cortensor.consensus.vote import OK, Decision
from cortensor.errors import InvalidInput, VerificationFailed

if TYPE_CHECKING:
    from collections.abc import Mapping


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
        replicas = body["replicas"]
        stated = body["consensus"]
        equivalence = stated["equivalence"]
        labels = [(entry["index"], _label(entry, equivalence)) for entry in replicas]
        decision = decide_groups(
            labels,
            equivalence=equivalence,
            policy=stated["disagreement_policy"],
            threshold_bps=stated["agreement_threshold_bps"],
        )
        return Recomputed(decision, tuple(_differences(body, stated, decision)))
    except InvalidInput as error:
        raise VerificationFailed(error.reason, field=error.field) from error
    except (KeyError, TypeError, AttributeError) as error:
        raise VerificationFailed(f"cannot be recomputed: {error!r}", field="consensus") from error


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
    found = [
        f"consensus.{name}: says {_plain(stated[name])}, the replicas give {value}"
        for name, value in expected.items()
        if _plain(stated[name]) != value
    ]
    outcome = body["result"]["outcome"]
    if outcome != decision.outcome:
        found.append(f"result.outcome: says {outcome}, the replicas give {decision.outcome}")
    return found


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
