# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Escrow, settlement and pots
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice Nothing is paid per task on chain; everything paid is provable per
        task. A router moves sessions to running totals in the call that
        anchors the receipts those totals are made of; what it moves is pending
        until the challenge window ends, then it is split among the pots.
@dev    Payers: modules/sessions.vy. Routers and pending money:
        modules/routers.vy. Pots: modules/pots.vy. Guardian and cards:
        modules/gate.vy. Tokens: modules/cor.vy. Here: settlement, and what
        the dispute contract may do.
@custom:security The token is trusted to move what it says (no fee on transfer)
                 and is checked at deployment. A payer trusts the settler of
                 the router it chose, up to the deposit, or with vouchers up to
                 what its key signed; a wrong charge is refunded by dispute.
                 The owner registers routers and decides whom the pots are paid
                 to, so matured money is at its word; it can replace no settler
                 and touch no deposit, and names the dispute contract once. The
                 guardian may pause opening and settlement, never withdrawals.
@custom:kill set_pause(True, True): no new sessions, no settlement; every payer
             still withdraws after expiry or request_close + settle window.
@custom:invariants
        INV-P1 Token balance + what StakeQuota owes >= what open sessions have
        left + pending + pots, and equal to it unless somebody sent tokens here
        unasked. Nothing is paid out of a pot before what StakeQuota owes is in.
        INV-P2 A session's settled total never falls and never exceeds its
        deposit.
        INV-P3 Only the settler of the router in a session's id moves it; a
        voucher session only to a total that its key signed.
        INV-P4 Money moves only in the call that anchors its root, so sending a
        batch again moves nothing.
        INV-P5 A payer can always withdraw deposit - settled after the expiry,
        or after request_close, plus the settle window, whoever else is gone.
        INV-P6 A router's pending total is the sum of its buckets, but for those
        in which a release left what disputes have frozen.
        INV-P7 A router's pending total exceeds what its bond covers only by a
        slash or an unbonding after it settled, and no release takes from a
        bucket what disputes have frozen there.
        INV-P8 Only the dispute contract takes pending money back, and only for
        the session's payer.
        INV-P9 The digest of a bucket that is not released is of exactly what
        each session moved into it by settle and settle_vouchers, in order,
        whatever was refunded since.
