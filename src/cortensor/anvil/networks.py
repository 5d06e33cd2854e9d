# SPDX-License-Identifier: Apache-2.0
"""The networks that Anvil can stand in for, and the state that ArbOS has on a new one."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from cortensor.gas.arbos_state import L1_PRICING, L2_PRICING, ArbosState, slot, written
from cortensor.gas.base_fee import OneBacklog
from cortensor.gas.fee_files import ALIASES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cortensor.gas.snapshot import Snapshot

SPEED_LIMIT, TOLERANCE_S, INERTIA_S = 7_000_000, 10, 102
TX_GAS_LIMIT = 32_000_000
"""Of execution, in a transaction and (before ArbOS 50) a block."""

EQUILIBRATION_UNITS, PRICE_INERTIA, PER_BATCH_GAS = 160_000_000, 10, 210_000


_MAX_TX_BYTES = {"arbitrum-sepolia": 95_000, "cor-testnet1a": 85_000}
MAX_TX_BYTES: Mapping[str, int] = MappingProxyType(
    {
        **_MAX_TX_BYTES,
        **{alias: _MAX_TX_BYTES[name] for alias, name in ALIASES.items() if name in _MAX_TX_BYTES},
    }
)
"""Network -> the most bytes that its sequencer takes. All of them have fees in config/fees."""


def genesis(fees: Snapshot, base_fee: int | None, price_per_unit: int | None) -> dict[int, int]:
    """Return slot -> value of ArbOS' account on a new chain: Nitro's defaults, and these fees.

    Args:
        fees: the network's.
        base_fee: wei, instead of the network's.
        price_per_unit: wei, instead of the network's.
    """
    usual = int(fees.base_fee_wei)
    asked = usual if base_fee is None else base_fee
    floor = min(usual, asked)
    state = ArbosState(
        arbos=fees.arbos,
        brotli_level=fees.brotli_level,
        price_per_unit=int(fees.price_per_unit_wei) if price_per_unit is None else price_per_unit,
        base_fee=asked,
        min_base_fee=floor,
        controller=OneBacklog(floor, SPEED_LIMIT, INERTIA_S, TOLERANCE_S, 0),
    )
    return written(state) | {
        slot(L1_PRICING, 0x01): EQUILIBRATION_UNITS,
        slot(L1_PRICING, 0x02): PRICE_INERTIA,
        slot(L1_PRICING, 0x03): int(fees.reward_per_unit_wei),
        slot(L1_PRICING, 0x09): PER_BATCH_GAS,
        slot(L2_PRICING, 0x01): TX_GAS_LIMIT,
        slot(L2_PRICING, 0x07): TX_GAS_LIMIT,
    }
