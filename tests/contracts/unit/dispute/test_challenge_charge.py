# SPDX-License-Identifier: Apache-2.0
"""SettlementDispute.challenge_charge: a charge above the quote."""

from __future__ import annotations

import boa
import pytest

from cortensor.pricing import Terms, Usage
from tests.contracts.disputes import (
    BURN_ADDRESS,
    PENALTY,
    ROUTER,
    TERMS,
    USAGE,
    Draft,
    receipt_of,
)
from tests.contracts.events import assert_event, events
from tests.contracts.protocol import COR, DELAY_SECONDS, travel
from tests.contracts.signing import account


def test_a_charge_above_the_quote_is_refunded_from_pending(own, dispute, payment, session):
    leaf = own.worked(session, 3, over=7 * 10**15)[1]
    pending, bond = payment.router(1)[1], own.bonded()
    held = own.holdings(own.challenger, BURN_ADDRESS)
    dispute.challenge_charge(leaf, sender=own.challenger)
    assert_event(
        dispute,
        "FraudProven",
        session=session,
        index=2,
        challenger=own.challenger,
        kind="charge",
        excess=7 * 10**15,
        refunded=7 * 10**15,
        penalty=PENALTY,
    )
    assert payment.router(1)[1] == pending - 7 * 10**15
    assert own.bonded() == bond - PENALTY
    assert own.holdings(own.challenger, BURN_ADDRESS) == [
        held[0] + PENALTY // 2,
        held[1] + PENALTY // 2,
    ]
    assert dispute.refunded(session) == 7 * 10**15
    assert dispute.is_settled_against(session, 2)
    assert not dispute.is_settled_against(session, 1)
    facts = payment.session(session)
    assert (facts.state, facts.deposit) == (3, 100 * COR + 7 * 10**15)


def test_the_quoted_charge_cannot_be_challenged(own, dispute, session):
    for leaf in own.worked(session, 2):
        with boa.reverts("dispute: charge is rightful"):
            dispute.challenge_charge(leaf, sender=own.challenger)


def test_a_charge_below_the_quote_cannot_be_challenged(own, dispute, session):
    (leaf,) = own.worked(session, 1, charge=1)
    with boa.reverts("dispute: charge is rightful"):
        dispute.challenge_charge(leaf, sender=own.challenger)


def test_a_second_proof_of_an_index_is_refused(own, dispute, session):
    leaf = own.worked(session, 1, over=5)[0]
    dispute.challenge_charge(leaf, sender=own.challenger)
    with boa.reverts("dispute: already proven"):
        dispute.challenge_charge(leaf, sender=own.stranger)


def test_inv_d3_the_penalty_is_paid_once_a_session(own, dispute, session):
    leaves = own.worked(session, 3, over=5)
    bond = own.bonded()
    for leaf in leaves:
        dispute.challenge_charge(leaf, sender=own.challenger)
        penalty = events(dispute, "FraudProven")[0]["penalty"]
        assert penalty == (PENALTY if leaf is leaves[0] else 0)
    assert own.bonded() == bond - PENALTY
    assert dispute.refunded(session) == 15
    # Another session is another bug.
    other = own.open(own.other_payer)
    dispute.challenge_charge(own.worked(other, 1, over=5)[0], sender=own.challenger)
    assert own.bonded() == bond - 2 * PENALTY


def test_a_leaf_of_nobody_that_ever_settled_is_not_believed(own, dispute, session):
    own.worked(session, 1)
    draft = Draft(own.receipt(session, charge=COR), 2, 2 * COR)
    for anchorer in (own.stranger, own.other_settler):
        (leaf,) = own.anchored(draft, anchorer=anchorer)
        with boa.reverts("leaf: not a settler's"):
            dispute.challenge_charge(leaf, sender=own.challenger)


def test_a_leaf_of_a_settler_that_was_replaced_is_believed(own, dispute, payment, session):
    leaf = own.worked(session, 1, over=5)[0]
    payment.set_settler(1, account("next router").address, sender=own.settler)
    dispute.challenge_charge(leaf, sender=own.challenger)
    assert dispute.refunded(session) == 5


@pytest.mark.parametrize("field", ["receipt", "index", "cumulative", "root", "proof"])
def test_a_leaf_that_was_not_anchored_is_not_believed(own, dispute, session, field):
    leaf = own.worked(session, 3, over=5)[1]
    other = own.receipt(session, charge=50 * COR).abi_tuple()
    false = {
        "receipt": other,
        "index": 5,
        "cumulative": leaf.cumulative + 1,
        "root": own.unique(),
        "proof": [*leaf.proof, own.unique()],
    }
    with boa.reverts("leaf: not anchored"):
        dispute.challenge_charge(leaf._replace(**{field: false[field]}), sender=own.challenger)


