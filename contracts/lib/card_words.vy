# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
"""
@title Rate card in five words
@custom:contract-name card_words
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice Vyper gives every field a slot of its own; a card has 46 fields and a
        quote reads most of them, so a card is packed by hand.

        0: input_unit_wei[4] u64
        1: output_unit_wei[4] u64
        2: task_wei u96 | validator_unit_wei u64 | sla_bps[4] u16
           | execution_depth_bps u16 | tool_depth_bps u16
        3: consensus_bps[8] u16 | redundancy_bps[3] u16 | disagreement_bps[3] u16
           | threshold_bps u16 | validator_depth_bps u16
        4: failed_rebate_bps u16 | late_rebate_bps u16 | volume_rebate_bps[4] u16
           | node_share_bps u16 | validator_share_bps u16 | effective_at u64
           | missing_rebate_bps u16
"""

from contracts.interfaces import ISessionPaymentTable

_U16: constant(uint256) = 2**16 - 1
_U64: constant(uint256) = 2**64 - 1
_U96: constant(uint256) = 2**96 - 1


@internal
@pure
def _pack(card: ISessionPaymentTable.RateCard, effective_at: uint256) -> uint256[5]:
    """
    @dev Packs a card and the time it takes effect.
    @param card The card.
    @param effective_at Unix seconds, below 2**64.
    @return uint256[5] The words.
    """
    words: uint256[5] = empty(uint256[5])
    for i: uint256 in range(4):
        words[0] |= convert(card.input_unit_wei[i], uint256) << (64 * i)
        words[1] |= convert(card.output_unit_wei[i], uint256) << (64 * i)
        words[2] |= convert(card.sla_bps[i], uint256) << (160 + 16 * i)
        words[4] |= convert(card.volume_rebate_bps[i], uint256) << (32 + 16 * i)
    words[2] |= convert(card.task_wei, uint256)
    words[2] |= convert(card.validator_unit_wei, uint256) << 96
    words[2] |= convert(card.execution_depth_bps, uint256) << 224
    words[2] |= convert(card.tool_depth_bps, uint256) << 240
    for i: uint256 in range(8):
        words[3] |= convert(card.consensus_bps[i], uint256) << (16 * i)
    for i: uint256 in range(3):
        words[3] |= convert(card.redundancy_bps[i], uint256) << (128 + 16 * i)
        words[3] |= convert(card.disagreement_bps[i], uint256) << (176 + 16 * i)
    words[3] |= convert(card.threshold_bps, uint256) << 224
    words[3] |= convert(card.validator_depth_bps, uint256) << 240
    words[4] |= convert(card.failed_rebate_bps, uint256)
    words[4] |= convert(card.late_rebate_bps, uint256) << 16
    words[4] |= convert(card.node_share_bps, uint256) << 96
    words[4] |= convert(card.validator_share_bps, uint256) << 112
    words[4] |= effective_at << 128
    words[4] |= convert(card.missing_rebate_bps, uint256) << 192
    return words


@internal
@pure
def _unpack(words: uint256[5]) -> ISessionPaymentTable.RateCard:
    """
    @dev The inverse of `_pack`.
    @param words The words.
    @return RateCard The card.
    """
    card: ISessionPaymentTable.RateCard = empty(ISessionPaymentTable.RateCard)
    for i: uint256 in range(4):
        card.input_unit_wei[i] = convert(self._u64(words[0], 64 * i), uint64)
        card.output_unit_wei[i] = convert(self._u64(words[1], 64 * i), uint64)
        card.sla_bps[i] = convert(self._u16(words[2], 160 + 16 * i), uint16)
        card.volume_rebate_bps[i] = convert(self._u16(words[4], 32 + 16 * i), uint16)
    card.task_wei = convert(words[2] & _U96, uint96)
    card.validator_unit_wei = convert(self._u64(words[2], 96), uint64)
    card.execution_depth_bps = convert(self._u16(words[2], 224), uint16)
    card.tool_depth_bps = convert(self._u16(words[2], 240), uint16)
    for i: uint256 in range(8):
        card.consensus_bps[i] = convert(self._u16(words[3], 16 * i), uint16)
    for i: uint256 in range(3):
        card.redundancy_bps[i] = convert(self._u16(words[3], 128 + 16 * i), uint16)
        card.disagreement_bps[i] = convert(self._u16(words[3], 176 + 16 * i), uint16)
    card.threshold_bps = convert(self._u16(words[3], 224), uint16)
    card.validator_depth_bps = convert(self._u16(words[3], 240), uint16)
    card.failed_rebate_bps = convert(self._u16(words[4], 0), uint16)
    card.late_rebate_bps = convert(self._u16(words[4], 16), uint16)
    card.missing_rebate_bps = convert(self._u16(words[4], 192), uint16)
    card.node_share_bps = convert(self._u16(words[4], 96), uint16)
    card.validator_share_bps = convert(self._u16(words[4], 112), uint16)
    return card


@internal
@pure
def _u16(word: uint256, offset: uint256) -> uint256:
    """
    @dev Reads 16 bits.
    @param word The word.
    @param offset Where they begin.
    @return uint256 The field.
    """
    return (word >> offset) & _U16


@internal
@pure
def _u64(word: uint256, offset: uint256) -> uint256:
    """
    @dev Reads 64 bits.
    @param word The word.
    @param offset Where they begin.
    @return uint256 The field.
    """
    return (word >> offset) & _U64
