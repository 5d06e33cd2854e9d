# SPDX-License-Identifier: Apache-2.0
"""The outbox drains once, whatever breaks in between."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from cortensor.errors import Conflict, Unavailable
from cortensor.receipts.sign import address_of
from cortensor.store.store import Store
from tests.python.chain.settling_chain import (
    BUCKET_S,
    CHALLENGE_S,
    SettlingChain,
    call_name,
    sent_call,
    settler,
)
from tests.python.router.fake_node import PAYMENT, TABLE
from tests.python.router.harness import SESSION_KEY, voucher
from tests.python.store.test_ledger import OTHER, SESSION, charge, facts


def test_all_receipts_in_one_transaction(chain: SettlingChain, store: Store) -> None:
    done = settler(chain, store).settle_all()
    assert [(batch.receipts, batch.total_wei, batch.gas_used) for batch in done] == [
        (2, "15", 40_000)
    ]
    assert len(chain.mined) == 1
    assert settler(chain, store).settle_all() == []
    confirmed = store.outbox.batch(done[0].root)
    assert confirmed is not None
    assert (confirmed.state, confirmed.gas_price) == ("confirmed", 10)


def test_the_anchor_is_authorised_once(chain: SettlingChain, store: Store) -> None:
    chain.authorised = False
    settler(chain, store).settle_all()
    assert len(chain.mined) == 2


def test_a_killed_broadcast_is_resumed_with_the_same_bytes(
    chain: SettlingChain, store: Store
) -> None:
    chain.drop = True
    with pytest.raises(Unavailable, match="not mined"):
        settler(chain, store).settle_all()
    chain.drop = False
    charge(store, 3, 1)  # later work goes into a later batch
    done = settler(chain, store).settle_all()
    assert [batch.receipts for batch in done] == [2, 1]
    assert chain.sent[0] == chain.sent[1]


def test_a_mined_but_unrecorded_batch_is_only_confirmed(chain: SettlingChain, store: Store) -> None:
    first = settler(chain, store).settle_all()[0]
    with store.database.transaction() as sql:
        sql.execute("UPDATE batches SET state = 'sent', tx_hash = NULL")
    again = settler(chain, store).settle_all()
    assert again[0].tx_hash == first.tx_hash
    assert len(chain.sent) == 1


def test_a_stolen_nonce_means_new_bytes_with_the_same_call(
    chain: SettlingChain, store: Store
) -> None:
    chain.drop = True
    with pytest.raises(Unavailable):
        settler(chain, store).settle_all()
    chain.drop = False
    chain.nonces[chain.settler.lower()] = 1  # another transaction of the key was mined
    settler(chain, store).settle_all()
    (root,) = (row["root"] for row in store.database.rows("SELECT root FROM batches"))
    stored = store.outbox.transactions(root)
    assert [transaction.nonce for transaction in stored] == [1, 0]
    assert len(chain.mined) == 1


def test_a_risen_base_fee_replaces_the_transaction(chain: SettlingChain, store: Store) -> None:
    chain.drop = True
    with pytest.raises(Unavailable):
        settler(chain, store).settle_all()
    chain.drop, chain.base_fee = False, 1000
    settler(chain, store).settle_all()
    (fields,) = chain.mined.values()
    assert fields["nonce"] == 0
    assert fields["maxFeePerGas"] == 2000


def test_already_known_is_waited_for(chain: SettlingChain, store: Store) -> None:
    chain.refuse = "already known"
    with pytest.raises(Unavailable, match="not mined"):
        settler(chain, store).settle_all()
    assert settler(chain, store).settle_all()[0].receipts == 2


def test_a_refusal_keeps_the_batch(chain: SettlingChain, store: Store) -> None:
    chain.revert = "payment: settlement paused"
    with pytest.raises(Conflict, match="settlement paused"):
        settler(chain, store).settle_all()
    assert chain.sent == []
    chain.revert = None
    assert settler(chain, store).settle_all()[0].receipts == 2


def test_a_wrong_key_and_a_running_settlement_are_refused(
    chain: SettlingChain, store: Store
) -> None:
    with pytest.raises(Conflict) as caught:
        settler(chain, store, "0x" + "77" * 32).settle_all()
    assert caught.value.code == "not_settler"
    refused: list[Conflict] = []

    def another() -> None:
        try:
            settler(chain, store).settle_all()
        except Conflict as error:
            refused.append(error)

    with store.database.settling():
        thread = threading.Thread(target=another)
        thread.start()
        thread.join(30)
    assert refused[0].code == "already_running"


def test_each_funding_is_settled_by_its_own_call(chain: SettlingChain, store: Store) -> None:
    settler(chain, store).settle_all()
    name, argument = sent_call(chain)
    assert (name, argument[0], argument[1], argument[3]) == ("settle", 1, 1, 2)
    assert list(argument[5]) == [int(SESSION, 16) << 96 | 15]
    store.ledger.refresh(facts(OTHER, funding=1, session_key=address_of(SESSION_KEY)))
    charge(store, 3, 7, OTHER)
    signature = voucher(OTHER, 7).partition(":")[2]
    store.vouchers.accept(OTHER, 7, signature, 1)
    settler(chain, store).settle_all()
    name, argument = sent_call(chain)
    assert name == "settle_vouchers"
    ((item, r, vs),) = argument[5]
    raw = bytes.fromhex(signature[2:])
    assert (item, r) == (int(OTHER, 16) << 96 | 7, raw[:32])
    assert int.from_bytes(vs, "big") & (2**255 - 1) == int.from_bytes(raw[32:64], "big")
    assert vs[0] >> 7 == raw[64] - 27
    third = "0x" + "03" * 20
    chain.now = 4
    store.ledger.refresh(facts(third, funding=2, profile=0))
    charge(store, 4, 9, third)
    assert settler(chain, store).settle_all()[0].funding == "stake"
    name, argument = sent_call(chain)
    assert (name, argument[2], argument[4]) == ("settle_stake", 4, 1)
    assert list(argument[6]) == [int(third, 16) << 96 | 9]


def test_what_is_skipped_is_reported_with_the_contracts_reason(
    chain: SettlingChain, store: Store
) -> None:
    number = int(SESSION, 16)
    chain.logs = [
        (PAYMENT, "SettlementSkipped", [number], [15, "session closed"]),
        (PAYMENT, "BatchSettled", [1, 0], [1, 9, 0, []]),
        (TABLE, "SettlementSkipped", [number], [1, "another contract's"]),
    ]
    (batch,) = settler(chain, store).settle_all()
    expected = {"session_id": SESSION, "cumulative_wei": "15", "reason": "session closed"}
    assert batch.skipped == [expected]
    assert store.outbox.pending_buckets() == [(1, 9)]
    (skip,) = store.skips.all()
    assert (skip.session, skip.cumulative, skip.reason) == (SESSION, 15, "session closed")


def test_fees_are_kept_with_the_batch_reverted_ones_too(chain: SettlingChain, store: Store) -> None:
    chain.status = 0
    assert settler(chain, store).settle_all() == []
    (failed,) = chain.mined
    assert [row["fee"] for row in store.database.rows("SELECT fee FROM settlement_costs")] == [
        "400000"
    ]
    chain.status = 1
    chain.base_fee = 7
    chain.extra = {"gasUsedForL1": hex(1234)}
    receipt = chain._eth_getTransactionReceipt

    def first_reverted(tx_hash: str) -> dict[str, Any] | None:
        found = receipt(tx_hash)
        return {**found, "status": "0x0"} if found and tx_hash == failed else found

    chain._eth_getTransactionReceipt = first_reverted  # type: ignore[method-assign]
    (batch,) = settler(chain, store).settle_all()
    assert batch.fee_wei == str(2 * 40_000 * 7)
    rows = store.database.rows("SELECT is_success, l1_gas, fee FROM settlement_costs")
    assert sorted(tuple(row) for row in rows) == [(0, 1234, "280000"), (1, 1234, "280000")]


def test_matured_money_is_released_on_demand(chain: SettlingChain, store: Store) -> None:
    with store.database.transaction() as sql:
        for bucket in (1, 2, 90):
            sql.execute("INSERT INTO pending_buckets (version, bucket) VALUES (3, ?)", (bucket,))
    chain.buckets = {(3, 2): 5, (3, 90): 7}
    chain.now = 3 * BUCKET_S + CHALLENGE_S
    chain.revert = "router: money is held"
    (held,) = settler(chain, store).release()
    assert (held.bucket, held.tx_hash) == (2, None)
    assert "money is held" in held.reason
    chain.revert = None
    (released,) = settler(chain, store).release()
    assert (released.version, released.bucket, released.pending_wei) == (3, 2, "5")
    assert store.outbox.pending_buckets() == [(3, 90)]
    assert settler(chain, store).release() == []


def test_what_a_demand_holds_is_released_when_it_is_let_go(
    chain: SettlingChain, store: Store
) -> None:
    with store.database.transaction() as sql:
        sql.execute("INSERT INTO pending_buckets (version, bucket) VALUES (3, 2)")
    chain.buckets, chain.frozen = {(3, 2): 5}, {(3, 2): 4}
    chain.now = 3 * BUCKET_S + CHALLENGE_S
    assert [each.pending_wei for each in settler(chain, store).release()] == ["5"]
    assert store.outbox.pending_buckets() == [(3, 2)]
    chain.refusals["release"] = "router: money is held"
    assert [each.reason for each in settler(chain, store).release()] == ["router: money is held"]
    chain.refusals, chain.frozen = {}, {}
    assert [each.pending_wei for each in settler(chain, store).release()] == ["4"]
    assert store.outbox.pending_buckets() == []
    assert [call_name(bytes(each["data"])) for each in chain.mined.values()] == ["release"] * 2


def test_a_batch_that_fits_easily_releases_nothing(chain: SettlingChain, store: Store) -> None:
    with store.database.transaction() as sql:
        sql.execute("INSERT INTO pending_buckets (version, bucket) VALUES (1, 1)")
    chain.buckets, chain.now = {(1, 1): 79}, 10**6
    chain.cover = 100
    settler(chain, store).settle_all()
    assert len(chain.mined) == 1
    charge(store, 5, 1)
    chain.buckets = {(1, 1): 80}
    settler(chain, store).settle_all()
    assert [call_name(bytes(each["data"])) for each in chain.mined.values()][1:] == [
        "release",
        "settle",
    ]


@pytest.mark.parametrize(("off_s", "word"), [(90, "behind"), (-90, "ahead of"), (5, None)])
def test_a_clock_that_is_not_the_chains_is_told(
    chain: SettlingChain,
    store: Store,
    caplog: pytest.LogCaptureFixture,
    off_s: int,
    word: str | None,
) -> None:
    chain.now = int(time.time()) + off_s
    settler(chain, store).settle_all()
    told = [record.getMessage() for record in caplog.records]
    assert [word in each for each in told if word] == ([True] if word else [])
    assert len(told) == (1 if word else 0)
