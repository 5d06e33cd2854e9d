# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
"""
@title A receipt's outcome as an ERC-8004 response
@custom:contract-name verdict
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice 51 to 100 for outcomes in the agent's favour, 0 to 49 for those against
        it, 50 for those that decide nothing. Away from 50 it is the confidence
        in percent, rounded towards 50: it never says more than the receipt.
        The mirror: src/cortensor/receipts/validation_score.py.
"""

UNDECIDED: constant(uint8) = 50

# @dev Outcomes by their code in the receipt (OUTCOMES in receipts/typed.py), a bit each.
_LAST_OUTCOME: constant(uint256) = 11
_FAVOURABLE: constant(uint256) = 1 << 1 | 1 << 2 | 1 << 7 | 1 << 9  # OK VALID TRUE SELLER_VALID
_ADVERSE: constant(uint256) = 1 << 3 | 1 << 8 | 1 << 10  # INVALID FALSE SELLER_INVALID

_BPS: constant(uint256) = 10_000
_BPS_OF_A_PERCENT: constant(uint256) = 100
_METHOD_BITS: constant(uint256) = 48
_U8: constant(uint256) = 2**8 - 1


@internal
@pure
def _score(outcome: uint8, confidence_bps: uint16) -> uint8:
    """
    @dev The response.
    @param outcome The outcome's code.
    @param confidence_bps The confidence in it.
    @return uint8 0 to 100.
    """
    code: uint256 = convert(outcome, uint256)
    assert code <= _LAST_OUTCOME, "verdict: unknown outcome"
    confidence: uint256 = convert(confidence_bps, uint256)
    assert confidence <= _BPS, "verdict: confidence over 100%"
    # Rounds down, which is towards 50 on both sides.
    percent: uint256 = max(confidence // _BPS_OF_A_PERCENT, 51)
    bit: uint256 = 1 << code
    if bit & _FAVOURABLE != 0:
        return convert(percent, uint8)
    if bit & _ADVERSE != 0:
        return convert(100 - percent, uint8)
    return UNDECIDED


@internal
@pure
def _strategy(terms: uint256) -> String[15]:
    """
    @dev The name of the consensus method in a job's terms (lib/job_words.vy).
    @param terms The packed terms.
    @return String[15] The name; `other` for a method without one.
    """
    method: uint256 = (terms >> _METHOD_BITS) & _U8
    if method == 0:
        return "majority"
    if method == 1:
        return "weighted"
    if method == 2:
        return "median"
    if method == 3:
        return "median_of_means"
    if method == 4:
        return "trimmed_mean"
    if method == 5:
        return "ensemble_model"
    return "other"
