# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: TC001 -- msgspec reads the annotations
"""Who else has a part in a receipt of format 4, and how many miners any receipt has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from cortensor.receipts.evidence import OK
from cortensor.receipts.fields import Address, Hex32, Network

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cortensor.receipts.body import Replica
    from cortensor.receipts.evidence import ReplicaRun


class PaymentBlock(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A payment beside the session's deposit: one payment has one receipt.

    `transaction` on `network` (CAIP-2) moved the money; `payer` paid.
    """

    scheme: Literal["x402"]
    network: Network
    transaction: Hex32
    payer: Address


def count_operators(replicas: Iterable[Replica] | Iterable[ReplicaRun]) -> int:
    """Return how many different miners delivered; a replica without a known miner adds none."""
    return len({entry.miner for entry in replicas if entry.status == OK} - {None})
