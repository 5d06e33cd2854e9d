# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title Payment sessions: opening, adding, closing, withdrawing
@custom:contract-name sessions
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice What payers do. A session's id begins with its router's, so `settle`
        checks who may settle a session without reading another slot. Words:
        lib/session_words.vy.
"""

from contracts.interfaces import ISessions
from contracts.lib import session_words as words
from contracts.lib import typed_hash
from contracts.modules import gate
from contracts.modules import cor
from snekmate.utils import ecdsa

implements: ISessions
uses: gate
uses: cor

_MAX_WINDOW_SECONDS: constant(uint256) = 30 * 86_400
_ERC1271_MAGIC: constant(bytes4) = 0x1626BA7E

SETTLE_WINDOW_SECONDS: public(immutable(uint256))


# @dev session -> hot word.
_hot: HashMap[uint256, uint256]

# @dev session -> cold word.
_cold: HashMap[uint256, uint256]

# @dev session -> the account that signs its requests and vouchers.
_keys: HashMap[uint256, address]


@deploy
def __init__(settle_window_seconds: uint256):
    """
    @dev Fixes the settle window.
    @param settle_window_seconds How long a router can settle after a session
           ended, at most 30 days.
    """
    assert settle_window_seconds != 0, "session: zero settle window"
    assert settle_window_seconds <= _MAX_WINDOW_SECONDS, "session: settle window too long"
    SETTLE_WINDOW_SECONDS = settle_window_seconds


# ---------------------------------------------------------------------------
# Opening
# ---------------------------------------------------------------------------


@external
def open(request: ISessions.OpenRequest) -> uint256:
    session: uint256 = self._open(msg.sender, request)
    if request.amount != 0:
        cor._pull(convert(request.amount, uint256))
    return session


@external
def open_with_permit(
    request: ISessions.OpenRequest, deadline: uint256, v: uint8, r: bytes32, s: bytes32
) -> uint256:
    session: uint256 = self._open(msg.sender, request)
    amount: uint256 = convert(request.amount, uint256)
    cor._permit(amount, deadline, v, r, s)
    cor._pull(amount)
    return session


@external
def open_with_authorization(
    payer: address,
    request: ISessions.OpenRequest,
    valid_after: uint256,
    valid_before: uint256,
    v: uint8,
    r: bytes32,
    s: bytes32,
) -> uint256:
    session: uint256 = self._open(payer, request)
    assert request.amount != 0, "session: zero amount"
    nonce: bytes32 = typed_hash._open(payer, request)
    cor._receive(payer, convert(request.amount, uint256), valid_after, valid_before, nonce, v, r, s)
    return session


@external
def open_for(payer: address, request: ISessions.OpenRequest, signature: Bytes[1024]) -> uint256:
    digest: bytes32 = typed_hash._open(payer, request)
    assert self._is_signed(payer, digest, signature), "session: wrong signer"
    session: uint256 = self._open(payer, request)
    if request.amount != 0:
        cor._pull(convert(request.amount, uint256))
    return session


# ---------------------------------------------------------------------------
# Payers
# ---------------------------------------------------------------------------


@external
def top_up(session: uint256, amount: uint256):
    assert amount != 0, "session: zero amount"
    hot: uint256 = self._known(session)
    # No pause is looked at: what comes in can always be taken out again.
    assert words._state(hot) == words.STATE_OPEN, "session: not open"
    assert words._funding(hot) != words.FUNDING_STAKE, "session: paid by stake"
    assert words._expiry(hot) > block.timestamp, "session: expired"
    assert amount <= words.U96 - words._deposit(hot), "session: deposit exceeds uint96"
    # The deposit is in the lowest bits and was checked not to carry.
    self._hot[session] = hot + amount
    log ISessions.SessionToppedUp(session=session, sender=msg.sender, amount=amount)
    cor._pull(amount)


@external
def request_close(session: uint256):
    hot: uint256 = self._known(session)
    assert words._state(hot) == words.STATE_OPEN, "session: not open"
    # There is no deposit to wait for: the payer revokes its permission and asks
    # its stake back in StakeQuota, which draws read, and not the end here.
    assert words._funding(hot) != words.FUNDING_STAKE, "session: paid by stake"
    assert msg.sender == words._payer(self._cold[session]), "session: caller is not the payer"
    # Asking late never moves the end later.
    expiry: uint256 = min(words._expiry(hot), block.timestamp)
    self._hot[session] = words._with_end(hot, expiry, words.STATE_CLOSING)
    log ISessions.SessionCloseRequested(
        session=session, withdrawable_at=expiry + SETTLE_WINDOW_SECONDS + 1
    )


@external
def withdraw(session: uint256) -> uint256:
    hot: uint256 = self._known(session)
    assert (
        block.timestamp > words._expiry(hot) + SETTLE_WINDOW_SECONDS
    ), "session: settle window open"
    # INV-P2: settled never exceeds the deposit.
    refund: uint256 = words._deposit(hot) - words._settled(hot)
    assert refund != 0, "session: nothing to withdraw"
    # Nothing is left above what was settled, so no total can be settled any
    # more, and money refunded later can be withdrawn in the same way.
    self._hot[session] = words._closed(hot)
    payer: address = words._payer(self._cold[session])
    log ISessions.SessionClosed(session=session, payer=payer, refund=refund)
    cor._push(payer, refund)
    return refund


# ---------------------------------------------------------------------------
# Views
# ---------------------------------------------------------------------------


@external
@view
def session_id(payer: address, router_id: uint256, salt: bytes32) -> uint256:
    assert router_id < 2**32, "session: router id over uint32"
    return self._session_id(payer, router_id, salt)


@external
@view
def withdrawable_at(session: uint256) -> uint256:
    return words._expiry(self._known(session)) + SETTLE_WINDOW_SECONDS + 1


# ---------------------------------------------------------------------------
# Internal
# ---------------------------------------------------------------------------


@internal
@view
def _known(session: uint256) -> uint256:
    """
    @dev Refuses a session that nobody opened.
    @param session The session.
    @return uint256 Its hot word; not zero, since it has a state.
    """
    hot: uint256 = self._hot[session]
    assert hot != 0, "session: unknown"
    return hot


@internal
def _open(payer: address, request: ISessions.OpenRequest) -> uint256:
    """
    @dev Writes a session; the caller takes the deposit.
    @param payer Who pays, and to whom the rest goes back.
    @param request The session's terms.
    @return uint256 The session's id.
    """
    word: uint256 = gate._word
    assert (word >> gate.OPEN_PAUSED) & 1 == 0, "session: opening paused"
    assert payer != empty(address), "session: zero payer"
    funding: uint256 = convert(request.funding, uint256)
    assert funding < 3, "session: unknown funding"
    if funding == words.FUNDING_STAKE:
        assert request.amount == 0, "session: stake takes no deposit"
        # The salt is the profile: one account of stake for each.
        assert convert(request.salt, uint256) < 32, "session: unknown stake profile"
    else:
        assert request.amount != 0, "session: zero amount"
    if funding == words.FUNDING_VOUCHER:
        assert request.session_key != empty(address), "session: vouchers need a key"
    assert request.volume_tier < 4, "session: unknown volume tier"
    expiry: uint256 = convert(request.expiry, uint256)
    assert expiry > block.timestamp, "session: expiry has passed"
    router_id: uint256 = convert(request.router_id, uint256)
    assert router_id != 0, "session: unknown router"
    assert router_id <= gate._count(word), "session: unknown router"
    version: uint256 = convert(request.version, uint256)
    if version != gate._version(word):
        # The first session under a new card brings it into use here.
        assert version == gate._adopt(word), "session: card not in effect"

    session: uint256 = self._session_id(payer, router_id, request.salt)
    assert self._hot[session] == 0, "session: exists"
    amount: uint256 = convert(request.amount, uint256)
    volume_tier: uint256 = convert(request.volume_tier, uint256)
    self._hot[session] = words._pack_hot(
        amount, 0, expiry, words.STATE_OPEN, funding, volume_tier, version
    )
    self._cold[session] = words._pack_cold(payer, request.surcharge_cap_bps, request.task_cap_gwei)
    if request.session_key != empty(address):
        self._keys[session] = request.session_key
    log ISessions.SessionOpened(
        session=session,
        payer=payer,
        router_id=router_id,
        deposit=amount,
        expiry=expiry,
        version=version,
        funding=funding,
        volume_tier=volume_tier,
        surcharge_cap_bps=convert(request.surcharge_cap_bps, uint256),
        task_cap_gwei=convert(request.task_cap_gwei, uint256),
        session_key=request.session_key,
        terms=request.terms,
    )
    return session


@internal
@view
def _session_id(payer: address, router_id: uint256, salt: bytes32) -> uint256:
    """
    @dev A session's id. 128 bits of hash are enough: two payers who collide
         cannot hurt each other, since the second opening reverts.
    @param payer Who opens it.
    @param router_id The router, below 2**32.
    @param salt The payer's salt.
    @return uint256 The id, below 2**160.
    """
    digest: bytes32 = keccak256(abi_encode(chain.id, self, payer, salt))
    return router_id << 128 | convert(digest, uint256) & (2**128 - 1)


@internal
@view
def _is_signed(signer: address, digest: bytes32, signature: Bytes[1024]) -> bool:
    """
    @dev Whether an account or a contract wallet signed a digest.
    @param signer Who should have.
    @param digest What was signed.
    @param signature Of 65 bytes for an account; the wallet's own form.
    @return bool Whether it did.
    """
    if not signer.is_contract:
        if len(signature) != 65:
            return False
        return ecdsa._recover_sig(digest, slice(signature, 0, 65)) == signer
    is_success: bool = False
    returned: Bytes[32] = b""
    is_success, returned = raw_call(
        signer,
        abi_encode(digest, signature, method_id=_ERC1271_MAGIC),
        max_outsize=32,
        is_static_call=True,
        revert_on_failure=False,
    )
    return (
        is_success
        and len(returned) == 32
        and convert(slice(returned, 0, 4), bytes4) == _ERC1271_MAGIC
    )


@internal
def _give_back(session: uint256, amount: uint256):
    """
    @dev Raises a deposit by a refund and closes the session to settlement: its
         end moves behind the settle window, so its payer can leave at once.
    @param session A session that has a deposit.
    @param amount Wei of COR.
    """
    hot: uint256 = self._hot[session]
    assert amount <= words.U96 - words._deposit(hot), "session: deposit exceeds uint96"
    end: uint256 = min(words._expiry(hot), block.timestamp - SETTLE_WINDOW_SECONDS - 1)
    self._hot[session] = words._with_end(hot, end, words.STATE_CLOSED) + amount
