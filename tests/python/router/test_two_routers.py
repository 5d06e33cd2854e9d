# SPDX-License-Identifier: Apache-2.0
"""Two routers on one PostgreSQL database: one charge a key; either finishes the other's work."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests
from click.testing import CliRunner

from cortensor.cli import main
from cortensor.receipts.keccak import keccak256, to_hex
from cortensor.receipts.sign import address_of
from cortensor.router.requests import canonical_request
from cortensor.store.address import PostgresAddress
from cortensor.store.claims import Claim
from cortensor.store.store import Store
from tests.python.chain.settling_chain import SettlingChain, sent_call
from tests.python.router.fake_model import FakeModel
from tests.python.router.fake_node import FakeNode
from tests.python.router.harness import (
    CARD,
    COR,
    KEY_ENV,
    KEYED,
    PAYER,
    SIGNER_KEY,
    Router,
    config_data,
    session_number,
    signed,
)
from tests.python.router.test_once import ask, body, toml
from tests.python.router.victims import Launched, Nursery

if TYPE_CHECKING:
    from tests.python.router.conftest import Start


@pytest.fixture
def ledger_at(postgres_url: str) -> PostgresAddress:
    return PostgresAddress(postgres_url)


@pytest.fixture
def pair(start: Start) -> tuple[Router, Router]:
    return start(), start()


def held(model: FakeModel) -> threading.Event:
    """Make the model wait; set what is returned to let it go on."""
    model.gate = threading.Event()
    return model.gate


def test_the_same_key_at_both_runs_once(
    pair: tuple[Router, Router], session: str, model: FakeModel
) -> None:
    gate = held(model)
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(pair[0].post, "delegate", body(session), key="k")
        assert model.arrived.acquire(timeout=20)
        other = pair[1].post("delegate", body(session, "bye"), key="k")
        assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
        two = pool.submit(pair[1].post, "delegate", body(session), key="k")
        time.sleep(0.5)
        assert not two.done()
        gate.set()
        first, second = one.result(30), two.result(30)
    assert first.ok, first.text
    assert second.content == first.content
    assert second.headers["idempotent-replayed"] == "true"
    assert len(model.requests) == 1
    assert pair[0].ledger() == {session: (int(first.json()["charge_wei"]), 0)}


def test_who_has_waited_long_enough_is_told_to_come_again(start: Start, session: str) -> None:
    router = start(limits={"default_timeout_ms": 300, "late_grace_ms": 100})
    assert router.post("delegate", body(session), key="before").ok
    hashed = to_hex(keccak256(canonical_request("delegate", body(session))))
    with Store(router.config.database_address) as other:
        other.owners.renew(60_000)
        claim = Claim(key="k", request_hash=hashed)
        other.ledger.reserve(session, "elsewhere", 1, 1, claim=claim)
        told = router.post("delegate", body(session), key="k")
        assert (told.status_code, told.json()["code"]) == (409, "request_in_progress")
        assert int(told.headers["retry-after"]) > 0
        assert told.json()["field"] == "Idempotency-Key"
        other.owners.leave()
    assert router.post("delegate", body(session), key="k").ok


def test_a_signed_request_runs_at_one_of_them(
    pair: tuple[Router, Router], node: FakeNode, model: FakeModel
) -> None:
    session = node.open(session_number(2), PAYER, COR, KEYED)
    gate = held(model)
    said = signed(body(session))
    with ThreadPoolExecutor(1) as pool:
        one = pool.submit(pair[0].post, "delegate", body(session), more=said)
        assert model.arrived.acquire(timeout=20)
        two = pair[1].post("delegate", body(session), more=said)
        assert (two.status_code, two.json()["code"]) == (409, "request_running")
        gate.set()
        assert one.result(30).ok
    three = pair[1].post("delegate", body(session), more=said)
    assert (three.status_code, three.json()["code"]) == (409, "request_already_charged")


def test_both_see_what_either_spent(pair: tuple[Router, Router], node: FakeNode) -> None:
    first = pair[0].post("delegate", body(node.open(session_number(3), PAYER, COR)))
    charge = int(first.json()["charge_wei"])
    poor = node.open(session_number(4), PAYER, charge * 5)
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda n: pair[n % 2].post("delegate", body(poor, str(n))), range(16))
        )
    assert {answer.status_code for answer in answers} == {200, 402}
    spent, reserved = pair[1].ledger()[poor]
    assert spent == sum(int(a.json()["charge_wei"]) for a in answers if a.ok) <= charge * 5
    assert reserved == 0


@pytest.fixture
def chain() -> Iterator[SettlingChain]:
    fake = SettlingChain(CARD, address_of(SIGNER_KEY))
    yield fake
    fake.close()


@pytest.mark.slow
def test_a_killed_routers_work_is_finished_and_settled_by_the_other(
    tmp_path: Path,
    chain: SettlingChain,
    model: FakeModel,
    postgres_url: str,
    nursery: Nursery,
) -> None:
    session = chain.open(session_number(1), PAYER, COR)
    config = tmp_path / "router.toml"
    limits = {"lease_ms": 1000}
    config.write_text(
        toml(config_data(tmp_path, chain, model, database=postgres_url, limits=limits))
    )
    killed, living = Launched(nursery, config), Launched(nursery, config)
    first, second = killed.url, living.url
    try:
        gate = held(model)
        with ThreadPoolExecutor(1) as pool:
            cut = pool.submit(ask, first, session, "k", "hello")
            assert model.arrived.acquire(timeout=20)
            assert killed.end(signal.SIGKILL) == -signal.SIGKILL
            gate.set()
            with pytest.raises(requests.RequestException):
                cut.result(30)
        answer = ask(second, session, "k", "hello")
        assert answer.ok, answer.text
        assert ask(second, session, "k", "hello").content == answer.content
        path = f"/api/v4/receipt/{answer.json()['receipt_id']}"
        assert requests.get(second + path, timeout=30).ok
        done = CliRunner().invoke(
            main, ["settle", "--config", str(config)], env={KEY_ENV: SIGNER_KEY}
        )
        assert done.exit_code == 0, done.output
    finally:
        assert living.end(signal.SIGTERM) == 0
    charge = int(answer.json()["charge_wei"])
    _, call = sent_call(chain)
    assert list(call[5]) == [int(session, 16) << 96 | charge]
    with Store(PostgresAddress(postgres_url)) as store:
        assert store.ledger.audit() == []
        account = store.ledger.account(session)
        assert account is not None
        assert (account.spent, account.cumulative, account.reserved) == (charge, charge, 0)
        assert len(store.database.rows("SELECT 1 FROM receipts")) == 1
    told = CliRunner().invoke(main, ["outbox", "--database", postgres_url])
    assert told.output.startswith("0 receipts wait, 0 COR\n")
    assert "1 receipts anchored in block" in told.output
    costs = CliRunner().invoke(main, ["costs", "--database", postgres_url])
    assert session in costs.output
