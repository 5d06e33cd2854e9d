# SPDX-License-Identifier: Apache-2.0
"""Voucher and stake sessions in the ledger: what a batch may hold, and what a skip leads to."""

from __future__ import annotations

import re
import sqlite3
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cortensor.errors import Conflict, Error, PaymentRequired
from cortensor.receipts.keccak import keccak256
from cortensor.receipts.sign import sign
from cortensor.store.address import DatabaseAddress
from cortensor.store.choosing import MAX_ITEMS
from cortensor.store.records import ESCROW, STAKE, VOUCHER, WEEKLY, CostRecord, SkipRecord
from cortensor.store.skips import groups_of
from cortensor.store.store import Store
from tests.python.store.test_ledger import OTHER, SESSION, charge, facts, record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cortensor.store.records import BatchRecord

KEY = "0x" + "44" * 32
DAY = 86_400
MASK = 2**96 - 1


def signed(number: int) -> str:
    return "0x" + sign(KEY, keccak256(bytes([number]))).hex()


def totals(batch: BatchRecord | None) -> list[int]:
    assert batch is not None
    return sorted(item & MASK for item in batch.items)


def confirm(store: Store, batch: BatchRecord | None, *skipped: SkipRecord, **values: Any) -> None:
    assert batch is not None
    store.outbox.confirm(
        batch.root,
        tx_hash="0x1",
        block=1,
        gas_used=2,
        gas_price=3,
        now=4,
        skipped=skipped,
        **values,
    )


@pytest.fixture
def store(database: DatabaseAddress) -> Iterator[Store]:
    with Store(database) as opened:
        yield opened
        assert opened.ledger.audit() == []


def work(store: Store, number: int, amount: int, session: str, at: int) -> None:
    store.ledger.reserve(session, f"r{number}", amount, 1)
    made = record(number, amount, session)
    made = type(made)(**{n: getattr(made, n) for n in made.__struct_fields__} | {"created_at": at})
    store.ledger.commit(f"r{number}", made, (200, b""), None, b"{}")


def test_a_ledger_of_version_1_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    with sqlite3.connect(path) as old:
        old.executescript(files("cortensor.store").joinpath("schema.sql").read_text("utf-8"))
        old.execute("PRAGMA user_version=1")
        old.execute(
            "INSERT INTO payment_sessions (session, payer, deposit, settled, expiry, state,"
            " volume_tier, version, surcharge_cap_bps, task_cap_wei, fetched_at, spent)"
            " VALUES (?,'0x','100','0',9,1,0,1,0,'1',1,'7')",
            (SESSION,),
        )
        old.execute(
            "INSERT INTO receipts (receipt_id, session, version, charge, digest, signature, body,"
            " struct, evidence, request, surcharge_bps, created_at)"
            " VALUES ('0x1',?,1,'7',?,'0x',x'',x'',x'',x'',0,1)",
            (SESSION, "0x" + "12" * 32),
        )
    with Store(path) as store:
        assert store.ledger.audit() == []
        account = store.ledger.account(SESSION)
        assert account is not None
        assert (account.facts.funding, account.facts.session_key, account.vouchered) == (0, None, 0)
        assert store.outbox.pending().receipts == 1
        assert totals(store.outbox.build(None, 1)) == [7]


def test_a_request_is_charged_once(store: Store) -> None:
    store.ledger.refresh(facts())
    store.ledger.refresh(facts(OTHER))
    commitment = "0x" + "77" * 32
    for number, session in ((1, SESSION), (2, OTHER)):  # another session's is another request
        made = record(number, 5, session)
        values = {n: getattr(made, n) for n in made.__struct_fields__}
        same = type(made)(**values | {"request_commitment": commitment, "authorization": b"{}"})
        store.ledger.reserve(session, "a", 5, 1)
        assert store.ledger.commit("a", same, (200, b""), None, b"{}") == 5
    again = type(made)(**values | {"receipt_id": "0x3", "digest": "0x3", "session": SESSION})
    again = type(made)(
        **{n: getattr(again, n) for n in made.__struct_fields__}
        | {"request_commitment": commitment}
    )
    store.ledger.reserve(SESSION, "b", 5, 1)
    with pytest.raises(Conflict) as caught:
        store.ledger.commit("b", again, (200, b""), None, b"{}")
    assert caught.value.code == "request_already_charged"
    assert store.ledger.is_charged(SESSION, commitment)
    assert not store.ledger.is_charged(SESSION, "0x" + "78" * 32)
    account = store.ledger.account(SESSION)
    assert account is not None
    assert account.spent == 5
    stored = store.ledger.receipt(record(1, 5).receipt_id)
    assert stored is not None
    assert (stored.request_commitment, stored.authorization) == (commitment, b"{}")


