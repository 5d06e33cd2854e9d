# SPDX-License-Identifier: Apache-2.0
"""A refused batch holds up nobody but its own sessions, and is tried again until it is parked."""

from __future__ import annotations

import time
from importlib.resources import files

import msgspec
import pytest

from cortensor.chain import settler as settling
from cortensor.chain.refusals import FOR_GOOD, OF_ALL, PASSING, REVERTS, TRIES, is_of_all, last_try
from cortensor.errors import Conflict, Error
from cortensor.store.backoff import FIRST_S, LONGEST_S, delay_s
from cortensor.store.store import Store
from tests.python.chain.settling_chain import (
    BUCKET_S,
    CHALLENGE_S,
    SettlingChain,
    calls,
    sent_call,
    settler,
)
from tests.python.store.test_ledger import OTHER, SESSION, charge, facts

THIRD = "0x" + "03" * 20
DAY = 86_400
FOREIGN = "payment: other router's session"


def items(chain: SettlingChain) -> list[tuple[str, int]]:
    """Sessions and totals of the last settlement."""
    _, argument = sent_call(chain)
    words = argument[6] if len(argument) > 6 else argument[5]
    return sorted((f"0x{word >> 96:040x}", word & 2**96 - 1) for word in words)


def test_only_the_sessions_of_a_refused_batch_wait(chain: SettlingChain, store: Store) -> None:
    chain.revert = "payment: odd"
    assert settler(chain, store).settle_all() == []
    chain.revert = None
    store.ledger.refresh(facts(OTHER))
    charge(store, 3, 7, OTHER)
    charge(store, 4, 1)  # the total of this one rests on the batch that waits
    (batch,) = settler(chain, store).settle_all(int(time.time()))
    assert items(chain) == [(OTHER, 7)]
    (refusal,) = store.outbox.refusals()
    assert refusal.batch != batch.root
    assert "payment: odd" in refusal.reason
    assert refusal.next_at is not None
    assert store.outbox.pending().retry_at == refusal.next_at
    assert store.outbox.pending().receipts == 0
    first, second = settler(chain, store).settle_all(refusal.next_at)
    assert (first.root, first.receipts) == (refusal.batch, 2)
    assert items(chain) == [(SESSION, 16)]
    assert second.receipts == 1
    assert store.outbox.refusals() == []
    assert store.outbox.pending().retry_at is None


def test_nothing_is_asked_again_before_its_time(chain: SettlingChain, store: Store) -> None:
    chain.revert = "payment: odd"
    settler(chain, store).settle_all()
    asked = len(chain.calls)
    assert settler(chain, store).settle_all(int(time.time())) == []
    assert len(chain.calls) == asked
    assert settler(chain, store).settle_all() == []  # an operator who asks is not put off
    assert store.outbox.refusals()[0].tries == 2


def test_a_bond_that_does_not_cover_is_told_with_what_to_do(
    chain: SettlingChain, store: Store
) -> None:
    chain.buckets, chain.cover, chain.needs = {(1, 7): 6 * 10**18}, 5 * 10**18, 15
    with store.database.transaction() as sql:
        sql.execute("INSERT INTO pending_buckets (version, bucket) VALUES (1, 7)")
    chain.now = 8 * BUCKET_S + CHALLENGE_S - 1
    began = int(time.time())
    assert settler(chain, store).settle_all() == []
    (refusal,) = store.outbox.refusals()
    assert "6 COR pending" in refusal.reason
    assert "1970-01-01 00:30:00 UTC" in refusal.reason
    assert refusal.next_at is not None
    assert refusal.next_at - began < 30  # when the bucket matures, and no later
    assert chain.sent == []
    chain.now += 1  # it has matured: it is released, and the same batch goes through
    (batch,) = settler(chain, store).settle_all()
    assert (batch.receipts, batch.root) == (2, refusal.batch)
    assert calls(chain) == ["release", "settle"]
    assert store.outbox.pending_buckets() == []
    assert store.outbox.refusals() == []


def test_a_batch_is_no_larger_than_the_bond_covers(chain: SettlingChain, store: Store) -> None:
    store.ledger.refresh(facts(OTHER))
    charge(store, 3, 4, OTHER)
    chain.cover = 14
    done = settler(chain, store).settle_all()
    assert [batch.total_wei for batch in done] == ["14", "5"]
    assert items(chain) == [(SESSION, 15)]


def test_one_charge_above_the_cover_goes_alone(chain: SettlingChain, store: Store) -> None:
    store.ledger.refresh(facts(OTHER))
    charge(store, 3, 4, OTHER)
    chain.cover = 9
    done = settler(chain, store).settle_all()
    assert [batch.total_wei for batch in done] == ["10", "9"]


def test_a_pause_stops_all_and_puts_nothing_off(chain: SettlingChain, store: Store) -> None:
    chain.revert = OF_ALL[0]
    with pytest.raises(Conflict, match="settlement paused"):
        settler(chain, store).settle_all()
    assert store.outbox.refusals() == []
    assert store.outbox.pending().retry_at == 0


def test_bytes_that_are_refused_for_ever_are_parked_at_once(
    chain: SettlingChain, store: Store
) -> None:
    chain.revert = FOREIGN
    settler(chain, store).settle_all()
    chain.revert = None
    (refusal,) = store.outbox.refusals()
    assert refusal.next_at is None
    assert store.outbox.pending().retry_at is None
    assert settler(chain, store).settle_all() == []  # not even when asked, but for this:
    assert settler(chain, store).unpark() == [refusal.batch]
    (batch,) = settler(chain, store).settle_all()
    assert items(chain) == [(SESSION, 15)]
    assert batch.receipts == 2


