# SPDX-License-Identifier: Apache-2.0
"""INV-W11: what no proof shows, the guardian stops: announced, late and once a root."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.events import assert_event
from tests.contracts.rewards import (
    BOND_WEI,
    BURN_ADDRESS,
    DAY,
    GRANT,
    OPEN,
    Rewarded,
    plain_works,
)
from tests.contracts.unit.reward.test_pay import BURNS_GAS, REVERTS, SAYS_FALSE
from tests.model.reward_tree_model import Tree


@pytest.fixture
def header(own):
    own.opened()
    return own.post(Tree(own.priced(plain_works(2))))


@pytest.fixture
def epoch(own, header):
    return own.reward.flight().epoch


def test_a_veto_is_announced_waits_and_overthrows(own, epoch, header):
    own.wait(DAY)
    own.reward.announce_veto(epoch, "metrics differ", sender=own.guardian)
    executable_at = boa.env.timestamp + DAY
    assert_event(
        own.reward,
        "VetoAnnounced",
        epoch=epoch,
        executable_at=executable_at,
        lapses_at=executable_at + DAY,
        reason="metrics differ",
    )
    flight = own.reward.flight()
    assert (flight.veto_at, flight.challengeable_until) == (executable_at, executable_at + DAY)
    boa.env.timestamp = executable_at - 1
    with boa.reverts("reward: veto waits"):
        own.reward.execute_veto(epoch, header, sender=own.guardian)
    own.wait(1)
    with boa.reverts("reward: caller is not guardian"):
        own.reward.execute_veto(epoch, header, sender=own.owner)
    before = own.holdings(own.treasury, BURN_ADDRESS)
    own.reward.execute_veto(epoch, header, sender=own.guardian)
    assert_event(
        own.reward,
        "RootOverthrown",
        epoch=epoch,
        proposer=own.proposer,
        challenger=own.treasury,
        kind="veto",
        slashed=BOND_WEI,
    )
    after = own.holdings(own.treasury, BURN_ADDRESS)
    gained = [now - was for now, was in zip(after, before, strict=True)]
    assert gained == [BOND_WEI // 2, BOND_WEI - BOND_WEI // 2]
    assert own.reward.flight().state == OPEN
    own.finalise(own.post(Tree(own.priced(plain_works(2))), own.other_proposer))


@pytest.fixture(scope="module")
def blocked():
    made = Rewarded(token="mocks/MockBlockingToken")
    made.end_epoch()
    return made, boa.env.timestamp


@pytest.mark.parametrize("way", [REVERTS, SAYS_FALSE, BURNS_GAS])
@pytest.mark.parametrize("is_veto", [True, False])
def test_whom_the_token_refuses_stops_no_veto_and_no_proof(blocked, way, is_veto):
    """INV-W4, INV-W9: what the bond lost is credited, also where it cannot be burnt."""
    own, boa.env.timestamp = blocked
    own.opened()
    tree = Tree(own.priced(plain_works(2)))
    more = 0 if is_veto else GRANT + 1
    header, epoch = own.post(tree, sums=tree.top.sums | more), own.reward.flight().epoch
    payee = own.treasury if is_veto else own.challenger
    for refused in (payee, BURN_ADDRESS):
        own.cor.set_way(refused, way)
    held = own.cor.balanceOf(own.reward)
    if is_veto:
        own.reward.announce_veto(epoch, "", sender=own.guardian)
        own.wait(DAY)
        own.reward.execute_veto(epoch, header, sender=own.guardian)
    else:
        own.dispute.challenge_budget(epoch, header, sender=own.challenger)
    assert own.reward.flight().state == OPEN
    halves = BOND_WEI // 2, BOND_WEI - BOND_WEI // 2
    assert (own.reward.credit(payee), own.reward.credit(BURN_ADDRESS)) == halves
    assert own.cor.balanceOf(own.reward) == held
    other = boa.env.generate_address()
    assert own.reward.claim_credit(other, sender=payee) == own.cor.balanceOf(other) == halves[0]


def test_a_veto_lapses_and_does_not_come_again(own, epoch, header):
    own.reward.announce_veto(epoch, "", sender=own.guardian)
    with boa.reverts("reward: veto is used"):
        own.reward.announce_veto(epoch, "", sender=own.guardian)
    boa.env.timestamp = own.reward.flight().challengeable_until
    with boa.reverts("reward: still challengeable"):
        own.reward.finalise(epoch, header)
    own.wait(1)
    with boa.reverts("reward: veto has lapsed"):
        own.reward.execute_veto(epoch, header, sender=own.guardian)
    own.reward.finalise(epoch, header)


def test_the_owner_ends_a_veto(own, epoch, header):
    with boa.reverts("reward: no veto"):
        own.reward.cancel_veto(epoch, sender=own.guardian)
    own.reward.announce_veto(epoch, "", sender=own.guardian)
    with boa.reverts("ownable: caller is not the owner"):
        own.reward.cancel_veto(epoch, sender=own.stranger)
    own.reward.cancel_veto(epoch, sender=own.owner)
    assert_event(own.reward, "VetoCancelled", epoch=epoch, sender=own.owner)
    own.wait(DAY)
    with boa.reverts("reward: no veto"):
        own.reward.execute_veto(epoch, header, sender=own.guardian)
    with boa.reverts("reward: veto is used"):
        own.reward.announce_veto(epoch, "", sender=own.guardian)
    own.finalise(header)


def test_the_guardian_ends_its_own(own, epoch, header):
    own.reward.announce_veto(epoch, "", sender=own.guardian)
    own.reward.cancel_veto(epoch, sender=own.guardian)
    own.finalise(header)


def test_no_veto_out_of_time_or_place(own, epoch, header):
    with boa.reverts("reward: caller is not guardian"):
        own.reward.announce_veto(epoch, "", sender=own.owner)
    with boa.reverts("reward: not in flight"):
        own.reward.announce_veto(epoch + 1, "", sender=own.guardian)
    boa.env.timestamp = own.reward.flight().challengeable_until + 1
    with boa.reverts("reward: window is over"):
        own.reward.announce_veto(epoch, "", sender=own.guardian)
    own.reward.finalise(epoch, header)
    with boa.reverts("reward: not posted"):
        own.reward.announce_veto(epoch, "", sender=own.guardian)


def test_roles(own):
    with boa.reverts("ownable: caller is not the owner"):
        own.reward.set_guardian(own.stranger, sender=own.guardian)
    own.reward.set_guardian(own.stranger, sender=own.owner)
    assert_event(
        own.reward, "GuardianChanged", old_guardian=own.guardian, new_guardian=own.stranger
    )
    assert own.reward.guardian() == own.stranger
    with boa.reverts("ownable: caller is not the owner"):
        own.reward.set_treasury(own.stranger, sender=own.guardian)
    own.reward.set_treasury(own.stranger, sender=own.owner)
    assert_event(
        own.reward, "TreasuryChanged", old_treasury=own.treasury, new_treasury=own.stranger
    )
    assert own.reward.treasury() == own.stranger
