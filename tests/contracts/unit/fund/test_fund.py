# SPDX-License-Identifier: Apache-2.0
"""RewardFund: bound once, granted to, drawn from by NodeReward alone, to the wei."""

from __future__ import annotations

import boa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contracts.events import assert_event
from tests.contracts.profile import examples
from tests.contracts.protocol import COR, NODES, U96, ZERO_ADDRESS, deployer_of, release_all

GIFT = 500 * COR


@pytest.fixture
def unbound(protocol):
    return deployer_of("RewardFund").deploy(protocol.owner, protocol.cor)


@pytest.fixture
def reward(unbound):
    return deployer_of("mocks/MockReward").deploy(unbound, ZERO_ADDRESS, 1)


@pytest.fixture
def fund(protocol, unbound, reward):
    unbound.bind(reward, sender=protocol.owner)
    protocol.cor.approve(unbound, 2**256 - 1, sender=protocol.payer)
    return unbound


def test_facts(protocol, unbound):
    assert unbound.BINDER() == protocol.owner
    assert unbound.TOKEN() == protocol.cor.address
    assert unbound.reward() == ZERO_ADDRESS


def test_refuses_to_be_deployed_wrongly(protocol):
    deploy = deployer_of("RewardFund").deploy
    with boa.reverts("fund: zero binder"):
        deploy(ZERO_ADDRESS, protocol.cor)
    with boa.reverts("token: no code"):
        deploy(protocol.owner, protocol.stranger)
    token = deployer_of("mocks/MockCOR")
    deploy(protocol.owner, token.deploy(U96))
    with boa.reverts("token: supply exceeds words"):
        deploy(protocol.owner, token.deploy(U96 + 1))


def test_binds(protocol, unbound, reward):
    unbound.bind(reward, sender=protocol.owner)
    assert_event(unbound, "Bound", reward=reward.address)
    assert unbound.reward() == reward.address


def test_inv_f2_binds_once_for_ever(protocol, fund, reward):
    with boa.reverts("fund: already bound"):
        fund.bind(reward, sender=protocol.owner)


def test_inv_f2_only_the_binder_binds(protocol, unbound, reward):
    for sender in (protocol.guardian, protocol.stranger, reward.address):
        with boa.reverts("fund: caller is not binder"):
            unbound.bind(reward, sender=sender)


def test_binds_only_what_draws_from_it(protocol, unbound):
    with boa.reverts("fund: reward has no code"):
        unbound.bind(protocol.stranger, sender=protocol.owner)
    other = deployer_of("mocks/MockReward").deploy(protocol.stranger, ZERO_ADDRESS, 1)
    with boa.reverts("fund: reward has another fund"):
        unbound.bind(other, sender=protocol.owner)


def test_inv_f2_before_it_is_bound_nothing_moves(protocol, cor, unbound, reward):
    """Who would give now would trust the binder to name the right contract."""
    cor.approve(unbound, GIFT, sender=protocol.payer)
    with boa.reverts("fund: not bound"):
        unbound.grant(GIFT, sender=protocol.payer)
    cor.transfer(unbound, GIFT, sender=protocol.payer)
    for sender in (protocol.owner, protocol.stranger, reward.address):
        with boa.reverts("fund: caller is not reward"):
            unbound.draw(GIFT, sender=sender)
    assert cor.balanceOf(unbound) == GIFT


def test_grants(protocol, cor, fund):
    before = cor.balanceOf(protocol.payer)
    fund.grant(GIFT, sender=protocol.payer)
    assert_event(fund, "Granted", giver=protocol.payer, amount=GIFT)
    assert cor.balanceOf(fund) == GIFT
    assert cor.balanceOf(protocol.payer) == before - GIFT
    with boa.reverts("fund: zero amount"):
        fund.grant(0, sender=protocol.payer)


