# SPDX-License-Identifier: Apache-2.0
"""Voucher sessions: one answer on credit, then a signed total before the next."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest
import requests

from cortensor.store.store import Store
from tests.python.router.harness import (
    COR,
    KEYED,
    PAYER,
    STRANGER_KEY,
    config_data,
    session_number,
    signed,
    token,
    voucher,
)
from tests.python.router.test_once import toml
from tests.python.router.test_paid_path import delegate
from tests.python.router.test_refusals import refused
from tests.python.router.victims import Launched

if TYPE_CHECKING:
    from pathlib import Path

    from cortensor.store.address import DatabaseAddress
    from tests.python.router.conftest import Start
    from tests.python.router.fake_model import FakeModel
    from tests.python.router.fake_node import FakeNode
    from tests.python.router.harness import Router
    from tests.python.router.victims import Nursery


@pytest.fixture
def ledger_at(database: DatabaseAddress) -> DatabaseAddress:
    return database


HEADER = "X-Cortensor-Voucher"


@pytest.fixture
def lent(node: FakeNode) -> str:
    return node.open(session_number(8), PAYER, COR, KEYED, funding=1)


def ask(
    router: Router, session: str, salt: int, paid: str | None = None, key: str | None = None
) -> requests.Response:
    body = delegate(session)
    more = signed(body, salt=salt) | ({HEADER: paid} if paid is not None else {})
    return router.post("delegate", body, more=more, key=key)


def vouchered(router: Router, session: str) -> int:
    with Store(router.config.database_address) as store:
        account = store.ledger.account(session)
        assert account is not None
        return account.vouchered


def test_each_answer_is_signed_for_before_the_next_question(router: Router, lent: str) -> None:
    first = ask(router, lent, 1)
    assert first.ok
    total = int(first.headers["X-Cortensor-Total"])
    assert total == int(first.json()["charge_wei"])
    data = refused(ask(router, lent, 2), 402, "voucher_needed", HEADER)
    assert (data["total_wei"], data["vouchered_wei"], data["credit_wei"]) == (str(total), "0", "0")
    second = ask(router, lent, 2, voucher(lent, total))
    assert second.ok
    both = int(second.headers["X-Cortensor-Total"])
    assert both == total + int(second.json()["charge_wei"])
    assert vouchered(router, lent) == total
    assert router.ledger()[lent] == (both, 0)


def test_an_answer_is_replayed_without_a_voucher(router: Router, lent: str) -> None:
    first = ask(router, lent, 1, key="k")
    again = ask(router, lent, 1, key="k")
    assert again.content == first.content
    assert again.headers["X-Cortensor-Total"] == first.headers["X-Cortensor-Total"]


def test_a_voucher_is_handed_in_without_a_request(router: Router, lent: str) -> None:
    total = int(ask(router, lent, 1).headers["X-Cortensor-Total"])
    amount, _, signature = voucher(lent, total).partition(":")
    body = {"session_id": lent, "cumulative_wei": amount, "signature": signature}
    expected = {
        "session_id": lent,
        "charged_wei": amount,
        "vouchered_wei": amount,
        "credit_wei": "0",
    }
    for _ in range(2):
        assert router.post("voucher", body).json() == expected
    assert router.post("voucher", body, auth="").status_code == 401
    assert router.post("voucher", {**body, "cumulative_wei": "01"}).status_code == 422
    assert ask(router, lent, 2).ok


def test_vouchers_that_do_not_count_are_refused(
    router: Router, lent: str, session: str, node: FakeNode
) -> None:
    total = int(ask(router, lent, 1).headers["X-Cortensor-Total"])
    other = node.open(session_number(9), PAYER, COR, KEYED, funding=1)
    cases = [
        (voucher(lent, total + 1), 409, "voucher_mismatch"),
        (voucher(lent, total - 1), 409, "voucher_mismatch"),
        (voucher(lent, total, STRANGER_KEY), 401, "voucher_not_signed"),
        (voucher(other, total), 401, "voucher_not_signed"),
        (f"{2**96}:0x{'11' * 65}", 401, "voucher_not_signed"),
        (f"{total}:0x12", 422, "invalid_field"),
        (f"0{voucher(lent, total)}", 422, "invalid_field"),
        ("", 422, "invalid_field"),
    ]
    for paid, status, code in cases:
        refused(ask(router, lent, 2, paid), status, code, HEADER)
    assert vouchered(router, lent) == 0
    assert ask(router, lent, 2, voucher(lent, total)).ok
    assert ask(router, lent, 3, voucher(lent, total)).status_code == 402  # an old one is ignored
    escrow = router.post("delegate", delegate(session), more={HEADER: voucher(session, 1)})
    refused(escrow, 422, "invalid_field", HEADER)


def test_a_running_request_counts_against_the_credit(
    router: Router, lent: str, model: FakeModel
) -> None:
    model.gate = threading.Event()
    answers: list[Any] = []
    caller = threading.Thread(target=lambda: answers.append(ask(router, lent, 1)))
    caller.start()
    assert model.arrived.acquire(timeout=20)
    data = refused(ask(router, lent, 2), 402, "voucher_needed", HEADER)
    assert data["total_wei"] == "0"
    assert int(data["reserved_wei"]) > 0
    model.gate.set()
    caller.join(20)
    assert answers[0].ok


def test_credit_lets_more_than_one_answer_go(start: Start, lent: str) -> None:
    router = start(limits={"voucher_credit_wei": COR})
    assert all(ask(router, lent, salt).ok for salt in (1, 2, 3))


def test_a_voucher_session_needs_its_keys_word_too(router: Router, lent: str) -> None:
    refused(
        router.post("delegate", delegate(lent)),
        401,
        "request_not_signed",
        "X-Cortensor-Request-Salt",
    )


def test_a_kill_loses_neither_charge_nor_voucher(
    tmp_path: Path, node: FakeNode, model: FakeModel, lent: str, nursery: Nursery
) -> None:
    config = tmp_path / "router.toml"
    config.write_text(toml(config_data(tmp_path, node, model)))

    def post(url: str, salt: int, paid: str | None = None) -> requests.Response:
        body = delegate(lent)
        headers = signed(body, salt=salt) | {"Authorization": f"Bearer {token(lent)}"}
        if paid is not None:
            headers[HEADER] = paid
        return requests.post(f"{url}/api/v4/delegate", json=body, headers=headers, timeout=30)

    killed = Launched(nursery, config)
    url = killed.url
    total = int(post(url, 1).headers["X-Cortensor-Total"])
    both = int(post(url, 2, voucher(lent, total)).headers["X-Cortensor-Total"])
    assert killed.end(signal.SIGKILL) == -signal.SIGKILL
    living = Launched(nursery, config)
    url = living.url
    try:
        needed = post(url, 3)
        assert needed.status_code == 402
        assert (needed.json()["total_wei"], needed.json()["vouchered_wei"]) == (
            str(both),
            str(total),
        )
        assert post(url, 1).json()["code"] == "request_already_charged"
        with Store(tmp_path / "router.db") as store:
            assert store.ledger.audit() == []
            batch = store.outbox.build(None, 1)  # up to the voucher, not to what was charged
            assert batch is not None
            assert [item & (2**96 - 1) for item in batch.items] == [total]
            assert store.outbox.build(None, 1) is None
        assert post(url, 3, voucher(lent, both)).ok
    finally:
        assert living.end(signal.SIGTERM) == 0
