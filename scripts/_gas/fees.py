# SPDX-License-Identifier: Apache-2.0
"""What a scenario costs at the recorded fees of a network: lines in wei of its gas token."""

from __future__ import annotations

from typing import Any

from cortensor.gas.arbitrum import Fee, poster_gas
from cortensor.gas.snapshot import Snapshot, load_snapshot
from scripts._deploy.compiler import ROOT

NETWORKS = ("arbitrum-sepolia", "cor-testnet1a")


def snapshots() -> dict[str, Snapshot]:
    """Return the networks' fees by name."""
    return {name: load_snapshot(ROOT / "config" / "fees" / f"{name}.toml") for name in NETWORKS}


def described(found: dict[str, Snapshot]) -> dict[str, str]:
    """Return a sentence a network: at which prices its lines are."""
    return {
        name: f"base fee {int(each.base_fee_wei):,} wei, {int(each.price_per_unit_wei):,} wei a "
        f"unit, in {each.coin}, {each.as_of}"
        for name, each in found.items()
    }


def lines_of(gas: int, units: int, found: dict[str, Snapshot]) -> dict[str, Any]:
    """Return network -> execution and data in wei.

    Args:
        gas: what was used on a plain EVM.
        units: calldata units.
        found: the networks' fees.
    """
    lines = {}
    for name, fees in found.items():
        base_fee = int(fees.base_fee_wei)
        fee = Fee(units, gas, poster_gas(units, int(fees.price_per_unit_wei), base_fee), base_fee)
        lines[name] = {"execution_wei": str(fee.execution_wei), "data_wei": str(fee.data_wei)}
    return lines
