# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
"""
@title Packed words of a priced job
@custom:contract-name job_words
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice Reads the two words that a bill is computed from. Least significant
        bits first; bits that no field owns must be zero, so that one job has
        one encoding.

        terms:  sla_tier u8 | model_class u8 | execution_depth u8 | tool_depth u8
                | validator_depth u8 | replicas u8 | consensus_method u8
                | disagreement_policy u8 | agreement_threshold_bps u16
                | volume_tier u8 | surcharge_cap_bps u16 | route_hint u32
        usage:  input_units u48 | output_units u48 | validator_units u48
                | failed_replicas u8 | late_replicas u8 | missing_replicas u8
"""


struct Terms:
    sla_tier: uint256
    model_class: uint256
    execution_depth: uint256
    tool_depth: uint256
    validator_depth: uint256
    replicas: uint256
    consensus_method: uint256
    disagreement_policy: uint256
    agreement_threshold_bps: uint256
    volume_tier: uint256
    surcharge_cap_bps: uint256


struct Usage:
    input_units: uint256
    output_units: uint256
    validator_units: uint256
    failed_replicas: uint256
    late_replicas: uint256
    missing_replicas: uint256


_U8: constant(uint256) = 2**8 - 1
_U16: constant(uint256) = 2**16 - 1
_U48: constant(uint256) = 2**48 - 1
_TERMS_BITS: constant(uint256) = 136
_USAGE_BITS: constant(uint256) = 168


@internal
@pure
def _terms(word: uint256) -> Terms:
    """
    @dev Unpacks and checks the terms of a job.
    @param word The packed terms.
    @return Terms The fields, each within the range that a card prices.
    """
    assert word >> _TERMS_BITS == 0, "job: stray terms bits"
    terms: Terms = Terms(
        sla_tier=word & _U8,
        model_class=(word >> 8) & _U8,
        execution_depth=(word >> 16) & _U8,
        tool_depth=(word >> 24) & _U8,
        validator_depth=(word >> 32) & _U8,
        replicas=(word >> 40) & _U8,
        consensus_method=(word >> 48) & _U8,
        disagreement_policy=(word >> 56) & _U8,
        agreement_threshold_bps=(word >> 64) & _U16,
        volume_tier=(word >> 80) & _U8,
        surcharge_cap_bps=(word >> 88) & _U16,
    )
    assert terms.sla_tier < 4, "job: unknown sla tier"
    assert terms.model_class < 4, "job: unknown model class"
    assert terms.replicas in [1, 3, 5], "job: replicas not 1, 3 or 5"
    assert terms.consensus_method < 8, "job: unknown consensus method"
    assert terms.disagreement_policy < 3, "job: unknown policy"
    assert terms.agreement_threshold_bps <= 10_000, "job: threshold over 100%"
    assert terms.volume_tier < 4, "job: unknown volume tier"
    return terms


@internal
@pure
def _usage(word: uint256, replicas: uint256) -> Usage:
    """
    @dev Unpacks and checks the usage of a job.
    @param word The packed usage.
    @param replicas How many replicas the job was priced for.
    @return Usage The fields.
    """
    assert word >> _USAGE_BITS == 0, "job: stray usage bits"
    usage: Usage = Usage(
        input_units=word & _U48,
        output_units=(word >> 48) & _U48,
        validator_units=(word >> 96) & _U48,
        failed_replicas=(word >> 144) & _U8,
        late_replicas=(word >> 152) & _U8,
        missing_replicas=word >> 160,
    )
    faults: uint256 = usage.failed_replicas + usage.late_replicas + usage.missing_replicas
    assert faults <= replicas, "job: faults over replicas"
    return usage
