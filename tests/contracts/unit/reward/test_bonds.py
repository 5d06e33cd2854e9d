# SPDX-License-Identifier: Apache-2.0
"""INV-W9, INV-W10: bonds go in, come back, and stay as long as a root can be challenged."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.events import assert_event, events
from tests.contracts.protocol import START, U96
from tests.contracts.rewards import BOND_WEI, BURN_ADDRESS, DAY, GRANT, Rewarded
from tests.contracts.slots import mapped, slot_of, write
from tests.model.reward_tree_model import Tree


def test_deposit_and_back(own):
    own.reward.deposit_bond(5, sender=own.proposer)
    assert_event(own.reward, "BondDeposited", proposer=own.proposer, amount=5)
    assert own.reward.bond(own.proposer) == (BOND_WEI + 5, 0)
    at = boa.env.timestamp + own.reward.COOLDOWN_SECONDS()
    own.reward.request_bond(sender=own.proposer)
    assert_event(own.reward, "BondRequested", proposer=own.proposer, withdrawable_at=at)
    assert own.reward.bond(own.proposer) == (BOND_WEI + 5, at)
    assert not own.reward.can_post(own.proposer)
    with boa.reverts("bond: already requested"):
        own.reward.request_bond(sender=own.proposer)
    boa.env.timestamp = at - 1
    with boa.reverts("bond: cooling down"):
        own.reward.withdraw_bond(sender=own.proposer)
    own.wait(1)
    before = own.cor.balanceOf(own.proposer)
    assert own.reward.withdraw_bond(sender=own.proposer) == BOND_WEI + 5
    assert_event(own.reward, "BondWithdrawn", proposer=own.proposer, amount=BOND_WEI + 5)
    assert own.cor.balanceOf(own.proposer) == before + BOND_WEI + 5
    with boa.reverts("bond: not requested"):
        own.reward.withdraw_bond(sender=own.proposer)
    with boa.reverts("bond: none"):
        own.reward.request_bond(sender=own.proposer)


def test_depositing_again_keeps_it(own):
    own.reward.request_bond(sender=own.proposer)
    own.reward.deposit_bond(1, sender=own.proposer)
    assert own.reward.can_post(own.proposer)
    own.wait(60 * DAY)
    with boa.reverts("bond: not requested"):
        own.reward.withdraw_bond(sender=own.proposer)


def test_amounts_that_are_none(own):
    with boa.reverts("bond: zero amount"):
        own.reward.deposit_bond(0, sender=own.proposer)


def test_what_fits_into_a_bonds_words(own):
    slot = mapped(slot_of(own.reward, "reward_bonds", "_bonds"), own.proposer)
    write(own.reward, slot, U96 - 5)
    with boa.reverts("bond: exceeds words"):
        own.reward.deposit_bond(6, sender=own.proposer)
    own.reward.deposit_bond(5, sender=own.proposer)
    assert own.reward.bond(own.proposer) == (U96, 0)
    write(own.reward, slot, 7 | START << 96)
    assert own.reward.bond(own.proposer) == (7, START)


def test_who_has_less_than_a_bond_posts_nothing(own):
    own.give(own.stranger, BOND_WEI)
    own.reward.deposit_bond(BOND_WEI - 1, sender=own.stranger)
    assert not own.reward.can_post(own.stranger)
    own.opened()
    with boa.reverts("reward: no bond"):
        own.post(Tree([]), own.stranger)


def test_a_bond_that_leaves_is_slashed_too(own):
    own.opened()
    header = own.post(Tree([]), sums=2 * GRANT)
    own.reward.deposit_bond(9, sender=own.proposer)
    own.reward.request_bond(sender=own.proposer)
    epoch = own.reward.flight().epoch
    own.dispute.challenge_budget(epoch, header, sender=own.challenger)
    amount, withdrawable_at = own.reward.bond(own.proposer)
    assert (amount, withdrawable_at != 0) == (9, True)
    assert own.cor.balanceOf(own.challenger) == BOND_WEI // 2


def test_nothing_left_of_a_bond_is_nothing_to_wait_for(own):
    own.opened()
    header = own.post(Tree([]), sums=2 * GRANT)
    own.reward.request_bond(sender=own.proposer)
    own.dispute.challenge_budget(own.reward.flight().epoch, header, sender=own.challenger)
    assert own.reward.bond(own.proposer) == (0, 0)


@pytest.mark.parametrize("bond", [1, 2, 3])
def test_half_is_burnt_and_the_odd_wei_too(bond):
    """No transfer of nothing: a token may refuse that, and the root would stand."""
    small = Rewarded(bond=bond)
    small.end_epoch()
    small.opened()
    header = small.post(Tree([]), sums=2 * GRANT)
    small.dispute.challenge_budget(small.reward.flight().epoch, header, sender=small.challenger)
    reward = bond // 2
    expected = [(BURN_ADDRESS, bond - reward), (small.challenger, reward)][: 2 if reward else 1]
    sent = events(small.dispute, "Transfer")
    assert [(event["receiver"], event["value"]) for event in sent] == expected


def test_no_root_that_can_be_challenged_outlasts_its_bond(own):
    """INV-W10: posted and asked back at once, with a veto in the last second of the window."""
    own.opened()
    header = own.post(Tree([]), sums=GRANT)
    own.reward.request_bond(sender=own.proposer)
    flight = own.reward.flight()
    boa.env.timestamp = flight.challengeable_until
    own.reward.announce_veto(flight.epoch, "", sender=own.guardian)
    boa.env.timestamp = own.reward.flight().challengeable_until
    with boa.reverts("bond: cooling down"):
        own.reward.withdraw_bond(sender=own.proposer)
    assert own.reward.bond(own.proposer)[0] == BOND_WEI
    assert header.proposer == own.proposer


def test_a_bond_that_was_taken_back_is_not_slashed(own):
    """Only more than the budget can be proven so late, and that is never final anyway."""
    own.opened()
    header = own.post(Tree([]), sums=2 * GRANT)
    own.reward.request_bond(sender=own.proposer)
    own.wait(own.reward.COOLDOWN_SECONDS())
    own.reward.withdraw_bond(sender=own.proposer)
    own.dispute.challenge_budget(own.reward.flight().epoch, header, sender=own.challenger)
    assert events(own.dispute, "Transfer") == []
    assert own.reward.bond(own.other_proposer)[0] == BOND_WEI