def test_unsigned_work_is_bounded_by_the_credit(store: Store) -> None:
    store.ledger.refresh(facts(funding=VOUCHER, session_key="0x" + "bb" * 20))
    store.ledger.reserve(SESSION, "a", 10, 1, 0)
    with pytest.raises(PaymentRequired) as caught:
        store.ledger.reserve(SESSION, "b", 1, 1, 9)  # what runs counts: it will be charged
    assert caught.value.code == "voucher_needed"
    store.ledger.reserve(SESSION, "b", 1, 1, 10)
    store.ledger.refresh(facts(OTHER))
    store.ledger.reserve(OTHER, "c", 10, 1, 0)
    store.ledger.reserve(OTHER, "d", 10, 1, 0)  # a deposit alone stands for an escrow session


def test_a_voucher_counts_at_the_end_of_a_receipt_only(store: Store) -> None:
    store.ledger.refresh(facts(funding=VOUCHER, session_key="0x" + "bb" * 20))
    charge(store, 1, 10)
    charge(store, 2, 5)
    for wrong in (16, 12):
        with pytest.raises(Conflict) as caught:
            store.vouchers.accept(SESSION, wrong, signed(1), 1)
        assert caught.value.code == "voucher_mismatch"
    assert store.vouchers.accept(SESSION, 10, signed(1), 1).unsigned == 5
    assert store.vouchers.accept(SESSION, 15, signed(2), 1).unsigned == 0
    assert store.vouchers.accept(SESSION, 10, signed(3), 1).vouchered == 15
    assert len(store.database.rows("SELECT * FROM vouchers")) == 2


def test_a_batch_goes_up_to_the_voucher(store: Store) -> None:
    store.ledger.refresh(facts(funding=VOUCHER, session_key="0x" + "bb" * 20))
    store.ledger.refresh(facts(OTHER))
    for number, amount in ((1, 10), (2, 5), (3, 3)):
        charge(store, number, amount)
    assert store.outbox.pending().receipts == 0
    assert store.outbox.build(None, 1) is None
    charge(store, 4, 1, OTHER)
    store.vouchers.accept(SESSION, 15, signed(2), 1)
    assert store.outbox.pending().receipts == 3
    first = store.outbox.build(None, 1)
    assert totals(first) == [15]
    assert first is not None
    assert (first.funding, first.count) == (VOUCHER, 2)
    raw = bytes.fromhex(signed(2)[2:])
    (pair,) = first.signatures
    assert pair[0] == "0x" + raw[:32].hex()
    assert int(pair[1], 16) & (2**255 - 1) == int.from_bytes(raw[32:64], "big")
    assert int(pair[1], 16) >> 255 == raw[64] - 27
    second = store.outbox.build(None, 1)
    assert second is not None
    assert (second.funding, second.signatures, totals(second)) == (0, [], [1])
    assert store.outbox.build(None, 1) is None
    store.vouchers.accept(SESSION, 18, signed(3), 1)
    confirm(store, first)
    assert totals(store.outbox.build(None, 1)) == [18]


