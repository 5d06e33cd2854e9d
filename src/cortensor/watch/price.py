# SPDX-License-Identifier: Apache-2.0
"""The most a receipt may charge: what `SettlementDispute.rightful_charge` says, bit for bit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from cortensor.errors import InvalidInput
from cortensor.pricing import Terms, Usage, quote

if TYPE_CHECKING:
    from cortensor.chain.observed import SurchargeEpoch
    from cortensor.pricing import RateCard
    from cortensor.receipts.typed import ReceiptStruct

WEI_PER_GWEI = 10**9
REPLICA_STEPS = 3
_U8, _U16 = 2**8 - 1, 2**16 - 1
# Where a word of terms keeps what the session has its own word on.
_MODEL_CLASS, _REPLICAS, _VOLUME_TIER, _SURCHARGE_CAP = 8, 40, 80, 88


class Pin(Struct, frozen=True):
    """What a session fixed for its whole life. `session_key` is None for none.

    `bucket` is the profile a stake session was enrolled for, None for other fundings.
    """

    version: int
    volume_tier: int
    surcharge_cap_bps: int
    task_cap_gwei: int
    session_key: str | None = None
    bucket: int | None = None

    @property
    def is_stake(self) -> bool:
        """Whether StakeQuota pays for it."""
        return self.bucket is not None


def rightful_charge(
    receipt: ReceiptStruct, pin: Pin, card: RateCard, surcharge: SurchargeEpoch | None
) -> int:
    """Return the most wei that a receipt may charge; 0 where it has no price.

    Args:
        receipt: the signed struct; its own version, volume tier and too high a cap count nothing.
        pin: what its session fixed.
        card: the card of `pin.version`.
        surcharge: the epoch that the receipt names; None if there is no such.
    """
    if surcharge is None or surcharge.posted_at > receipt.issued_at:
        return 0
    terms = receipt.terms
    if pin.bucket is not None:
        if (terms >> _MODEL_CLASS) & _U8 > pin.bucket // REPLICA_STEPS:
            return 0
        if (terms >> _REPLICAS) & _U8 > 2 * (pin.bucket % REPLICA_STEPS) + 1:
            return 0
    cap = min((terms >> _SURCHARGE_CAP) & _U16, pin.surcharge_cap_bps)
    terms &= ~(_U8 << _VOLUME_TIER | _U16 << _SURCHARGE_CAP)
    terms |= pin.volume_tier << _VOLUME_TIER | cap << _SURCHARGE_CAP
    try:
        bill = quote(card, surcharge.bps, Terms.unpack(terms), Usage.unpack(receipt.usage))
    except InvalidInput:
        return 0
    return min(bill.total, pin.task_cap_gwei * WEI_PER_GWEI)
