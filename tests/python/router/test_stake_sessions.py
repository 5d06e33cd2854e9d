# SPDX-License-Identifier: Apache-2.0
"""Stake sessions: what a quota allows is what can be spent, and nothing dearer than its profile."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from cortensor.chain.book import AddressBook
from cortensor.chain.quota import AccountState, PermissionState, QuotaLimits, QuotaPool
from cortensor.chain.reader import ChainReader, drawable
from cortensor.errors import Conflict, InvalidInput
from cortensor.router.config import Settlement, parse_config
from cortensor.router.settlement import is_due
from cortensor.router.wiring import served_fundings
from cortensor.store.records import Pending
from tests.python.router.fake_node import ANCHOR, MICRO, PAYMENT, POOL, QUOTA, TABLE
from tests.python.router.harness import (
    COR,
    KEYED,
    PAYER,
    config_data,
    make_config,
    session_number,
    signed,
    token,
)
from tests.python.router.test_paid_path import delegate
from tests.python.router.test_refusals import free, refused

if TYPE_CHECKING:
    from pathlib import Path

    from cortensor.store.address import DatabaseAddress
    from tests.python.router.conftest import Start
    from tests.python.router.fake_model import FakeModel
    from tests.python.router.fake_node import FakeNode
    from tests.python.router.harness import Router


@pytest.fixture
def ledger_at(database: DatabaseAddress) -> DatabaseAddress:
    return database


NUMBER = session_number(20)
PLENTY = 10**6  # micro-COR: one COR
DAY = 86_400


def book(**more: str) -> AddressBook:
    return AddressBook.of(PAYMENT, TABLE, ANCHOR, **{"stake_quota": QUOTA, **more})  # type: ignore[arg-type]


def deposit(node: FakeNode, session: str) -> int:
    found = asyncio.run(ChainReader(node.url, book()).session(session))
    assert found is not None
    return found.deposit // MICRO


@pytest.mark.parametrize(
    ("account", "permission", "pool", "expected"),
    [
        ({"left_now": 100}, (0, 0), None, 100),
        ({"left_now": 100, "drawn": 7, "left_before": 50}, (0, 0), None, 107),
        ({"left_now": 100, "stake": 500}, (0, 0), None, 100),
        ({"left_now": 100, "stake": 500}, (40, 0), None, 140),
        ({"left_now": 100, "stake": 500, "overage_now": 30}, (40, 0), None, 110),
        ({"left_now": 100, "stake": 500, "overage_now": 50}, (40, 0), None, 100),
        ({"left_now": 100, "stake": 500}, (40, 480), None, 120),
        ({"left_now": 100, "stake": 10, "leaving": 15}, (40, 5), None, 105),
        ({"left_now": 100, "stake": 10}, (40, 50), None, 100),
        ({"left_now": 100, "stake": 500}, (40, 0), (30 * MICRO, 0, 10**30), 30),
        ({"left_now": 100}, (0, 0), (10**30, 80 * MICRO, 90 * MICRO), 10),
        ({"left_now": 100}, (0, 0), (10**30, 99 * MICRO, 90 * MICRO), 0),
    ],
)
def test_what_can_be_spent_is_what_can_be_drawn(
    node: FakeNode,
    account: dict[str, int],
    permission: tuple[int, int],
    pool: tuple[int, int, int] | None,
    expected: int,
) -> None:
    session = node.stake(NUMBER, PAYER, 0, **account)
    node.permissions[NUMBER] = (*permission, 0, 0, 0)
    node.quota_pool = pool or node.quota_pool
    assert deposit(node, session) == expected


@pytest.mark.parametrize(
    ("until", "limits", "expected"),
    [
        (0, (3, 10), 30),
        (1000, (3, 10), 30),
        (1001, (3, 10), 27),
        (1016, (3, 10), 27),
        (1017, (3, 10), 24),
        (1160, (3, 10), 0),
        (2000, (3, 10), 0),
        (2000, (0, 0), 100),
        (0, (50, 10), 100),
    ],
)
def test_the_rate_limit_bounds_what_can_be_drawn(
    until: int, limits: tuple[int, int], expected: int
) -> None:
    account = AccountState(0, 0, 100, 0, 0, 1, 0, False, 0, 0, until)
    rate, burst = limits
    left = drawable(
        account,
        PermissionState(0, 0, 0, 0, 0),
        QuotaPool(10**30, 0, 10**30),
        QuotaLimits(2**36 - 1, rate, burst),
        1000,
    )
    assert left == expected


def test_the_reader_knows_what_a_stake_is_for(node: FakeNode) -> None:
    reader = ChainReader(node.url, book(stake_pool=POOL))
    weekly = asyncio.run(reader.session(node.stake(NUMBER, PAYER, 7, weekly=1, left_now=1)))
    assert weekly is not None
    assert (weekly.funding, weekly.profile, weekly.session_key) == (2, 23, None)
    assert asyncio.run(reader.identity()).table.lower() == TABLE
    node.accounts.clear()
    fresh = asyncio.run(reader.session(f"0x{NUMBER:040x}"))
    assert fresh is not None
    assert (fresh.deposit, fresh.profile) == (0, None)
    without = ChainReader(node.url, AddressBook.of(PAYMENT, TABLE, ANCHOR))
    blind = asyncio.run(without.session(f"0x{NUMBER:040x}"))
    assert blind is not None
    assert (blind.deposit, blind.profile) == (0, None)
    for name in ("stake_quota", "stake_pool"):
        wrong = ChainReader(node.url, book(**{name: PAYMENT}))
        with pytest.raises(Conflict) as caught:
            asyncio.run(wrong.identity())
        assert caught.value.field == f"addresses.{name}"


def test_stake_pays_for_work_up_to_its_quota(router: Router, node: FakeNode) -> None:
    session = node.stake(NUMBER, PAYER, 0, left_now=PLENTY)
    body = delegate(session)
    quoted = router.post("quote", body).json()
    assert quoted["available_wei"] == str(COR)
    first = router.post("delegate", body)
    assert first.ok
    charge = int(first.json()["charge_wei"])
    assert router.ledger() == {session: (charge, 0)}
    assert router.post("quote", body).json()["available_wei"] == str(COR - charge)
    node.accounts[NUMBER]["left_now"] = 0  # the window ended, and the stake is leaving
    data = refused(router.post("delegate", body), 402, "over_budget", "session_id")
    assert data["quote"]["available_wei"] == "0"
    node.accounts[NUMBER]["stake"] = PLENTY
    node.permissions[NUMBER] = (PLENTY, 0, 0, 0, 0)
    assert router.post("delegate", body).ok


def test_work_beyond_the_profile_is_refused(router: Router, node: FakeNode) -> None:
    session = node.stake(NUMBER, PAYER, 1, left_now=PLENTY)
    assert router.post("delegate", delegate(session, consensus={"replicas": 3})).ok
    lower = node.stake(session_number(21), PAYER, 0, left_now=PLENTY)
    for endpoint in ("delegate", "quote"):
        answer = router.post(endpoint, delegate(lower, consensus={"replicas": 3}))
        refused(answer, 403, "beyond_stake_profile", "consensus.replicas")
    sizes = router.get(f"/api/v4/quote?session_id={lower}&replicas=3", auth=token(lower))
    refused(sizes, 403, "beyond_stake_profile", "consensus.replicas")


def test_a_dearer_model_than_the_profiles_is_refused(start: Start, node: FakeNode) -> None:
    sessions = [{"id": "201", "model": "201", "model_class": "heavy"}]
    router = start(sessions=sessions)
    session = node.stake(NUMBER, PAYER, 5, left_now=PLENTY)
    answer = router.post("delegate", delegate(session))
    refused(answer, 403, "beyond_stake_profile", "consensus.session_pool")
    free(router)
    enrolled = node.stake(session_number(21), PAYER, 6 + 16, weekly=1, left_now=PLENTY)
    node.accounts[session_number(21)]["bucket"] = 6
    assert router.post("delegate", delegate(enrolled)).ok


def test_a_stake_that_is_not_enrolled_is_told_so(router: Router, node: FakeNode) -> None:
    session = node.open(NUMBER, PAYER, 0, funding=2)
    refused(router.post("delegate", delegate(session)), 403, "stake_not_enrolled", "session_id")


def test_a_stake_session_may_have_a_key(router: Router, node: FakeNode) -> None:
    node.stake(NUMBER, PAYER, 0, left_now=PLENTY)
    session = node.open(NUMBER, PAYER, 0, KEYED, funding=2)
    body = delegate(session)
    assert router.post("delegate", body).status_code == 401
    assert router.post("delegate", body, more=signed(body)).ok


@pytest.mark.parametrize("served", ["escrow", "voucher", "stake"])
def test_only_configured_fundings_are_served(start: Start, node: FakeNode, served: str) -> None:
    router = start(payment={"fundings": [served]})
    sessions = {
        "escrow": node.open(session_number(31), PAYER, COR),
        "voucher": node.open(session_number(32), PAYER, COR, KEYED, funding=1),
        "stake": node.stake(session_number(33), PAYER, 0, left_now=PLENTY),
    }
    for name, session in sessions.items():
        body = delegate(session)
        answer = router.post("delegate", body, more=signed(body))
        if name == served:
            assert answer.ok
        else:
            refused(answer, 403, "funding_not_served", "session_id")
            refused(router.post("quote", body), 403, "funding_not_served", "session_id")


def test_stake_is_served_where_the_quota_is_known(
    tmp_path: Path, node: FakeNode, model: FakeModel
) -> None:
    assert served_fundings(make_config(tmp_path, node, model)) == ["escrow", "voucher", "stake"]
    data = config_data(tmp_path, node, model)
    for name in ("stake_quota", "stake_pool"):
        del data["addresses"][name]
    assert served_fundings(parse_config(data)) == ["escrow", "voucher"]
    with pytest.raises(InvalidInput, match="StakeQuota"):
        served_fundings(parse_config({**data, "payment": {"fundings": ["stake"]}}))
    for wrong in ([], ["credit"]):
        with pytest.raises(InvalidInput) as caught:
            parse_config({**data, "payment": {"fundings": wrong}})
        assert str(caught.value.field).startswith("payment.fundings")


def test_yesterdays_stake_work_is_settled_at_once() -> None:
    settings = Settlement(max_age_s=10**6)
    waiting = Pending(1, DAY - 5, 2**39, 0, oldest_stake=DAY - 5)
    assert not is_due(waiting, settings, DAY - 1)
    assert is_due(waiting, settings, DAY)
    assert not is_due(Pending(1, DAY - 5, 2**39, 0), settings, DAY)
