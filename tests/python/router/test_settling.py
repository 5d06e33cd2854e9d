# SPDX-License-Identifier: Apache-2.0
"""The router settles by itself: when, how patiently, and what it tells."""

from __future__ import annotations

import asyncio

import pytest

from cortensor.chain.finality import Followed
from cortensor.chain.settler import SettledBatch
from cortensor.errors import Conflict, Error, Unavailable
from cortensor.receipts.sign import address_of
from cortensor.router.clock import SystemClock
from cortensor.router.config import Settlement
from cortensor.router.settlement import (
    LONGEST_PAUSE_S,
    is_due,
    is_urgent,
    pause_s,
    settle_for_ever,
)
from cortensor.store.address import DatabaseAddress
from cortensor.store.records import Pending, SkipRecord
from cortensor.store.store import Store
from tests.python.chain.settling_chain import SettlingChain, calls, settler
from tests.python.router.harness import CARD, SIGNER_KEY
from tests.python.store.test_ledger import charge, facts

SETTINGS = Settlement(poll_s=1, max_age_s=10**6)
SKIPPED = {"session_id": "0x1", "cumulative_wei": "5", "reason": "pool is empty"}
BATCH = SettledBatch("0x2", "stake", 1, 3, 2, "9", "0x3", 4, 5, "6", "30", [SKIPPED])


@pytest.mark.parametrize(("retry_at", "due"), [(None, False), (0, True), (7, True), (8, False)])
def test_what_was_put_off_is_due_at_its_time(retry_at: int | None, due: bool) -> None:
    assert is_due(Pending(0, None, None, 3, retry_at=retry_at), SETTINGS, 7) == due


def test_failures_are_followed_by_longer_pauses() -> None:
    assert [pause_s(5, failures) for failures in range(4)] == [5, 10, 20, 40]
    assert {pause_s(5, failures) for failures in (7, 8, 10**6)} == {LONGEST_PAUSE_S}
    assert [pause_s(900, failures) for failures in (0, 1, 50)] == [900, 900, 900]


@pytest.mark.parametrize(
    ("pending", "due", "urgent"),
    [
        (Pending(0, None, None, 0), False, False),
        (Pending(3, 900, 10**6, 0), True, False),  # enough of them
        (Pending(1, 800, 10**6, 0), True, False),  # old enough
        (Pending(1, 801, 10**6, 0), False, False),
        (Pending(1, 500, 10**6, 0), True, True),  # waited long enough
        (Pending(1, 999, 1050, 0), True, True),  # its session ends
        (Pending(1, 999, 1051, 0), False, False),
        (Pending(0, None, None, 1, retry_at=1000), True, True),
    ],
)
def test_what_can_wait_for_gas_and_what_cannot(pending: Pending, due: bool, urgent: bool) -> None:
    settings = Settlement(max_items=3, max_age_s=200, max_wait_s=500, expiry_margin_s=50)
    assert is_due(pending, settings, 1000) == due
    assert is_urgent(pending, settings, 1000) == urgent


class Scripted:
    """Each poll does the next of `steps`: raises it, or settles it. The last one ends the loop."""

    def __init__(self, *steps: Error | list[SettledBatch]) -> None:
        self.steps = list(steps)
        self.asked: list[int | None] = []
        self.lost: list[SkipRecord] = []
        self.followed = 0

    def pending(self) -> Pending:
        if not self.steps:
            raise asyncio.CancelledError
        return Pending(0, None, None, 1, retry_at=0)

    def to_alarm(self) -> list[SkipRecord]:
        found, self.lost = self.lost, []
        return found

    def settle_all(self, until: int | None = None) -> list[SettledBatch]:
        self.asked.append(until)
        step = self.steps.pop(0)
        if isinstance(step, Error):
            raise step
        return step

    def follow(self) -> list[Followed]:
        self.followed += 1
        return [Followed("0x2", "soft", "hard")] if self.followed == 1 else []

    def base_fee(self) -> int:
        raise AssertionError("nobody said what is dear")

    def unix(self) -> int:
        return 1234

    def monotonic(self) -> float:
        return 1.0