def test_an_unsigned_batch_is_rebuilt_with_the_same_leaves(
    chain: SettlingChain, store: Store
) -> None:
    settler(chain, store).settle_all()
    store.ledger.refresh(facts(OTHER))
    charge(store, 3, 1)
    charge(store, 4, 2, OTHER)
    chain.revert = FOREIGN
    settler(chain, store).settle_all()
    (refusal,) = store.outbox.refusals()
    before = {(leaf.receipt_id, leaf.leaf) for leaf in store.outbox.leaves(refusal.batch)}
    assert len(before) == 2
    store.outbox.unpark()
    assert store.outbox.batch(refusal.batch) is None
    chain.revert, chain.cover = None, 1  # another rule of today: one charge a batch
    done = settler(chain, store).settle_all()
    leaves = [store.outbox.leaves(batch.root) for batch in done]
    assert {(leaf.receipt_id, leaf.leaf) for (leaf,) in leaves} == before


def test_a_signed_batch_keeps_its_bytes_when_unparked(chain: SettlingChain, store: Store) -> None:
    chain.status = 0
    for _ in range(REVERTS):
        settler(chain, store).settle_all()
    (refusal,) = store.outbox.refusals()
    assert (refusal.tries, refusal.next_at) == (REVERTS, None)
    assert "reverted" in refusal.reason
    assert len(chain.mined) == REVERTS
    assert settler(chain, store).settle_all() == []
    assert len(chain.mined) == REVERTS  # a fee for each would be lost
    chain.mined.clear()
    chain.status = 1
    settler(chain, store).unpark()
    (batch,) = settler(chain, store).settle_all()
    assert batch.root == refusal.batch


def test_only_reverts_count_as_reverts(chain: SettlingChain, store: Store) -> None:
    chain.revert = PASSING[0]
    for _ in range(REVERTS):
        settler(chain, store).settle_all()
    chain.revert, chain.status = None, 0
    settler(chain, store).settle_all()
    (refusal,) = store.outbox.refusals()
    assert refusal.tries == REVERTS + 1
    assert refusal.next_at is not None


def test_an_odd_reason_is_tried_for_about_a_day(chain: SettlingChain, store: Store) -> None:
    chain.revert = "reverted without a reason"
    for _ in range(TRIES):
        settler(chain, store).settle_all()
    (refusal,) = store.outbox.refusals()
    assert (refusal.tries, refusal.next_at) == (TRIES, None)
    assert DAY < sum(delay_s(tries) for tries in range(1, TRIES)) < 2 * DAY


def test_no_more_than_a_few_batches_are_put_off(
    chain: SettlingChain, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "MAX_PUT_OFF", 2)
    chain.cover = 1
    for low in range(3, 7):
        store.ledger.refresh(facts(f"0x{low:040x}"))
        charge(store, low, 1, f"0x{low:040x}")
    chain.revert = "payment: odd"
    settler(chain, store).settle_all()
    assert len(store.outbox.refusals()) == 2
    assert store.outbox.pending().receipts == 4 - 1
    chain.revert = None
    assert sum(batch.receipts for batch in settler(chain, store).settle_all()) == 6


def test_work_of_a_day_that_the_chain_has_not_reached_waits_for_it(
    chain: SettlingChain, store: Store
) -> None:
    settler(chain, store).settle_all()
    store.ledger.refresh(facts(OTHER, funding=2, profile=0))
    charge(store, DAY + 50, 3, OTHER)
    chain.now = DAY - 10
    chain.refusals["settle_stake"] = "quota: work in the future"
    began = int(time.time())
    settler(chain, store).settle_all()
    (refusal,) = store.outbox.refusals()
    assert refusal.next_at is not None
    assert 10 <= refusal.next_at - began < 30
    chain.refusals.clear()
    settler(chain, store).settle_all()
    assert sent_call(chain)[1][2] == DAY  # of its own day, and no later than need be


def test_every_reason_is_one_that_a_contract_gives() -> None:
    reasons = known_reasons()
    for reason in (*OF_ALL, *FOR_GOOD, *PASSING):
        assert reason in reasons
        assert is_of_all(f"estimate: {reason}") == (reason in OF_ALL)
    assert [last_try(reason) for reason in FOR_GOOD] == [1] * len(FOR_GOOD)
    assert [last_try(reason) for reason in PASSING] == [None] * len(PASSING)


def known_reasons() -> set[str]:
    text = files("cortensor.chain").joinpath("abi", "errors.json").read_bytes()
    parts = msgspec.json.decode(text, type=dict[str, dict[str, str]])
    return {reason for part in parts.values() for reason in part}


def test_the_wait_doubles_up_to_six_hours() -> None:
    assert [delay_s(tries) for tries in (1, 2, 3)] == [FIRST_S, 2 * FIRST_S, 4 * FIRST_S]
    assert delay_s(9) == 256 * FIRST_S < LONGEST_S
    assert {delay_s(tries) for tries in (10, 11, 10**9)} == {LONGEST_S}


def test_a_batch_with_later_leaves_is_not_taken_apart(chain: SettlingChain, store: Store) -> None:
    chain.revert = FOREIGN
    settler(chain, store).settle_all()
    with store.database.transaction() as sql:
        sql.execute("UPDATE payment_sessions SET next_index = 9")
    with pytest.raises(Error) as caught:
        store.outbox.unpark()
    assert caught.value.code == "ledger_unsound"
