# SPDX-License-Identifier: Apache-2.0
"""INV-W7, INV-W8: how epochs open, are posted and become final, in their order."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.events import assert_event, events
from tests.contracts.protocol import ZERO_WORD, word
from tests.contracts.reward_cards import CARD, CARD_DELAY_SECONDS
from tests.contracts.rewards import (
    DAY,
    FINAL,
    GRANT,
    INPUTS,
    NONE,
    OPEN,
    POSTED,
    URI,
    Rewarded,
    plain_works,
)
from tests.model.reward_tree_model import U128, Tree, words


@pytest.fixture
def tree(own):
    own.opened()
    return Tree(own.priced(plain_works(3)))


def test_the_epoch_of_the_deployment_counts_as_done(own):
    made = own.deploy_reward()
    assert made.flight() == (own.running, NONE, 0, 0, ZERO_WORD, 0, 0)
    assert made.epoch(own.running) == (NONE, 0, 0, 0, ZERO_WORD)


def test_opening_draws_the_budget_and_pins_the_card(own):
    epoch = own.end_epoch()
    assert own.reward.open(epoch, sender=own.stranger) == GRANT
    assert_event(own.reward, "EpochOpened", epoch=epoch, version=1, budget=GRANT)
    assert own.reward.epoch(epoch) == (OPEN, 1, GRANT, 0, ZERO_WORD)
    assert own.reward.flight() == (epoch, OPEN, 1, GRANT, ZERO_WORD, 0, 0)
    assert own.cor.balanceOf(own.fund) == 0
    assert own.reward.epoch_bounds(epoch) == (epoch * 7 * DAY, (epoch + 1) * 7 * DAY)


def test_a_budget_is_at_most_the_cards(own):
    own.grant(CARD.budget_cap_wei)
    own.opened()
    assert own.reward.flight().budget == CARD.budget_cap_wei
    assert own.cor.balanceOf(own.fund) == GRANT


def test_the_card_is_that_of_the_epochs_first_second(own):
    epoch = own.running
    card = CARD.abi_tuple()
    own.table.publish_card(card, sender=own.owner)
    own.wait(CARD_DELAY_SECONDS)
    assert own.table.card_version_at(boa.env.timestamp) == 2
    own.end_epoch()
    own.reward.open(epoch)
    assert own.reward.flight().version == 1
    assert own.table.latest_card_version() == 2
    assert own.table.card_effective_at(2) == epoch * 7 * DAY + CARD_DELAY_SECONDS
    assert own.table.card(1) == own.table.card(2)


def test_an_unfunded_epoch_is_open_like_any_other():
    poor = Rewarded(grant=0)
    poor.end_epoch()
    epoch = poor.opened()
    assert poor.reward.epoch(epoch) == (OPEN, 1, 0, 0, ZERO_WORD)
    tree = Tree(poor.priced(plain_works(2)))
    assert tree.top.sums & U128 == 0
    assert tree.top.sums >> 128 != 0
    assert poor.reward.epoch(poor.finalise(poor.post(tree))).state == FINAL


def test_epochs_that_cannot_be_opened(own):
    epoch = own.running
    with boa.reverts("reward: epoch is not over"):
        own.reward.open(epoch)
    with boa.reverts("reward: not a later epoch"):
        own.reward.open(epoch - 1)
    own.end_epoch()
    boa.env.timestamp -= 1
    with boa.reverts("reward: epoch is not over"):
        own.reward.open(epoch)
    own.wait(1 + 6 * DAY + 1)
    with boa.reverts("reward: too late to post"):
        own.reward.open(epoch)


def test_no_epoch_is_passed_over_that_could_be_posted(own):
    epoch = own.end_epoch()
    assert own.end_epoch() == epoch + 1
    # The first is too late by now, so the second is due.
    own.reward.open(epoch + 1)
    assert own.reward.flight().epoch == epoch + 1


def test_an_earlier_epoch_comes_first():
    own = Rewarded(windows=Rewarded.__init__.__defaults__[1]._replace(post_seconds=20 * DAY))
    own.end_epoch()
    first = own.end_epoch()
    own.end_epoch()
    with boa.reverts("reward: an earlier one is due"):
        own.reward.open(first + 1)
    own.reward.open(first)
    with boa.reverts("reward: one is open"):
        own.reward.open(first + 1)
    own.post(Tree([]))
    with boa.reverts("reward: one is posted"):
        own.reward.open(first + 1)


def test_an_epoch_that_nobody_posted_lapses(own):
    epoch = own.opened()
    own.wait(6 * DAY + 1)
    with boa.reverts("reward: too late to post"):
        own.post(Tree([]))
    own.end_epoch()
    own.reward.open(epoch + 1)
    assert_event(own.reward, "EpochLapsed", epoch=epoch, returned=GRANT)
    assert own.reward.epoch(epoch).state == NONE
    assert own.reward.flight().budget == GRANT


def test_what_is_posted(own, tree):
    epoch = own.reward.flight().epoch
    header = own.post(tree)
    until = boa.env.timestamp + 2 * DAY
    assert_event(
        own.reward,
        "RootPosted",
        epoch=epoch,
        proposer=own.proposer,
        root=tree.top.hashed,
        sums=tree.top.sums,
        count=3,
        inputs_hash=INPUTS,
        challengeable_until=until,
        uri=URI,
    )
    numbers = [int.from_bytes(part, "big") for part in (header.root, header.inputs_hash)]
    hashed = words(numbers[0], header.sums, header.count, numbers[1], int(header.proposer, 16))
    assert own.reward.hash_header(header) == hashed
    assert own.reward.flight() == (epoch, POSTED, 1, GRANT, hashed, until, 0)
    assert own.reward.epoch(epoch).state == POSTED
    assert own.reward.root(epoch) == ZERO_WORD


def test_what_cannot_be_posted(own, tree):
    epoch = own.reward.flight().epoch
    with boa.reverts("reward: not in flight"):
        own.reward.post(epoch + 1, *[word(0), 0, 0, word(0)], "", sender=own.proposer)
    with boa.reverts("reward: no bond"):
        own.post(tree, own.stranger)
    with boa.reverts("reward: too many leaves"):
        own.post(tree, count=2**24 + 1)
    own.post(tree, count=2**24)
    with boa.reverts("reward: not open"):
        own.post(tree)


def test_a_root_is_final_after_its_window(own, tree):
    header = own.post(tree)
    flight = own.reward.flight()
    boa.env.timestamp = flight.challengeable_until
    with boa.reverts("reward: still challengeable"):
        own.reward.finalise(flight.epoch, header)
    own.wait(1)
    with boa.reverts("epoch: not in flight"):
        own.reward.finalise(flight.epoch + 1, header)
    with boa.reverts("epoch: other header"):
        own.reward.finalise(flight.epoch, header._replace(count=2))
    assert own.reward.last_final_epoch() == 0
    own.reward.finalise(flight.epoch, header)
    returned = GRANT - (tree.top.sums & U128)
    assert returned > 0
    assert_event(
        own.reward,
        "EpochFinalised",
        epoch=flight.epoch,
        proposer=own.proposer,
        root=tree.seal,
        sums=tree.top.sums,
        count=3,
        returned=returned,
    )
    assert own.cor.balanceOf(own.fund) == returned
    final = (FINAL, 1, GRANT, boa.env.timestamp, tree.seal)
    assert own.reward.epoch(flight.epoch) == final
    assert own.reward.last_final_epoch() == flight.epoch
    assert own.reward.root(flight.epoch) == tree.seal
    with boa.reverts("epoch: not posted"):
        own.reward.finalise(flight.epoch, header)
    with boa.reverts("posted: other header"):
        own.dispute.challenge_budget(flight.epoch, header)


def test_what_is_over_the_budget_is_never_final(own, tree):
    """INV-W1: nobody need have looked within the window."""
    header = own.post(tree, sums=tree.top.sums | (2 * GRANT))
    flight = own.reward.flight()
    boa.env.timestamp = flight.challengeable_until + 30 * DAY
    with boa.reverts("reward: over the budget"):
        own.reward.finalise(flight.epoch, header)
    own.dispute.challenge_budget(flight.epoch, header, sender=own.challenger)
    assert own.reward.flight().state == OPEN
    own.end_epoch()
    own.reward.open(own.running - 1)
    assert own.reward.flight().budget == GRANT


def test_no_other_proof_after_the_window(own, tree):
    header = own.post(tree)
    flight = own.reward.flight()
    place = tree.place(0)
    words_ = (*place.leaf.key, place.leaf.facts, place.leaf.tally, place.leaf.sums)
    call = (flight.epoch, header, *words_, 0, place.proof)
    boa.env.timestamp = flight.challengeable_until + 1
    with boa.reverts("reward: window is over"):
        own.dispute.challenge_unregistered(*call)
    boa.env.timestamp -= 1
    own.dispute.challenge_unregistered(*call)


def test_only_the_dispute_overthrows(own, tree):
    header = own.post(tree)
    with boa.reverts("reward: caller is not dispute"):
        own.reward.overthrow(own.reward.flight().epoch, header, own.stranger, "x", sender=own.owner)
    assert own.reward.dispute() == own.dispute.address


def test_what_overthrowing_says(own, tree):
    header = own.post(tree, sums=tree.top.sums | (2 * GRANT))
    epoch = own.reward.flight().epoch
    slashed = own.reward.BOND_WEI()
    own.reward.overthrow(epoch, header, own.challenger, "budget", sender=own.dispute.address)
    assert_event(
        own.reward,
        "RootOverthrown",
        epoch=epoch,
        proposer=own.proposer,
        challenger=own.challenger,
        kind="budget",
        slashed=slashed,
    )
    assert_event(
        own.reward,
        "BondSlashed",
        proposer=own.proposer,
        to=own.challenger,
        taken=slashed,
        burnt=slashed - slashed // 2,
    )
    assert events(own.reward, "EpochFinalised") == []
    # All that was there before the root was posted.
    assert own.reward.flight() == (epoch, OPEN, 1, GRANT, ZERO_WORD, 0, 0)
    own.post(tree, own.other_proposer)
    own.reward.announce_veto(epoch, "", sender=own.guardian)
