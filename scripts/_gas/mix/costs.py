# SPDX-License-Identifier: Apache-2.0
"""What a transaction of the mix costs, in every measure."""

from __future__ import annotations

from collections.abc import Mapping

from cortensor.gas.allotment import Cost
from cortensor.gas.arbitrum import Fee, poster_gas
from cortensor.gas.mix import GAS, UNITS, fee_cost
from cortensor.gas.snapshot import Snapshot
from scripts._gas.used import Used


def cost_of(used: Used, networks: Mapping[str, Snapshot]) -> Cost:
    """Return what a transaction takes: gas, units, and wei at each network's fees."""
    cost: Cost = {GAS: used.gas, UNITS: used.units}
    for name, fees in networks.items():
        base_fee = int(fees.base_fee_wei)
        posting = poster_gas(used.units, int(fees.price_per_unit_wei), base_fee)
        fee = Fee(used.units, used.gas, posting, base_fee)
        cost |= fee_cost(name, fee.execution_wei, fee.data_wei)
    return cost
