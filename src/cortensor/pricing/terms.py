# SPDX-License-Identifier: Apache-2.0
"""The terms of a job: everything about its price that is fixed before it runs, in one word.

The bit layout is the contract's (`lib/job_words.vy`). `pack` checks widths only; which values mean
something (tiers, replicas, methods) is decided by `quote`, as on chain, so that both sides refuse
the same words for the same reason.
"""

from __future__ import annotations

from functools import lru_cache
from types import MappingProxyType

import msgspec

from cortensor.errors import InvalidInput
from cortensor.pricing.bits import Layout, pack_word, unpack_word

SLA_TIERS = ("best_effort", "low", "medium", "high")
MODEL_CLASSES = ("light", "standard", "heavy", "frontier")
CONSENSUS_METHODS = (
    "majority",
    "weighted",
    "median",
    "median_of_means",
    "trimmed_mean",
    "ensemble_model",
)
DISAGREEMENT_POLICIES = ("return_all", "fail_hard", "best_effort")
REPLICA_COUNTS = (1, 3, 5)
DEFAULT_THRESHOLD_BPS = 5001
"""More than half: the agreement below which replicas are in strong disagreement."""

_LAYOUT: Layout = MappingProxyType(
    {
        "sla_tier": (0, 8),
        "model_class": (8, 8),
        "execution_depth": (16, 8),
        "tool_depth": (24, 8),
        "validator_depth": (32, 8),
        "replicas": (40, 8),
        "consensus_method": (48, 8),
        "disagreement_policy": (56, 8),
        "agreement_threshold_bps": (64, 16),
        "volume_tier": (80, 8),
        "surcharge_cap_bps": (88, 16),
        "route_hint": (104, 32),
    }
)


class Terms(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the payer agreed to before the work.

    Attributes:
        sla_tier: index into `SLA_TIERS`.
        model_class: index into `MODEL_CLASSES`.
        execution_depth: steps of the workflow beyond one call.
        tool_depth: levels of tool calls allowed.
        validator_depth: validator levels over the result.
        replicas: 1, 3 or 5 independent runs.
        consensus_method: index into `CONSENSUS_METHODS` (6 and 7 are priced but unnamed yet).
        disagreement_policy: index into `DISAGREEMENT_POLICIES`.
        agreement_threshold_bps: least share of replicas that must agree, 0..10000.
        volume_tier: rebate tier 0..3, pinned when the session was opened.
        surcharge_cap_bps: highest congestion surcharge the session accepted.
        route_hint: routing preference, not priced.
    """

    sla_tier: int = 0
    model_class: int = 0
    execution_depth: int = 0
    tool_depth: int = 0
    validator_depth: int = 0
    replicas: int = 1
    consensus_method: int = 0
    disagreement_policy: int = 0
    agreement_threshold_bps: int = DEFAULT_THRESHOLD_BPS
    volume_tier: int = 0
    surcharge_cap_bps: int = 0
    route_hint: int = 0

    def pack(self) -> int:
        """Return the uint256 word. Raises InvalidInput if a field exceeds its width."""
        return pack_word(_LAYOUT, msgspec.structs.asdict(self), "terms")

    @classmethod
    def unpack(cls, word: int) -> Terms:
        """Read a word. Raises InvalidInput on reserved bits or a value beyond uint256."""
        return _unpack(word)


@lru_cache(maxsize=256)
def _unpack(word: int) -> Terms:
    """Read a word; many jobs run under the same terms."""
    return Terms(**unpack_word(_LAYOUT, word, "terms"))


def index_of(names: tuple[str, ...], name: str, field: str) -> int:
    """Return the code of a named choice.

    Raises:
        InvalidInput: naming `field` and the choices.
    """
    if name not in names:
        raise InvalidInput(f"must be one of {', '.join(names)}", field=field)
    return names.index(name)