def test_a_full_batch_ends_at_a_voucher(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cortensor.store.choosing.MAX_LEAVES", 3)
    store.ledger.refresh(facts(funding=VOUCHER, session_key="0x" + "bb" * 20))
    for number in (1, 2, 3, 4):
        charge(store, number, 1)
        if number in (2, 4):
            store.vouchers.accept(SESSION, number, signed(number), 1)
    first = store.outbox.build(None, 1)
    assert totals(first) == [2]
    confirm(store, first)
    assert totals(store.outbox.build(None, 1)) == [4]


def test_what_one_voucher_covers_goes_into_one_batch(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cortensor.store.choosing.MAX_LEAVES", 3)
    for session in (SESSION, OTHER):
        store.ledger.refresh(facts(session, funding=VOUCHER, session_key="0x" + "bb" * 20))
    charge(store, 1, 1, OTHER)
    for number in range(2, 7):
        charge(store, number, 1)
    store.vouchers.accept(OTHER, 1, signed(1), 1)
    store.vouchers.accept(SESSION, 5, signed(5), 1)
    first = store.outbox.build(None, 1)
    assert totals(first) == [1]
    assert totals(store.outbox.build(None, 1, most=2)) == [5]  # fits nowhere, so it goes alone


def test_stake_is_batched_by_day_and_in_order(store: Store) -> None:
    store.ledger.refresh(facts(funding=STAKE, profile=0))
    store.ledger.refresh(facts(OTHER, funding=STAKE, profile=0))
    work(store, 1, 10, SESSION, DAY + 5)
    work(store, 2, 1, SESSION, DAY - 1)  # begun before midnight, committed after
    work(store, 3, 2, SESSION, DAY + 9)
    work(store, 4, 7, OTHER, DAY + 7)
    made = []
    for _ in range(3):
        made.append(store.outbox.build(None, 9 * DAY))
        confirm(store, made[-1])
    assert [batch and batch.work_at for batch in made] == [DAY + 7, DAY - 1, DAY + 9]
    assert [totals(batch) for batch in made] == [[7, 10], [11], [13]]
    assert store.outbox.build(None, 9 * DAY) is None


@pytest.mark.parametrize(
    ("chain_time", "work_at"),
    [
        (9 * DAY, DAY + 70),
        (DAY + 70, DAY + 70),
        (DAY + 69, DAY + 69),  # this clock is ahead, or the chain has made no block since
        (DAY, DAY),
        (DAY - 1, DAY),  # another window would pay; the chain has to reach this one
        (1, DAY),
    ],
)
def test_work_is_dated_by_the_chain_but_never_into_another_window(
    store: Store, chain_time: int, work_at: int
) -> None:
    store.ledger.refresh(facts(funding=STAKE, profile=0))
    work(store, 1, 10, SESSION, DAY + 5)
    work(store, 2, 1, SESSION, DAY + 70)
    batch = store.outbox.build(None, chain_time)
    assert batch is not None
    assert batch.work_at == work_at


def test_a_call_takes_no_more_sessions_than_the_contract(store: Store) -> None:
    source = Path(__file__).parents[3] / "contracts/interfaces/ISessionPayment.vyi"
    structs = source.read_text("utf-8").partition("# Events")[0]
    bounds = re.findall(r"(?:items|vouchers): DynArray\[\w+, (\d+)\]", structs)
    assert [int(bound) for bound in bounds[:3]] == [MAX_ITEMS[f] for f in (ESCROW, VOUCHER, STAKE)]


def test_more_sessions_than_a_call_takes_wait(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MAX_ITEMS, ESCROW, 2)
    for low in range(1, 4):
        store.ledger.refresh(facts(f"0x{low:040x}"))
        charge(store, low, 1, f"0x{low:040x}")
        charge(store, 10 + low, 1, f"0x{low:040x}")
    assert totals(store.outbox.build(None, 1)) == [2, 2]
    assert totals(store.outbox.build(None, 1)) == [2]


def test_a_batch_takes_what_can_be_settled_whole(store: Store) -> None:
    store.ledger.refresh(facts())
    store.ledger.refresh(facts(OTHER))
    charge(store, 1, 5)
    charge(store, 2, 6)
    charge(store, 3, 3, OTHER)
    charge(store, 4, 1)  # fits, but its session's order counts
    first = store.outbox.build(None, 1, most=9)
    assert totals(first) == [3, 5]
    confirm(store, first)
    assert totals(store.outbox.build(None, 1, most=9)) == [12]


def test_a_stake_session_may_lose_what_it_could_draw(store: Store) -> None:
    store.ledger.refresh(facts(funding=STAKE, profile=0, deposit=50))
    charge(store, 1, 40)
    account = store.ledger.refresh(facts(funding=STAKE, profile=0, deposit=30))
    assert account.available == 0
    assert store.ledger.audit() == []
    with pytest.raises(PaymentRequired):
        store.ledger.reserve(SESSION, "b", 1, 1)


def test_stake_settles_in_whole_micro_cor(store: Store) -> None:
    store.ledger.refresh(facts(funding=STAKE, profile=0, deposit=10**18))
    charge(store, 1, 10**12 + 1)
    store.outbox.build(None, 1)
    store.ledger.refresh(facts(funding=STAKE, profile=0, deposit=10**18, settled=2 * 10**12))
    with pytest.raises(Conflict) as caught:
        store.ledger.refresh(facts(funding=STAKE, profile=0, settled=3 * 10**12))
    assert caught.value.code == "ledger_behind_chain"


def test_what_was_passed_over_is_no_ones_next_batch(store: Store) -> None:
    for session in (SESSION, OTHER):
        store.ledger.refresh(facts(session, funding=STAKE, profile=0))
    work(store, 1, 10, SESSION, DAY + 5)
    confirm(store, store.outbox.build(None, DAY), SkipRecord(SESSION, 10, "pool is empty"))
    work(store, 2, 4, OTHER, DAY + 9)
    assert totals(store.outbox.build(None, DAY)) == [4]
    (skip,) = store.skips.due(None)
    assert (skip.session, skip.window, skip.reason) == (SESSION, 1, "pool is empty")


def test_passed_over_totals_are_tried_with_their_like(store: Store) -> None:
    profiles = {1: 0, 2: 0, 3: WEEKLY, 4: WEEKLY + 1}
    for low, profile in profiles.items():
        session = f"0x{low:040x}"
        store.ledger.refresh(facts(session, funding=STAKE, profile=profile))
        work(store, low, 1, session, DAY * (2 if low == 2 else 1))
    for _ in range(2):
        batch = store.outbox.build(None, 9 * DAY)
        assert batch is not None
        sessions = [f"0x{item >> 96:040x}" for item in batch.items]
        confirm(store, batch, *(SkipRecord(session, 1, "rate limit") for session in sessions))
    groups = groups_of(store.skips.due(None))
    assert sorted([int(skip.session, 16) for skip in group] for group in groups) == [
        [1],
        [2],
        [3, 4],
    ]


def test_passed_over_totals_are_no_more_than_a_call_takes(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for low in range(1, 4):
        store.ledger.refresh(facts(f"0x{low:040x}"))
        charge(store, low, 1, f"0x{low:040x}")
    skips = [SkipRecord(f"0x{low:040x}", 1, "odd") for low in range(1, 4)]
    confirm(store, store.outbox.build(None, 1), *skips)
    monkeypatch.setitem(MAX_ITEMS, ESCROW, 2)
    assert [len(group) for group in groups_of(store.skips.due(None))] == [2, 1]


def test_a_total_of_the_older_ledger_is_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    with sqlite3.connect(path) as old:
        for name in ("schema.sql", "schema-2.sql"):
            old.executescript(files("cortensor.store").joinpath(name).read_text("utf-8"))
        old.execute("PRAGMA user_version=2")
        old.execute(
            "INSERT INTO payment_sessions (session, payer, deposit, settled, expiry, state,"
            " volume_tier, version, surcharge_cap_bps, task_cap_wei, fetched_at, spent)"
            " VALUES (?,'0x','100','0',9,1,0,1,0,'1',1,'0')",
            (SESSION,),
        )
        old.execute(
            "INSERT INTO batches (root, version, count, uri, items, total, state, created_at)"
            " VALUES ('0x1',1,1,'',x'5b5d','7','confirmed',1)"
        )
        old.execute(
            "INSERT INTO skips (session, batch, cumulative, reason, funding, is_alarmed)"
            " VALUES (?,'0x1','7','total exceeds deposit',0,1)",
            (SESSION,),
        )
    with Store(path) as store:
        (skip,) = store.skips.due(1)
        assert (skip.cumulative, skip.version, skip.tries) == (7, 1, 0)
        store.skips.give_up(SESSION, "session closed")
        assert store.skips.to_alarm() == []  # it was said lost once


def test_buckets_and_costs_are_kept_with_the_batch(store: Store) -> None:
    store.ledger.refresh(facts())
    charge(store, 1, 10)
    batch = store.outbox.build(None, 1)
    costs = [CostRecord("0x1", 1, False, 2, 3), CostRecord("0x2", 2, True, 2**40, 2**40, 5)]
    confirm(store, batch, bucket=9, costs=costs)
    confirm(store, batch, bucket=9, costs=costs)  # confirmed again after a crash
    rows = store.database.rows("SELECT fee, l1_gas FROM settlement_costs ORDER BY tx_hash")
    assert [tuple(row) for row in rows] == [("6", None), (str(2**80), 5)]
    assert store.outbox.pending_buckets() == [(1, 9)]
    store.outbox.note_released(1, 9)
    assert store.outbox.pending_buckets() == []


def test_a_voucher_of_another_total_is_no_batch(store: Store) -> None:
    store.ledger.refresh(facts(funding=VOUCHER, session_key="0x" + "bb" * 20))
    charge(store, 1, 10)
    store.vouchers.accept(SESSION, 10, signed(1), 1)
    with store.database.transaction() as sql:
        sql.execute("UPDATE payment_sessions SET cumulative = '1'")
    with pytest.raises(Error) as caught:
        store.outbox.build(None, 1)
    assert caught.value.code == "ledger_unsound"
    with store.database.transaction() as sql:
        sql.execute("UPDATE payment_sessions SET cumulative = '0'")
