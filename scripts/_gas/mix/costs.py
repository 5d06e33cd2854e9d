# SPDX-License-Identifier: Apache-2.0
"""What a transaction of the mix costs, in every measure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cortensor.gas.allotment import Allotment, Cost
from cortensor.gas.cost_lines import BATCH_SHARE, DATA, EXECUTION, batch_share_wei, names_of
from cortensor.gas.mix import GAS, POSTER_GAS, UNITS, allotment_of, fee_cost
from cortensor.gas.snapshot import Snapshot
from scripts._gas.fees import lines_of
from scripts._gas.used import Used

CostOf = Callable[[Used], Cost]


def recorded(networks: Mapping[str, Snapshot]) -> tuple[Allotment, CostOf]:
    """Return an empty allotment, and what a plain EVM's transaction costs at recorded fees.

    Args:
        networks: whose fees, by name.
    """

    def cost_of(used: Used) -> Cost:
        cost: Cost = {GAS: used.gas, UNITS: used.units}
        for name, fees in networks.items():
            cost |= fee_cost(name, lines_of(used, fees))
        return cost

    above = [name for name, fees in networks.items() if BATCH_SHARE in names_of(fees)]
    return allotment_of(networks, UNITS, above), cost_of


def paid(network: str, fees: Snapshot) -> tuple[Allotment, CostOf]:
    """Return an empty allotment, and what was paid for a transaction as its receipt says.

    Args:
        network: the name of the chain that it is on.
        fees: of the chain; its fixed batch share, which nobody pays by itself, is of these.
    """
    share = batch_share_wei(fees)

    def cost_of(used: Used) -> Cost:
        execution = used.gas - used.poster
        lines = {EXECUTION: execution * used.price, DATA: used.poster * used.price}
        if share is not None:
            lines[BATCH_SHARE] = share
        return {GAS: execution, POSTER_GAS: used.poster, **fee_cost(network, lines)}

    above = [] if share is None else [network]
    return allotment_of([network], POSTER_GAS, above), cost_of


def watched_costs(cost_of: CostOf, watch: Callable[[Used], None]) -> CostOf:
    """Return the same costs; each transaction is shown to a watcher when it is mined."""

    def cost_of_watched(used: Used) -> Cost:
        watch(used)
        return cost_of(used)

    return cost_of_watched
