# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
"""
@title Packed words of reward epochs
@custom:contract-name epoch_words
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice The epoch that is in flight, in one word, and one that is final, in
        another. Least significant field first.

        flight: epoch u40 | state u8 | version u16 | budget u96 | until u40
                | veto_at u40 | is_veto_used u1
        final:  finalised_at u40 | version u16 | budget u96
"""

U16: constant(uint256) = 2**16 - 1
U40: constant(uint256) = 2**40 - 1
U96: constant(uint256) = 2**96 - 1

_U8: constant(uint256) = 2**8 - 1
_STATE: constant(uint256) = 40
_VERSION: constant(uint256) = 48
_BUDGET: constant(uint256) = 64
_UNTIL: constant(uint256) = 160
_VETO_AT: constant(uint256) = 200
_VETO_USED: constant(uint256) = 240
_FINAL_VERSION: constant(uint256) = 40
_FINAL_BUDGET: constant(uint256) = 56


@internal
@pure
def _pack_flight(
    epoch: uint256,
    state: uint256,
    version: uint256,
    budget: uint256,
    until: uint256,
    veto_at: uint256,
    is_veto_used: bool,
) -> uint256:
    """
    @dev Packs the epoch in flight; the caller knows the ranges.
    @param epoch The epoch, uint40.
    @param state Where it is, uint8.
    @param version Its card, uint16.
    @param budget Wei of COR, uint96.
    @param until The last second of the window, uint40; 0 unless posted.
    @param veto_at From when a veto can be executed, uint40; 0 for none.
    @param is_veto_used Whether this root's veto was announced.
    @return uint256 The word.
    """
    return (
        epoch
        | state << _STATE
        | version << _VERSION
        | budget << _BUDGET
        | until << _UNTIL
        | veto_at << _VETO_AT
        | convert(is_veto_used, uint256) << _VETO_USED
    )


@internal
@pure
def _epoch(flight: uint256) -> uint256:
    """
    @dev Reads which epoch it is.
    @param flight The word.
    @return uint256 The epoch.
    """
    return flight & U40


@internal
@pure
def _state(flight: uint256) -> uint256:
    """
    @dev Reads where it is.
    @param flight The word.
    @return uint256 The state.
    """
    return (flight >> _STATE) & _U8


@internal
@pure
def _version(flight: uint256) -> uint256:
    """
    @dev Reads its card.
    @param flight The word.
    @return uint256 The version.
    """
    return (flight >> _VERSION) & U16


@internal
@pure
def _budget(flight: uint256) -> uint256:
    """
    @dev Reads what it has to allot.
    @param flight The word.
    @return uint256 Wei of COR.
    """
    return (flight >> _BUDGET) & U96


@internal
@pure
def _until(flight: uint256) -> uint256:
    """
    @dev Reads the last second of the window.
    @param flight The word.
    @return uint256 Unix seconds; 0 unless posted.
    """
    return (flight >> _UNTIL) & U40


@internal
@pure
def _veto_at(flight: uint256) -> uint256:
    """
    @dev Reads from when a veto can be executed.
    @param flight The word.
    @return uint256 Unix seconds; 0 for none announced.
    """
    return (flight >> _VETO_AT) & U40


@internal
@pure
def _is_veto_used(flight: uint256) -> bool:
    """
    @dev Reads whether this root's veto was announced.
    @param flight The word.
    @return bool Whether it was.
    """
    return flight >> _VETO_USED == 1


@internal
@pure
def _pack_final(finalised_at: uint256, version: uint256, budget: uint256) -> uint256:
    """
    @dev Packs a final epoch; the caller knows the ranges.
    @param finalised_at Unix seconds, uint40; not zero.
    @param version Its card, uint16.
    @param budget Wei of COR, uint96.
    @return uint256 The word; not zero.
    """
    return finalised_at | version << _FINAL_VERSION | budget << _FINAL_BUDGET


@internal
@pure
def _finalised_at(final: uint256) -> uint256:
    """
    @dev Reads when it was final.
    @param final The word.
    @return uint256 Unix seconds.
    """
    return final & U40


@internal
@pure
def _final_version(final: uint256) -> uint256:
    """
    @dev Reads its card.
    @param final The word.
    @return uint256 The version.
    """
    return (final >> _FINAL_VERSION) & U16


@internal
@pure
def _final_budget(final: uint256) -> uint256:
    """
    @dev Reads what it had to allot.
    @param final The word.
    @return uint256 Wei of COR.
    """
    return final >> _FINAL_BUDGET