def test_a_root_that_is_only_announced_proves_nothing(own, dispute, session):
    (leaf,) = own.leaves(Draft(own.receipt(session, charge=COR), 1, COR))
    with boa.reverts("leaf: not anchored"):
        dispute.challenge_charge(leaf, sender=own.challenger)


def test_a_session_that_never_was(own, dispute):
    receipt = own.receipt(1 << 128 | 7, charge=COR)
    (leaf,) = own.anchored(Draft(receipt, 1, COR))
    with boa.reverts("dispute: unknown session"):
        dispute.challenge_charge(leaf, sender=own.challenger)
    with boa.reverts("dispute: unknown session"):
        dispute.rightful_charge(receipt.abi_tuple())


def test_an_anchored_charge_that_was_never_settled_costs_the_penalty(own, dispute, session):
    """What was not settled cannot be refunded, but it is a false invoice."""
    (leaf,) = own.anchored(Draft(own.receipt(session, charge=COR), 1, COR))
    bond = own.bonded()
    dispute.challenge_charge(leaf, sender=own.challenger)
    assert dispute.refunded(session) == 0
    assert own.bonded() == bond - PENALTY
    with boa.reverts("dispute: already proven"):
        dispute.challenge_charge(leaf, sender=own.challenger)


def rightful(own, receipt) -> int:
    return own.dispute.rightful_charge(receipt.abi_tuple())


