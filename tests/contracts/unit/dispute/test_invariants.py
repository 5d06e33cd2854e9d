# SPDX-License-Identifier: Apache-2.0
"""Whatever anybody tries: an honest router loses nothing, and nobody gains by fraud of his own."""

from __future__ import annotations

import boa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cortensor.pricing import Terms
from tests.contracts.disputes import (
    ANSWER_SECONDS,
    BURN_ADDRESS,
    DEPOSIT,
    GRACE_SECONDS,
    KEY,
    PENALTY,
    Draft,
    answer,
    receipt_of,
)
from tests.contracts.profile import examples
from tests.contracts.protocol import COR, U96, release_all, travel
from tests.contracts.strategies import usages

PROPERTY = settings(
    max_examples=examples(80),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
)
CAP_GWEI = 10**10


def refusal(own, function, *arguments) -> bytes:
    """Return what a call reverts with; without titanoboa's report, which takes longer than it."""
    data = function.prepare_calldata(*arguments)
    with boa.env.anchor():
        result = boa.env.execute_code(own.dispute.address, own.challenger, data=data)
    assert result.is_error
    return result.output


@st.composite
def honest_jobs(draw: st.DrawFn) -> tuple[Terms, object]:
    """Draw a job of a price that a session of 1,000 COR can pay many times."""
    terms = Terms(
        sla_tier=draw(st.integers(0, 3)),
        model_class=draw(st.integers(0, 1)),
        execution_depth=draw(st.integers(0, 3)),
        validator_depth=draw(st.integers(0, 3)),
        replicas=draw(st.sampled_from((1, 3))),
        consensus_method=draw(st.integers(0, 7)),
        surcharge_cap_bps=draw(st.sampled_from((0, 700, 1_000))),
    )
    return terms, draw(usages(terms.replicas, limit=10**4))


def check_no_proof(own, leaves) -> None:
    """Check that every proof from every pair of leaves is refused, for its own reason."""
    dispute = own.dispute
    for first in leaves:
        assert b"charge is rightful" in refusal(own, dispute.challenge_charge, first)
        signed = (receipt_of(first).abi_tuple(), own.signature(receipt_of(first)))
        assert b"same struct" in refusal(own, dispute.challenge_signed, first, *signed)
        for second in leaves:
            for attempt, reasons in (
                (dispute.challenge_index, (b"other index", b"same leaf")),
                (dispute.challenge_duplicate, (b"not ascending", b"not a duplicate")),
                (dispute.challenge_total, (b"not consecutive", b"total follows")),
            ):
                told = refusal(own, attempt, first, second)
                assert any(reason in told for reason in reasons)


@PROPERTY
@given(data=st.data(), funding=st.integers(0, 2), has_key=st.booleans(), tier=st.integers(0, 3))
def test_inv_d5_an_honest_router_that_answers_loses_nothing(own, data, funding, has_key, tier):
    """Every proof from every pair of leaves is refused, and every demand pays the router."""
    with boa.env.anchor():
        own.table.post_surcharge(data.draw(st.integers(0, 500)), sender=own.oracle)
        if funding == 2:
            session, tier, cap = own.staked(), 0, 10**9
            key = None
        else:
            key = KEY if has_key or funding == 1 else None
            cap = CAP_GWEI
            session = own.open(
                amount=1_000 * COR,
                funding=funding,
                volume_tier=tier,
                task_cap_gwei=cap,
                session_key=key.address if key else "0x" + "00" * 20,
            )
        leaves, total = [], 0
        for size in data.draw(st.lists(st.integers(1, 2), min_size=1, max_size=2)):
            drafts = []
            for _ in range(size):
                terms, usage = data.draw(honest_jobs())
                terms = terms.pack() | tier << 80
                receipt = own.receipt(session, terms=terms, usage=usage.pack(), surcharge_epoch=1)
                charge = min(receipt.charge, cap * 10**9)
                fields = {n: getattr(receipt, n) for n in receipt.__struct_fields__}
                receipt = own.receipt(**(fields | {"charge": charge}))
                total += charge
                drafts.append(Draft(receipt, len(leaves) + len(drafts) + 1, total))
            leaves += own.settled(*drafts)
        assert own.payment.session(session).settled >= total

        bond, pending, settler = own.bonded(), own.payment.router(1)[1], own.settler
        dispute, asked = own.dispute, data.draw(st.sets(st.integers(0, 9), max_size=2))
        if total == 0:
            # Every replica failed: there is nothing to demand, as the contract says.
            asked = set()
        for index in asked:
            dispute.demand(session, index, sender=own.challenger)
        check_no_proof(own, leaves)
        travel(data.draw(st.integers(0, ANSWER_SECONDS)))
        for index in asked:
            leaf = leaves[min(index or len(leaves), len(leaves)) - 1]
            answer(own, leaf, index, key=key, most=U96)
        travel(GRACE_SECONDS + 1)
        before = own.cor.balanceOf(settler)
        for index in asked:
            own.close(session, index, sender=own.stranger)
        assert own.cor.balanceOf(settler) == before + DEPOSIT * len(asked)
        assert (own.bonded(), own.payment.router(1)[1]) == (bond, pending)
        assert own.frozen() == 0
        assert dispute.refunded(session) == 0


