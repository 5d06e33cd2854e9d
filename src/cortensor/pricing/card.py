# SPDX-License-Identifier: Apache-2.0
"""The rate card: every price parameter of one version, as the contract holds it.

Units are in the names: `_wei` is wei of COR, `_bps` is basis points (1/10000). The order of the
attributes is the order of the Solidity ABI struct, so `abi_tuple` needs no table of its own.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from cortensor.errors import InvalidInput
from cortensor.pricing.card_form import Card, Shape

if TYPE_CHECKING:
    from collections.abc import Mapping

BPS = 10_000


_SHAPES: Mapping[str, Shape] = MappingProxyType(
    {
        "task_wei": Shape(96),
        "input_unit_wei": Shape(64, 4),
        "output_unit_wei": Shape(64, 4),
        "validator_unit_wei": Shape(64),
        "sla_bps": Shape(16, 4),
        "execution_depth_bps": Shape(16),
        "tool_depth_bps": Shape(16),
        "validator_depth_bps": Shape(16),
        "redundancy_bps": Shape(16, 3),
        "consensus_bps": Shape(16, 8),
        "threshold_bps": Shape(16),
        "disagreement_bps": Shape(16, 3),
        "failed_rebate_bps": Shape(16),
        "late_rebate_bps": Shape(16),
        "missing_rebate_bps": Shape(16),
        "volume_rebate_bps": Shape(16, 4),
        "node_share_bps": Shape(16),
        "validator_share_bps": Shape(16),
    }
)


class RateCard(Card, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One version of the prices; checked when built.

    Raises:
        InvalidInput: naming the field at fault (`card.<name>` or `card.<name>[i]`).
    """

    NAME = "rate card"
    SHAPES = _SHAPES

    task_wei: int
    input_unit_wei: tuple[int, ...]
    output_unit_wei: tuple[int, ...]
    validator_unit_wei: int
    sla_bps: tuple[int, ...]
    execution_depth_bps: int
    tool_depth_bps: int
    validator_depth_bps: int
    redundancy_bps: tuple[int, ...]
    consensus_bps: tuple[int, ...]
    threshold_bps: int
    disagreement_bps: tuple[int, ...]
    failed_rebate_bps: int
    late_rebate_bps: int
    missing_rebate_bps: int
    volume_rebate_bps: tuple[int, ...]
    node_share_bps: int
    validator_share_bps: int

    def __post_init__(self) -> None:
        """Check widths, lengths and the relations the contract checks on `publish`."""
        self.check_shapes()
        low, middle, high = self.redundancy_bps
        if not low <= middle <= high:
            raise InvalidInput("must not fall with more replicas", field="card.redundancy_bps")
        if self.missing_rebate_bps > BPS:
            raise InvalidInput("must be at most 10000", field="card.missing_rebate_bps")
        if self.failed_rebate_bps > self.missing_rebate_bps:
            raise InvalidInput("must be at most missing_rebate_bps", field="card.failed_rebate_bps")
        if self.late_rebate_bps > self.failed_rebate_bps:
            raise InvalidInput("must be at most failed_rebate_bps", field="card.late_rebate_bps")
        for tier, rebate in enumerate(self.volume_rebate_bps):
            if rebate > BPS:
                raise InvalidInput("must be at most 10000", field=f"card.volume_rebate_bps[{tier}]")
        if self.node_share_bps > BPS:
            raise InvalidInput("must be at most 10000", field="card.node_share_bps")
        if self.node_share_bps + self.validator_share_bps > BPS:
            raise InvalidInput(
                "must leave at most 10000 with node_share_bps", field="card.validator_share_bps"
            )
