# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
"""
@title Rules that every rate card keeps
@custom:contract-name card_rules
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice What makes a card priceable (`_check`), how far one card may move
        from the last (`_check_step`), so nobody wakes up to another market,
        and what makes a card cheaper for every job (`_check_lower`).
"""

from contracts.interfaces import ISessionPaymentTable


# @dev A wei price moves by at most a quarter, or by 1 wei where that is more.
_PRICE_STEP_BPS: constant(uint256) = 2_500

# @dev A rate moves by at most ten percentage points.
_RATE_STEP_BPS: constant(uint256) = 1_000


@internal
@pure
def _check(card: ISessionPaymentTable.RateCard):
    """
    @dev Reverts if a card breaks a property that `quote` promises.
    @param card The card.
    """
    assert card.redundancy_bps[0] <= card.redundancy_bps[1], "card: redundancy must not fall"
    assert card.redundancy_bps[1] <= card.redundancy_bps[2], "card: redundancy must not fall"
    assert card.late_rebate_bps <= card.failed_rebate_bps, "card: late rebate over failed"
    assert card.failed_rebate_bps <= card.missing_rebate_bps, "card: failed rebate over missing"
    assert card.missing_rebate_bps <= 10_000, "card: rebate over 100%"
    for bps: uint16 in card.volume_rebate_bps:
        assert bps <= 10_000, "card: rebate over 100%"
    shares: uint256 = convert(card.node_share_bps, uint256) + convert(
        card.validator_share_bps, uint256
    )
    assert shares <= 10_000, "card: shares over 100%"


@internal
@pure
def _check_step(old: ISessionPaymentTable.RateCard, new: ISessionPaymentTable.RateCard):
    """
    @dev Reverts if any price moves further than one step.
    @param old The last card.
    @param new The next card.
    """
    self._price_step(convert(old.task_wei, uint256), convert(new.task_wei, uint256))
    self._price_step(
        convert(old.validator_unit_wei, uint256), convert(new.validator_unit_wei, uint256)
    )
    for i: uint256 in range(4):
        self._price_step(
            convert(old.input_unit_wei[i], uint256), convert(new.input_unit_wei[i], uint256)
        )
        self._price_step(
            convert(old.output_unit_wei[i], uint256), convert(new.output_unit_wei[i], uint256)
        )
        self._rate_step(old.sla_bps[i], new.sla_bps[i])
        self._rate_step(old.volume_rebate_bps[i], new.volume_rebate_bps[i])
    for i: uint256 in range(8):
        self._rate_step(old.consensus_bps[i], new.consensus_bps[i])
    for i: uint256 in range(3):
        self._rate_step(old.redundancy_bps[i], new.redundancy_bps[i])
        self._rate_step(old.disagreement_bps[i], new.disagreement_bps[i])
    self._rate_step(old.execution_depth_bps, new.execution_depth_bps)
    self._rate_step(old.tool_depth_bps, new.tool_depth_bps)
    self._rate_step(old.validator_depth_bps, new.validator_depth_bps)
    self._rate_step(old.threshold_bps, new.threshold_bps)
    self._rate_step(old.failed_rebate_bps, new.failed_rebate_bps)
    self._rate_step(old.late_rebate_bps, new.late_rebate_bps)
    self._rate_step(old.missing_rebate_bps, new.missing_rebate_bps)
    self._rate_step(old.node_share_bps, new.node_share_bps)
    self._rate_step(old.validator_share_bps, new.validator_share_bps)


@internal
@pure
def _check_lower(old: ISessionPaymentTable.RateCard, new: ISessionPaymentTable.RateCard):
    """
    @dev Reverts unless every price and rate is at most the old one and every
         rebate at least: then no job costs more, since a quote never falls in
         the former and never rises in the latter.
    @param old A card.
    @param new The card that must not be dearer.
    """
    self._no_rise(convert(old.task_wei, uint256), convert(new.task_wei, uint256))
    self._no_rise(
        convert(old.validator_unit_wei, uint256), convert(new.validator_unit_wei, uint256)
    )
    for i: uint256 in range(4):
        self._no_rise(
            convert(old.input_unit_wei[i], uint256), convert(new.input_unit_wei[i], uint256)
        )
        self._no_rise(
            convert(old.output_unit_wei[i], uint256), convert(new.output_unit_wei[i], uint256)
        )
        self._no_rise(convert(old.sla_bps[i], uint256), convert(new.sla_bps[i], uint256))
        self._no_fall(old.volume_rebate_bps[i], new.volume_rebate_bps[i])
    for i: uint256 in range(8):
        self._no_rise(
            convert(old.consensus_bps[i], uint256), convert(new.consensus_bps[i], uint256)
        )
    for i: uint256 in range(3):
        self._no_rise(
            convert(old.redundancy_bps[i], uint256), convert(new.redundancy_bps[i], uint256)
        )
        self._no_rise(
            convert(old.disagreement_bps[i], uint256), convert(new.disagreement_bps[i], uint256)
        )
    self._no_rise(
        convert(old.execution_depth_bps, uint256), convert(new.execution_depth_bps, uint256)
    )
    self._no_rise(convert(old.tool_depth_bps, uint256), convert(new.tool_depth_bps, uint256))
    self._no_rise(
        convert(old.validator_depth_bps, uint256), convert(new.validator_depth_bps, uint256)
    )
    self._no_rise(convert(old.threshold_bps, uint256), convert(new.threshold_bps, uint256))
    self._no_fall(old.failed_rebate_bps, new.failed_rebate_bps)
    self._no_fall(old.late_rebate_bps, new.late_rebate_bps)
    self._no_fall(old.missing_rebate_bps, new.missing_rebate_bps)


@internal
@pure
def _check_same_shares(old: ISessionPaymentTable.RateCard, new: ISessionPaymentTable.RateCard):
    """
    @dev Reverts if a settled charge would be split in another way.
    @param old The card in effect.
    @param new The next card.
    """
    assert new.node_share_bps == old.node_share_bps, "card: shares must not change"
    assert new.validator_share_bps == old.validator_share_bps, "card: shares must not change"


@internal
@pure
def _no_rise(old: uint256, new: uint256):
    """
    @dev Reverts if a price or rate rises.
    @param old The price or rate.
    @param new The next one.
    """
    assert new <= old, "card: price must not rise"


@internal
@pure
def _no_fall(old: uint16, new: uint16):
    """
    @dev Reverts if a rebate falls.
    @param old The rebate in bps.
    @param new The next rebate in bps.
    """
    assert new >= old, "card: rebate must not fall"


@internal
@pure
def _price_step(old: uint256, new: uint256):
    """
    @dev Reverts if a wei price moves too far.
    @param old The last price.
    @param new The next price.
    """
    # Rounded down: a step is never larger than a quarter, but 1 wei at least,
    # so that a price of a few wei can still move.
    step: uint256 = max(old * _PRICE_STEP_BPS // 10_000, 1)
    assert self._distance(old, new) <= step, "card: price step too large"


@internal
@pure
def _rate_step(old: uint16, new: uint16):
    """
    @dev Reverts if a rate moves too far.
    @param old The last rate in bps.
    @param new The next rate in bps.
    """
    distance: uint256 = self._distance(convert(old, uint256), convert(new, uint256))
    assert distance <= _RATE_STEP_BPS, "card: rate step too large"


@internal
@pure
def _distance(a: uint256, b: uint256) -> uint256:
    """
    @dev The absolute difference.
    @param a One number.
    @param b Another.
    @return uint256 Their distance.
    """
    if a > b:
        return a - b
    return b - a