def test_the_sessions_own_card_counts(own, payment, session):
    card = own.table.card(1)
    own.table.publish((card[0] * 5 // 4, *card[1:]), sender=own.owner)
    travel(DELAY_SECONDS)
    later = own.open(version=2)
    for number, version in ((session, 1), (later, 2)):
        for claimed in (1, 2, 9):
            receipt = own.receipt(number, version=claimed, charge=1)
            assert rightful(own, receipt) == own.price(receipt, version)


def test_the_sessions_own_volume_tier_counts(own):
    for tier in range(4):
        session = own.open(volume_tier=tier)
        terms = Terms.unpack(TERMS.pack())
        for claimed in range(4):
            told = Terms(**{f: getattr(terms, f) for f in terms.__struct_fields__}).pack()
            told = told & ~(255 << 80) | claimed << 80
            agreed = told & ~(255 << 80) | tier << 80
            receipt = own.receipt(session, terms=told, charge=1)
            assert rightful(own, receipt) == own.price(own.receipt(session, terms=agreed, charge=1))


def test_the_lower_of_both_surcharge_caps_counts(own, session):
    own.table.post_surcharge(500, sender=own.oracle)
    travel(600)
    own.table.post_surcharge(1_000, sender=own.oracle)
    travel(600)
    own.table.post_surcharge(1_500, sender=own.oracle)
    base = own.price(own.receipt(session, charge=1))
    for claimed, paid in ((0, 0), (300, 300), (1_000, 1_000), (1_200, 1_000), (65_535, 1_000)):
        terms = TERMS.pack() & ~(65_535 << 88) | claimed << 88
        receipt = own.receipt(session, terms=terms, surcharge_epoch=3, charge=1)
        assert rightful(own, receipt) == base + -(-base * paid // 10_000)


def test_an_epoch_that_is_unknown_or_later_has_no_price(own, session):
    assert rightful(own, own.receipt(session, surcharge_epoch=1, charge=1)) == 0
    own.table.post_surcharge(500, sender=own.oracle)
    now = boa.env.timestamp
    at = own.receipt(session, surcharge_epoch=1, issued_at=now, charge=1)
    assert rightful(own, at) == own.price(at)
    assert rightful(own, own.receipt(session, surcharge_epoch=1, issued_at=now - 1, charge=1)) == 0
    assert rightful(own, own.receipt(session, surcharge_epoch=2**32 - 1, charge=1)) == 0


def test_a_job_that_the_table_refuses_has_no_price(own, dispute, session):
    for changes in (
        {"terms": TERMS.pack() | 1 << 200},
        {"usage": USAGE.pack() | 1 << 200},
        {"terms": TERMS.pack() & ~(255 << 40) | 2 << 40},
        {"terms": TERMS.pack() & ~255 | 4},
    ):
        receipt = own.receipt(session, charge=3, **changes)
        assert rightful(own, receipt) == 0
        (leaf,) = own.anchored(Draft(receipt, 1, 3))
        with boa.env.anchor():
            dispute.challenge_charge(leaf, sender=own.challenger)
            assert events(dispute, "FraudProven")[0]["excess"] == 3


def test_no_charge_is_rightful_above_the_cap_per_task(own, dispute):
    receipt = own.receipt(own.open())
    price = receipt.charge
    gwei = price // 10**9
    tight = own.open(task_cap_gwei=gwei)
    assert rightful(own, own.receipt(tight)) == gwei * 10**9 < price
    wide = own.open(task_cap_gwei=gwei + 1)
    assert rightful(own, own.receipt(wide)) == price
    (leaf,) = own.worked(tight, 1)
    dispute.challenge_charge(leaf, sender=own.challenger)
    assert dispute.refunded(tight) == price - gwei * 10**9


@pytest.mark.parametrize("bucket", range(12))
def test_a_stake_session_is_priced_up_to_its_bucket(own, bucket):
    session = own.open(funding=2, amount=0, salt=bucket.to_bytes(32, "big"), expiry=2**40 - 1)
    own.quota.enrol(own.payer, 1, bucket, False, sender=own.payer)
    for model_class in range(4):
        for step, replicas in enumerate((1, 3, 5)):
            terms = Terms(model_class=model_class, replicas=replicas).pack()
            receipt = own.receipt(session, terms=terms, charge=1)
            is_within = model_class <= bucket // 3 and step <= bucket % 3
            assert rightful(own, receipt) == (own.price(receipt) if is_within else 0)


def test_an_overcharge_of_a_stake_session_goes_back_to_the_pool(own, dispute, payment):
    session = own.staked()
    leaf = own.worked(session, 2, over=3 * 10**12)[0]
    pool = own.quota.pool()[0]
    dispute.challenge_charge(leaf, sender=own.challenger)
    assert own.quota.pool()[0] == pool + 3 * 10**12
    assert dispute.refunded(session) == 3 * 10**12


def test_less_than_a_micro_cor_of_stake_is_a_penalty_once(own, dispute):
    """Stake was charged in whole micro-COR, so no less can be given back, nor proven again."""
    session = own.staked()
    first, second = own.worked(session, 2, over=10**12 - 1)
    bond = own.bonded()
    for leaf, penalty in ((first, PENALTY), (second, 0)):
        dispute.challenge_charge(leaf, sender=own.challenger)
        event = events(dispute, "FraudProven")[0]
        assert (event["excess"], event["refunded"]) == (10**12 - 1, 0)
        assert event["penalty"] == penalty
        with boa.reverts("dispute: already proven"):
            dispute.challenge_charge(leaf, sender=own.challenger)
    assert own.bonded() == bond - PENALTY


def test_too_little_gas_is_refused_and_never_read_as_no_price(own, dispute, session):
    """A caller who starves the quote must not make an honest charge look like fraud."""
    (leaf,) = own.worked(session, 1)
    data = dispute.challenge_charge.prepare_calldata(leaf)
    outcomes = set()
    for gas in range(20_000, 500_000, 5_000):
        with boa.env.anchor():
            result = boa.env.execute_code(dispute.address, own.challenger, gas=gas, data=data)
        assert result.is_error
        outcomes |= {
            reason
            for reason in ("dispute: charge is rightful", "dispute: too little gas")
            if reason.encode() in result.output
        } or {"out of gas"}
    assert outcomes - {"out of gas"} == {"dispute: charge is rightful", "dispute: too little gas"}


def test_too_little_gas(own, dispute, session):
    receipt = own.receipt(session).abi_tuple()
    with boa.reverts("dispute: too little gas"):
        dispute.rightful_charge(receipt, gas=150_000)
    assert dispute.rightful_charge(receipt, gas=400_000) > 0


def test_what_a_quote_is_given_is_enough_at_every_edge(own):
    """A quote reads eight slots and computes: cold reads, 17,000 gas, and the rest below 10,000."""
    most = 2**48 - 1
    deep = Terms(model_class=3, replicas=5, execution_depth=255, tool_depth=255)
    for terms, used, is_priced in (
        (TERMS, Usage(), True),
        (TERMS, Usage(input_units=10**6, output_units=10**6, late_replicas=3), True),
        (deep, Usage(input_units=most, output_units=most, validator_units=most), False),
    ):
        with boa.env.anchor():
            if is_priced:
                own.table.quote(1, 0, terms.pack(), used.pack())
            else:
                with boa.reverts("table: total exceeds uint96"):
                    own.table.quote(1, 0, terms.pack(), used.pack())
            assert own.table._computation.get_gas_used() < 27_000


def test_inv_d9_a_revoked_receipt_is_proven_against(own, dispute, session):
    leaf = own.worked(session, 1, over=5)[0]
    receipt_id = receipt_of(leaf).receipt_id
    own.anchor.revoke(receipt_id, sender=ROUTER.address)
    dispute.challenge_charge(leaf, sender=own.challenger)
    assert dispute.refunded(session) == 5
