# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title What proofs cost a router, and who gets it
@custom:contract-name refunds
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice A proven excess goes back to the session: from its own money that is
        still pending, then from the router's bond. The first proof of a session costs the bond a
        penalty besides: half of it is burnt, half is the challenger's.
@dev    What was given back is kept by index, so that no proof of an index
        shields the rest of it: a later one is refunded for what it proves
        beyond the first.
"""

from contracts.interfaces import ISessionPayment
from contracts.interfaces import ISettlementDispute
from contracts.interfaces import IStakePool
from contracts.lib import dispute_words as words
from contracts.modules import cor
from contracts.modules import leaf_proofs
from contracts.modules import own_pending
from ethereum.ercs import IERC20

uses: cor
uses: leaf_proofs
uses: own_pending


interface IParts:
    def POOL() -> address: view


PENALTY_WEI: public(immutable(uint256))
POOL: immutable(address)


# @dev session -> record (lib/dispute_words.vy).
_records: HashMap[uint256, uint256]

# @dev session -> index -> mark.
_marks: HashMap[uint256, HashMap[uint256, uint256]]


@deploy
def __init__(payment: address, penalty_wei: uint256):
    """
    @dev Fixes the penalty, and lets the escrow take what bonds pay.
    @param payment SessionPayment.
    @param penalty_wei Wei of COR, uint96; not zero.
    """
    assert penalty_wei != 0, "refund: zero penalty"
    assert penalty_wei <= words.U96, "refund: penalty exceeds uint96"
    PENALTY_WEI = penalty_wei
    POOL = staticcall IParts(payment).POOL()
    # The escrow takes from its caller alone, and is called in `_punish` alone. A
    # token that refuses here refuses there.
    extcall IERC20(cor.TOKEN).approve(payment, max_value(uint256), default_return_value=True)


@internal
@view
def _due(
    session: uint256, index: uint256, is_gap: bool, excess: uint256, settled: uint256
) -> uint256:
    """
    @dev What a proof still has to be refunded.
    @param session The session.
    @param index The index.
    @param is_gap For its gap; for its charge if not.
    @param excess What was proven, in wei of COR.
    @param settled All that can be refunded to the session, ever.
    @return uint256 Wei of COR.
    """
    done: uint256 = words._part(self._marks[session][index], is_gap)
    refunded: uint256 = words._refunded(self._records[session])
    return min(excess - min(excess, done), settled - min(settled, refunded))


@internal
@view
def _is_proven(session: uint256, index: uint256, is_gap: bool) -> bool:
    """
    @dev Whether an index was proven against.
    @param session The session.
    @param index The index.
    @param is_gap Its gap; its charge if not.
    @return bool Whether it was.
    """
    return words._is_proven(self._marks[session][index], is_gap)


@internal
def _extend(session: uint256, demands_until: uint256):
    """
    @dev Lets what a demand brings up be challenged.
    @param session The session.
    @param demands_until Unix seconds.
    """
    record: uint256 = self._records[session]
    self._records[session] = words._pack_record(
        words._refunded(record),
        words._first_proven_at(record),
        max(words._demands_until(record), demands_until),
        words._follow_until(record),
        words._proofs(record),
    )


@internal
def _let_follow(session: uint256, until: uint256):
    """
    @dev Lets the indexes below a total that was shown be demanded.
    @param session The session.
    @param until Unix seconds.
    """
    record: uint256 = self._records[session]
    self._records[session] = words._pack_record(
        words._refunded(record),
        words._first_proven_at(record),
        words._demands_until(record),
        max(words._follow_until(record), until),
        words._proofs(record),
    )


@internal
def _punish(
    session: uint256,
    index: uint256,
    is_gap: bool,
    challenger: address,
    kind: String[32],
    excess: uint256,
    due: uint256,
):
    """
    @dev Refunds a session and fines its router.
    @param session The session.
    @param index The index that was proven against.
    @param is_gap Its gap; its charge if not.
    @param challenger Who proved it.
    @param kind What was proven.
    @param excess By how much, in wei of COR.
    @param due How much of that is still to be refunded, as `_due` gives it.
    """
    record: uint256 = self._records[session]
    first_proven_at: uint256 = words._first_proven_at(record)
    fine: uint256 = 0
    if first_proven_at == 0:
        # Once a session: one bug is not a thousand penalties.
        first_proven_at = block.timestamp
        fine = PENALTY_WEI
    refunded: uint256 = own_pending._refund(session, due)
    wanted: uint256 = due - refunded + fine
    penalty: uint256 = 0
    if wanted != 0:
        taken: uint256 = extcall IStakePool(POOL).slash_bond(session >> 128, wanted, self)
        # The session comes first: what a short bond lacks is the penalty.
        credited: uint256 = min(due - refunded, taken)
        if credited != 0:
            credited = extcall ISessionPayment(leaf_proofs.PAYMENT).credit(session, credited)
            refunded += credited
        penalty = taken - credited
    # Rounds down; the burnt half takes the odd wei.
    reward: uint256 = penalty // 2
    if penalty != 0:
        cor._push(cor.BURN_ADDRESS, penalty - reward)
    if reward != 0:
        cor._push(challenger, reward)
    # Neither overflows: a session is refunded no more than was settled.
    self._records[session] = words._pack_record(
        words._refunded(record) + refunded,
        first_proven_at,
        words._demands_until(record),
        words._follow_until(record),
        words._proofs(record) + 1,
    )
    mark: uint256 = self._marks[session][index]
    charge_part: uint256 = words._part(mark, False)
    gap_part: uint256 = words._part(mark, True)
    is_charge: bool = words._is_proven(mark, False) or not is_gap
    is_gap_too: bool = words._is_proven(mark, True) or is_gap
    if is_gap:
        gap_part += refunded
    else:
        charge_part += refunded
    self._marks[session][index] = words._pack_mark(charge_part, gap_part, is_charge, is_gap_too)
    log ISettlementDispute.FraudProven(
        session=session,
        index=index,
        challenger=challenger,
        kind=kind,
        excess=excess,
        refunded=refunded,
        penalty=penalty,
    )
