# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
"""
@title Two words of a session
@custom:contract-name session_words
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice Everything that settlement reads and writes is in one word, the hot
        one: a batch of a hundred sessions touches a hundred slots, not two
        hundred. What only opening, closing and disputes read is in the other.

        hot:  deposit u96 | settled u96 | expiry u40 | state u3 | funding u2
              | volume_tier u3 | version u16
        cold: payer u160 | surcharge_cap_bps u16 | task_cap_gwei u64 | free u16
"""

STATE_NONE: constant(uint256) = 0
STATE_OPEN: constant(uint256) = 1
STATE_CLOSING: constant(uint256) = 2
STATE_CLOSED: constant(uint256) = 3

FUNDING_ESCROW: constant(uint256) = 0
FUNDING_VOUCHER: constant(uint256) = 1
FUNDING_STAKE: constant(uint256) = 2

U16: constant(uint256) = 2**16 - 1
U40: constant(uint256) = 2**40 - 1
U64: constant(uint256) = 2**64 - 1
U96: constant(uint256) = 2**96 - 1
U160: constant(uint256) = 2**160 - 1

_SETTLED: constant(uint256) = 96
_EXPIRY: constant(uint256) = 192
_STATE: constant(uint256) = 232
_FUNDING: constant(uint256) = 235
_VOLUME_TIER: constant(uint256) = 237
_VERSION: constant(uint256) = 240


@internal
@pure
def _pack_hot(
    deposit: uint256,
    settled: uint256,
    expiry: uint256,
    state: uint256,
    funding: uint256,
    volume_tier: uint256,
    version: uint256,
) -> uint256:
    """
    @dev Packs the hot word; the caller has checked the ranges.
    @param deposit Wei of COR, uint96.
    @param settled Wei of COR, uint96.
    @param expiry Unix seconds, uint40.
    @param state One of STATE_*.
    @param funding One of FUNDING_*.
    @param volume_tier 0 to 7.
    @param version The rate card, uint16.
    @return uint256 The word.
    """
    return (
        deposit
        | settled << _SETTLED
        | expiry << _EXPIRY
        | state << _STATE
        | funding << _FUNDING
        | volume_tier << _VOLUME_TIER
        | version << _VERSION
    )


@internal
@pure
def _deposit(hot: uint256) -> uint256:
    """
    @dev Reads the deposit.
    @param hot The hot word.
    @return uint256 Wei of COR.
    """
    return hot & U96


@internal
@pure
def _settled(hot: uint256) -> uint256:
    """
    @dev Reads the settled total.
    @param hot The hot word.
    @return uint256 Wei of COR.
    """
    return (hot >> _SETTLED) & U96


@internal
@pure
def _expiry(hot: uint256) -> uint256:
    """
    @dev Reads the expiry.
    @param hot The hot word.
    @return uint256 Unix seconds.
    """
    return (hot >> _EXPIRY) & U40


@internal
@pure
def _state(hot: uint256) -> uint256:
    """
    @dev Reads the state.
    @param hot The hot word.
    @return uint256 One of STATE_*.
    """
    return (hot >> _STATE) & 7


@internal
@pure
def _funding(hot: uint256) -> uint256:
    """
    @dev Reads the funding.
    @param hot The hot word.
    @return uint256 One of FUNDING_*.
    """
    return (hot >> _FUNDING) & 3


@internal
@pure
def _volume_tier(hot: uint256) -> uint256:
    """
    @dev Reads the volume tier.
    @param hot The hot word.
    @return uint256 0 to 7.
    """
    return (hot >> _VOLUME_TIER) & 7


@internal
@pure
def _version(hot: uint256) -> uint256:
    """
    @dev Reads the rate card's version.
    @param hot The hot word.
    @return uint256 The version.
    """
    return hot >> _VERSION


@internal
@pure
def _with_end(hot: uint256, expiry: uint256, state: uint256) -> uint256:
    """
    @dev Replaces expiry and state.
    @param hot The hot word.
    @param expiry Unix seconds, uint40.
    @param state One of STATE_*.
    @return uint256 The new word.
    """
    return hot & ~((U40 << _EXPIRY) | (7 << _STATE)) | expiry << _EXPIRY | state << _STATE


@internal
@pure
def _closed(hot: uint256) -> uint256:
    """
    @dev Lowers the deposit to what was settled and closes the session.
    @param hot The hot word.
    @return uint256 The new word.
    """
    kept: uint256 = hot & ~(U96 | (7 << _STATE))
    return kept | self._settled(hot) | STATE_CLOSED << _STATE


@internal
@pure
def _pack_cold(payer: address, surcharge_cap_bps: uint16, task_cap_gwei: uint64) -> uint256:
    """
    @dev Packs the cold word.
    @param payer Who opened the session.
    @param surcharge_cap_bps The most surcharge the payer accepts.
    @param task_cap_gwei The most one task may cost, in 1e9 wei of COR.
    @return uint256 The word.
    """
    return (
        convert(payer, uint256)
        | convert(surcharge_cap_bps, uint256) << 160
        | convert(task_cap_gwei, uint256) << 176
    )


@internal
@pure
def _payer(cold: uint256) -> address:
    """
    @dev Reads the payer.
    @param cold The cold word.
    @return address The payer.
    """
    return convert(cold & U160, address)


@internal
@pure
def _surcharge_cap_bps(cold: uint256) -> uint256:
    """
    @dev Reads the surcharge cap.
    @param cold The cold word.
    @return uint256 Basis points.
    """
    return (cold >> 160) & U16


@internal
@pure
def _task_cap_gwei(cold: uint256) -> uint256:
    """
    @dev Reads the cap per task.
    @param cold The cold word.
    @return uint256 1e9 wei of COR.
    """
    return (cold >> 176) & U64
