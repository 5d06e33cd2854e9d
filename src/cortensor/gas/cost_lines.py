# SPDX-License-Identifier: Apache-2.0
"""What the lines of a fee are called, and the one that no transaction is charged by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cortensor.gas.parent import shares_of

if TYPE_CHECKING:
    from cortensor.gas.snapshot import Snapshot

EXECUTION, DATA, BATCH_SHARE = "execution_wei", "data_wei", "batch_share_wei"
FIXED_SHARE, BATCH_BYTES = "fixed batch share", "batch bytes"


def names_of(fees: Snapshot) -> dict[str, str]:
    """Return field of a fee in gas/*.json -> what the line is called, on a network.

    On a chain above an L2 there is one more: what a transaction's batch costs the chain, a like
    part for each transaction in it. The line for data is what pays for that.
    """
    if fees.parent is None:
        return {EXECUTION: "L2 execution", DATA: "L1 data"}
    return {EXECUTION: "L3 execution", DATA: "L3 data", BATCH_SHARE: FIXED_SHARE}


def batch_share_wei(fees: Snapshot) -> int | None:
    """Return a transaction's fixed batch share in wei of the chain's coin, rounded up.

    None for a chain that is not above an L2.
    """
    if fees.parent is None:
        return None
    return shares_of(0, fees.parent.batches(), fees.parent.fees(), fees.pricer).fixed_wei
