# SPDX-License-Identifier: Apache-2.0
"""Readers of thousands of receipts: in pages, a few at once, and never in a charge's way."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from cortensor.router import proofs
from cortensor.router.proofs import Library
from cortensor.store import outbox
from cortensor.store.calls import THREADS, InThreads
from cortensor.store.records import BatchRecord
from cortensor.store.store import Store
from tests.python.store.test_fundings import work
from tests.python.store.test_ledger import SESSION, facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cortensor.store.address import DatabaseAddress

RECEIPTS = 7


@pytest.fixture
def store(database: DatabaseAddress) -> Iterator[Store]:
    with Store(database) as opened:
        yield opened


@pytest.mark.parametrize("page", [1, 3, RECEIPTS, 100])
def test_what_was_signed_is_read_in_pages(
    store: Store, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(outbox, "PAGE_RECEIPTS", page)
    store.ledger.refresh(facts(deposit=10_000))
    for number in range(1, RECEIPTS + 1):
        work(store, number, 5, SESSION, 1)
    batch = store.outbox.build(None, 1)
    assert batch is not None
    leaves = store.outbox.leaves(batch.root)
    signed = store.outbox.signed(batch.root)
    assert len(signed) == RECEIPTS
    assert list(signed) == [leaf.receipt_id for leaf in leaves]
    for name, each in signed.items():
        whole = store.ledger.receipt(name)
        assert whole is not None
        assert (each.digest, each.signature, each.struct) == (
            whole.digest,
            whole.signature,
            whole.struct,
        )


class SlowOutbox:
    """An outbox that says how many ask it at once, and lets them wait."""

    def __init__(self) -> None:
        self.here = self.most = 0
        self.lock = threading.Lock()
        self.full, self.go = threading.Event(), threading.Event()

    def batch(self, _root: str) -> BatchRecord | None:
        with self.lock:
            self.here += 1
            self.most = max(self.most, self.here)
        if self.most >= proofs.LONG_READINGS:
            self.full.set()
        self.go.wait(10)
        with self.lock:
            self.here -= 1
        return None


def test_few_batches_are_read_at_once_and_others_are_served_meanwhile() -> None:
    slow: Any = SlowOutbox()
    nothing: Any = None

    async def scenario() -> None:
        library = Library(nothing, slow, "0x")
        asked = [asyncio.create_task(library.batch(f"0x{n}")) for n in range(20)]
        # A thread of asyncio's own: there are some left, and the loop runs.
        assert await asyncio.to_thread(slow.full.wait, 5)
        slow.go.set()
        await asyncio.gather(*asked, return_exceptions=True)

    asyncio.run(scenario())
    assert slow.most == proofs.LONG_READINGS


def test_readers_beyond_what_may_wait_are_told_to_come_again() -> None:
    slow: Any = SlowOutbox()
    nothing: Any = None

    async def scenario() -> list[object]:
        library = Library(nothing, slow, "0x")
        asked = [
            asyncio.create_task(library.batch(f"0x{n}")) for n in range(proofs.MOST_WAITING + 3)
        ]
        await asyncio.to_thread(slow.full.wait, 5)
        slow.go.set()
        return await asyncio.gather(*asked, return_exceptions=True)

    codes = [getattr(each, "code", None) for each in asyncio.run(scenario())]
    assert codes == ["unknown_batch"] * proofs.MOST_WAITING + ["overloaded"] * 3


def test_a_slow_chain_keeps_no_charge_waiting() -> None:
    """Whoever takes all of asyncio's own threads takes none of the store's."""
    go = threading.Event()

    async def scenario() -> int:
        calls = InThreads()
        stuck = [asyncio.create_task(asyncio.to_thread(go.wait, 30)) for _ in range(2 * THREADS)]
        await asyncio.sleep(0)
        try:
            return await asyncio.wait_for(calls.write(lambda: 7), 5)
        finally:
            go.set()
            await asyncio.gather(*stuck)

    assert asyncio.run(scenario()) == 7
