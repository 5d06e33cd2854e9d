# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
"""
@title A validation request and its last verdict in one word
@custom:contract-name validation_words
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice validator u160 | agent u32 | updated_at u32 | verdict u7 | is_answered
        u1 | tag u24. The tag is a number (modules/tags.vy); u32 seconds last
        until 2106.
"""

AGENT_LIMIT: constant(uint256) = 2**32 - 1
TAG_LIMIT: constant(uint256) = 2**24 - 1

_VALIDATOR_MASK: constant(uint256) = 2**160 - 1
_REQUEST_MASK: constant(uint256) = 2**192 - 1
_TIME_LIMIT: constant(uint256) = 2**32 - 1
_VERDICT_MASK: constant(uint256) = 127
_ANSWERED: constant(uint256) = 1 << 231


@internal
@pure
def _asked(validator: address, agent: uint256, now: uint256) -> uint256:
    """
    @dev A request without an answer.
    @param validator Who is to answer, not zero.
    @param agent The agent, at most AGENT_LIMIT.
    @param now Unix seconds.
    @return uint256 The word, not zero.
    """
    return convert(validator, uint256) | agent << 160 | (now & _TIME_LIMIT) << 192


@internal
@pure
def _answered(word: uint256, verdict: uint256, tag: uint256, now: uint256) -> uint256:
    """
    @dev The word after an answer.
    @param word The word before.
    @param verdict 0 to 100.
    @param tag The tag's number, at most TAG_LIMIT.
    @param now Unix seconds.
    @return uint256 The new word.
    """
    later: uint256 = (now & _TIME_LIMIT) << 192 | verdict << 224 | _ANSWERED | tag << 232
    return word & _REQUEST_MASK | later


@internal
@pure
def _validator(word: uint256) -> address:
    """
    @dev Who is to answer.
    @param word The word.
    @return address The validator; zero if there is no request.
    """
    return convert(word & _VALIDATOR_MASK, address)


@internal
@pure
def _agent(word: uint256) -> uint256:
    """
    @dev Whose work it is.
    @param word The word.
    @return uint256 The agent's id.
    """
    return (word >> 160) & AGENT_LIMIT


@internal
@pure
def _updated_at(word: uint256) -> uint256:
    """
    @dev When it was asked or last answered.
    @param word The word.
    @return uint256 Unix seconds.
    """
    return (word >> 192) & _TIME_LIMIT


@internal
@pure
def _verdict(word: uint256) -> uint256:
    """
    @dev The last verdict.
    @param word The word.
    @return uint256 0 to 100; 0 before the first.
    """
    return (word >> 224) & _VERDICT_MASK


@internal
@pure
def _is_answered(word: uint256) -> bool:
    """
    @dev Whether there was an answer.
    @param word The word.
    @return bool True if there was.
    """
    return word & _ANSWERED != 0


@internal
@pure
def _tag(word: uint256) -> uint256:
    """
    @dev The number of the last answer's tag.
    @param word The word.
    @return uint256 The number; 0 for none.
    """
    return word >> 232
