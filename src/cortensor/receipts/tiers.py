# SPDX-License-Identifier: Apache-2.0
"""Policy tiers: what a request that names one asks for where it does not say so itself.

`fast`, `safe`, `oracle` and `adaptive` are the v3 specification's. They choose consensus settings,
not a service level: that is what the tiers of `pricing.SLA_TIERS` are, and the price has them only.

`heartbeat` is no caller's: the router's own jobs that show which nodes are there. They are free.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from cortensor.consensus import ALIASES, PLAN
from cortensor.consensus.equivalence import ALIASES as EQUIVALENCES
from cortensor.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

FAST, SAFE, ORACLE, ADAPTIVE = "fast", "safe", "oracle", "adaptive"
HEARTBEAT = "heartbeat"
DEFAULT_TIER = "best_effort"
"""The service level of a request without a tier, or with a tier that is none."""

TIERS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        FAST: MappingProxyType({"replicas": 1}),
        SAFE: MappingProxyType({"replicas": 3}),
        ORACLE: MappingProxyType({"replicas": 5}),
        ADAPTIVE: MappingProxyType({"replicas": 5, "min_replicas": 1}),
    }
)
"""Tier -> the consensus settings it stands for; what it leaves out has the API's default."""


RISKS: Mapping[str, str] = MappingProxyType({"low": FAST, "medium": SAFE, "high": ORACLE})
"""`policy.risk` -> the tier whose settings it stands for, where the request names no tier."""


def always_has_receipt(tier: str | None, risk: str | None) -> bool:
    """Return whether a policy wants the receipt told with the answer, whoever asks: high risk."""
    return risk == "high" or tier in {ORACLE, "high"}


def sla_of(tier: str | None) -> str:
    """Return the service level that a tier is priced at."""
    return DEFAULT_TIER if tier is None or tier == HEARTBEAT or tier in TIERS else tier


def is_free(tier: str | None) -> bool:
    """Return whether receipts of a tier charge nothing."""
    return tier == HEARTBEAT


def with_tier(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request body with its tier's, or risk's, settings where it has none of its own.

    `aggregation`, v3's name, becomes `strategy`, and strategies and equivalences get the names that
    receipts have.

    Args:
        request: the body as sent; what is malformed stays so, for the schema to refuse.

    Raises:
        InvalidInput: `strategy` and `aggregation` differ.
    """
    consensus, policy = request.get("consensus", {}), request.get("policy")
    if not isinstance(consensus, dict):
        return dict(request)
    hints = policy if isinstance(policy, dict) else {}
    tier, risk = hints.get("tier"), hints.get("risk")
    if tier is None and isinstance(risk, str):
        tier = RISKS.get(risk)
    settings = TIERS.get(tier, {}) if isinstance(tier, str) else {}
    whole = {**settings, **consensus}
    names = [whole.get("strategy"), whole.pop("aggregation", None)]
    names = [ALIASES.get(name, name) if isinstance(name, str) else name for name in names]
    asked = [name for name in names if name is not None]
    if len(asked) > 1 and asked[0] != asked[1]:
        raise InvalidInput("differs from strategy", field="consensus.aggregation")
    if asked:
        whole["strategy"] = asked[0]
    if isinstance(whole.get("equivalence"), str):
        whole["equivalence"] = EQUIVALENCES.get(whole["equivalence"], whole["equivalence"])
    return {**request, "consensus": whole} if whole or "consensus" in request else dict(request)


def plan_of(replicas: int, fewest: int) -> tuple[int, ...]:
    """Return the totals of an adaptive run: those of 1, 3, 5 from the fewest to the most."""
    return tuple(total for total in PLAN if fewest <= total <= replicas) or (replicas,)
