# SPDX-License-Identifier: Apache-2.0
"""The client's side of a voucher session: what it signs, what it refuses, what a crash leaves."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from cortensor.client import (
    AsyncClient,
    BillRefused,
    Client,
    TotalRefused,
    Trust,
    Unsettled,
    VoucherFile,
    VoucherMemory,
)
from cortensor.errors import Conflict, InvalidInput, PaymentRequired
from cortensor.receipts.sign import address_of
from cortensor.store.store import Store
from tests.python.client.clients import TRUST, escrow, voucher
from tests.python.client.flaky_proxy import (
    FlakyProxy,
    LoseReply,
    LoseRequest,
    Pass,
    retold,
    rewritten,
)
from tests.python.router.harness import CARD, COR, STRANGER_KEY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.python.router.conftest import Start
    from tests.python.router.fake_model import FakeModel
    from tests.python.router.harness import Router

    Connect = Callable[..., Any]


def vouchered(router: Router, session: str) -> int:
    with Store(router.config.database_address) as store:
        account = store.ledger.account(session)
        assert account is not None
        return account.vouchered


def state(store: VoucherMemory) -> dict[str, Any]:
    return msgspec.json.decode(store.load() or b"{}")


def test_each_answer_is_signed_for_before_the_next(
    router: Router, lent: str, connect: Connect
) -> None:
    client = connect(router.url, voucher(lent))
    first = client.delegate("one")
    assert (client.total_wei, vouchered(router, lent)) == (first.charge_wei, 0)
    second = client.delegate("two")
    assert vouchered(router, lent) == first.charge_wei
    total = first.charge_wei + second.charge_wei
    assert client.total_wei == second.total_wei == total
    assert client.hand_in_voucher().vouchered_wei == str(total)
    assert router.ledger()[lent] == (total, 0)


def test_a_replay_is_counted_once(router: Router, lent: str, connect: Connect) -> None:
    client = connect(router.url, voucher(lent))
    first = client.delegate("one", idempotency_key="k")
    again = client.delegate("one", idempotency_key="k")
    assert again.replayed
    assert client.total_wei == first.charge_wei
    assert client.delegate("two").total_wei > first.charge_wei


@pytest.mark.parametrize("off", [1, -1, 10**15])
def test_a_wrong_total_is_not_signed(
    router: Router, proxy: FlakyProxy, lent: str, connect: Connect, off: int
) -> None:
    store = VoucherMemory()
    client = connect(proxy.url, voucher(lent, store))
    first = client.delegate("one")
    proxy.faults = [Pass(retold(lambda total: total + off))]
    with pytest.raises(TotalRefused, match="wei are owed in all"):
        client.delegate("two")
    assert client.total_wei == first.charge_wei
    assert state(store)["total"] == first.charge_wei
    # The router that says the truth again is believed again, and nothing is paid twice.
    third = client.delegate("three")
    assert client.total_wei == third.total_wei == router.ledger()[lent][0]


@pytest.mark.parametrize("claims_replay", [False, True])
def test_one_receipt_is_paid_once(
    router: Router, proxy: FlakyProxy, lent: str, connect: Connect, claims_replay: bool
) -> None:
    """A router that sells the answer to one call again to the next one that asks the same."""
    client = connect(proxy.url, voucher(lent))
    answers: list[bytes] = []

    def keep(reply: Any) -> tuple[int, dict[str, str], bytes]:
        answers.append(reply.content)
        return retold(lambda total: total)(reply)

    def sell_again(reply: Any) -> tuple[int, dict[str, str], bytes]:
        status, headers, _ = retold(lambda total: total)(reply)
        replayed = {"Idempotent-Replayed": "true"} if claims_replay else {}
        return status, {**headers, **replayed}, answers[0]

    proxy.faults = [Pass(keep), Pass(sell_again)]
    first = client.delegate("one")
    with pytest.raises((BillRefused, TotalRefused), match="another call"):
        client.delegate("one")
    assert client.total_wei == first.charge_wei


def test_an_answer_without_a_total_is_not_signed_for(
    proxy: FlakyProxy, lent: str, connect: Connect
) -> None:
    client = connect(proxy.url, voucher(lent))
    proxy.faults = [Pass(lambda reply: (200, {"Content-Type": "application/json"}, reply.content))]
    with pytest.raises(TotalRefused, match="no running total"):
        client.delegate("one")
    assert client.total_wei == 0


def dearer(text: str) -> str:
    data = msgspec.json.decode(text)
    charge = data["receipt"]["bill"]["charge"]
    return text.replace(f'"{charge}"', f'"{int(charge) + 1}"')


def other_output(text: str) -> str:
    return text.replace('"output":"an answer"', '"output":"a lie"')


@pytest.mark.parametrize(
    ("path", "change", "finding"),
    [
        ("/receipt/", dearer, "bill"),
        (
            "/receipt/",
            lambda text: text.replace("an answer", "x"),
            "evidence",
        ),
        ("/delegate", other_output, "output is not the receipt's"),
        (
            "/delegate",
            lambda text: text.replace('"charge_wei":"', '"charge_wei":"1'),
            "the answer says",
        ),
    ],
)
def test_a_wrong_bill_is_not_signed(
    proxy: FlakyProxy, lent: str, connect: Connect, path: str, change: Any, finding: str
) -> None:
    client = connect(proxy.url, voucher(lent))
    proxy.always = {path: rewritten(change)}
    with pytest.raises(BillRefused) as caught:
        client.delegate("one")
    assert any(finding in each for each in caught.value.findings), caught.value.findings
    assert client.total_wei == 0
    proxy.always = {}
    assert client.delegate("two").total_wei == client.total_wei


@pytest.mark.parametrize(
    "trust",
    [
        Trust(signer=address_of(STRANGER_KEY), cards={1: CARD}),
        Trust(cards={1: msgspec.structs.replace(CARD, task_wei=1)}),
        Trust(cards={2: CARD}),
    ],
)
def test_signer_and_prices_that_are_not_the_known_ones_are_refused(
    router: Router, lent: str, session: str, connect: Connect, trust: Trust
) -> None:
    client = connect(router.url, voucher(lent), trust=trust)
    with pytest.raises(BillRefused):
        client.delegate("one")
    assert client.total_wei == 0
    with pytest.raises(BillRefused):
        connect(router.url, escrow(session), trust=trust).delegate("one")


def test_a_crash_between_charge_and_answer_loses_no_wei(
    router: Router, proxy: FlakyProxy, lent: str, tmp_path: Path
) -> None:
    path = tmp_path / "voucher.json"
    file = VoucherFile(path)
    client = Client(proxy.url, voucher(lent, file), trust=TRUST)
    first = client.delegate("one")
    proxy.faults = [LoseReply() for _ in range(20)]
    with pytest.raises(Unsettled):
        client.delegate("two", deadline_s=1.5)
    charged = router.ledger()[lent][0]
    assert charged > first.charge_wei
    file.close()  # what a crash does to the lock, too
    proxy.faults = []
    later = Client(proxy.url, voucher(lent, VoucherFile(path)), trust=TRUST)
    assert later.total_wei == first.charge_wei
    assert later.finish_open() == 1
    assert later.total_wei == charged
    assert later.delegate("three").total_wei == later.total_wei == router.ledger()[lent][0]


def test_a_crash_before_the_request_left_charges_once(
    router: Router, proxy: FlakyProxy, lent: str, connect: Connect, model: FakeModel
) -> None:
    store = VoucherMemory()
    client = connect(proxy.url, voucher(lent, store))
    proxy.faults = [LoseRequest() for _ in range(20)]
    with pytest.raises(Unsettled):
        client.delegate("one", deadline_s=1.5)
    assert len(state(store)["open"]) == 1
    proxy.faults = []
    client.delegate("two")
    assert len(model.requests) == 2
    assert client.total_wei == router.ledger()[lent][0]
    assert state(store)["open"] == []


def test_a_refused_call_leaves_nothing_open(router: Router, lent: str, connect: Connect) -> None:
    store = VoucherMemory()
    client = connect(router.url, voucher(lent, store))
    with pytest.raises(Exception, match="must be at most"):
        client.delegate("one", max_tokens=10**6, max_charge_wei=1)
    assert state(store)["open"] == []


def test_a_cancelled_call_is_finished_before_the_next(
    router: Router, lent: str, model: FakeModel
) -> None:
    model.gate = threading.Event()

    async def scenario() -> tuple[Any, int | None]:
        async with AsyncClient(router.url, voucher(lent), trust=TRUST) as client:
            running = asyncio.create_task(client.delegate("one"))
            await asyncio.to_thread(model.arrived.acquire)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            assert model.gate is not None
            model.gate.set()
            return await client.delegate("two"), client.total_wei

    second, total = asyncio.run(scenario())
    assert len(model.requests) == 2
    assert total == second.total_wei == router.ledger()[lent][0]
    assert second.charge_wei < second.total_wei


def test_concurrent_calls_take_turns_without_credit(router: Router, lent: str) -> None:
    async def scenario() -> int | None:
        async with AsyncClient(router.url, voucher(lent), trust=TRUST) as client:
            await asyncio.gather(*(client.delegate(f"number {i}") for i in range(5)))
            return client.total_wei

    assert asyncio.run(scenario()) == router.ledger()[lent][0]


def test_concurrent_calls_with_credit_are_signed_for_in_any_order(start: Start, lent: str) -> None:
    router = start(limits={"voucher_credit_wei": COR})
    proxy = FlakyProxy(router.url)
    # The first answer is held back until later ones have passed.
    proxy.hold = threading.Event()

    async def scenario() -> int | None:
        payment = voucher(lent, max_open=8)
        async with AsyncClient(proxy.url, payment, trust=TRUST) as client:
            first = asyncio.create_task(client.delegate("number 0"))
            await asyncio.to_thread(proxy.arrived.acquire)
            hold, proxy.hold = proxy.hold, None
            await asyncio.gather(*(client.delegate(f"number {i}") for i in range(1, 5)))
            assert client.total_wei == 0  # what the first one cost is not known yet
            assert hold is not None
            hold.set()
            await first
            return client.total_wei

    try:
        assert asyncio.run(scenario()) == router.ledger()[lent][0]
    finally:
        proxy.close()


def test_more_than_the_cap_is_never_open(
    router: Router, lent: str, connect: Connect, start: Start
) -> None:
    client = connect(router.url, voucher(lent, max_unsigned_wei=1000))
    with pytest.raises(PaymentRequired) as caught:
        client.delegate("one")
    assert caught.value.code == "exposure_cap"
    assert router.ledger()[lent] == (0, 0)


def test_one_client_a_session(tmp_path: Path) -> None:
    file = VoucherFile(tmp_path / "v")
    with pytest.raises(Conflict):
        VoucherFile(tmp_path / "v")
    file.save(b"1")
    file.save(b"2")
    file.close()
    assert VoucherFile(tmp_path / "v").load() == b"2"
    assert (tmp_path / "v").stat().st_mode & 0o77 == 0


def test_state_of_another_session_is_refused(lent: str, session: str) -> None:
    store = VoucherMemory()
    store.save(b'{"format":"cortensor-vouchers/1","session":"0x00"}')
    with pytest.raises(InvalidInput, match="not the state of session"):
        Client("http://127.0.0.1:9", voucher(lent, store))
    store.save(b"{")
    with pytest.raises(InvalidInput, match="no voucher state"):
        Client("http://127.0.0.1:9", voucher(lent, store))
    with pytest.raises(InvalidInput, match="receipt is checked"):
        Client("http://127.0.0.1:9", voucher(lent), verify=False)