def run(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch, settings: Settlement = SETTINGS
) -> list[float]:
    """Run the loop to its end. Returns how long it paused each time."""
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr("cortensor.router.settlement.asyncio.sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(settle_for_ever(scripted, scripted, scripted, settings, scripted))
    return pauses


def test_a_pause_of_the_contract_is_no_hot_loop(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    paused = Conflict("estimate: payment: settlement paused", code="contract_refused")
    down = Unavailable("connection refused")
    scripted = Scripted(paused, down, paused, [], [])
    assert run(scripted, monkeypatch) == [1, 2, 4, 8, 1, 1]
    assert caplog.text.count("settlement paused") == 2
    assert "connection refused" in caplog.text
    assert set(scripted.asked) == {1234}  # what was put off keeps its time


def test_a_settlement_beside_it_is_no_failure(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    running = Conflict("a settlement already runs", code="already_running")
    assert run(Scripted(running, running), monkeypatch) == [1, 1, 1]
    assert caplog.text == ""


def test_skips_and_losses_are_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    scripted = Scripted([BATCH])
    scripted.lost = [SkipRecord("0x1", 5, "session closed")]
    run(scripted, monkeypatch)
    assert "settled 3 stake receipts, 9 wei, for 30 wei of ETH, in 0x3" in caplog.text
    assert "pool is empty" in caplog.text
    assert "it is tried again" in caplog.text
    assert "no longer can be" in caplog.text
    assert "batch 0x2: hard, was soft" in caplog.text
    assert scripted.followed == 1  # not with every poll
    assert "session closed" in caplog.text


class Priced(Scripted):
    """One receipt waits that could wait longer; gas costs the next of `fees` at each poll."""

    def __init__(self, *fees: int) -> None:
        super().__init__()
        self.fees = list(fees)

    def pending(self) -> Pending:
        if not self.fees:
            raise asyncio.CancelledError
        return Pending(1, 1233, None, 0)

    def base_fee(self) -> int:
        return self.fees.pop(0)

    def settle_all(self, until: int | None = None) -> list[SettledBatch]:
        self.asked.append(until)
        return []


def test_what_can_wait_does_while_gas_is_dear(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    priced = Priced(101, 500, 100, 7, 101)
    run(priced, monkeypatch, Settlement(poll_s=1, max_items=1, max_base_fee_wei=100))
    assert priced.asked == [1234, 1234]
    said = [record.getMessage() for record in caplog.records if "gas at" in record.getMessage()]
    assert said == [
        "gas at 101 wei is above max_base_fee_wei (100)",
        "gas at 100 wei is within max_base_fee_wei (100)",
        "gas at 101 wei is above max_base_fee_wei (100)",
    ]


class Polled:
    """An outbox that is looked at so many times; then the loop ends."""

    def __init__(self, store: Store, polls: int) -> None:
        self._store = store
        self._polls = polls

    def pending(self) -> Pending:
        if self._polls == 0:
            raise asyncio.CancelledError
        self._polls -= 1
        return self._store.outbox.pending()


def test_of_two_routers_on_one_database_one_settles(
    database: DatabaseAddress, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    chain = SettlingChain(CARD, address_of(SIGNER_KEY))
    settings = Settlement(poll_s=1, max_items=1)

    async def no_pause(_seconds: float) -> None: ...

    monkeypatch.setattr("cortensor.router.settlement.asyncio.sleep", no_pause)

    def poll(store: Store, polls: int) -> None:
        settles = settler(chain, store)
        loop = settle_for_ever(Polled(store, polls), store.skips, settles, settings, SystemClock())
        with pytest.raises(asyncio.CancelledError):
            asyncio.run(loop)

    with Store(database) as one, Store(database) as two:
        one.ledger.refresh(facts())
        charge(one, 1, 10)
        with two.database.settling():
            poll(one, 3)
            assert chain.mined == {}
        assert caplog.text == ""  # that the other is at it is no failure
        poll(one, 1)
        poll(two, 1)
        assert calls(chain) == ["settle"]
        for store in (one, two):
            assert store.outbox.pending().receipts == 0
            assert store.ledger.audit() == []
    chain.close()
