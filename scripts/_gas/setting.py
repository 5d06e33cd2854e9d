# SPDX-License-Identifier: Apache-2.0
"""What owners, guardians, oracles and settlers set: prices, rules, and who has which role."""

from __future__ import annotations

from collections.abc import Iterator

from scripts._gas.bench import LIMITS, RATES_PPM, SPENDING_LIMIT_WEI, Bench
from scripts._gas.cards import publish, repriced
from scripts._gas.owning import run_ownership
from scripts._gas.scenario import Scenario

POOL_WEI = 10**21


def run_table_settings(bench: Bench) -> Iterator[Scenario]:
    """Run what moves prices."""
    actors, table = bench.actors, bench.table.functions
    with bench.aside():
        yield Scenario("table.publish", publish(bench), 1, "card 2, every wei price moved")
    with bench.aside():
        used = bench.send(table.lower(repriced(bench.card, 9).abi_tuple()), actors.owner)
        yield Scenario("table.lower", used, 1, "every wei price a tenth lower, at once")
    with bench.aside():
        bench.send(table.post_surcharge(250), actors.oracle)
        bench.wait(600)
        used = bench.send(table.post_surcharge(300), actors.oracle)
        yield Scenario("table.surcharge.post", used, 1, "epoch 2; each epoch is a fresh slot")
        used = bench.send(table.set_oracle(actors.treasury), actors.owner)
        yield Scenario("table.oracle.set", used, 1, "another")
    yield from run_ownership(bench, "SessionPaymentTable", bench.table)


def run_payment_settings(bench: Bench) -> Iterator[Scenario]:
    """Run what the escrow's owner and guardian, and a router, may change."""
    actors, payment = bench.actors, bench.payment.functions
    with bench.aside():
        used = bench.send(payment.set_pause(True, True), actors.guardian)
        yield Scenario("payment.pause", used, 1, "opening and settling, by the guardian")
        used = bench.send(payment.set_guardian(actors.treasury), actors.owner)
        yield Scenario("payment.guardian.set", used, 1, "another")
        used = bench.send(payment.set_settler(1, actors.treasury), actors.settler)
        yield Scenario("router.settler.set", used, 1, "by the settler before, never replaced yet")
    yield from run_ownership(bench, "SessionPayment", bench.payment)


def run_pool_settings(bench: Bench) -> Iterator[Scenario]:
    """Run what the pool's owner names."""
    actors, pool = bench.actors, bench.pool.functions
    with bench.aside():
        used = bench.send(pool.set_slasher(actors.oracle), actors.owner)
        yield Scenario("stake.slasher.set", used, 1, "another")
        used = bench.send(pool.set_treasury(actors.oracle), actors.owner)
        yield Scenario("stake.treasury.set", used, 1, "another")
    yield from run_ownership(bench, "StakePool", bench.pool)


def run_quota_settings(bench: Bench) -> Iterator[Scenario]:
    """Run the rules of quotas, and the pool that pays for free units."""
    actors, quota = bench.actors, bench.quota.functions
    with bench.aside():
        bench.send(quota.fund_pool(POOL_WEI), actors.payer)
        bench.send(bench.cor.functions.transfer(actors.treasury, 1), actors.owner)
        used = bench.send(quota.withdraw_pool(actors.treasury, POOL_WEI // 2), actors.owner)
        yield Scenario("quota.pool.withdraw", used, 1, "half of it; the recipient holds COR")
        used = bench.send(quota.set_spending_limit(SPENDING_LIMIT_WEI // 2), actors.owner)
        yield Scenario("quota.spending.set", used, 1, "half of the limit before")
        used = bench.send(quota.set_limits((LIMITS[0] // 2, *LIMITS[1:])), actors.owner)
        yield Scenario("quota.limits.set", used, 1, "half of the cap before")
        bench.wait(30 * 86_400)
        rates = [rate - 10 for rate in RATES_PPM]
        used = bench.send(quota.set_rates(rates), actors.owner)
        yield Scenario("quota.rates.set.first", used, 1, "all twelve; the first change of all")
        bench.wait(30 * 86_400)
        used = bench.send(quota.set_rates(list(RATES_PPM)), actors.owner)
        yield Scenario("quota.rates.set", used, 1, "all twelve; any later change")
    yield from run_ownership(bench, "StakeQuota", bench.quota)
