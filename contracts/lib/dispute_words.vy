# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
"""
@title Packed words of disputes
@custom:contract-name dispute_words
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice What disputes remember of a session, of an index in it, of a demand and
        of what is a session's own in a bucket of pending money.
        Least significant field first.

        record: refunded u96 | first_proven_at u40 | demands_until u40
                | follow_until u40 | proofs u40
        mark:   charge_refunded u96 | gap_refunded u96 | is_charge_proven u1
                | is_gap_proven u1
        ask:    challenger u160 | answer_by u40 | challengeable_until u40
                | proofs u16
        claim:  claimed u96 | held u96 | bucket u64
"""

U16: constant(uint256) = 2**16 - 1
U40: constant(uint256) = 2**40 - 1
U96: constant(uint256) = 2**96 - 1
U160: constant(uint256) = 2**160 - 1

_FIRST_PROVEN: constant(uint256) = 96
_DEMANDS_UNTIL: constant(uint256) = 136
_FOLLOW_UNTIL: constant(uint256) = 176
_PROOFS: constant(uint256) = 216
_PART: constant(uint256) = 96
_FLAGS: constant(uint256) = 192
_ANSWER_BY: constant(uint256) = 160
_CHALLENGEABLE: constant(uint256) = 200
_ASK_PROOFS: constant(uint256) = 240
_HELD: constant(uint256) = 96
_BUCKET: constant(uint256) = 192


@internal
@pure
def _pack_record(
    refunded: uint256,
    first_proven_at: uint256,
    demands_until: uint256,
    follow_until: uint256,
    proofs: uint256,
) -> uint256:
    """
    @dev Packs what is remembered of a session; the caller knows the ranges.
    @param refunded Wei of COR, uint96.
    @param first_proven_at Unix seconds, uint40; 0 for never.
    @param demands_until Unix seconds, uint40; 0 for no demand.
    @param follow_until Unix seconds, uint40; 0 for no answer.
    @param proofs How many there were, uint40.
    @return uint256 The record.
    """
    return (
        refunded
        | first_proven_at << _FIRST_PROVEN
        | demands_until << _DEMANDS_UNTIL
        | follow_until << _FOLLOW_UNTIL
        | proofs << _PROOFS
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
def _challenger(ask: uint256) -> address:
    """
    @dev Reads who demanded.
    @param ask The word.
    @return address Who; zero for no demand.
    """
    return convert(ask & U160, address)


@internal
@pure
def _follow_until(record: uint256) -> uint256:
    """
    @dev Reads until when the indexes below a total that was shown can be
         demanded.
    @param record A session's record.
    @return uint256 Unix seconds; 0 for none shown.
    """
    return (record >> _FOLLOW_UNTIL) & U40


@internal
@pure
def _proofs(record: uint256) -> uint256:
    """
    @dev Reads how often a session was proven against.
    @param record A session's record.
    @return uint256 Proofs and unanswered demands.
    """
    return record >> _PROOFS


@internal
@pure
def _pack_ask(
    challenger: address, answer_by: uint256, challengeable_until: uint256, proofs: uint256
) -> uint256:
    """
    @dev Packs a demand; the caller knows the ranges.
    @param challenger Who; not zero.
    @param answer_by Unix seconds, uint40.
    @param challengeable_until Unix seconds, uint40; 0 until answered.
    @param proofs How many proofs against the session there were before it;
           counted modulo 2**16.
    @return uint256 The word; not zero.
    """
    return (
        convert(challenger, uint256)
        | answer_by << _ANSWER_BY
        | challengeable_until << _CHALLENGEABLE
        | (proofs & U16) << _ASK_PROOFS
    )


@internal
@pure
def _answer_by(ask: uint256) -> uint256:
    """
    @dev Reads the last second at which an answer counts.
    @param ask The demand's word.
    @return uint256 Unix seconds.
    """
    return (ask >> _ANSWER_BY) & U40


@internal
@pure
def _challengeable_until(ask: uint256) -> uint256:
    """
    @dev Reads until when an answer can be challenged.
    @param ask The demand's word.
    @return uint256 Unix seconds; 0 until answered.
    """
    return (ask >> _CHALLENGEABLE) & U40


@internal
@pure
def _proofs_before(ask: uint256) -> uint256:
    """
    @dev Reads how many proofs there were before a demand.
    @param ask The demand's word.
    @return uint256 Proofs, modulo 2**16.
    """
    return ask >> _ASK_PROOFS


@internal
@pure
def _pack_claim(claimed: uint256, held: uint256, bucket: uint256) -> uint256:
    """
    @dev Packs what is a session's own in a bucket; the caller knows the ranges.
    @param claimed Wei of COR, uint96: shown and not refunded.
    @param held Wei of COR, uint96: what demands have frozen of it.
    @param bucket The bucket, uint64.
    @return uint256 The word.
    """
    return claimed | held << _HELD | bucket << _BUCKET


@internal
@pure
def _claimed(claim: uint256) -> uint256:
    """
    @dev Reads what was shown and not refunded.
    @param claim The word.
    @return uint256 Wei of COR.
    """
    return claim & U96


@internal
@pure
def _held(claim: uint256) -> uint256:
    """
    @dev Reads what is frozen of it.
    @param claim The word.
    @return uint256 Wei of COR.
    """
    return (claim >> _HELD) & U96


@internal
@pure
def _bucket(claim: uint256) -> uint256:
    """
    @dev Reads where it lies.
    @param claim The word.
    @return uint256 The bucket.
    """
    return claim >> _BUCKET
