# SPDX-License-Identifier: Apache-2.0
"""StakeQuota, the package's mirror and the reference model say the same, word for word."""

from __future__ import annotations

import boa
import msgspec
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from cortensor.errors import InvalidInput
from cortensor.pricing.quota import (
    MICRO_WEI,
    Account,
    Permission,
    Pool,
    Rules,
    bucket_of,
    draw,
    micro_of,
    offer,
)
from tests.contracts.events import events
from tests.contracts.profile import examples
from tests.contracts.protocol import set_word
from tests.contracts.unit.quota.conftest import (
    DAY,
    RATES,
    START,
    WEEK,
    Limits,
    Quota,
    hot_of,
    put_word,
    set_hot,
    word_of,
)

pytestmark = pytest.mark.fuzz

U19, U20, U32, U36, U56 = (2**bits - 1 for bits in (19, 20, 32, 36, 56))
U96 = 2**96 - 1


@pytest.fixture(scope="module")
def case():
    """Return a quota that holds tokens enough for whatever is written into its words."""
    case = Quota()
    case.cor.transfer(case.quota, 10**8 * 10**18, sender=case.deployer)
    return case


@pytest.fixture(scope="module")
def sessions(case):
    """Return one enrolled account by (bucket, is weekly)."""
    kinds = [(bucket, weekly) for bucket in (0, 5, 11) for weekly in (False, True)]
    return {kind: case.enrol(bucket=kind[0], weekly=kind[1]) for kind in kinds}


def sized(limit: int) -> st.SearchStrategy[int]:
    """Return amounts: small ones, at which rounding shows, usual ones, and the largest."""
    return st.one_of(
        st.integers(0, 30), st.integers(0, min(10**7, limit)), st.integers(limit - 30, limit)
    )


