# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Challenges of settled charges
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice A receipt is also the invoice: whoever holds an anchored leaf can prove
        to this contract that its charge is wrong, and whoever lacks it can make
        the router show it. What is proven, or not shown in time, goes back to
        the session, and the router pays a penalty.
@dev    What is believed: modules/leaf_proofs.vy. What a receipt may charge:
        modules/fair_price.vy. What a proof costs: modules/refunds.vy. Here:
        what is a proof, who may still bring it, and demands.
@custom:security No owner and no setting: every parameter is fixed. Trusted are
                 the contracts that SessionPayment names, the token to move what
                 it says, and a router's settler of the time: what it anchored
                 counts against the router for ever, and what it signed until
                 a while after it was replaced. A proof that is
                 copied out of the mempool costs its finder the reward, never
                 the payer the refund.
@custom:kill Nothing to switch off. A faulty one is replaced by deploying a
             SessionPayment that names another; no call here moves money that
             nobody proved or failed to show.
@custom:invariants
        INV-D1 Money is refunded only for a proof of anchored leaves or a demand
        that was not answered in time.
        INV-D2 What a session is refunded never exceeds what was settled of it.
        INV-D3 A router pays the penalty at most once a session.
        INV-D4 Token balance >= the deposits of open demands, and equal to it
        unless somebody sent tokens here unasked.
        INV-D5 A router whose leaves are anchored, signed, priced by the table
        and follow each other, and which answers demands in time, loses nothing.
        INV-D6 A router never gains by challenging itself: half of what it pays
        is burnt.
        INV-D7 What a router has frozen is the sum of what is frozen for its
        sessions, and nothing is frozen for one without an open demand.
        INV-D8 No proof shields what another proves beyond it, and nothing is
        refunded twice.
        INV-D9 A revoked receipt is proven against as any other.
        INV-D10 From pending money a session is refunded no more than it moved
        there itself, and no more of it is frozen.
        INV-D11 Nothing that an account anchors after it was replaced as settler
        counts, and no signature of it counts for longer than what was settled
        within challenge + settle window of that can be disputed.
        INV-D12 What is frozen can be let go twice the answer window and grace
        after its bucket could be released, while every demand of its session is
        answered.
