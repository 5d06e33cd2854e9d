# SPDX-License-Identifier: Apache-2.0
"""INV-Q1 to INV-Q10: random lives of stake accounts, on chain and in the reference model."""

from __future__ import annotations

import boa
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from cortensor.pricing.quota import (
    MICRO_WEI,
)
from tests.contracts.events import events
from tests.contracts.profile import examples
from tests.contracts.unit.quota.conftest import (
    COOLDOWN,
    DAY,
    RATES,
    START,
    WEEK,
    Limits,
    Quota,
)
from tests.model.quota_model import QuotaModel, Refused

pytestmark = pytest.mark.fuzz

U19, U20, U32, U36, U56 = (2**bits - 1 for bits in (19, 20, 32, 36, 56))
U96 = 2**96 - 1


@st.composite
def steps(draw_from: st.DrawFn) -> list[tuple]:
    """Draw what happens to three accounts over some weeks."""
    amount = st.one_of(st.integers(1, 50), st.integers(1, 4_000))
    which = st.integers(0, 2)
    pause = st.one_of(st.integers(0, 900), st.integers(0, DAY), st.sampled_from((DAY, WEEK)))
    step = st.one_of(
        st.tuples(st.just("wait"), pause),
        st.tuples(st.just("midnight"), st.integers(-1, 1)),
        st.tuples(st.just("stake"), which, amount),
        st.tuples(st.just("unstake"), which, amount),
        st.tuples(st.just("withdraw"), which),
        st.tuples(st.just("permit"), which, st.integers(0, 600), st.integers(0, 3_000)),
        st.tuples(st.just("draw"), st.lists(st.tuples(which, st.integers(0, 900)), max_size=4),
                  st.one_of(st.just(0), st.integers(0, 2 * DAY), st.integers(0, 2 * WEEK))),
        st.tuples(st.just("draw"), st.lists(st.tuples(which, st.integers(0, 300)), max_size=4),
                  st.just(0)),
        st.tuples(st.just("restore"), which, st.integers(1, 800)),
        st.tuples(st.just("sweep")),
        st.tuples(st.just("rates"), st.integers(0, 200_000)),
        st.tuples(st.just("limits"), st.integers(0, 900), st.integers(0, 9), st.integers(1, 900)),
    )  # fmt: skip
    return draw_from(st.lists(step, min_size=10, max_size=40))


@pytest.fixture(scope="module")
def small():
    """Return a quota with a pool that a few weeks empty."""
    return Quota(pool=20_000, spending_limit=3_000, limits=Limits(cap=10**6))


@given(script=steps())
@settings(max_examples=examples(60))
def test_a_life_against_the_model(small, script):
    with boa.env.anchor():
        replay(small, script)


def replay(case: Quota, script: list[tuple]) -> None:
    """Take every step in the contract and in the model, and compare all that either knows."""
    boa.env.timestamp = START
    model = QuotaModel(START, COOLDOWN, [(0, RATES)], 10**6, pool_wei=20_000 * MICRO_WEI)
    model.limit = 3_000
    kinds = ((0, False), (3, False), (7, True))
    keys = [case.enrol(bucket=bucket, weekly=weekly) for bucket, weekly in kinds]
    for key, (bucket, weekly) in zip(keys, kinds, strict=True):
        model.enrol(key, bucket, is_weekly=weekly)
        case.stake(key, 2_000)
        model.stake(key, 2_000)
    for step in [("permit", 0, 300, 1_500), ("permit", 2, 300, 0), ("wait", DAY), *script]:
        before = {key: account.drawn for key, account in model.accounts.items()}
        event(f"{step[0]}: {take(case, model, keys, step)}")
        assert case.cor.balanceOf(case.quota) == model.owned()  # INV-Q1
        if step[0] not in ("draw", "limits", "rates", "wait", "midnight", "sweep"):
            compare(case, model, keys[step[1] : step[1] + 1])
        elif step[0] == "draw":
            compare(case, model, sorted({keys[which] for which, _ in step[1]}))
        assert all(model.accounts[key].drawn >= drawn for key, drawn in before.items())  # INV-Q6
    compare(case, model, keys)
    assert case.cor.balanceOf(case.quota) == case.held(*keys)


def take(case, model, keys, step) -> str:  # noqa: PLR0911, C901 - one branch a kind of step
    """Take a step in both; return how it went."""
    quota, (name, *rest) = case.quota, step
    if name in ("wait", "midnight"):
        if name == "midnight":
            target = (model.now // DAY + 1) * DAY + rest[0]
        else:
            target = model.now + rest[0]
        model.now = boa.env.timestamp = max(target, model.now)
        return "done"
    if name == "draw":
        items = [(keys[i], (model.accounts[keys[i]].drawn + n) * MICRO_WEI) for i, n in rest[0]]
        expected = model.draw(model.now - rest[1], items)
        assert case.draw_wei(*items, work_at=model.now - rest[1]) == expected
        found = [(entry["session"], entry["reason"]) for entry in
                 events(case.sessions, "DrawSkipped")]  # fmt: skip
        assert found == model.skipped
        for _, reason in found:
            event(reason)
        return "moved" if any(expected) else "nothing"
    if name == "restore":
        case.restore(keys[rest[0]], rest[1])
        return "to stake" if model.restore(keys[rest[0]], rest[1]) else "to pool"
    if name == "sweep":
        assert quota.sweep() == model.sweep() * MICRO_WEI
        return "done"
    if name == "limits":
        model.cap, model.rate, model.burst = rest
        case.set_limits(cap=rest[0], rate=rest[1], burst_ticks=rest[2])
        return "done"
    if name == "rates":
        rates = tuple((rest[0] + 7 * bucket) for bucket in range(12))
        return both(
            lambda: quota.set_rates(list(rates), sender=case.owner), lambda: model.set_rates(rates)
        )
    key = keys[rest[0]]
    if name == "stake":
        return both(lambda: case.stake(key, rest[1]), lambda: model.stake(key, rest[1]))
    if name == "unstake":
        return both(lambda: case.unstake(key, rest[1]), lambda: model.request_unstake(key, rest[1]))
    if name == "withdraw":
        return both(lambda: quota.withdraw(key) // MICRO_WEI, lambda: model.withdraw(key))
    return both(
        lambda: case.allow(key, rest[1], rest[2]),
        lambda: model.set_permission(key, rest[1], rest[2]),
    )


def both(on_chain, in_model) -> str:
    """Take a step that may be refused; both must agree, on the reason too."""
    try:
        expected = in_model()
    except Refused as refusal:
        with boa.reverts(str(refusal)):
            on_chain()
        return str(refusal)
    assert on_chain() == expected
    return "done"


def compare(case, model, keys) -> None:
    """Compare what contract and model know, and check the sums."""
    for key in keys:
        account, seen = model.accounts[key], case.quota.account(key)
        window = model.window(account)
        assert seen[:6] == (
            account.stake,
            account.drawn,
            model.left(account, window),
            model.left(account, window - 1),
            account.overage.get(window, 0),
            window,
        )
        assert seen.leaving == account.leaving
        assert seen.withdrawable_at == (account.withdrawable_at if account.leaving else 0)
        assert case.quota.permission(key)[:2] == model.permission(account)
        # INV-Q2: nothing is used that the window did not give.
        assert all(used <= account.quota[w] for w, used in account.used.items())
    assert case.quota.pool()[:2] == (
        model.pool_wei,
        model.spent.get(model.now // DAY, 0) * MICRO_WEI,
    )
    # INV-Q7: the limit never changes here.
    assert all(spent <= model.limit for spent in model.spent.values())