@st.composite
def accounts(draw_from: st.DrawFn) -> Account:
    """Draw an account that a contract could hold, its window up to four behind."""
    weekly = draw_from(st.booleans())
    cadence = WEEK if weekly else DAY
    stake = draw_from(sized(U56 // 2))
    ticks = 2 * cadence // 16
    return Account(
        window=START // cadence - draw_from(st.integers(0, 4)),
        bucket=draw_from(st.sampled_from((0, 5, 11))),
        is_weekly=weekly,
        stake=stake,
        leaving=draw_from(st.one_of(st.just(0), sized(U56 // 2 - 1))),
        drawn=draw_from(sized(2**54)),
        left_now=draw_from(sized(U36)),
        left_before=draw_from(sized(U36)),
        overage_now=draw_from(sized(U32)),
        tat=draw_from(st.one_of(st.just(0), st.integers(0, ticks), st.integers(0, U19))),
    )


@st.composite
def rules(draw_from: st.DrawFn) -> Rules:
    """Draw rules whose rates change on a day near the start."""
    rates = st.lists(st.integers(0, U20), min_size=12, max_size=12).map(tuple)
    rate = draw_from(st.one_of(st.just(0), st.just(0), sized(U32), st.just(U32)))
    return Rules(
        older_rates=draw_from(rates),
        newest_rates=draw_from(rates),
        effective_at=(START // DAY + draw_from(st.integers(-16, 1))) * DAY,
        cap=draw_from(sized(U36)),
        rate=rate,
        burst_ticks=draw_from(st.integers(1, 2**16 - 1)),
    )


@st.composite
def permissions(draw_from: st.DrawFn, account: Account) -> Permission:
    """Draw a permission, the next of which may hold already."""
    amount = st.one_of(st.just(0), sized(U32))
    kept = st.one_of(st.just(0), sized(U56), st.integers(0, account.stake))
    if draw_from(st.integers(0, 4)) == 0:
        return Permission()
    return Permission(
        limit=draw_from(amount),
        floor=draw_from(kept),
        next_limit=draw_from(amount),
        next_floor=draw_from(kept),
        next_window=START // account.cadence + draw_from(st.integers(-2, 2)),
    )


@st.composite
def totals(draw_from: st.DrawFn, account: Account, begun: Account, limit: int) -> int:
    """Draw a running total in wei: near what is left, with or without overage, or anything."""
    edges = st.sampled_from(
        (0, 1, begun.left_now, begun.left_before, begun.left_now + limit,
         begun.left_before + account.stake, begun.left_now + account.stake + account.leaving)
    )  # fmt: skip
    near = st.builds(lambda edge, step: edge + step, edges, st.integers(-1, 1))
    moved = draw_from(st.one_of(near, sized(2**38)))
    wei = (account.drawn + moved) * MICRO_WEI - draw_from(st.sampled_from((0, 1, MICRO_WEI - 1)))
    return draw_from(st.sampled_from((min(max(wei, 0), U96),) * 9 + (U96,)))


@given(account=accounts())
@settings(max_examples=examples(200))
def test_words_come_back_as_they_went_in(case, sessions, account):
    whole = msgspec.structs.replace(account, window=START // account.cadence, leaving=0)
    assert Account.unpack(whole.pack()) == whole
    session = sessions[account.bucket, account.is_weekly]
    with boa.env.anchor():
        boa.env.timestamp = START
        set_hot(case.quota, session, whole.pack())
        seen = case.quota.account(session)
    assert seen[:8] == (
        whole.stake,
        whole.drawn,
        whole.left_now,
        whole.left_before,
        whole.overage_now,
        whole.window,
        whole.bucket,
        whole.is_weekly,
    )


@given(data=st.data(), account=accounts(), held=rules())
@settings(max_examples=examples(500))
def test_a_draw_word_for_word(case, sessions, data, account, held):
    quota = case.quota
    permission = data.draw(permissions(account))
    begun = account.rolled(held, START)
    wei = data.draw(totals(account, begun, permission.at(begun.window).limit))
    work_at = START - data.draw(
        st.one_of(
            st.just(0),
            st.integers(0, 3_600),
            st.integers(0, START % account.cadence + account.cadence),
            st.integers(0, 2 * account.cadence),
            st.sampled_from(
                tuple(START - window * account.cadence for window in
                      (begun.window, begun.window - 1))
            ),
            st.just(START - (begun.window - 1) * account.cadence + 1),
        )
    )  # fmt: skip
    pool = Pool(
        balance_wei=data.draw(st.one_of(st.just(2**40), st.integers(0, 2**38))) * MICRO_WEI,
        spent=data.draw(sized(2**38)),
        limit=data.draw(st.one_of(st.just(U56), sized(2**38))),
    )
    session = sessions[account.bucket, account.is_weekly]
    with boa.env.anchor():
        boa.env.timestamp = START
        case.quota.set_limits((held.cap, held.rate, held.burst_ticks), sender=case.owner)
        for name, rates, since in (
            ("rules._older_rates", held.older_rates, 0),
            ("rules._newest_rates", held.newest_rates, held.effective_at // DAY),
        ):
            packed = sum(rate << 20 * bucket for bucket, rate in enumerate(rates))
            set_word(quota, name, packed | since << 240)
        today = START // DAY
        owed = data.draw(st.integers(0, 2**50))
        balance = pool.balance_wei // MICRO_WEI
        pool_word = balance | pool.spent << 56 | pool.limit << 112 | owed << 168 | today << 224
        set_word(quota, "free_pool._word", pool_word)
        set_hot(quota, session, account.pack())
        put_word(quota, "permits._exits", session, account.leaving | START << 56)
        permit = (
            permission.limit
            | permission.floor << 32
            | permission.next_limit << 88
            | permission.next_floor << 120
            | permission.next_window << 176
        )
        put_word(quota, "permits._permissions", session, permit)

        expected = draw(
            account, permission, held, pool, cumulative_wei=wei, work_at=work_at, now=START
        )
        event(expected.refusal or ("moved" if expected.free + expected.overage else "replay"))
        assert case.draw_wei((session, wei), work_at=work_at) == (expected.free, expected.overage)
        skipped = [entry["reason"] for entry in events(case.sessions, "DrawSkipped")]
        assert skipped == ([expected.refusal] if expected.refusal else [])
        assert hot_of(quota, session) == expected.account.pack()
        exit_word = word_of(quota, "permits._exits", session)
        assert exit_word & U56 == expected.account.leaving
        assert quota.pool() == (
            pool.balance_wei - expected.free * MICRO_WEI,
            (pool.spent + expected.free) * MICRO_WEI,
            pool.limit * MICRO_WEI,
        )
        assert quota.due() == (owed + expected.free + expected.overage) * MICRO_WEI
        named = [(session & 0xFFFF, expected.overage)] if expected.overage else []
        assert case.deducted() == named
        shown = quota.account(session)
        later = expected.account.rolled(held, START)
        assert shown[:6] == (
            later.stake,
            later.drawn,
            later.left_now,
            later.left_before,
            later.overage_now,
            later.window,
        )


def test_the_offer_before_a_request(case):
    quota = Quota(limits=Limits(cap=10**9, rate=0, burst_ticks=0))
    session = quota.enrol(stake=10**6)
    quota.allow(session, 1_000, 999_400)
    quota.next_window()
    quota.draw((session, 239_000))
    now = boa.env.timestamp
    older, newest, since = quota.quota.rates()
    cap, rate, burst = quota.quota.limits()
    held = Rules(
        older_rates=tuple(older),
        newest_rates=tuple(newest),
        effective_at=since,
        cap=cap,
        rate=rate,
        burst_ticks=burst,
    )
    fields = ("limit", "floor", "next_limit", "next_floor", "next_window")
    permission = Permission(**dict(zip(fields, quota.quota.permission(session), strict=True)))
    balance, spent, limit = quota.quota.pool()
    pool = Pool(balance_wei=balance, spent=spent // MICRO_WEI, limit=limit // MICRO_WEI)
    account = Account.unpack(hot_of(quota.quota, session))
    terms = {"settled_wei": 239_000 * MICRO_WEI, "now": now}
    shown = offer(account, permission, held, pool, charge_wei=1_500 * MICRO_WEI, **terms)
    assert (shown.left, shown.overage_left, shown.free, shown.overage, shown.refusal) == (
        1_000,
        600,
        1_000,
        500,
        None,
    )
    assert shown.refreshes_at == (now // DAY + 1) * DAY
    too_much = offer(account, permission, held, pool, charge_wei=1_601 * MICRO_WEI, **terms)
    assert too_much.refusal == "stake floor"
    assert (too_much.free, too_much.overage) == (0, 0)
    assert quota.draw((session, 239_000 + 1_500)) == (1_000, 500)


def test_permissions_change_alike(case, sessions):
    session = sessions[0, False]
    with boa.env.anchor():
        permission = Permission()
        for limit, floor, days in (
            (5, 9, 0), (5, 9, 1), (9, 3, 0), (0, 0, 2), (7, 0, 1), (7, 1, 1), (8, 0, 3), (1, 1, 0),
        ):  # fmt: skip
            boa.env.timestamp += days * DAY
            window = boa.env.timestamp // DAY
            case.allow(session, limit, floor)
            permission = permission.changed(limit, floor, window)
            assert case.quota.permission(session) == msgspec.structs.astuple(permission)


def test_the_mirror_refuses_nonsense():
    assert [bucket_of(c, r) for c in range(4) for r in (1, 3, 5)] == list(range(12))
    for model_class, replicas in ((4, 1), (-1, 1), (0, 2)):
        with pytest.raises(InvalidInput):
            bucket_of(model_class, replicas)
    assert [micro_of(wei) for wei in (0, 1, MICRO_WEI, MICRO_WEI + 1)] == [0, 1, 1, 2]
    with pytest.raises(InvalidInput):
        micro_of(U96 + 1)
    account = Account(window=1, bucket=0, is_weekly=False)
    held = Rules(older_rates=RATES, newest_rates=RATES, effective_at=0, cap=1)
    pool = Pool(balance_wei=0, spent=0, limit=0)
    with pytest.raises(InvalidInput):
        draw(account, Permission(), held, pool, cumulative_wei=1, work_at=2, now=1)
