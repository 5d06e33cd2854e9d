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
@dev    A session's id begins with its router's, so `settle` checks who may
        settle a session without reading another slot. Pending money is kept by
        (router, card, bucket of time): batches of one bucket share one slot.
        Words: lib/session_words.vy.
@custom:security The token is trusted to move what it says (no fee on transfer)
                 and is checked at deployment. A payer trusts the settler of
                 the router it chose, up to the deposit. The owner registers
                 routers and decides whom the pots are paid to, so settled money
                 is at its word; it can replace no settler and touch no deposit.
                 The guardian may pause deposits and settlement, never
                 withdrawals.
@custom:kill set_pause(True, True): no deposits, no settlement; every payer
             still withdraws after expiry or request_close + settle window.
@custom:invariants
        INV-P1 Token balance >= what open sessions have left + pending + pots,
        and equal to it unless somebody sent tokens here unasked.
        INV-P2 A session's settled total never falls and never exceeds its
        deposit.
        INV-P3 Only the settler of the router in a session's id moves it.
        INV-P4 Sending a batch again moves nothing.
        INV-P5 A payer can always withdraw deposit - settled after the expiry,
        or after request_close, plus the settle window, whoever else is gone.
        INV-P6 A router's pending total is the sum of its buckets.
"""

from contracts.interfaces import IReceiptAnchor
from contracts.interfaces import ISessionPayment
from contracts.interfaces import ISessionPaymentTable
from contracts.lib import receipt_hash
from contracts.lib import session_words as words
from ethereum.ercs import IERC20
from snekmate.auth import ownable
from snekmate.auth import ownable_2step

implements: ISessionPayment
initializes: ownable
initializes: ownable_2step[ownable := ownable]

exports: (
    # @dev Two-step ownership; `renounce_ownership` is withheld, since routers
    #      could then never be registered again.
    ownable_2step.owner,
    ownable_2step.pending_owner,
    ownable_2step.transfer_ownership,
    ownable_2step.accept_ownership,
)

POT_NODES: constant(uint256) = 0
POT_VALIDATORS: constant(uint256) = 1
POT_TREASURY: constant(uint256) = 2

_DEPOSITS_PAUSED: constant(uint256) = 160
_SETTLE_PAUSED: constant(uint256) = 161
_VERSION: constant(uint256) = 168
_ROUTER_COUNT: constant(uint256) = 184

_BPS: constant(uint256) = 10_000
_MAX_WINDOW_SECONDS: constant(uint256) = 30 * 86_400

TOKEN: public(immutable(address))
TABLE: public(immutable(address))
ANCHOR: public(immutable(address))
SETTLE_WINDOW_SECONDS: public(immutable(uint256))
CHALLENGE_WINDOW_SECONDS: public(immutable(uint256))
BUCKET_SECONDS: public(immutable(uint256))


# @dev session -> hot word.
_hot: HashMap[uint256, uint256]

# @dev session -> cold word.
_cold: HashMap[uint256, uint256]

# @dev router -> settler u160 | pending wei u96 << 160.
_routers: HashMap[uint256, uint256]

# @dev router -> card version -> bucket -> pending wei.
_pending: HashMap[uint256, HashMap[uint256, HashMap[uint256, uint256]]]

# @dev Wei in each pot: nodes, validators, treasury.
_pots: uint256[3]

# @dev Whom each pot is paid to.
_recipients: address[3]

# @dev guardian u160 | deposits paused u1 | settlement paused u1 | free u6
#      | adopted card version u16 | router count u32 << 184: all that `open`
#      must know, in one read.
_control: uint256


@deploy
def __init__(
    owner: address,
    guardian: address,
    token: address,
    table: address,
    anchor: address,
    settle_window_seconds: uint256,
    challenge_window_seconds: uint256,
    bucket_seconds: uint256,
):
    """
    @notice Deploys the escrow.
    @param owner Registers routers and sets pot recipients; should be a timelock.
    @param guardian May pause deposits and settlement; zero for none.
    @param token COR: an ERC-20 of at most 2**96 - 1 wei in all.
    @param table The price table.
    @param anchor The receipt anchor.
    @param settle_window_seconds How long a router can settle after a session
           ended, at most 30 days.
    @param challenge_window_seconds How long settled money is pending, at most
           30 days.
    @param bucket_seconds How much settlement time shares one pending slot.
    """
    assert owner != empty(address), "payment: zero owner"
    assert token.is_contract, "payment: token has no code"
    assert table.is_contract, "payment: table has no code"
    assert anchor.is_contract, "payment: anchor has no code"
    assert settle_window_seconds != 0, "payment: zero settle window"
    assert settle_window_seconds <= _MAX_WINDOW_SECONDS, "payment: settle window too long"
    assert challenge_window_seconds <= _MAX_WINDOW_SECONDS, "payment: challenge too long"
    assert bucket_seconds != 0, "payment: zero bucket"
    assert bucket_seconds <= _MAX_WINDOW_SECONDS, "payment: bucket too long"
    supply: uint256 = staticcall IERC20(token).totalSupply()
    assert supply <= words.U96, "payment: supply exceeds uint96"
    ownable.__init__()
    ownable_2step.__init__()
    ownable._transfer_ownership(owner)
    TOKEN = token
    TABLE = table
    ANCHOR = anchor
    SETTLE_WINDOW_SECONDS = settle_window_seconds
    CHALLENGE_WINDOW_SECONDS = challenge_window_seconds
    BUCKET_SECONDS = bucket_seconds
    log ISessionPayment.GuardianChanged(old_guardian=empty(address), new_guardian=guardian)
    self._control = convert(guardian, uint256)
    self._adopt_card(convert(guardian, uint256))


# ---------------------------------------------------------------------------
# Payers
# ---------------------------------------------------------------------------


@external
def open(request: ISessionPayment.OpenRequest) -> uint256:
    control: uint256 = self._control
    assert (control >> _DEPOSITS_PAUSED) & 1 == 0, "payment: deposits paused"
    assert request.funding == 0, "payment: funding unsupported"
    assert request.session_key == empty(address), "payment: session key unsupported"
    assert request.amount != 0, "payment: zero amount"
    assert request.volume_tier < 4, "payment: unknown volume tier"
    assert convert(request.expiry, uint256) > block.timestamp, "payment: expiry has passed"
    router_id: uint256 = convert(request.router_id, uint256)
    assert router_id != 0, "payment: unknown router"
    assert router_id <= control >> _ROUTER_COUNT, "payment: unknown router"
    version: uint256 = convert(request.version, uint256)
    if version != (control >> _VERSION) & words.U16:
        # The first session under a new card brings it into use here.
        assert version == self._adopt_card(control), "payment: card not in effect"

    session: uint256 = self._session_id(msg.sender, router_id, request.salt)
    assert self._hot[session] == 0, "payment: session exists"
    amount: uint256 = convert(request.amount, uint256)
    expiry: uint256 = convert(request.expiry, uint256)
    volume_tier: uint256 = convert(request.volume_tier, uint256)
    self._hot[session] = words._pack_hot(
        amount, 0, expiry, words.STATE_OPEN, words.FUNDING_ESCROW, volume_tier, version
    )
    self._cold[session] = words._pack_cold(
        msg.sender, request.surcharge_cap_bps, request.task_cap_gwei
    )
    log ISessionPayment.SessionOpened(
        session=session,
        payer=msg.sender,
        router_id=router_id,
        deposit=amount,
        expiry=expiry,
        version=version,
        volume_tier=volume_tier,
        surcharge_cap_bps=convert(request.surcharge_cap_bps, uint256),
        task_cap_gwei=convert(request.task_cap_gwei, uint256),
    )
    self._pull(amount)
    return session


@external
def top_up(session: uint256, amount: uint256):
    assert (self._control >> _DEPOSITS_PAUSED) & 1 == 0, "payment: deposits paused"
    assert amount != 0, "payment: zero amount"
    hot: uint256 = self._hot[session]
    assert words._state(hot) == words.STATE_OPEN, "payment: session not open"
    assert words._expiry(hot) > block.timestamp, "payment: session expired"
    deposit: uint256 = words._deposit(hot)
    assert amount <= words.U96 - deposit, "payment: deposit exceeds uint96"
    # The deposit is in the lowest bits and was checked not to carry.
    self._hot[session] = hot + amount
    log ISessionPayment.SessionToppedUp(session=session, sender=msg.sender, amount=amount)
    self._pull(amount)


@external
def request_close(session: uint256):
    hot: uint256 = self._hot[session]
    assert words._state(hot) != words.STATE_NONE, "payment: unknown session"
    assert words._state(hot) == words.STATE_OPEN, "payment: session not open"
    assert msg.sender == words._payer(self._cold[session]), "payment: caller is not the payer"
    # Asking late never moves the end later.
    expiry: uint256 = min(words._expiry(hot), block.timestamp)
    self._hot[session] = words._with_end(hot, expiry, words.STATE_CLOSING)
    log ISessionPayment.SessionCloseRequested(
        session=session, withdrawable_at=expiry + SETTLE_WINDOW_SECONDS + 1
    )


@external
def withdraw(session: uint256) -> uint256:
    hot: uint256 = self._hot[session]
    assert words._state(hot) != words.STATE_NONE, "payment: unknown session"
    assert (
        block.timestamp > words._expiry(hot) + SETTLE_WINDOW_SECONDS
    ), "payment: settle window open"
    # INV-P2: settled never exceeds the deposit.
    settled: uint256 = words._settled(hot)
    refund: uint256 = words._deposit(hot) - settled
    assert refund != 0, "payment: nothing to withdraw"
    # Nothing is left above what was settled, so no total can be settled any
    # more, and money refunded later can be withdrawn in the same way.
    self._hot[session] = words._closed(hot)
    payer: address = words._payer(self._cold[session])
    log ISessionPayment.SessionClosed(session=session, payer=payer, refund=refund)
    self._push(payer, refund)
    return refund


# ---------------------------------------------------------------------------
# Routers
# ---------------------------------------------------------------------------


@external
def settle(batch: ISessionPayment.Batch) -> uint256:
    router_id: uint256 = convert(batch.router_id, uint256)
    version: uint256 = convert(batch.version, uint256)
    router: uint256 = self._routers[router_id]
    assert router & words.U160 == convert(msg.sender, uint256), "payment: caller is not settler"
    assert (self._control >> _SETTLE_PAUSED) & 1 == 0, "payment: settlement paused"

    # Sessions that ended before this moment are closed to settlement.
    earliest_expiry: uint256 = block.timestamp - SETTLE_WINDOW_SECONDS
    total: uint256 = 0
    for item: uint256 in batch.items:
        assert item >> 224 == router_id, "payment: other router's session"
        session: uint256 = item >> 96
        cumulative: uint256 = item & words.U96
        # Read here and not through lib/session_words.vy: a call costs more
        # than what it does, and this loop is what a session's price is made of.
        hot: uint256 = self._hot[session]
        settled: uint256 = (hot >> 96) & words.U96
        if cumulative <= settled:
            # Settled by an earlier batch, or by this one sent before (INV-P4).
            continue
        if (
            cumulative > hot & words.U96
            or hot >> 240 != version
            or (hot >> 192) & words.U40 < earliest_expiry
        ):
            # One payer must not be able to stop everybody's settlement.
            log ISessionPayment.SettlementSkipped(
                session=session,
                cumulative=cumulative,
                reason=self._refusal(hot, cumulative, version),
            )
            continue
        # Neither can carry: the sum of both stays at or below the deposit.
        moved: uint256 = unsafe_sub(cumulative, settled)
        self._hot[session] = unsafe_add(hot, moved << 96)
        total = unsafe_add(total, moved)

    extcall IReceiptAnchor(ANCHOR).anchor_for(
        msg.sender, batch.root, convert(batch.count, uint256), batch.uri
    )
    if total != 0:
        bucket: uint256 = block.timestamp // BUCKET_SECONDS
        self._pending[router_id][version][bucket] += total
        # No carry out of the word: all pending money is part of the supply,
        # which fits in 96 bits.
        self._routers[router_id] = router + (total << 160)
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
def set_settler(router_id: uint256, settler: address):
    router: uint256 = self._routers[router_id]
    assert router != 0, "payment: unknown router"
    # Not the owner, either: whoever names the settler can take what its
    # sessions have deposited.
    assert router & words.U160 == convert(msg.sender, uint256), "payment: caller is not settler"
    self._set_settler(router_id, msg.sender, settler, router >> 160)


# ---------------------------------------------------------------------------
# Anyone
# ---------------------------------------------------------------------------


@external
def release(router_id: uint256, version: uint256, bucket: uint256) -> uint256:
    amount: uint256 = self._pending[router_id][version][bucket]
    assert amount != 0, "payment: nothing pending"
    # The bucket's last second counts, so that every settlement in it has had
    # the whole window.
    matures_at: uint256 = (bucket + 1) * BUCKET_SECONDS + CHALLENGE_WINDOW_SECONDS
    assert block.timestamp >= matures_at, "payment: challenge window open"
    node_bps: uint256 = 0
    validator_bps: uint256 = 0
    node_bps, validator_bps = staticcall ISessionPaymentTable(TABLE).shares(version)
    self._pending[router_id][version][bucket] = 0
    self._routers[router_id] -= amount << 160
    # Shares round down; the treasury takes the remainder.
    node_amount: uint256 = amount * node_bps // _BPS
    validator_amount: uint256 = amount * validator_bps // _BPS
    treasury_amount: uint256 = amount - node_amount - validator_amount
    self._pots[POT_NODES] += node_amount
    self._pots[POT_VALIDATORS] += validator_amount
    self._pots[POT_TREASURY] += treasury_amount
    log ISessionPayment.PendingReleased(
        router_id=router_id,
        version=version,
        bucket=bucket,
        node_amount=node_amount,
        validator_amount=validator_amount,
        treasury_amount=treasury_amount,
    )
    return amount


@external
def adopt_card() -> uint256:
    return self._adopt_card(self._control)


@external
def pay_pot(pot: uint256) -> uint256:
    assert pot < 3, "payment: unknown pot"
    recipient: address = self._recipients[pot]
    assert recipient != empty(address), "payment: pot has no recipient"
    amount: uint256 = self._pots[pot]
    assert amount != 0, "payment: pot is empty"
    self._pots[pot] = 0
    log ISessionPayment.PotPaid(pot=pot, recipient=recipient, amount=amount)
    self._push(recipient, amount)
    return amount


# ---------------------------------------------------------------------------
# Governance
# ---------------------------------------------------------------------------


@external
def register_router(settler: address) -> uint256:
    ownable._check_owner()
    control: uint256 = self._control
    router_id: uint256 = (control >> _ROUTER_COUNT) + 1
    assert router_id < 2**32, "payment: router ids exhausted"
    self._control = control + (1 << _ROUTER_COUNT)
    self._set_settler(router_id, empty(address), settler, 0)
    return router_id


@external
def set_pot_recipient(pot: uint256, recipient: address):
    ownable._check_owner()
    assert pot < 3, "payment: unknown pot"
    assert recipient != empty(address), "payment: zero recipient"
    log ISessionPayment.PotRecipientSet(
        pot=pot, old_recipient=self._recipients[pot], new_recipient=recipient
    )
    self._recipients[pot] = recipient


@external
def set_guardian(guardian: address):
    ownable._check_owner()
    control: uint256 = self._control
    log ISessionPayment.GuardianChanged(
        old_guardian=convert(control & words.U160, address), new_guardian=guardian
    )
    self._control = control & ~words.U160 | convert(guardian, uint256)


@external
def set_pause(is_deposit_paused: bool, is_settle_paused: bool):
    control: uint256 = self._control
    if convert(msg.sender, uint256) != control & words.U160:
        ownable._check_owner()
    paused: uint256 = (
        convert(is_deposit_paused, uint256) << _DEPOSITS_PAUSED
        | convert(is_settle_paused, uint256) << _SETTLE_PAUSED
    )
    self._control = control & ~(3 << _DEPOSITS_PAUSED) | paused
    log ISessionPayment.PauseSet(
        is_deposit_paused=is_deposit_paused, is_settle_paused=is_settle_paused
    )


# ---------------------------------------------------------------------------
# Views
# ---------------------------------------------------------------------------


@external
@view
def session(session: uint256) -> ISessionPayment.Session:
    hot: uint256 = self._hot[session]
    cold: uint256 = self._cold[session]
    return ISessionPayment.Session(
        payer=words._payer(cold),
        deposit=words._deposit(hot),
        settled=words._settled(hot),
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
def session_id(payer: address, router_id: uint256, salt: bytes32) -> uint256:
    assert router_id < 2**32, "payment: router id over uint32"
    return self._session_id(payer, router_id, salt)


@external
@view
def withdrawable_at(session: uint256) -> uint256:
    hot: uint256 = self._hot[session]
    assert hot != 0, "payment: unknown session"
    return words._expiry(hot) + SETTLE_WINDOW_SECONDS + 1


@external
@view
def router(router_id: uint256) -> (address, uint256):
    word: uint256 = self._routers[router_id]
    return (convert(word & words.U160, address), word >> 160)


@external
@view
def router_count() -> uint256:
    return self._control >> _ROUTER_COUNT


@external
@view
def adopted_version() -> uint256:
    return (self._control >> _VERSION) & words.U16


@external
@view
def pending(router_id: uint256, version: uint256, bucket: uint256) -> uint256:
    return self._pending[router_id][version][bucket]


@external
@view
def pot(pot: uint256) -> (uint256, address):
    assert pot < 3, "payment: unknown pot"
    return (self._pots[pot], self._recipients[pot])


@external
@view
def control() -> (address, bool, bool):
    word: uint256 = self._control
    return (
        convert(word & words.U160, address),
        (word >> _DEPOSITS_PAUSED) & 1 == 1,
        (word >> _SETTLE_PAUSED) & 1 == 1,
    )


@external
@view
def hash_receipt(receipt: ISessionPayment.Receipt) -> bytes32:
    return receipt_hash._digest(receipt)


@external
@pure
def leaf_of(digest: bytes32, index: uint64, cumulative: uint96) -> bytes32:
    return receipt_hash._leaf(digest, index, cumulative)


# ---------------------------------------------------------------------------
# Internal
# ---------------------------------------------------------------------------


@internal
@view
def _session_id(payer: address, router_id: uint256, salt: bytes32) -> uint256:
    """
    @dev A session's id. 128 bits of hash are enough: two payers who collide
         cannot hurt each other, since the second `open` reverts.
    @param payer Who opens it.
    @param router_id The router, below 2**32.
    @param salt The payer's salt.
    @return uint256 The id, below 2**160.
    """
    digest: bytes32 = keccak256(abi_encode(chain.id, self, payer, salt))
    return router_id << 128 | convert(digest, uint256) & (2**128 - 1)


@internal
@view
def _refusal(hot: uint256, cumulative: uint256, version: uint256) -> String[32]:
    """
    @dev Why a session cannot be moved to a total now.
    @param hot The session's hot word.
    @param cumulative The total in wei of COR.
    @param version The batch's card.
    @return String[32] The reason.
    """
    state: uint256 = words._state(hot)
    if state == words.STATE_NONE:
        return "unknown session"
    if state == words.STATE_CLOSED:
        return "session closed"
    if words._version(hot) != version:
        return "other card version"
    if cumulative > words._deposit(hot):
        return "total exceeds deposit"
    return "settle window over"


@internal
def _set_settler(router_id: uint256, old: address, settler: address, pending: uint256):
    """
    @dev Writes a router's word.
    @param router_id The router.
    @param old Its settler until now.
    @param settler Its settler from now on.
    @param pending Its pending total in wei of COR.
    """
    assert settler != empty(address), "payment: zero settler"
    self._routers[router_id] = convert(settler, uint256) | pending << 160
    log ISessionPayment.RouterSet(router_id=router_id, old_settler=old, new_settler=settler)


@internal
def _adopt_card(control: uint256) -> uint256:
    """
    @dev Brings the newest card in effect into use for new sessions.
    @param control The control word as it is stored.
    @return uint256 The card's version.
    """
    version: uint256 = staticcall ISessionPaymentTable(TABLE).current_version()
    old_version: uint256 = (control >> _VERSION) & words.U16
    if version != old_version:
        self._control = control & ~(words.U16 << _VERSION) | version << _VERSION
        log ISessionPayment.CardAdopted(old_version=old_version, new_version=version)
    return version


@internal
def _pull(amount: uint256):
    """
    @dev Takes COR from the sender.
    @param amount Wei of COR.
    """
    assert extcall IERC20(TOKEN).transferFrom(
        msg.sender, self, amount, default_return_value=True
    ), "payment: token refused transfer"


@internal
def _push(to: address, amount: uint256):
    """
    @dev Pays COR.
    @param to Whom.
    @param amount Wei of COR.
    """
    assert extcall IERC20(TOKEN).transfer(
        to, amount, default_return_value=True
    ), "payment: token refused transfer"
