# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title What a receipt may charge
@custom:contract-name fair_price
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice The table's quote under what the session agreed to: its own card, volume
        tier and caps, whatever the receipt says of them.
"""

from contracts.interfaces import ISessionPayment
from contracts.interfaces import ISessionPaymentTable
from contracts.interfaces import IStakeQuota
from contracts.lib import session_words


interface IParts:
    def QUOTA() -> address: view
    def TABLE() -> address: view


# @dev What a quote is given: five times what it takes, about 24,000 at any
#      input. A caller must bring enough that the rule of 63/64 leaves it whole.
QUOTE_GAS: constant(uint256) = 120_000
NEEDED_GAS: constant(uint256) = 180_000

_GWEI: constant(uint256) = 10**9
_U8: constant(uint256) = 2**8 - 1
_U16: constant(uint256) = 2**16 - 1
# @dev Where lib/job_words.vy keeps the fields of terms that are looked at.
_MODEL_CLASS: constant(uint256) = 8
_REPLICAS: constant(uint256) = 40
_VOLUME_TIER: constant(uint256) = 80
_SURCHARGE_CAP: constant(uint256) = 88

QUOTA: immutable(address)
TABLE: immutable(address)


@deploy
def __init__(payment: address):
    """
    @dev Fixes whose prices count.
    @param payment SessionPayment.
    """
    QUOTA = staticcall IParts(payment).QUOTA()
    TABLE = staticcall IParts(payment).TABLE()


@internal
@view
def _rightful(receipt: ISessionPayment.Receipt, facts: ISessionPayment.Session) -> uint256:
    """
    @dev The most that a receipt may charge. The caller has made sure that
         there is NEEDED_GAS, so that a quote fails for its input alone.
    @param receipt The struct.
    @param facts Of its session.
    @return uint256 Wei of COR; 0 where the table has no price.
    """
    epoch: uint256 = convert(receipt.surcharge_epoch, uint256)
    if epoch > staticcall ISessionPaymentTable(TABLE).surcharge_epoch():
        return 0
    posted_at: uint256 = staticcall ISessionPaymentTable(TABLE).surcharge_posted_at(epoch)
    if posted_at > convert(receipt.issued_at, uint256):
        # Nobody can have agreed to it when the work was reserved.
        return 0
    terms: uint256 = receipt.terms
    if facts.funding == session_words.FUNDING_STAKE:
        # The stake was enrolled for work up to this class and redundancy.
        bucket: uint256 = (staticcall IStakeQuota(QUOTA).account(receipt.session)).bucket
        if (terms >> _MODEL_CLASS) & _U8 > bucket // 3:
            return 0
        if (terms >> _REPLICAS) & _U8 > 2 * (bucket % 3) + 1:
            return 0
    surcharge_cap: uint256 = min((terms >> _SURCHARGE_CAP) & _U16, facts.surcharge_cap_bps)
    terms = terms & ~(_U8 << _VOLUME_TIER | _U16 << _SURCHARGE_CAP)
    terms = terms | facts.volume_tier << _VOLUME_TIER | surcharge_cap << _SURCHARGE_CAP
    is_priced: bool = False
    total: Bytes[32] = b""
    is_priced, total = raw_call(
        TABLE,
        abi_encode(
            facts.version,
            epoch,
            terms,
            receipt.usage,
            method_id=method_id("quote(uint256,uint256,uint256,uint256)"),
        ),
        max_outsize=32,
        gas=QUOTE_GAS,
        is_static_call=True,
        revert_on_failure=False,
    )
    if not is_priced:
        return 0
    return min(convert(total, uint256), facts.task_cap_gwei * _GWEI)