def is_done(own, function, *arguments) -> bool:
    """Call as the challenger; return whether it was not refused."""
    data = function.prepare_calldata(*arguments)
    result = boa.env.execute_code(own.dispute.address, own.challenger, data=data)
    return not result.is_error


def step(own, kind: str, leaf, index: int, total: int) -> bool:
    """Try one step about a leaf and an index of its session; return whether it was done.

    `total` is what is settled of the session now.
    """
    session, dispute = receipt_of(leaf).session, own.dispute
    if kind == "demand":
        return is_done(own, dispute.demand, session, index)
    if kind == "close":
        return is_done(own, dispute.close_demand, session, index, total)
    if kind == "prove":
        return is_done(own, dispute.challenge_charge, leaf)
    signature = own.signature(receipt_of(leaf))
    return is_done(own, dispute.answer, session, index, total, leaf, signature, 0, b"")


STEPS = st.tuples(
    st.sampled_from(("demand", "demand", "answer", "answer", "prove", "close")),
    st.integers(0, 1),
    st.integers(0, 1),
    st.sampled_from((0, 0, 0, 0, GRACE_SECONDS + 1, ANSWER_SECONDS + 1)),
)


@pytest.mark.timeout(3_000)
@PROPERTY
@given(over=st.sampled_from((0, 5, COR)), steps=st.lists(STEPS, min_size=8, max_size=20))
def test_inv_d1_d2_d4_and_d7_whatever_is_proven(own, over, steps):
    """A router of fraud and sloth: holds, deposits and refunds add up after each step."""
    with boa.env.anchor():
        dispute, payment = own.dispute, own.payment
        sessions = [own.open(task_cap_gwei=10**9), own.open(own.other_payer)]
        leaves = {session: own.worked(session, 3, over=over) for session in sessions}
        places = [(session, index) for session in sessions for index in range(2)]
        facts = {each: payment.session(each) for each in sessions}
        refunded = {each: dispute.refunded(each) for each in sessions}
        asked = {place: own.demand_of(*place) for place in places}
        for kind, which, index, seconds in steps:
            session = sessions[which]
            before, total = refunded[session], facts[session].settled
            was_answered = asked[session, index].challengeable_until != 0
            step(own, kind, leaves[session][index - 1], index, total)
            facts = {each: payment.session(each) for each in sessions}
            refunded = {each: dispute.refunded(each) for each in sessions}
            if not (kind == "prove" and over) and (kind != "close" or was_answered):
                assert refunded[session] == before
            asked = {
                (each, place): own.demand_of(each, place, facts[each].settled)
                for each, place in places
            }
            claims = [own.claim(one) for one in sessions]
            assert own.frozen() == sum(claim.held for claim in claims)
            assert all(claim.held <= claim.claimable for claim in claims)
            is_open = [one.answer_by != 0 for one in asked.values()]
            assert own.cor.balanceOf(dispute) == DEPOSIT * sum(is_open)
            for each in sessions:
                assert refunded[each] <= facts[each].settled
                assert facts[each].deposit == 100 * COR + refunded[each]
            travel(seconds)


@pytest.mark.parametrize("is_released", [False, True])
@pytest.mark.parametrize("kind", ["charge", "unanswered"])
def test_inv_d6_a_router_that_is_payer_and_challenger_too_only_loses(own, is_released, kind):
    """All it pays comes back but the burnt half, and what its own session put into the pots."""
    router, payer = own.first_settler, own.payer
    own.cor.approve(own.dispute, 2**256 - 1, sender=payer)
    begun = sum(own.holdings(payer)) + own.bonded()
    session = own.open()
    leaf = own.worked(session, 1, over=5 * COR)[0]
    if is_released:
        release_all(own)
    burnt = own.cor.balanceOf(BURN_ADDRESS)
    if kind == "charge":
        own.dispute.challenge_charge(leaf, sender=payer)
    else:
        own.dispute.demand(session, 0, sender=payer)
        travel(ANSWER_SECONDS + 1)
        own.close(session, 0, sender=payer)
    own.payment.withdraw(session, sender=payer)
    assert own.cor.balanceOf(BURN_ADDRESS) == burnt + PENALTY // 2
    lost = begun - sum(own.holdings(payer)) - own.bonded()
    in_pots = sum(own.payment.pot(pot)[0] for pot in range(3))
    assert lost == PENALTY // 2 + (leaf.cumulative - 5 * COR) * (kind == "charge") + (
        in_pots - (leaf.cumulative - 5 * COR) * (kind == "charge") if is_released else 0
    )
    assert lost >= PENALTY // 2
    assert own.cor.balanceOf(router) == 0
