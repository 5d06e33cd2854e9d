# SPDX-License-Identifier: Apache-2.0
"""What a transaction costs at the recorded fees of a network: lines in wei of its gas token."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import ceil
from typing import Any

import msgspec

from cortensor.gas.arbitrum import poster_gas
from cortensor.gas.cost_lines import BATCH_SHARE, DATA, EXECUTION, batch_share_wei, names_of
from cortensor.gas.fee_files import PRICES
from cortensor.gas.snapshot import Snapshot, load_prices, load_snapshot
from scripts._deploy.compiler import ROOT
from scripts._gas.used import Posted, Used

NETWORKS = ("arbitrum-sepolia", "cor-testnet1a")


def snapshots() -> dict[str, Snapshot]:
    """Return the networks' fees by name."""
    return {name: load_snapshot(ROOT / "config" / "fees" / f"{name}.toml") for name in NETWORKS}


def described(found: Mapping[str, Snapshot]) -> dict[str, Any]:
    """Return header lines: at which prices figures are, what their lines are called, and coins."""
    return {
        "fees": {name: _sentence(each) for name, each in found.items()},
        "lines": {name: names_of(each) for name, each in found.items()},
        "coins": {name: each.coin for name, each in found.items()},
        "prices": msgspec.to_builtins(load_prices(ROOT / PRICES)),
    }


def _sentence(fees: Snapshot) -> str:
    told = (
        f"base fee {int(fees.base_fee_wei):,} wei, {int(fees.price_per_unit_wei):,} wei a "
        f"unit, in {fees.coin}, {fees.as_of}"
    )
    if fees.parent is None:
        return told
    count = fees.parent.batch_transactions
    return f"{told}; a batch of {count} transactions, posted on {fees.parent.network}"


def lines_of(used: Used, fees: Snapshot) -> dict[str, int]:
    """Return field -> wei of each line of a fee, as `names_of` has them.

    Gas for bytes is rounded down for each transaction, as a chain does; wei of shares are rounded
    up at the end.

    Args:
        used: what a plain EVM took, of so many transactions.
        fees: the network's.
    """
    base_fee = int(fees.base_fee_wei)
    data = sum((_data_wei(each, fees) for each in used.posted), Fraction(0))
    lines = {EXECUTION: used.gas * base_fee, DATA: ceil(data)}
    share = batch_share_wei(fees)
    return lines if share is None else {**lines, BATCH_SHARE: ceil(share * used.transactions)}


def _data_wei(posted: Posted, fees: Snapshot) -> Fraction:
    base_fee = int(fees.base_fee_wei)
    return poster_gas(posted.units, int(fees.price_per_unit_wei), base_fee) * base_fee * posted.part
