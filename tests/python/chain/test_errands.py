# SPDX-License-Identifier: Apache-2.0
"""Authorisations and releases are sent once, and what they cost is kept."""

from __future__ import annotations

import pytest

from cortensor.errors import Conflict, Unavailable
from cortensor.store.address import DatabaseAddress
from cortensor.store.errands import (
    authorise_action,
    end_action,
    ended_by,
    release_action,
    released_by,
)
from cortensor.store.records import ErrandRecord
from cortensor.store.store import Store
from tests.python.chain.settling_chain import BUCKET_S, CHALLENGE_S, SettlingChain, calls, settler
from tests.python.router.fake_node import PAYMENT

RELEASE = release_action(3, 2)


def errands(store: Store) -> list[tuple[object, ...]]:
    rows = store.database.rows(
        "SELECT action, is_open, is_success, fee FROM errands ORDER BY rowid"
    )
    return [tuple(row) for row in rows]


@pytest.fixture
def matured(chain: SettlingChain, store: Store) -> SettlingChain:
    with store.database.transaction() as sql:
        sql.execute("INSERT INTO pending_buckets (version, bucket) VALUES (3, 2)")
    chain.buckets, chain.now = {(3, 2): 5}, 3 * BUCKET_S + CHALLENGE_S
    return chain


def test_an_authorisation_is_kept_with_its_fee(chain: SettlingChain, store: Store) -> None:
    chain.authorised = False
    settler(chain, store).settle_all()
    assert errands(store) == [(authorise_action(PAYMENT), 0, 1, "400000")]


def test_an_authorisation_that_was_taken_back_is_given_again(
    chain: SettlingChain, store: Store
) -> None:
    chain.authorised = False
    settler(chain, store).settle_all()
    chain.authorised = False
    with store.database.transaction() as sql:
        sql.execute("UPDATE batches SET state = 'sent'")
    settler(chain, store).settle_all()
    assert [row[0] for row in errands(store)] == [authorise_action(PAYMENT)] * 2


def test_an_authorisation_cut_short_is_gone_on_with(chain: SettlingChain, store: Store) -> None:
    chain.authorised, chain.drop = False, True
    with pytest.raises(Unavailable, match="not mined yet"):
        settler(chain, store).settle_all()
    assert errands(store) == [(authorise_action(PAYMENT), 1, None, None)]
    chain.drop = False
    (batch,) = settler(chain, store).settle_all()
    assert batch.receipts == 2
    assert chain.sent[0] == chain.sent[1]
    assert errands(store) == [(authorise_action(PAYMENT), 0, 1, "400000")]


def test_a_refused_authorisation_says_why(chain: SettlingChain, store: Store) -> None:
    chain.authorised, chain.revert = False, "anchor: odd"
    with pytest.raises(Conflict, match="anchor: odd"):
        settler(chain, store).settle_all()
    chain.revert, chain.status = None, 0
    with pytest.raises(Conflict, match="reverted"):
        settler(chain, store).settle_all()
    assert errands(store) == [(authorise_action(PAYMENT), 1, 0, "400000")]


def test_a_release_is_kept_with_its_fee(matured: SettlingChain, store: Store) -> None:
    (released,) = settler(matured, store).release()
    assert (released.reason, released.gas_used) == ("", 40_000)
    assert errands(store) == [(RELEASE, 0, 1, "400000")]


def test_a_release_cut_short_is_not_sent_twice(matured: SettlingChain, store: Store) -> None:
    matured.drop = True
    (waiting,) = settler(matured, store).release()
    assert waiting.reason == "waiting"
    assert store.outbox.pending_buckets() == [(3, 2)]
    matured.drop = False
    (released,) = settler(matured, store).release()
    assert released.tx_hash == waiting.tx_hash
    assert calls(matured) == ["release"]
    assert store.outbox.pending_buckets() == []


def test_a_fee_that_was_paid_while_nobody_looked_is_found(
    matured: SettlingChain, store: Store
) -> None:
    matured.drop = True
    settler(matured, store).release()
    matured.drop = False
    matured._eth_sendRawTransaction("0x" + matured.sent[0].hex())  # mined after all
    assert errands(store) == [(RELEASE, 1, None, None)]
    settler(matured, store).settle_all()
    assert errands(store) == [(RELEASE, 1, 1, "400000")]


def test_a_release_that_reverted_was_paid_for_too(matured: SettlingChain, store: Store) -> None:
    matured.status = 0
    (failed,) = settler(matured, store).release()
    assert failed.reason == "reverted"
    assert errands(store) == [(RELEASE, 1, 0, "400000")]
    assert store.outbox.pending_buckets() == [(3, 2)]


def test_actions_say_what_they_release() -> None:
    assert released_by(release_action(12, 345)) == (12, 345)
    assert released_by(authorise_action(PAYMENT)) is None


def test_actions_say_what_they_end() -> None:
    receipt, successor = "0x" + "1" * 64, "0x" + "2" * 64
    for by in (None, successor):
        action = end_action(receipt, by)
        assert ended_by(action) == (receipt, by)
        assert released_by(action) is None


def test_endings_are_open_until_they_are_done(database: DatabaseAddress) -> None:
    first, second = end_action("0x" + "2" * 64, None), end_action("0x" + "1" * 64, "0x3")
    with Store(database) as store:
        for number, action in enumerate((first, RELEASE, second, first)):
            store.errands.sign(ErrandRecord(f"0x{number}", action, number, b"", 1), now=5)
        assert store.errands.open_endings() == [first, second]
        store.errands.done(first)
        assert store.errands.open_endings() == [second]