def test_the_node_pot_is_paid_here(protocol, payment, cor, fund, reward):
    """What settled sessions leave for nodes needs no function of the fund's."""
    session = protocol.open()
    protocol.settle((session, 10 * COR))
    payment.set_pot_recipient(NODES, fund, sender=protocol.owner)
    release_all(protocol)
    paid = payment.pay_pot(NODES, sender=protocol.stranger)
    assert paid == 7 * COR
    assert cor.balanceOf(fund) == paid
    assert reward.draw(2**256 - 1, sender=protocol.stranger) == paid


def test_inv_f1_a_draw_takes_what_is_asked_or_all_there_is(protocol, cor, fund, reward):
    fund.grant(GIFT, sender=protocol.payer)
    assert reward.draw(1, sender=protocol.stranger) == 1
    assert_event(reward, "Drawn", reward=reward.address, amount=1)
    assert reward.draw(GIFT, sender=protocol.stranger) == GIFT - 1
    assert cor.balanceOf(reward) == GIFT
    # An empty fund is no fault: the epoch is unfunded.
    assert reward.draw(GIFT, sender=protocol.stranger) == 0
    assert_event(reward, "Drawn", reward=reward.address, amount=0)


def test_inv_f1_nobody_else_draws(protocol, cor, fund):
    fund.grant(GIFT, sender=protocol.payer)
    for sender in (protocol.owner, protocol.payer, protocol.stranger, protocol.treasury):
        with boa.reverts("fund: caller is not reward"):
            fund.draw(1, sender=sender)
    assert cor.balanceOf(fund) == GIFT


@pytest.mark.fuzz
@settings(
    max_examples=examples(25),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(("grant", "send", "draw")), st.integers(0, 2**96) | st.integers(0, 99)
        ),
        max_size=12,
    )
)
def test_inv_f3_what_came_and_was_not_drawn_is_there(protocol, cor, fund, reward, steps):
    with boa.env.anchor():
        came = drawn = 0
        purse = cor.balanceOf(protocol.payer)
        for step, number in steps:
            if step == "draw":
                expected = min(number, came - drawn)
                assert reward.draw(number, sender=protocol.stranger) == expected
                drawn += expected
                continue
            amount = 1 + number % (purse // 13)
            if step == "grant":
                fund.grant(amount, sender=protocol.payer)
            else:
                cor.transfer(fund, amount, sender=protocol.payer)
            came += amount
            assert cor.balanceOf(fund) == came - drawn
        assert cor.balanceOf(fund) == came - drawn
        assert cor.balanceOf(reward) == drawn
        assert cor.balanceOf(protocol.payer) == purse - came


@pytest.fixture
def hostile(protocol):
    """A bound fund with money, of a token that refuses or calls back."""
    token = deployer_of("mocks/MockHostileToken").deploy(2 * GIFT)
    fund = deployer_of("RewardFund").deploy(protocol.owner, token)
    reward = deployer_of("mocks/MockReward").deploy(fund, ZERO_ADDRESS, 1)
    fund.bind(reward, sender=protocol.owner)
    giver = boa.env.eoa
    token.transfer(fund, GIFT, sender=giver)
    token.approve(fund, 2**256 - 1, sender=giver)
    return token, fund, reward, giver


def test_what_the_token_refuses_did_not_happen(protocol, hostile):
    token, fund, reward, giver = hostile
    token.refuse(True)
    with boa.reverts("token: refused transfer"):
        fund.grant(1, sender=giver)
    with boa.reverts("token: refused transfer"):
        reward.draw(1, sender=protocol.stranger)
    token.refuse(False)
    assert reward.draw(1, sender=protocol.stranger) == 1


def test_no_way_back_in(protocol, hostile):
    """A token that calls back while it pays finds the fund locked; outside, the call works."""
    token, fund, reward, giver = hostile
    call = reward.draw.prepare_calldata(1)
    token.call_back(reward.address, call)
    for enter in (
        lambda: reward.draw(1, sender=protocol.stranger),
        lambda: fund.grant(1, sender=giver),
    ):
        before = token.attempts()
        enter()
        assert (token.attempts() - before, token.successes()) == (1, 0)
    token.call_back(ZERO_ADDRESS, b"")
    boa.env.raw_call(reward.address, data=call, sender=protocol.stranger)
    assert token.balanceOf(reward) == 2
