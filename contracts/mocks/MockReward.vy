# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy off
"""
@title NodeReward as RewardFund and NodeReputation see it
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice Roots of epochs that anyone writes, and draws that anyone asks for. For
        tests.
@custom:kill A test double; nothing to switch off.
"""

from contracts.interfaces import IRewardFund

FUND: public(immutable(address))
REPUTATION: public(immutable(address))
EPOCH_SECONDS: public(immutable(uint256))

# @dev epoch -> the seal of its tree; 0 unless it is final.
root: public(HashMap[uint256, bytes32])


@deploy
def __init__(fund: address, reputation: address, epoch_seconds: uint256):
    """
    @notice Deploys the double.
    @param fund RewardFund.
    @param reputation NodeReputation.
    @param epoch_seconds How long its epochs are.
    """
    FUND = fund
    REPUTATION = reputation
    EPOCH_SECONDS = epoch_seconds


@external
def set_root(epoch: uint256, seal: bytes32):
    """
    @notice Makes an epoch final.
    @param epoch The epoch.
    @param seal The seal of its tree.
    """
    self.root[epoch] = seal


@external
def draw(most: uint256) -> uint256:
    """
    @notice Draws.
    @param most Passed on.
    @return uint256 As returned.
    """
    return extcall IRewardFund(FUND).draw(most)