"""

from contracts.interfaces import IRouters
from contracts.interfaces import ISessionPayment
from contracts.interfaces import ISettlementDispute
from contracts.lib import dispute_words as words
from contracts.lib import quota_words
from contracts.lib import session_words
from contracts.modules import cor
from contracts.modules import fair_price
from contracts.modules import leaf_proofs
from contracts.modules import own_pending
from contracts.modules import refunds

implements: ISettlementDispute
initializes: cor
initializes: fair_price
initializes: leaf_proofs
initializes: own_pending
initializes: refunds[cor := cor, leaf_proofs := leaf_proofs, own_pending := own_pending]

exports: (
    cor.TOKEN,
    leaf_proofs.PAYMENT,
    own_pending.claims,
    own_pending.show_pending,
    own_pending.show_prefix,
    own_pending.thaw,
    refunds.PENALTY_WEI,
)


interface IParts:
    def BUCKET_SECONDS() -> uint256: view
    def CHALLENGE_WINDOW_SECONDS() -> uint256: view
    def COOLDOWN_SECONDS() -> uint256: view
    def POOL() -> address: view
    def SETTLE_WINDOW_SECONDS() -> uint256: view
    def TOKEN() -> address: view


DEPOSIT_WEI: public(immutable(uint256))
ANSWER_SECONDS: public(immutable(uint256))
GRACE_SECONDS: public(immutable(uint256))
FORCED_INCLUSION_SECONDS: public(immutable(uint256))
_CHALLENGE_WINDOW_SECONDS: immutable(uint256)
_SETTLE_WINDOW_SECONDS: immutable(uint256)


# @dev session -> index -> settled total when it was demanded -> the demand
#      (lib/dispute_words.vy); not zero while it is open. A demand of an older
#      total so never stands in the way of one of a newer.
_asks: HashMap[uint256, HashMap[uint256, HashMap[uint256, uint256]]]


@deploy
def __init__(
    payment: address,
    penalty_wei: uint256,
    deposit_wei: uint256,
    answer_seconds: uint256,
    grace_seconds: uint256,
    forced_inclusion_seconds: uint256,
):
    """
    @notice Deploys the disputes of an escrow.
    @param payment SessionPayment.
    @param penalty_wei What a router's bond pays besides the excess, once a
           session.
    @param deposit_wei What a demand costs if it is answered and holds.
    @param answer_seconds How long a router has to answer a demand.
    @param grace_seconds How long what an answer shows can be challenged.
    @param forced_inclusion_seconds How long the chain's sequencer can keep a
           transaction out; not zero. No window is shorter than twice that.
    """
    assert payment.is_contract, "dispute: payment has no code"
    assert deposit_wei != 0, "dispute: zero deposit"
    assert forced_inclusion_seconds != 0, "dispute: zero inclusion delay"
    bucket: uint256 = staticcall IParts(payment).BUCKET_SECONDS()
    challenge: uint256 = staticcall IParts(payment).CHALLENGE_WINDOW_SECONDS()
    settle: uint256 = staticcall IParts(payment).SETTLE_WINDOW_SECONDS()
    for window: uint256 in [answer_seconds, grace_seconds, challenge, settle]:
        # Rounds down: of an odd window, half is still more than the delay.
        assert window // 2 >= forced_inclusion_seconds, "dispute: window too short"
    token: address = staticcall IParts(payment).TOKEN()
    pool: address = staticcall IParts(payment).POOL()
    assert staticcall IParts(pool).TOKEN() == token, "dispute: bonds of other token"
    # A bond cannot leave before what was settled under it is past dispute: a
    # demand, and those that follow from its answer.
    rounds: uint256 = 2 * (answer_seconds + grace_seconds)
    disputed: uint256 = bucket + challenge + rounds
    assert staticcall IParts(pool).COOLDOWN_SECONDS() > disputed, "dispute: cooldown too short"
    cor.__init__(token, words.U96)
    # Who sees a settler replaced has a challenge window to end its sessions; all
    # that can be settled of them is so a settle window later.
    leaf_proofs.__init__(payment, challenge + settle, disputed)
    fair_price.__init__(payment)
    own_pending.__init__(payment, rounds)
    refunds.__init__(payment, penalty_wei)
    DEPOSIT_WEI = deposit_wei
    ANSWER_SECONDS = answer_seconds
    GRACE_SECONDS = grace_seconds
    FORCED_INCLUSION_SECONDS = forced_inclusion_seconds
    _CHALLENGE_WINDOW_SECONDS = challenge
    _SETTLE_WINDOW_SECONDS = settle


# ---------------------------------------------------------------------------
# Proofs
# ---------------------------------------------------------------------------


@external
def challenge_charge(leaf: ISettlementDispute.Leaf):
    session: uint256 = leaf.receipt.session
    facts: ISessionPayment.Session = self._challengeable(session)
    leaf_proofs._believed(leaf)
    charge: uint256 = convert(leaf.receipt.charge, uint256)
    rightful: uint256 = self._rightful(leaf.receipt, facts)
    assert charge > rightful, "dispute: charge is rightful"
    self._prove(session, leaf.index, False, facts, "charge", charge - rightful)


@external
def challenge_signed(
    leaf: ISettlementDispute.Leaf, signed: ISessionPayment.Receipt, signature: Bytes[65]
):
    session: uint256 = leaf.receipt.session
    facts: ISessionPayment.Session = self._challengeable(session)
    assert signed.session == session, "dispute: other session"
    assert signed.receipt_id == leaf.receipt.receipt_id, "dispute: other receipt"
    digest: bytes32 = leaf_proofs._believed(leaf)[0]
    signed_digest: bytes32 = staticcall ISessionPayment(leaf_proofs.PAYMENT).hash_receipt(signed)
    assert signed_digest != digest, "dispute: same struct"
    leaf_proofs._check_word(leaf, signed_digest, signature)
    charge: uint256 = convert(leaf.receipt.charge, uint256)
    agreed: uint256 = min(charge, convert(signed.charge, uint256))
    self._prove(session, leaf.index, False, facts, "signed", charge - agreed)


@external
def challenge_index(first: ISettlementDispute.Leaf, second: ISettlementDispute.Leaf):
    session: uint256 = first.receipt.session
    facts: ISessionPayment.Session = self._challengeable(session)
    assert second.receipt.session == session, "dispute: other session"
    assert first.index == second.index, "dispute: other index"
    first_hash: bytes32 = leaf_proofs._believed(first)[1]
    second_hash: bytes32 = leaf_proofs._believed(second)[1]
    assert first_hash != second_hash, "dispute: same leaf"
    excess: uint96 = min(first.receipt.charge, second.receipt.charge)
    self._prove(session, first.index, False, facts, "index", convert(excess, uint256))


@external
def challenge_duplicate(first: ISettlementDispute.Leaf, second: ISettlementDispute.Leaf):
    session: uint256 = first.receipt.session
    facts: ISessionPayment.Session = self._challengeable(session)
    assert second.receipt.session == session, "dispute: other session"
    assert first.index < second.index, "dispute: indexes not ascending"
    assert (
        first.receipt.receipt_id == second.receipt.receipt_id
        or first.receipt.request_commitment == second.receipt.request_commitment
    ), "dispute: not a duplicate"
    leaf_proofs._believed(first)
    leaf_proofs._believed(second)
    excess: uint256 = convert(second.receipt.charge, uint256)
    self._prove(session, second.index, False, facts, "duplicate", excess)


@external
def challenge_total(earlier: ISettlementDispute.Leaf, later: ISettlementDispute.Leaf):
    session: uint256 = later.receipt.session
    facts: ISessionPayment.Session = self._challengeable(session)
    leaf_proofs._believed(later)
    follows: uint256 = convert(later.receipt.charge, uint256)
    if later.index != 1:
        assert earlier.receipt.session == session, "dispute: other session"
        # As words: an index at the edge must not overflow.
        assert (
            convert(earlier.index, uint256) + 1 == convert(later.index, uint256)
        ), "dispute: not consecutive"
        leaf_proofs._believed(earlier)
        follows += convert(earlier.cumulative, uint256)
    total: uint256 = convert(later.cumulative, uint256)
    assert total != follows, "dispute: total follows"
    self._prove(session, later.index, True, facts, "total", total - min(total, follows))


# ---------------------------------------------------------------------------
# Demands
# ---------------------------------------------------------------------------


@external
def demand(session: uint256, index: uint256):
    facts: ISessionPayment.Session = self._facts(session)
    record: uint256 = refunds._records[session]
    last_at: uint256 = self._over_at(session, facts)
    if index != 0:
        # A total that was shown late leaves time to ask for what is below it.
        last_at = max(last_at, words._follow_until(record))
    # A demand cannot keep a session disputable that otherwise is over.
    assert block.timestamp <= last_at, "dispute: session is over"
    assert facts.settled != 0, "dispute: nothing is settled"
    assert self._asks[session][index][facts.settled] == 0, "dispute: already demanded"
    cor._pull(DEPOSIT_WEI)
    own_pending._freeze(session)
    answer_by: uint256 = block.timestamp + ANSWER_SECONDS
    self._asks[session][index][facts.settled] = words._pack_ask(
        msg.sender, answer_by, 0, words._proofs(record)
    )
    refunds._extend(session, answer_by + GRACE_SECONDS)
    log ISettlementDispute.Demanded(
        session=session,
        index=index,
        challenger=msg.sender,
        settled=facts.settled,
        answer_by=answer_by,
    )


@external
def answer(
    session: uint256,
    index: uint256,
    settled: uint256,
    leaf: ISettlementDispute.Leaf,
    signature: Bytes[65],
    max_charge: uint96,
    request_signature: Bytes[65],
):
    ask: uint256 = self._asked(session, index, settled)
    assert words._challengeable_until(ask) == 0, "dispute: already answered"
    answer_by: uint256 = words._answer_by(ask)
    assert block.timestamp <= answer_by, "dispute: too late to answer"
    assert leaf.receipt.session == session, "dispute: other session"
    facts: ISessionPayment.Session = staticcall ISessionPayment(leaf_proofs.PAYMENT).session(
        session
    )
    shown: uint256 = convert(leaf.index, uint256)
    # Nothing lies below index 1: a leaf there could stand for all others.
    assert shown != 0, "dispute: index is zero"
    total: uint256 = convert(leaf.cumulative, uint256)
    if facts.funding == session_words.FUNDING_STAKE:
        # StakeQuota charges whole micro-COR, rounded up.
        micro: uint256 = (total + quota_words.MICRO_WEI - 1) // quota_words.MICRO_WEI
        total = micro * quota_words.MICRO_WEI
    is_last: bool = total == settled
    if index == 0:
        assert is_last, "dispute: not the total's leaf"
    else:
        # Beyond the settled total there is nothing to show but its leaf.
        assert shown == index or (is_last and shown < index), "dispute: not the leaf demanded"
    # What was not anchored when it was asked for was not behind the total.
    leaf_proofs._check_anchored_by(leaf, answer_by - ANSWER_SECONDS)
    digest: bytes32 = empty(bytes32)
    hashed: bytes32 = empty(bytes32)
    digest, hashed = leaf_proofs._believed(leaf)
    leaf_proofs._check_signed(session, digest, signature)
    if facts.session_key != empty(address):
        leaf_proofs._check_requested(facts.session_key, leaf.receipt, max_charge, request_signature)
    challengeable_until: uint256 = block.timestamp + GRACE_SECONDS
    self._asks[session][index][settled] = words._pack_ask(
        words._challenger(ask), answer_by, challengeable_until, words._proofs_before(ask)
    )
    own_pending._answered(session)
    if index == 0:
        # Once: a follower lets nothing follow, or a session was never over.
        refunds._let_follow(session, challengeable_until)
    log ISettlementDispute.Answered(
        session=session,
        index=index,
        settled=settled,
        leaf=hashed,
        challengeable_until=challengeable_until,
    )


@external
def close_demand(session: uint256, index: uint256, settled: uint256):
    ask: uint256 = self._asked(session, index, settled)
    challengeable_until: uint256 = words._challengeable_until(ask)
    is_answered: bool = challengeable_until != 0
    challenger: address = words._challenger(ask)
    refundee: address = challenger
    if is_answered:
        assert block.timestamp > challengeable_until, "dispute: still challengeable"
        # What was proven since it was made, the demand may have shown.
        if words._proofs_before(ask) == words._proofs(refunds._records[session]) & words.U16:
            refundee = self._settler(session)
    else:
        assert block.timestamp > words._answer_by(ask), "dispute: still answerable"
    self._asks[session][index][settled] = 0
    log ISettlementDispute.DemandClosed(
        session=session, index=index, settled=settled, is_answered=is_answered
    )
    if not is_answered:
        # A router that has not one leaf to show has none to stand by: below a leaf
        # that is missing, any total could have jumped.
        due: uint256 = self._at_stake(session, settled)
        refunds._punish(session, index, False, challenger, "unanswered", due, due)
    own_pending._unfreeze(session, is_answered)
    cor._push(refundee, DEPOSIT_WEI)


# ---------------------------------------------------------------------------
# Views
# ---------------------------------------------------------------------------


@external
@view
def demand_of(session: uint256, index: uint256, settled: uint256) -> ISettlementDispute.Demand:
    ask: uint256 = self._asks[session][index][settled]
    return ISettlementDispute.Demand(
        challenger=words._challenger(ask),
        answer_by=words._answer_by(ask),
        challengeable_until=words._challengeable_until(ask),
    )


@external
@view
def rightful_charge(receipt: ISessionPayment.Receipt) -> uint256:
    return self._rightful(receipt, self._facts(receipt.session))


@external
@view
def refunded(session: uint256) -> uint256:
    return words._refunded(refunds._records[session])


@external
@view
def is_settled_against(session: uint256, index: uint256) -> bool:
    return refunds._is_proven(session, index, False)


# ---------------------------------------------------------------------------
# Internal
# ---------------------------------------------------------------------------


@internal
@view
def _facts(session: uint256) -> ISessionPayment.Session:
    """
    @dev Reads a session that exists.
    @param session The session.
    @return Session Its facts.
    """
    facts: ISessionPayment.Session = staticcall ISessionPayment(leaf_proofs.PAYMENT).session(
        session
    )
    assert facts.state != session_words.STATE_NONE, "dispute: unknown session"
    return facts


@internal
@view
def _over_at(session: uint256, facts: ISessionPayment.Session) -> uint256:
    """
    @dev The last second of a session's disputes, but for what demands of it
         bring up.
    @param session The session.
    @param facts Its facts.
    @return uint256 Unix seconds.
    """
    # A proof closes a session to settlement, and moves an escrow's end back; the
    # other leaves stay provable for a while.
    first_proven_at: uint256 = words._first_proven_at(refunds._records[session])
    proofs_until: uint256 = 0
    if first_proven_at != 0:
        proofs_until = (
            first_proven_at + _CHALLENGE_WINDOW_SECONDS + ANSWER_SECONDS + GRACE_SECONDS
        )
    if facts.funding == session_words.FUNDING_STAKE:
        # Its expiry binds the router alone, so no time here ends what is drawn.
        return proofs_until if first_proven_at != 0 else max_value(uint256)
    return max(facts.expiry + _SETTLE_WINDOW_SECONDS + _CHALLENGE_WINDOW_SECONDS, proofs_until)


@internal
@view
def _challengeable(session: uint256) -> ISessionPayment.Session:
    """
    @dev Refuses proofs against a session that is over.
    @param session The session.
    @return Session Its facts.
    """
    facts: ISessionPayment.Session = self._facts(session)
    demands_until: uint256 = words._demands_until(refunds._records[session])
    assert (
        block.timestamp <= max(self._over_at(session, facts), demands_until)
    ), "dispute: session is over"
    return facts


@internal
@view
def _rightful(receipt: ISessionPayment.Receipt, facts: ISessionPayment.Session) -> uint256:
    """
    @dev The most that a receipt may charge.
    @param receipt The struct.
    @param facts Of its session.
    @return uint256 Wei of COR.
    """
    # A quote that is starved of gas must not pass for work without a price.
    assert msg.gas >= fair_price.NEEDED_GAS, "dispute: too little gas"
    return fair_price._rightful(receipt, facts)


@internal
def _prove(
    session: uint256,
    index: uint64,
    is_gap: bool,
    facts: ISessionPayment.Session,
    kind: String[32],
    excess: uint256,
):
    """
    @dev Punishes what was proven, unless it is refunded already.
    @param session The session.
    @param index The index that was proven against.
    @param is_gap Its gap; its charge if not.
    @param facts The session's facts.
    @param kind What was proven.
    @param excess By how much, in wei of COR.
    """
    at: uint256 = convert(index, uint256)
    due: uint256 = self._whole(facts, refunds._due(session, at, is_gap, excess, facts.settled))
    assert due != 0 or not refunds._is_proven(session, at, is_gap), "dispute: already proven"
    refunds._punish(session, at, is_gap, msg.sender, kind, excess, due)


@internal
@view
def _at_stake(session: uint256, settled: uint256) -> uint256:
    """
    @dev What is refunded if a demand is not answered.
    @param session The session.
    @param settled Its total when it was demanded, in wei of COR.
    @return uint256 Wei of COR; of stake whole micro-COR, as both sides are.
    """
    refunded: uint256 = words._refunded(refunds._records[session])
    return settled - min(settled, refunded)


@internal
@pure
def _whole(facts: ISessionPayment.Session, amount: uint256) -> uint256:
    """
    @dev Rounds a refund down to what can be given back: what is charged to
         stake is whole micro-COR. Else the rest could be proven for ever.
    @param facts The session's facts.
    @param amount Wei of COR.
    @return uint256 Wei of COR.
    """
    if facts.funding == session_words.FUNDING_STAKE:
        return amount - amount % quota_words.MICRO_WEI
    return amount


@internal
@view
def _asked(session: uint256, index: uint256, settled: uint256) -> uint256:
    """
    @dev Reads an open demand.
    @param session The session.
    @param index The index as demanded.
    @param settled Its total when it was demanded, in wei of COR.
    @return uint256 The demand's word.
    """
    ask: uint256 = self._asks[session][index][settled]
    assert ask != 0, "dispute: no such demand"
    return ask


@internal
@view
def _settler(session: uint256) -> address:
    """
    @dev Reads who settles a session now.
    @param session The session.
    @return address The router's settler.
    """
    settler: address = empty(address)
    pending: uint256 = 0
    settler, pending = staticcall IRouters(leaf_proofs.PAYMENT).router(session >> 128)
    return settler
