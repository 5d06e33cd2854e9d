# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
"""
@title Packed words of disputes
@custom:contract-name dispute_words
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice What disputes remember of a session, of an index in it and of a demand.
        Least significant field first.

        record: refunded u96 | first_proven_at u40 | last_proven_at u40
                | demands_until u40
        mark:   charge_refunded u96 | gap_refunded u96 | is_charge_proven u1
                | is_gap_proven u1
        ask:    challenger u160 | settled u96
        state:  held u96 | answer_by u40 | challengeable_until u40
"""

U40: constant(uint256) = 2**40 - 1
U96: constant(uint256) = 2**96 - 1
U160: constant(uint256) = 2**160 - 1

_FIRST_PROVEN: constant(uint256) = 96
_LAST_PROVEN: constant(uint256) = 136
_DEMANDS_UNTIL: constant(uint256) = 176
_PART: constant(uint256) = 96
_FLAGS: constant(uint256) = 192
_SETTLED: constant(uint256) = 160
_ANSWER_BY: constant(uint256) = 96
_CHALLENGEABLE: constant(uint256) = 136


@internal
@pure
def _pack_record(
    refunded: uint256, first_proven_at: uint256, last_proven_at: uint256, demands_until: uint256
) -> uint256:
    """
    @dev Packs what is remembered of a session; the caller knows the ranges.
    @param refunded Wei of COR, uint96.
    @param first_proven_at Unix seconds, uint40; 0 for never.
    @param last_proven_at Unix seconds, uint40.
    @param demands_until Unix seconds, uint40.
    @return uint256 The record.
    """
    return (
        refunded
        | first_proven_at << _FIRST_PROVEN
        | last_proven_at << _LAST_PROVEN
        | demands_until << _DEMANDS_UNTIL
    )


@internal
@pure
def _refunded(record: uint256) -> uint256:
    """
    @dev Reads what was refunded.
    @param record A session's record.
    @return uint256 Wei of COR.
    """
    return record & U96


@internal
@pure
def _first_proven_at(record: uint256) -> uint256:
    """
    @dev Reads when a session was first proven against.
    @param record A session's record.
    @return uint256 Unix seconds; 0 for never.
    """
    return (record >> _FIRST_PROVEN) & U40


@internal
@pure
def _last_proven_at(record: uint256) -> uint256:
    """
    @dev Reads when a session was last proven against.
    @param record A session's record.
    @return uint256 Unix seconds; 0 for never.
    """
    return (record >> _LAST_PROVEN) & U40


@internal
@pure
def _demands_until(record: uint256) -> uint256:
    """
    @dev Reads until when what demands bring up can be challenged.
    @param record A session's record.
    @return uint256 Unix seconds; 0 for no demand.
    """
    return (record >> _DEMANDS_UNTIL) & U40


@internal
@pure
def _pack_mark(
    charge_refunded: uint256, gap_refunded: uint256, is_charge_proven: bool, is_gap_proven: bool
) -> uint256:
    """
    @dev Packs what is remembered of an index; the caller knows the ranges.
    @param charge_refunded Wei of COR, uint96.
    @param gap_refunded Wei of COR, uint96.
    @param is_charge_proven Whether its charge was proven wrong.
    @param is_gap_proven Whether its total was proven not to follow.
    @return uint256 The mark.
    """
    flags: uint256 = convert(is_charge_proven, uint256) | convert(is_gap_proven, uint256) << 1
    return charge_refunded | gap_refunded << _PART | flags << _FLAGS


@internal
@pure
def _part(mark: uint256, is_gap: bool) -> uint256:
    """
    @dev Reads what was refunded for an index.
    @param mark Its mark.
    @param is_gap For its gap; for its charge if not.
    @return uint256 Wei of COR.
    """
    if is_gap:
        return (mark >> _PART) & U96
    return mark & U96


@internal
@pure
def _is_proven(mark: uint256, is_gap: bool) -> bool:
    """
    @dev Reads whether an index was proven against.
    @param mark Its mark.
    @param is_gap Its gap; its charge if not.
    @return bool Whether it was.
    """
    if is_gap:
        return (mark >> (_FLAGS + 1)) & 1 == 1
    return (mark >> _FLAGS) & 1 == 1


@internal
@pure
def _pack_ask(challenger: address, settled: uint256) -> uint256:
    """
    @dev Packs who demanded what.
    @param challenger Who; not zero.
    @param settled Wei of COR, uint96: the session's total at that time.
    @return uint256 The word; not zero.
    """
    return convert(challenger, uint256) | settled << _SETTLED


@internal
@pure
def _challenger(ask: uint256) -> address:
    """
    @dev Reads who demanded.
    @param ask The word.
    @return address Who; zero for no demand.
    """
    return convert(ask & U160, address)


@internal
@pure
def _settled(ask: uint256) -> uint256:
    """
    @dev Reads the session's total at the time of a demand.
    @param ask The word.
    @return uint256 Wei of COR.
    """
    return ask >> _SETTLED


@internal
@pure
def _pack_state(held: uint256, answer_by: uint256, challengeable_until: uint256) -> uint256:
    """
    @dev Packs how a demand stands.
    @param held Wei of COR, uint96.
    @param answer_by Unix seconds, uint40.
    @param challengeable_until Unix seconds, uint40; 0 until answered.
    @return uint256 The word.
    """
    return held | answer_by << _ANSWER_BY | challengeable_until << _CHALLENGEABLE


@internal
@pure
def _held(state: uint256) -> uint256:
    """
    @dev Reads what a demand froze.
    @param state The word.
    @return uint256 Wei of COR.
    """
    return state & U96


@internal
@pure
def _answer_by(state: uint256) -> uint256:
    """
    @dev Reads the last second at which an answer counts.
    @param state The word.
    @return uint256 Unix seconds.
    """
    return (state >> _ANSWER_BY) & U40


@internal
@pure
def _challengeable_until(state: uint256) -> uint256:
    """
    @dev Reads until when an answer can be challenged.
    @param state The word.
    @return uint256 Unix seconds; 0 until answered.
    """
    return (state >> _CHALLENGEABLE) & U40
