# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
"""
@title Three words of a reward leaf
@custom:contract-name reward_words
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice What a leaf says of a node in an epoch: what was seen (facts), what was
        counted (tally), and what it gets (sums).

        facts: level_before u8 | level_after u8 | flags u8 | models u16
               | tasks u32 | streak_before u32 | streak_after u32
               | rate_bps u16 | agreement_bps u16 | consistency_bps u16
               | answered_bps u16 | uptime_bps u16
        tally: work u96 | operator_score u128
        sums:  amount u128 | score u128

        Of the flags only bit 0 is used: the node was staked. What is unused is
        zero.
"""

MAX_LEVEL: constant(uint256) = 10
IS_STAKED: constant(uint256) = 1

U8: constant(uint256) = 2**8 - 1
U16: constant(uint256) = 2**16 - 1
U32: constant(uint256) = 2**32 - 1
U96: constant(uint256) = 2**96 - 1
U128: constant(uint256) = 2**128 - 1

_BPS: constant(uint256) = 10_000
_LEVEL_AFTER: constant(uint256) = 8
_FLAGS: constant(uint256) = 16
_MODELS: constant(uint256) = 24
_TASKS: constant(uint256) = 40
_STREAK_BEFORE: constant(uint256) = 72
_STREAK_AFTER: constant(uint256) = 104
_RATE: constant(uint256) = 136
_AGREEMENT: constant(uint256) = 152
_CONSISTENCY: constant(uint256) = 168
_ANSWERED: constant(uint256) = 184
_UPTIME: constant(uint256) = 200
_FACTS_BITS: constant(uint256) = 216
_OPERATOR_SCORE: constant(uint256) = 96
_TALLY_BITS: constant(uint256) = 224
_SCORE: constant(uint256) = 128


struct Facts:
    level_before: uint256  # 0 to 10, the level the node had in the epoch
    level_after: uint256  # 0 to 10, the level it has after it
    flags: uint256  # bit 0: staked
    models: uint256  # distinct, shown to be served by the operator's nodes
    tasks: uint256  # that the node took part in
    streak_before: uint256  # successes in a row when the epoch began
    streak_after: uint256  # and when it ended
    rate_bps: uint256  # of successes among the tasks
    agreement_bps: uint256
    consistency_bps: uint256
    answered_bps: uint256
    uptime_bps: uint256


@internal
@pure
def _facts(word: uint256) -> Facts:
    """
    @dev Unpacks the facts.
    @param word The word.
    @return Facts The fields; out of range where the word is not valid.
    """
    return Facts(
        level_before=word & U8,
        level_after=(word >> _LEVEL_AFTER) & U8,
        flags=(word >> _FLAGS) & U8,
        models=(word >> _MODELS) & U16,
        tasks=(word >> _TASKS) & U32,
        streak_before=(word >> _STREAK_BEFORE) & U32,
        streak_after=(word >> _STREAK_AFTER) & U32,
        rate_bps=(word >> _RATE) & U16,
        agreement_bps=(word >> _AGREEMENT) & U16,
        consistency_bps=(word >> _CONSISTENCY) & U16,
        answered_bps=(word >> _ANSWERED) & U16,
        uptime_bps=(word >> _UPTIME) & U16,
    )


@internal
@pure
def _pack_facts(f: Facts) -> uint256:
    """
    @dev Packs facts; the caller has checked the ranges.
    @param f The fields.
    @return uint256 The word.
    """
    return (
        f.level_before
        | f.level_after << _LEVEL_AFTER
        | f.flags << _FLAGS
        | f.models << _MODELS
        | f.tasks << _TASKS
        | f.streak_before << _STREAK_BEFORE
        | f.streak_after << _STREAK_AFTER
        | f.rate_bps << _RATE
        | f.agreement_bps << _AGREEMENT
        | f.consistency_bps << _CONSISTENCY
        | f.answered_bps << _ANSWERED
        | f.uptime_bps << _UPTIME
    )


@internal
@pure
def _is_valid(facts: uint256, tally: uint256) -> bool:
    """
    @dev Whether two words say something that can be: levels of at most 10,
         shares of at most 10,000 bps, and nothing in bits that are not used.
    @param facts The facts.
    @param tally The tally.
    @return bool Whether they do.
    """
    if facts >> _FACTS_BITS != 0 or tally >> _TALLY_BITS != 0:
        return False
    f: Facts = self._facts(facts)
    if f.level_before > MAX_LEVEL or f.level_after > MAX_LEVEL or f.flags > IS_STAKED:
        return False
    if f.rate_bps > _BPS or f.agreement_bps > _BPS or f.consistency_bps > _BPS:
        return False
    return f.answered_bps <= _BPS and f.uptime_bps <= _BPS


@internal
@pure
def _pack_tally(work: uint256, operator_score: uint256) -> uint256:
    """
    @dev Packs a tally; the caller has checked the ranges.
    @param work What the node did, in work units, uint96.
    @param operator_score The sum of score over the operator's leaves, uint128.
    @return uint256 The word.
    """
    return work | operator_score << _OPERATOR_SCORE


@internal
@pure
def _work(tally: uint256) -> uint256:
    """
    @dev Reads the work.
    @param tally The tally.
    @return uint256 Work units.
    """
    return tally & U96


@internal
@pure
def _operator_score(tally: uint256) -> uint256:
    """
    @dev Reads the score of all leaves of the node's operator.
    @param tally The tally.
    @return uint256 The score.
    """
    return (tally >> _OPERATOR_SCORE) & U128


@internal
@pure
def _pack_sums(amount: uint256, score: uint256) -> uint256:
    """
    @dev Packs sums; the caller has checked the ranges.
    @param amount Wei of COR, uint128.
    @param score The score, uint128.
    @return uint256 The word.
    """
    return amount | score << _SCORE


@internal
@pure
def _amount(sums: uint256) -> uint256:
    """
    @dev Reads the amount.
    @param sums The sums.
    @return uint256 Wei of COR.
    """
    return sums & U128


@internal
@pure
def _score(sums: uint256) -> uint256:
    """
    @dev Reads the score.
    @param sums The sums.
    @return uint256 The score.
    """
    return sums >> _SCORE
