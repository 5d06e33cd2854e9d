# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy off
"""
@title SessionPayment as StakeQuota sees it
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice Sessions that anyone opens, draws and restorations that anyone asks
        for. For tests.
@custom:kill A test double; nothing to switch off.
"""

from ethereum.ercs import IERC20
from contracts.interfaces import ISessionPayment
from contracts.interfaces import IStakeQuota

QUOTA: public(immutable(address))
TOKEN: public(immutable(address))


# @dev session -> what `session` returns, but for the settled total.
_sessions: HashMap[uint256, ISessionPayment.Session]


@deploy
def __init__(quota: address, token: address):
    """
    @notice Deploys the double.
    @param quota StakeQuota.
    @param token COR.
    """
    QUOTA = quota
    TOKEN = token


@external
def open(
    payer: address, router_id: uint256, salt: bytes32, funding: uint256, state: uint256
) -> uint256:
    """
    @notice Writes a session.
    @param payer Whose.
    @param router_id Its router.
    @param salt Its salt.
    @param funding Its funding.
    @param state Its state.
    @return uint256 Its id.
    """
    session: uint256 = self._session_id(payer, router_id, salt)
    self._sessions[session] = ISessionPayment.Session(
        payer=payer,
        session_key=empty(address),
        deposit=0,
        settled=0,
        expiry=block.timestamp + 365 * 86_400,
        state=state,
        funding=funding,
        volume_tier=0,
        version=1,
        surcharge_cap_bps=0,
        task_cap_gwei=0,
    )
    return session


@external
def set_payer(session: uint256, payer: address):
    """
    @notice Makes a session another's, which the real contract never does.
    @param session The session.
    @param payer Whose it becomes.
    """
    self._sessions[session].payer = payer


@external
def draw(router_id: uint256, work_at: uint256, items: DynArray[uint256, 128]) -> (uint256, uint256):
    """
    @notice Draws.
    @param router_id Passed on.
    @param work_at Passed on.
    @param items Passed on.
    @return uint256 As returned.
    @return uint256 As returned.
    """
    return extcall IStakeQuota(QUOTA).draw(router_id, work_at, items)


@external
def restore(session: uint256, amount: uint256):
    """
    @notice Sends tokens back and says so.
    @param session Passed on.
    @param amount Wei of COR.
    """
    assert extcall IERC20(TOKEN).transfer(QUOTA, amount, default_return_value=True)
    extcall IStakeQuota(QUOTA).restore(session, amount)


@external
@view
def session_id(payer: address, router_id: uint256, salt: bytes32) -> uint256:
    """
    @notice The id of a session.
    @param payer Whose.
    @param router_id Its router.
    @param salt Its salt.
    @return uint256 The id.
    """
    return self._session_id(payer, router_id, salt)


@external
@view
def session(session: uint256) -> ISessionPayment.Session:
    """
    @notice A session's facts. Like the real contract it asks StakeQuota for
            what was drawn, which must work from inside `enrol`.
    @param session The session.
    @return Session The facts.
    """
    facts: ISessionPayment.Session = self._sessions[session]
    if facts.funding == 2:
        facts.settled = staticcall IStakeQuota(QUOTA).drawn(session)
    return facts


@internal
@view
def _session_id(payer: address, router_id: uint256, salt: bytes32) -> uint256:
    """
    @dev As SessionPayment computes it.
    @param payer Whose.
    @param router_id Its router.
    @param salt Its salt.
    @return uint256 The id.
    """
    digest: bytes32 = keccak256(abi_encode(chain.id, self, payer, salt))
    return router_id << 128 | convert(digest, uint256) & (2**128 - 1)
