# SPDX-License-Identifier: Apache-2.0
"""A burst of callers reads the chain once; whoever must know the latest reads for himself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from cortensor.chain.facts import Surcharge
from cortensor.errors import NotFound
from cortensor.router.clock import SystemClock
from cortensor.router.commands import _listen
from cortensor.router.payment_sessions import PaymentSessions
from cortensor.store.records import SessionFacts
from cortensor.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SESSION = f"0x{1 << 128:040x}"


class SlowChain:
    """Counts how often it is asked; answers when it is let."""

    def __init__(self, deposit: int | None = 5) -> None:
        self.deposit = deposit
        self.asked = 0
        self.may_answer = asyncio.Event()

    async def session(self, session: str) -> SessionFacts | None:
        self.asked += 1
        deposit = self.deposit
        await self.may_answer.wait()
        if deposit is None:
            return None
        return SessionFacts(
            session=session,
            payer="0x" + "11" * 20,
            deposit=deposit,
            settled=0,
            expiry=2**40,
            state=1,
            volume_tier=0,
            version=1,
            surcharge_cap_bps=0,
            task_cap_wei=1,
            fetched_at=SystemClock().unix(),
        )

    async def surcharge(self) -> Surcharge:
        self.asked += 1
        await self.may_answer.wait()
        return Surcharge(3, 100, 1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "router.db") as opened:
        yield opened


def sessions(chain: SlowChain, store: Store) -> PaymentSessions:
    return PaymentSessions(
        chain,  # type: ignore[arg-type]
        store.ledger,
        SystemClock(),
        router_id=1,
        cache_s=10,
        surcharge_s=10,
        expiry_margin_s=0,
        max_volume_tier=0,
        fundings=["escrow"],
    )


async def burst(chain: SlowChain, *calls: object) -> list[object]:
    tasks = [asyncio.ensure_future(call) for call in calls]  # type: ignore[call-overload]
    await asyncio.sleep(0.2)
    chain.may_answer.set()
    return list(await asyncio.gather(*tasks, return_exceptions=True))


def test_a_burst_is_one_reading(store: Store) -> None:
    async def run() -> None:
        chain = SlowChain()
        reading = sessions(chain, store)
        found = await burst(chain, *(reading.load(SESSION) for _ in range(20)))
        assert {account.facts.deposit for account in found} == {5}  # type: ignore[attr-defined]
        await reading.load(SESSION)
        assert chain.asked == 1

    asyncio.run(run())


def test_a_fresh_reading_joins_none_that_began_before(store: Store) -> None:
    async def run() -> None:
        chain = SlowChain()
        reading = sessions(chain, store)
        old = asyncio.create_task(reading.load(SESSION))
        await asyncio.sleep(0.1)
        chain.deposit = 9  # a top-up
        (fresh,) = await burst(chain, reading.load(SESSION, fresh=True))
        assert fresh.facts.deposit == 9  # type: ignore[attr-defined]
        await old
        assert chain.asked == 2

    asyncio.run(run())


def test_all_learn_of_a_failure_and_the_next_asks_again(store: Store) -> None:
    async def run() -> None:
        chain = SlowChain(deposit=None)
        reading = sessions(chain, store)
        found = await burst(chain, *(reading.load(SESSION) for _ in range(3)))
        assert [type(each) for each in found] == [NotFound] * 3
        chain.deposit = 5
        assert (await reading.load(SESSION, fresh=True)).facts.deposit == 5

    asyncio.run(run())


def test_a_caller_that_leaves_takes_nothing_from_the_others(store: Store) -> None:
    async def run() -> None:
        chain = SlowChain()
        reading = sessions(chain, store)
        first = asyncio.create_task(reading.load(SESSION))
        await asyncio.sleep(0.1)
        second = asyncio.create_task(reading.load(SESSION))
        await asyncio.sleep(0.1)
        first.cancel()
        chain.may_answer.set()
        assert (await second).facts.deposit == 5
        assert chain.asked == 1

    asyncio.run(run())


def test_the_surcharge_is_read_once_too(store: Store) -> None:
    async def run() -> None:
        chain = SlowChain()
        reading = sessions(chain, store)
        found = await burst(chain, *(reading.surcharge() for _ in range(20)))
        assert found == [Surcharge(3, 100, 1)] * 20
        assert chain.asked == 1

    asyncio.run(run())


def test_kept_connections_do_not_wait_for_acknowledgements() -> None:
    # The loop switches Nagle's algorithm off only where the protocol is named.
    with _listen("127.0.0.1", 0) as listener:
        assert listener.proto == 6
