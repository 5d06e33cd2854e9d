# SPDX-License-Identifier: Apache-2.0
"""Nodes' stake, users' stake, and what users draw from it."""

from __future__ import annotations

from collections.abc import Iterator

from scripts._gas.bench import (
    NODE_STAKE_WEI,
    POOL_COOLDOWN_SECONDS,
    QUOTA_COOLDOWN_SECONDS,
    STAKE,
    Bench,
)
from scripts._gas.scenario import Scenario
from scripts._gas.settled_case import BURN_ADDRESS, DEPTH, TOO_MUCH_WEI, settled_from_stake

SIZES = (1, 10, 100, 128)  # the last is the most that a batch may have
STAKE_WEI = 5_000 * 10**18  # 1.5 COR a day in the cheapest bucket
POOL_WEI = 5_000 * 10**18
DRAW_WEI = 10**17
# A draw that leaves 0.1 COR of the quota, and one that goes 0.9 COR beyond it.
NEARLY_WEI, BEYOND_WEI = 14 * 10**17, 24 * 10**17
PERMISSION_WEI = 10 * 10**18


def run_stake(bench: Bench) -> Iterator[Scenario]:
    """Run a node's position from its first stake to its last."""
    owner, pool = bench.actors.payer, bench.pool.functions
    node = bench.actors.nodes
    with bench.aside():
        used = bench.send(pool.open_node(node, NODE_STAKE_WEI), owner)
        yield Scenario("stake.open", used, 1, "a node's position with its first stake")
        position = pool.node_position(owner, node).call()
        used = bench.send(pool.stake(position, NODE_STAKE_WEI), owner)
        yield Scenario("stake.steady", used, 1, "more for an opened position")
        used = bench.send(pool.request_unstake(position, NODE_STAKE_WEI), owner)
        yield Scenario("unstake.request", used, 1, "half of it, nothing on its way out before")
        bench.wait(POOL_COOLDOWN_SECONDS + 1)
        used = bench.send(pool.withdraw(position), owner)
        yield Scenario("unstake.withdraw", used, 1, "after the cool-down")


def run_quota(bench: Bench) -> Iterator[Scenario]:
    """Run users' accounts from enrolment to the end, with batches of a hundred draws between."""
    with bench.aside():
        yield from _run_quota(bench)


def _run_quota(bench: Bench) -> Iterator[Scenario]:
    sender, quota = bench.actors.payer, bench.quota.functions
    yield from _funded(bench)
    accounts = [_user(bench, number) for number in range(SIZES[-1])]
    sessions = []
    for account in accounts:
        session, opened = bench.open(account, funding=STAKE, salt=bytes(32), amount=0)
        enrolled = bench.send(quota.enrol(account, 1, 0, False), sender)
        staked = bench.send(quota.stake(session, STAKE_WEI), sender)
        permitted = bench.send(quota.set_permission(session, PERMISSION_WEI, 0), account)
        sessions.append(session)
    yield Scenario("session.open.stake", opened, 1, "no deposit")
    yield Scenario("quota.enrol", enrolled, 1, "daily windows, the cheapest bucket")
    yield Scenario("quota.stake.first", staked, 1, "into a fresh account")
    yield Scenario("quota.permission.set", permitted, 1, "never set before")
    yield from _permitted(bench, sessions[0], accounts[0])
    with bench.aside():
        bench.next_day()
        # The window begins for the accounts, and the day for the pool.
        used = bench.send(quota.stake(sessions[0], STAKE_WEI), sender)
        yield Scenario("quota.stake.steady", used, 1, "the first of a new window")
        used = bench.send(quota.stake(sessions[0], STAKE_WEI), sender)
        yield Scenario("quota.stake.again", used, 1, "in a window begun before")
        used = bench.send(quota.request_unstake(sessions[0], STAKE_WEI), accounts[0])
        yield Scenario("quota.unstake.request", used, 1, "a third, nothing on its way out before")
        bench.wait(QUOTA_COOLDOWN_SECONDS + 1)
        used = bench.send(quota.withdraw(sessions[0]), accounts[0])
        yield Scenario("quota.unstake.withdraw", used, 1, "after the cool-down; the user holds COR")
    bench.next_day()
    note = "users who never drew; the first draw of all"
    for count in (1, SIZES[-1]):
        with bench.aside():
            used = bench.settle_stake(dict.fromkeys(sessions[:count], DRAW_WEI))
            yield Scenario(f"quota.draw.{count}.first", used, count, note)
    # From here on every account has drawn before, and the router has settled stake before.
    bench.settle_stake(dict.fromkeys(sessions, DRAW_WEI))
    for count in SIZES:
        some = sessions[:count]
        with bench.aside():
            bench.next_day()
            used = bench.settle_stake(dict.fromkeys(some, 2 * DRAW_WEI))
            note = "the first of every user's window, within the quota"
            yield Scenario(f"quota.draw.{count}.window", used, count, note)
        with bench.aside():
            used = bench.settle_stake(dict.fromkeys(some, 2 * DRAW_WEI))
            note = "users within the quota, steady; root included"
            yield Scenario(f"quota.draw.{count}", used, count, note)
        with bench.aside():
            bench.settle_stake(dict.fromkeys(some, NEARLY_WEI))
            used = bench.settle_stake(dict.fromkeys(some, BEYOND_WEI))
            note = "users beyond the quota, the rest of it used and stake deducted; root included"
            yield Scenario(f"quota.overage.{count}", used, count, note)
            if count == 1:
                used = bench.send(quota.sweep(), sender)
                yield Scenario("quota.sweep", used, 1, "what draws left due, to the escrow")
    yield from _restored(bench)


def _funded(bench: Bench) -> Iterator[Scenario]:
    """Pay into the free pool, which stays there."""
    call, sender = bench.quota.functions.fund_pool(POOL_WEI), bench.actors.payer
    used = bench.send(call, sender)
    yield Scenario("quota.pool.fund", used, 1, "the contract's very first deposit")
    with bench.aside():
        used = bench.send(call, sender)
        yield Scenario("quota.pool.fund.again", used, 1, "as much again")


def _permitted(bench: Bench, session: int, account: str) -> Iterator[Scenario]:
    """Change what an account permits a session."""
    with bench.aside():
        call = bench.quota.functions.set_permission(session, 2 * PERMISSION_WEI, 0)
        used = bench.send(call, account)
        yield Scenario("quota.permission.set.again", used, 1, "twice as much")


def _restored(bench: Bench) -> Iterator[Scenario]:
    """Prove that a user was charged too much of his stake."""
    sender, account = bench.actors.payer, _user(bench, SIZES[-1])
    with bench.aside():
        bench.send(bench.cor.functions.transfer(BURN_ADDRESS, 1), bench.actors.owner)
        session, _ = bench.open(account, funding=STAKE, salt=bytes(32), amount=0)
        bench.send(bench.quota.functions.enrol(account, 1, 0, False), sender)
        bench.send(bench.quota.functions.stake(session, STAKE_WEI), sender)
        bench.next_day()
        leaf = settled_from_stake(bench, session, TOO_MUCH_WEI)
        call = bench.dispute.functions.challenge_charge(leaf)
        used = bench.send(call, bench.actors.anchorer)
        note = f"an over-charge within a quota, proof depth {DEPTH}; the free pool gets it back"
        yield Scenario("dispute.charge.stake", used, 1, note)


def _user(bench: Bench, number: int) -> str:
    """Return an account that holds COR."""
    account = bench.stranger(f"user {number}")
    bench.send(bench.cor.functions.transfer(account, 10**18), bench.actors.owner)
    return account
