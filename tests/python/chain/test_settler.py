# SPDX-License-Identifier: Apache-2.0
"""The outbox drains once, whatever breaks in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cortensor.chain.book import AddressBook
from cortensor.chain.settler import Settler
from cortensor.errors import Conflict, Unavailable
from cortensor.receipts.sign import address_of
from cortensor.store.lock import FileLock
from cortensor.store.store import Store
from tests.python.chain.fake_chain import FakeChain
from tests.python.router.fake_node import ANCHOR, PAYMENT, TABLE
from tests.python.router.harness import CARD, SIGNER_KEY
from tests.python.store.test_ledger import charge, facts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BOOK = AddressBook.of(PAYMENT, TABLE, ANCHOR)


@pytest.fixture
def chain() -> Iterator[FakeChain]:
    fake = FakeChain(CARD, address_of(SIGNER_KEY))
    yield fake
    fake.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "x.db") as opened:
        opened.ledger.refresh(facts())
        charge(opened, 1, 10)
        charge(opened, 2, 5)
        yield opened


def settler(chain: FakeChain, store: Store, key: str = SIGNER_KEY) -> Settler:
    return Settler(
        rpc_url=chain.url,
        book=BOOK,
        key=key,
        router_id=1,
        outbox=store.outbox,
        lock_path=store.database.path.with_name("settle.lock"),
        uri_base=None,
        timeout_s=0.4,
    )


def test_all_receipts_in_one_transaction(chain: FakeChain, store: Store) -> None:
    done = settler(chain, store).settle_all()
    assert [(batch.receipts, batch.total_wei, batch.gas_used) for batch in done] == [
        (2, "15", 40_000)
    ]
    assert len(chain.mined) == 1
    assert settler(chain, store).settle_all() == []
    confirmed = store.outbox.batch(done[0].root)
    assert confirmed is not None
    assert (confirmed.state, confirmed.gas_price) == ("confirmed", 10)


def test_the_anchor_is_authorised_once(chain: FakeChain, store: Store) -> None:
    chain.authorised = False
    settler(chain, store).settle_all()
    assert len(chain.mined) == 2


def test_a_killed_broadcast_is_resumed_with_the_same_bytes(chain: FakeChain, store: Store) -> None:
    chain.drop = True
    with pytest.raises(Unavailable, match="not mined"):
        settler(chain, store).settle_all()
    chain.drop = False
    charge(store, 3, 1)  # later work goes into a later batch
    done = settler(chain, store).settle_all()
    assert [batch.receipts for batch in done] == [2, 1]
    assert chain.sent[0] == chain.sent[1]


def test_a_mined_but_unrecorded_batch_is_only_confirmed(chain: FakeChain, store: Store) -> None:
    first = settler(chain, store).settle_all()[0]
    with store.database.transaction() as sql:
        sql.execute("UPDATE batches SET state = 'sent', tx_hash = NULL")
    again = settler(chain, store).settle_all()
    assert again[0].tx_hash == first.tx_hash
    assert len(chain.sent) == 1


def test_a_stolen_nonce_means_new_bytes_with_the_same_call(chain: FakeChain, store: Store) -> None:
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


def test_a_risen_base_fee_replaces_the_transaction(chain: FakeChain, store: Store) -> None:
    chain.drop = True
    with pytest.raises(Unavailable):
        settler(chain, store).settle_all()
    chain.drop, chain.base_fee = False, 1000
    settler(chain, store).settle_all()
    (fields,) = chain.mined.values()
    assert fields["nonce"] == 0
    assert fields["maxFeePerGas"] == 2000


def test_already_known_is_waited_for(chain: FakeChain, store: Store) -> None:
    chain.refuse = "already known"
    with pytest.raises(Unavailable, match="not mined"):
        settler(chain, store).settle_all()
    assert settler(chain, store).settle_all()[0].receipts == 2


def test_a_refusal_keeps_the_batch(chain: FakeChain, store: Store) -> None:
    chain.revert = "payment: settlement paused"
    with pytest.raises(Conflict, match="settlement paused"):
        settler(chain, store).settle_all()
    assert chain.sent == []
    chain.revert = None
    assert settler(chain, store).settle_all()[0].receipts == 2


def test_a_revert_is_tried_again(chain: FakeChain, store: Store) -> None:
    chain.status = 0
    with pytest.raises(Conflict) as caught:
        settler(chain, store).settle_all()
    assert caught.value.code == "settlement_reverted"
    chain.mined.clear()
    chain.status = 1
    assert settler(chain, store).settle_all()[0].receipts == 2


def test_a_wrong_key_and_a_running_settlement_are_refused(chain: FakeChain, store: Store) -> None:
    with pytest.raises(Conflict) as caught:
        settler(chain, store, "0x" + "77" * 32).settle_all()
    assert caught.value.code == "not_settler"
    lock = FileLock(store.database.path.with_name("settle.lock"), "a settlement")
    with lock, pytest.raises(Conflict) as caught:
        settler(chain, store).settle_all()
    assert caught.value.code == "already_running"
