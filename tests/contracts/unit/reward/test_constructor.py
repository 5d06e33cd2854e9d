# SPDX-License-Identifier: Apache-2.0
"""What rewards are not deployed with, and how the parts are bound to each other."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.events import assert_event
from tests.contracts.protocol import U96, ZERO_ADDRESS, deployer_of
from tests.contracts.reward_cards import CARD
from tests.contracts.rewards import BOND_WEI, DAY, WINDOWS


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"owner": ZERO_ADDRESS}, "reward: zero owner"),
        ({"fund": ZERO_ADDRESS}, "reward: fund has no code"),
        ({"reputation": ZERO_ADDRESS}, "reward: reputation has no code"),
        ({"table": ZERO_ADDRESS}, "reward: table has no code"),
        ({"treasury": ZERO_ADDRESS}, "payout: zero treasury"),
        ({"bond_wei": 0}, "bond: zero bond"),
        ({"bond_wei": U96 + 1}, "bond: exceeds uint96"),
    ],
)
def test_arguments_that_are_refused(own, changes, reason):
    with boa.reverts(reason):
        own.deploy_reward(**changes)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"forced_inclusion_seconds": 0}, "reward: zero inclusion delay"),
        ({"forced_inclusion_seconds": DAY // 2 + 1}, "reward: window too short"),
        ({"window_seconds": 1_799}, "reward: window too short"),
        ({"veto_seconds": 1_799}, "reward: window too short"),
        ({"veto_delay_seconds": 0}, "reward: zero veto delay"),
        ({"expiry_seconds": 90 * DAY - 1}, "reward: expiry too soon"),
        ({"epoch_seconds": 4 * DAY}, "reward: epoch too short"),
        ({"post_seconds": 4 * DAY}, "reward: too short for posting"),
        ({"cooldown_seconds": 4 * DAY}, "reward: cooldown too short"),
    ],
)
def test_windows_that_are_refused(own, changes, reason):
    with boa.reverts(reason):
        own.deploy_reward(WINDOWS._replace(**changes))


def test_the_shortest_windows(own):
    shortest = WINDOWS._replace(
        epoch_seconds=3_601 + 1,
        post_seconds=3_602,
        window_seconds=1_800,
        veto_delay_seconds=1,
        veto_seconds=1_800,
        expiry_seconds=90 * DAY,
        cooldown_seconds=3_602,
    )
    made = own.deploy_reward(shortest)
    assert made.EPOCH_SECONDS() == 3_602
    assert made.POST_SECONDS() == 3_602
    assert made.WINDOW_SECONDS() == 1_800
    assert made.VETO_DELAY_SECONDS() == 1
    assert made.VETO_SECONDS() == 1_800
    assert made.EXPIRY_SECONDS() == 90 * DAY
    assert made.COOLDOWN_SECONDS() == 3_602
    assert made.FORCED_INCLUSION_SECONDS() == 900


def test_what_is_fixed(own):
    reward = own.reward
    assert (reward.FUND(), reward.TABLE()) == (own.fund.address, own.table.address)
    assert reward.REPUTATION() == own.reputation.address
    assert reward.TOKEN() == own.cor.address
    assert reward.BOND_WEI() == BOND_WEI
    assert reward.guardian() == own.guardian
    assert own.dispute.REWARD() == reward.address
    assert own.deploy_reward(bond_wei=U96).BOND_WEI() == U96


def test_an_epoch_of_no_length_is_refused():
    boa.interpret.set_search_paths(["."])
    source = """
from contracts.modules import cor
from contracts.modules import reward_bonds
from contracts.modules import reward_credits
from contracts.modules import reward_epochs
initializes: cor
initializes: reward_credits[cor := cor]
initializes: reward_bonds[cor := cor, reward_credits := reward_credits]
initializes: reward_epochs[reward_bonds := reward_bonds]
@deploy
def __init__(token: address):
    cor.__init__(token, 2**96 - 1)
    reward_bonds.__init__(1, 1)
    reward_epochs.__init__(0, 1)
"""
    token = deployer_of("mocks/MockCOR").deploy(1)
    with boa.reverts("epoch: zero length"):
        boa.loads(source, token)


def test_the_dispute_is_named_once(own):
    made = own.deploy_reward()
    epoch = own.end_epoch()
    with boa.reverts("reward: not bound"):
        made.open(epoch)
    with boa.reverts("ownable: caller is not the owner"):
        made.bind(own.dispute, sender=own.stranger)
    with boa.reverts("reward: dispute has no code"):
        made.bind(own.stranger, sender=own.owner)
    with boa.reverts("reward: dispute of another"):
        made.bind(own.dispute, sender=own.owner)
    dispute = deployer_of("RewardDispute").deploy(made)
    made.bind(dispute, sender=own.owner)
    assert_event(made, "Bound", dispute=dispute.address)
    with boa.reverts("reward: already bound"):
        made.bind(dispute, sender=own.owner)


def test_a_dispute_needs_rewards(own):
    with boa.reverts("posted: reward has no code"):
        deployer_of("RewardDispute").deploy(own.stranger)


def test_a_fund_that_pays_more_than_it_was_asked(own):
    source = """
TOKEN: public(immutable(address))
@deploy
def __init__(token: address):
    TOKEN = token
@external
def draw(most: uint256) -> uint256:
    return most + 1
"""
    made = own.deploy_reward(fund=boa.loads(source, own.cor))
    made.bind(deployer_of("RewardDispute").deploy(made), sender=own.owner)
    own.end_epoch()
    with boa.reverts("reward: fund drew too much"):
        made.open(own.end_epoch())


def test_a_table_needs_an_owner(own):
    with boa.reverts("rtable: zero owner"):
        deployer_of("RewardTable").deploy(ZERO_ADDRESS, DAY, CARD.abi_tuple())


def test_ownership_moves_in_two_steps(own):
    for contract in (own.reward, own.table):
        assert contract.owner() == own.owner
        contract.transfer_ownership(own.stranger, sender=own.owner)
        assert_event(
            contract,
            "OwnershipTransferStarted",
            previous_owner=own.owner,
            new_owner=own.stranger,
        )
        assert contract.pending_owner() == own.stranger
        contract.accept_ownership(sender=own.stranger)
        assert_event(
            contract, "OwnershipTransferred", previous_owner=own.owner, new_owner=own.stranger
        )


def test_what_a_card_makes_of_a_leaf(own):
    """The whole formula is tested with its module; here, that the table has it."""
    card = own.table.card(1)
    assert card.budget_cap_wei == CARD.budget_cap_wei
    assert own.table.CARD_DELAY_SECONDS() == DAY
    assert own.table.evaluate(1, 0, 0, 10**18, 5) == (True, 0, 0, 0)
    assert own.table.evaluate(1, 11, 0, 10**18, 5) == (False, 0, 0, 0)
    own.table.publish_card(CARD.abi_tuple(), sender=own.owner)
    event = "RewardCardPublished"
    effective_at = boa.env.timestamp + DAY
    assert_event(own.table, event, version=2, effective_at=effective_at, card=card)