"""

from contracts.interfaces import IReceiptAnchor
from contracts.interfaces import ISessionPayment
from contracts.interfaces import ISessions
from contracts.interfaces import IStakePool
from contracts.interfaces import IStakeQuota
from contracts.lib import session_words as words
from contracts.lib import typed_hash
from contracts.modules import gate
from contracts.modules import cor
from contracts.modules import pots
from contracts.modules import routers
from contracts.modules import sessions
from snekmate.auth import ownable
from snekmate.auth import ownable_2step

implements: ISessionPayment
initializes: ownable
initializes: ownable_2step[ownable := ownable]
initializes: cor
initializes: gate[ownable := ownable]
initializes: pots[cor := cor, ownable := ownable]
initializes: routers[gate := gate, ownable := ownable, pots := pots]
initializes: sessions[gate := gate, cor := cor]

exports: (
    # @dev Two-step ownership; `renounce_ownership` is withheld, since routers
    #      could then never be registered again.
    ownable_2step.owner,
    ownable_2step.pending_owner,
    ownable_2step.transfer_ownership,
    ownable_2step.accept_ownership,
    cor.TOKEN,
    gate.TABLE,
    gate.adopt_card,
    gate.set_guardian,
    gate.set_pause,
    gate.control,
    gate.router_count,
    gate.adopted_version,
    pots.QUOTA,
    pots.pay_pot,
    pots.set_pot_recipient,
    pots.pot,
    routers.CHALLENGE_WINDOW_SECONDS,
    routers.BUCKET_SECONDS,
    routers.held,
    routers.moves_digest,
    routers.register_router,
    routers.set_settler,
    routers.release,
    routers.router,
    routers.pending,
    routers.settles_until,
    sessions.SETTLE_WINDOW_SECONDS,
    sessions.open,
    sessions.open_with_permit,
    sessions.open_with_authorization,
    sessions.open_for,
    sessions.top_up,
    sessions.request_close,
    sessions.withdraw,
    sessions.session_id,
    sessions.withdrawable_at,
)

# @dev The bits of a hot word that say how and under which card it is settled.
_KIND: constant(uint256) = (3 | words.U16 << 5) << _KIND_BIT
_KIND_BIT: constant(uint256) = 235

ANCHOR: public(immutable(address))
POOL: public(immutable(address))


# @dev The contract that may refund pending money; set once.
dispute: public(address)


@deploy
def __init__(
    owner: address,
    guardian: address,
    token: address,
    table: address,
    anchor: address,
    pool: address,
    quota: address,
    settle_window_seconds: uint256,
    challenge_window_seconds: uint256,
    bucket_seconds: uint256,
):
    """
    @notice Deploys the escrow.
    @param owner Registers routers and sets pot recipients; should be a timelock.
    @param guardian May pause opening and settlement; zero for none.
    @param token COR: an ERC-20 of at most 2**96 - 1 wei in all.
    @param table The price table.
    @param anchor The receipt anchor.
    @param pool The stake pool, where routers bond.
    @param quota The stake quota, which pays for stake sessions.
    @param settle_window_seconds How long a router can settle after a session
           ended, at most 30 days.
    @param challenge_window_seconds How long settled money is pending, at most
           30 days.
    @param bucket_seconds How much settlement time shares one pending slot.
    """
    assert owner != empty(address), "payment: zero owner"
    assert anchor.is_contract, "payment: anchor has no code"
    assert pool.is_contract, "payment: pool has no code"
    ownable.__init__()
    ownable_2step.__init__()
    ownable._transfer_ownership(owner)
    cor.__init__(token, words.U96)
    gate.__init__(guardian, table)
    pots.__init__(quota)
    routers.__init__(challenge_window_seconds, bucket_seconds)
    sessions.__init__(settle_window_seconds)
    ANCHOR = anchor
    POOL = pool


# ---------------------------------------------------------------------------
# Routers
# ---------------------------------------------------------------------------


@external
def settle(batch: ISessionPayment.Batch) -> uint256:
    router_id: uint256 = convert(batch.router_id, uint256)
    router: uint256 = self._settling(router_id)
    if not self._is_anchored_now(batch.root, batch.count, batch.uri):
        return 0
    version: uint256 = convert(batch.version, uint256)
    kind: uint256 = (words.FUNDING_ESCROW | version << 5) << _KIND_BIT

    # Sessions that ended before this moment are closed to settlement.
    earliest_expiry: uint256 = block.timestamp - sessions.SETTLE_WINDOW_SECONDS
    total: uint256 = 0
    moves: bytes32 = empty(bytes32)
    for item: uint256 in batch.items:
        assert item >> 224 == router_id, "payment: other router's session"
        session: uint256 = item >> 96
        cumulative: uint256 = item & words.U96
        # Read here and not through lib/session_words.vy: a call costs more
        # than what it does, and this loop is what a session's price is made of.
        # So is one branch for all checks: the top bit of a difference says that
        # it is negative, since no side reaches 2**255.
        hot: uint256 = sessions._hot[session]
        settled: uint256 = (hot >> 96) & words.U96
        if (
            (
                unsafe_sub(unsafe_sub(cumulative, settled), 1)
                | unsafe_sub(hot & words.U96, cumulative)
                | unsafe_sub((hot >> 192) & words.U40, earliest_expiry)
            )
            >> 255
            | (hot ^ kind) & _KIND
        ) != 0:
            # Settled by an earlier batch, or skipped: one payer must not be able to
            # stop everybody's settlement.
            if cumulative > settled:
                self._skip(session, hot, cumulative, kind)
            continue
        # Session and what it moves, as lib/pending_moves.vy has it. No carry: the
        # sum of both stays at or below the deposit.
        move: uint256 = unsafe_sub(item, settled)
        sessions._hot[session] = unsafe_add(hot, (move & words.U96) << 96)
        moves = keccak256(abi_encode(moves, move))
        # With the sessions' bits above it, which are cut off below.
        total = unsafe_add(total, move)
    total &= words.U96
    if total != 0:
        bucket: uint256 = self._book(router_id, router, version, total, moves)
        log ISessionPayment.BatchSettled(
            router_id=router_id,
            root=batch.root,
            version=version,
            bucket=bucket,
            total=total,
            items=batch.items,
        )
    return total


@external
def settle_vouchers(batch: ISessionPayment.VoucherBatch) -> uint256:
    router_id: uint256 = convert(batch.router_id, uint256)
    router: uint256 = self._settling(router_id)
    if not self._is_anchored_now(batch.root, batch.count, batch.uri):
        return 0
    version: uint256 = convert(batch.version, uint256)
    kind: uint256 = (words.FUNDING_VOUCHER | version << 5) << _KIND_BIT

    domain: bytes32 = typed_hash._domain()
    earliest_expiry: uint256 = block.timestamp - sessions.SETTLE_WINDOW_SECONDS
    total: uint256 = 0
    moves: bytes32 = empty(bytes32)
    items: DynArray[uint256, 128] = []
    for voucher: ISessionPayment.Voucher in batch.vouchers:
        item: uint256 = voucher.item
        assert item >> 224 == router_id, "payment: other router's session"
        session: uint256 = item >> 96
        cumulative: uint256 = item & words.U96
        # As in `settle`, and for the same reason.
        hot: uint256 = sessions._hot[session]
        settled: uint256 = (hot >> 96) & words.U96
        items.append(item)
        if (
            (
                unsafe_sub(unsafe_sub(cumulative, settled), 1)
                | unsafe_sub(hot & words.U96, cumulative)
                | unsafe_sub((hot >> 192) & words.U40, earliest_expiry)
            )
            >> 255
            | (hot ^ kind) & _KIND
        ) != 0:
            # A stale voucher moves nothing and is not worth a word.
            if cumulative > settled:
                self._skip(session, hot, cumulative, kind)
            continue
        # EIP-2098: v is the top bit of s. A second signature of the same total
        # would be as good and move nothing, so s may be high.
        claim: bytes32 = keccak256(abi_encode(typed_hash.VOUCHER_TYPE, session, cumulative))
        signer: address = ecrecover(
            # As typed_hash._voucher has it.
            keccak256(
                slice(
                    abi_encode(typed_hash.PREFIX, domain, claim),
                    typed_hash.PREFIX_ZEROS,
                    typed_hash.TYPED_BYTES,
                )
            ),
            unsafe_add(27, convert(voucher.vs, uint256) >> 255),
            convert(voucher.r, uint256),
            convert(voucher.vs, uint256) & (2**255 - 1),
        )
        # A voucher session always has a key, so no failed recovery passes.
        if signer != sessions._keys[session]:
            log ISessionPayment.SettlementSkipped(
                session=session, cumulative=cumulative, reason="wrong voucher signer"
            )
            continue
        move: uint256 = unsafe_sub(item, settled)
        sessions._hot[session] = unsafe_add(hot, (move & words.U96) << 96)
        moves = keccak256(abi_encode(moves, move))
        total = unsafe_add(total, move)
    total &= words.U96
    if total != 0:
        bucket: uint256 = self._book(router_id, router, version, total, moves)
        log ISessionPayment.VouchersSettled(
            router_id=router_id,
            root=batch.root,
            version=version,
            bucket=bucket,
            total=total,
            items=items,
        )
    return total


@external
def settle_stake(batch: ISessionPayment.StakeBatch) -> uint256:
    router_id: uint256 = convert(batch.router_id, uint256)
    router: uint256 = self._settling(router_id)
    version: uint256 = convert(batch.version, uint256)
    # Which card a stake session pins is checked by disputes alone; here it
    # only says by which shares the money is split.
    assert version != 0, "payment: unknown card"
    assert version <= gate._version(gate._word), "payment: unknown card"
    if not self._is_anchored_now(batch.root, batch.count, batch.uri):
        return 0
    free: uint256 = 0
    overage: uint256 = 0
    free, overage = extcall IStakeQuota(pots.QUOTA).draw(
        router_id, convert(batch.work_at, uint256), batch.items
    )
    total: uint256 = free + overage
    if total != 0:
        bucket: uint256 = self._book(router_id, router, version, total, empty(bytes32))
        log ISessionPayment.StakeSettled(
            router_id=router_id,
            root=batch.root,
            version=version,
            bucket=bucket,
            work_at=convert(batch.work_at, uint256),
            free_amount=free,
            overage_amount=overage,
        )
    return total


# ---------------------------------------------------------------------------
# The dispute contract
# ---------------------------------------------------------------------------


@external
def hold(session: uint256, bucket: uint256, amount: uint256) -> uint256:
    self._check_dispute()
    version: uint256 = words._version(sessions._hot[session])
    held: uint256 = routers._hold(session >> 128, version, bucket, amount)
    log ISessionPayment.PendingHeld(session=session, bucket=bucket, amount=held)
    return held


@external
def unhold(session: uint256, bucket: uint256, amount: uint256):
    self._check_dispute()
    version: uint256 = words._version(sessions._hot[session])
    routers._unhold(session >> 128, version, bucket, amount)
    log ISessionPayment.PendingUnheld(session=session, bucket=bucket, amount=amount)


@external
def refund(session: uint256, bucket: uint256, amount: uint256) -> uint256:
    self._check_dispute()
    version: uint256 = words._version(sessions._hot[session])
    grain: uint256 = self._grain(session)
    taken: uint256 = routers._take(session >> 128, version, bucket, amount, grain)
    self._restore(session, taken)
    log ISessionPayment.SessionRefunded(session=session, from_pending=taken, from_bond=0)
    return taken


@external
def credit(session: uint256, amount: uint256) -> uint256:
    self._check_dispute()
    credited: uint256 = amount - amount % self._grain(session)
    cor._pull(credited)
    self._restore(session, credited)
    log ISessionPayment.SessionRefunded(session=session, from_pending=0, from_bond=credited)
    return credited


# ---------------------------------------------------------------------------
# Governance
# ---------------------------------------------------------------------------


@external
def set_dispute(dispute: address):
    ownable._check_owner()
    assert self.dispute == empty(address), "payment: dispute is set"
    assert dispute.is_contract, "payment: dispute has no code"
    self.dispute = dispute
    log ISessionPayment.DisputeSet(dispute=dispute)


# ---------------------------------------------------------------------------
# Views
# ---------------------------------------------------------------------------


@external
@view
def session(session: uint256) -> ISessionPayment.Session:
    hot: uint256 = sessions._hot[session]
    cold: uint256 = sessions._cold[session]
    settled: uint256 = words._settled(hot)
    if words._funding(hot) == words.FUNDING_STAKE:
        settled = staticcall IStakeQuota(pots.QUOTA).drawn(session)
    return ISessionPayment.Session(
        payer=words._payer(cold),
        session_key=sessions._keys[session],
        deposit=words._deposit(hot),
        settled=settled,
        expiry=words._expiry(hot),
        state=words._state(hot),
        funding=words._funding(hot),
        volume_tier=words._volume_tier(hot),
        version=words._version(hot),
        surcharge_cap_bps=words._surcharge_cap_bps(cold),
        task_cap_gwei=words._task_cap_gwei(cold),
    )


@external
@view
def hash_receipt(receipt: ISessionPayment.Receipt) -> bytes32:
    return typed_hash._receipt(receipt)


@external
@view
def hash_open(payer: address, request: ISessions.OpenRequest) -> bytes32:
    return typed_hash._open(payer, request)


@external
@view
def hash_request(session: uint256, commitment: bytes32, max_charge: uint96) -> bytes32:
    return typed_hash._request(session, commitment, max_charge)


@external
@view
def hash_voucher(session: uint256, cumulative: uint96) -> bytes32:
    return typed_hash._voucher(typed_hash._domain(), session, convert(cumulative, uint256))


@external
@pure
def leaf_of(digest: bytes32, index: uint64, cumulative: uint96) -> bytes32:
    return typed_hash._leaf(digest, index, cumulative)


# ---------------------------------------------------------------------------
# Internal
# ---------------------------------------------------------------------------


@internal
@view
def _settling(router_id: uint256) -> uint256:
    """
    @dev Refuses settlement by anybody but the router's settler, or in a pause.
    @param router_id The router.
    @return uint256 The router's word.
    """
    router: uint256 = routers._of_sender(router_id)
    assert (gate._word >> gate.SETTLE_PAUSED) & 1 == 0, "payment: settlement paused"
    return router


@internal
def _is_anchored_now(root: bytes32, count: uint32, uri: String[128]) -> bool:
    """
    @dev Anchors a batch in the sender's log. Money moves under a new root
         only: else totals could move that no leaf of their time is behind.
    @param root The receipts' Merkle root.
    @param count How many receipts.
    @param uri Where the batch can be fetched.
    @return bool Whether the root was new.
    """
    return extcall IReceiptAnchor(ANCHOR).anchor_for(msg.sender, root, convert(count, uint256), uri)


@internal
def _book(
    router_id: uint256, router: uint256, version: uint256, total: uint256, moves: bytes32
) -> uint256:
    """
    @dev Makes what a batch moved pending, within what the router's bond covers.
    @param router_id The router.
    @param router Its word.
    @param version The batch's card.
    @param total Wei of COR that moved; not zero.
    @param moves The hash of what each session moved; zero for stake.
    @return uint256 The bucket it lies in.
    """
    cover: uint256 = staticcall IStakePool(POOL).cover(router_id)
    return routers._add_pending(router_id, router, version, total, moves, cover)


@internal
def _skip(session: uint256, hot: uint256, cumulative: uint256, kind: uint256):
    """
    @dev Says that a session cannot be moved to a total now.
    @param session The session.
    @param hot Its hot word.
    @param cumulative The total in wei of COR.
    @param kind The funding and card that the batch is for, under _KIND.
    """
    log ISessionPayment.SettlementSkipped(
        session=session, cumulative=cumulative, reason=self._refusal(hot, cumulative, kind)
    )


@internal
@view
def _refusal(hot: uint256, cumulative: uint256, kind: uint256) -> String[32]:
    """
    @dev Why a session cannot be moved to a total now.
    @param hot The session's hot word.
    @param cumulative The total in wei of COR.
    @param kind The funding and card that the batch is for, under _KIND.
    @return String[32] The reason.
    """
    state: uint256 = words._state(hot)
    if state == words.STATE_NONE:
        return "unknown session"
    if state == words.STATE_CLOSED:
        return "session closed"
    if words._funding(hot) != (kind >> _KIND_BIT) & 3:
        return "other funding"
    if (hot ^ kind) & _KIND != 0:
        return "other card version"
    if cumulative > words._deposit(hot):
        return "total exceeds deposit"
    return "settle window over"


@internal
@view
def _check_dispute():
    """
    @dev Refuses anybody but the dispute contract.
    """
    assert msg.sender == self.dispute, "payment: caller is not dispute"


@internal
@view
def _grain(session: uint256) -> uint256:
    """
    @dev What amounts given back to a session are multiples of.
    @param session The session.
    @return uint256 Wei of COR: stake is counted in micro-COR.
    """
    if words._funding(sessions._hot[session]) == words.FUNDING_STAKE:
        return 10**12
    return 1


@internal
def _restore(session: uint256, amount: uint256):
    """
    @dev Gives money back to a session, or to the stake and pool behind it.
    @param session The session.
    @param amount Wei of COR.
    """
    if words._funding(sessions._hot[session]) == words.FUNDING_STAKE:
        # What comes back may be among what StakeQuota still owes.
        pots._sweep()
        cor._push(pots.QUOTA, amount)
        extcall IStakeQuota(pots.QUOTA).restore(session, amount)
        return
    sessions._give_back(session, amount)
