# SPDX-License-Identifier: Apache-2.0
"""Demands on one's own router are answered from its ledger, or somebody is told."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import msgspec
import pytest

from cortensor.errors import InvalidInput, Unavailable
from cortensor.receipts.sign import address_of, sign
from cortensor.watch.fetch import FetchLimits
from cortensor.watch.leaves import Leaf
from cortensor.watch.own_ledger import OwnLedger, request_signature
from cortensor.watch.report import PassReport
from cortensor.watch.service import Job, run_once
from cortensor.watch.settings import Settings
from tests.python.watch.making import (
    SESSION,
    SETTLER,
    STAKE_SESSION,
    STRANGER_KEY,
    chain,
    receipt,
    rooted,
)
from tests.python.watch.watched_chain import (
    ANSWER_SECONDS,
    DISPUTE,
    GENESIS,
    NOBODY,
    PAYMENT,
    WatchedChain,
)
from tests.python.watch.watching import anchored

KEY_KEY = "0x" + "d4" * 32
LATE = GENESIS + 5000


@pytest.fixture
def node() -> Iterator[WatchedChain]:
    fake = WatchedChain()
    yield fake
    fake.close()


def write_ledger(
    path: Path,
    *batches: list[Leaf],
    authorization: bytes | None = None,
    state: str = "confirmed",
    is_old: bool = False,
) -> Path:
    """A router's database with batches; `is_old` has no column for session keys."""
    with sqlite3.connect(path) as sql:
        sql.executescript(files("cortensor.store").joinpath("schema.sql").read_text("utf-8"))
        if not is_old:
            sql.execute("ALTER TABLE receipts ADD COLUMN authorization BLOB")
        for leaves in batches:
            add_batch(sql, leaves, state)
        if authorization is not None:
            sql.execute("UPDATE receipts SET authorization = ?", (authorization,))
    sql.close()
    return path


def add_batch(sql: sqlite3.Connection, leaves: list[Leaf], state: str) -> None:
    root = leaves[0].root
    sql.execute(
        "INSERT INTO batches (root, version, count, uri, items, total, state, created_at)"
        " VALUES (?, 3, ?, '', x'5b5d', '0', ?, 1)",
        (root, len(leaves), state),
    )
    for session in {each.session for each in leaves}:
        sql.execute(
            "INSERT OR IGNORE INTO payment_sessions (session, payer, deposit, settled, expiry,"
            " state, volume_tier, version, surcharge_cap_bps, task_cap_wei, fetched_at)"
            " VALUES (?, '0x', '1', '0', 1, 1, 0, 3, 0, '1', 1)",
            (f"0x{session:040x}",),
        )
    for position, each in enumerate(leaves):
        name, session = "0x" + each.receipt.receipt_id.hex(), f"0x{each.session:040x}"
        sql.execute(
            "INSERT INTO receipts (receipt_id, session, version, charge, digest,"
            " signature, body, struct, evidence, request, surcharge_bps, created_at, batch)"
            " VALUES (?, ?, 3, ?, ?, ?, x'', ?, x'', x'', 0, 1, ?)",
            (
                name,
                session,
                str(each.receipt.charge),
                "0x" + each.digest.hex(),
                "0x" + each.signature.hex(),
                msgspec.json.encode(each.receipt.to_json()),
                root,
            ),
        )
        sql.execute(
            "INSERT INTO leaves VALUES (?,?,?,?,?,?,?)",
            (
                root,
                position,
                name,
                session,
                each.index,
                str(each.cumulative),
                "0x" + each.hashed.hex(),
            ),
        )


def look(node: WatchedChain, folder: Path, *, key: str | None = STRANGER_KEY) -> PassReport:
    settings = Settings(confirmations=0, limits=FetchLimits(timeout_s=1))
    job = Job(node.url, PAYMENT, None, folder / "w.db", settings, key, timeout_s=0.5)
    return run_once(msgspec.structs.replace(job, ledger=folder / "router.db"))


def settled(node: WatchedChain, leaves: list[Leaf], total: int | None = None) -> None:
    each = leaves[-1]
    node.settled[each.session] = each.cumulative if total is None else total


@pytest.mark.parametrize(("index", "at"), [(0, 2), (1, 0), (2, 1), (3, 2), (4, 2), (99, 2)])
def test_each_demand_gets_its_leaf(node: WatchedChain, tmp_path: Path, index: int, at: int) -> None:
    made = rooted(chain([receipt(i) for i in range(3)]))
    write_ledger(tmp_path / "router.db", made)
    settled(node, made)
    node.demand(SESSION, index, NOBODY, 5, LATE)
    report = look(node, tmp_path)
    assert [(a.action, a.result) for a in report.actions] == [("answer", "mined")]
    assert report.alarms == []
    (call,) = node.sent_to("answer")
    shown, signature = node.client.read_answer(bytes(call["data"]))
    assert (shown, signature) == (anchored(made, at), made[at].signature)


def test_what_was_anchored_after_the_demand_does_not_answer_it(
    node: WatchedChain, tmp_path: Path
) -> None:
    """The index that is demanded came later: what answers is the leaf of the total of then."""
    made = chain([receipt(i) for i in range(3)])
    early, late = rooted(made[:2]), rooted(made[2:])
    write_ledger(tmp_path / "router.db", early, late)
    settled(node, early)
    node.demand(SESSION, 3, NOBODY, 5, LATE)
    demanded_at = LATE - ANSWER_SECONDS
    node.anchored = {
        bytes.fromhex(early[0].root[2:]): demanded_at,
        bytes.fromhex(late[0].root[2:]): demanded_at + 1,
    }
    settled(node, late)
    assert [a.result for a in look(node, tmp_path).actions] == ["mined"]
    (call,) = node.sent_to("answer")
    shown, _ = node.client.read_answer(bytes(call["data"]))
    assert shown == anchored(early, 1)


def test_a_demand_of_an_older_total_is_answered_for_that(
    node: WatchedChain, tmp_path: Path
) -> None:
    made = rooted(chain([receipt(i) for i in range(3)]))
    write_ledger(tmp_path / "router.db", made)
    for at in (1, 2):
        node.settled[SESSION] = made[at].cumulative
        node.demand(SESSION, 0, NOBODY, 4 + at, LATE)
    assert [a.result for a in look(node, tmp_path).actions] == ["mined", "mined"]
    told = {
        node.arguments(call)[:3]: node.client.read_answer(bytes(call["data"]))[0].index
        for call in node.sent_to("answer")
    }
    assert told == {(SESSION, 0, made[1].cumulative): 2, (SESSION, 0, made[2].cumulative): 3}


@pytest.mark.parametrize("event", ["Answered", "DemandClosed"])
def test_what_becomes_of_a_demand_says_nothing_of_another_total(
    node: WatchedChain, tmp_path: Path, event: str
) -> None:
    made = rooted(chain([receipt(i) for i in range(3)]))
    write_ledger(tmp_path / "router.db", made)
    for at in (1, 2):
        node.settled[SESSION] = made[at].cumulative
        node.demand(SESSION, 0, NOBODY, 4 + at, LATE)
    if event == "Answered":
        shown, last = anchored(made, 2), made[2]
        data = node.client.answer_data(SESSION, 0, last.cumulative, shown, last.signature)
        node.show(SESSION, 0, last.hashed, data, 7)
    else:
        about = {"session": SESSION, "index": 0, "settled": made[2].cumulative}
        node.emit(DISPUTE, "SettlementDispute", event, 7, **about, is_answered=False)
    assert [a.result for a in look(node, tmp_path).actions] == ["mined"]
    (call,) = node.sent_to("answer")
    assert node.arguments(call)[:3] == (SESSION, 0, made[1].cumulative)


def test_a_stake_total_is_found_by_what_it_settles_as(node: WatchedChain, tmp_path: Path) -> None:
    made = rooted(chain([receipt(i, STAKE_SESSION) for i in range(2)]))
    write_ledger(tmp_path / "router.db", made)
    settled(node, made, -(-made[-1].cumulative // 10**12) * 10**12)
    assert node.settled[STAKE_SESSION] != made[-1].cumulative
    node.demand(STAKE_SESSION, 0, NOBODY, 5, LATE)
    assert [a.result for a in look(node, tmp_path).actions] == ["mined"]


def test_the_session_keys_word_comes_with_it(node: WatchedChain, tmp_path: Path) -> None:
    made = rooted(chain([receipt(1)]))
    word = sign(KEY_KEY, bytes(32))
    kept = msgspec.json.encode({"max_charge": "77", "signature": "0x" + word.hex()})
    write_ledger(tmp_path / "router.db", made, authorization=kept)
    node.keys[SESSION] = address_of(KEY_KEY)
    settled(node, made)
    node.demand(SESSION, 1, NOBODY, 5, LATE)
    assert [a.result for a in look(node, tmp_path).actions] == ["mined"]
    (call,) = node.sent_to("answer")
    total = made[0].cumulative
    expected = node.client.answer_data(
        SESSION, 1, total, anchored(made, 0), made[0].signature, 77, word
    )
    assert "0x" + bytes(call["data"]).hex() == expected


@pytest.mark.parametrize("case", ["no leaf", "not confirmed", "no word", "old ledger", "no anchor"])
def test_an_alarm_is_raised_where_there_is_no_answer(
    node: WatchedChain, tmp_path: Path, case: str
) -> None:
    made = rooted(chain([receipt(i) for i in range(2)]))
    write_ledger(
        tmp_path / "router.db",
        made,
        state="sent" if case == "not confirmed" else "confirmed",
        is_old=case == "old ledger",
    )
    settled(node, made, 12345 if case == "no leaf" else None)
    if case in ("no word", "old ledger"):
        node.keys[SESSION] = address_of(KEY_KEY)
    if case == "no anchor":
        node.settler = address_of(STRANGER_KEY)
    node.demand(SESSION, 0, NOBODY, 5, LATE)
    report = look(node, tmp_path)
    assert [a.result for a in report.actions] == ["failed"]
    assert len(report.alarms) == 1
    assert f"0x{SESSION:040x}" in report.alarms[0]
    assert not report.is_clean


def test_an_alarm_is_raised_without_a_key_and_when_it_is_too_late(
    node: WatchedChain, tmp_path: Path
) -> None:
    made = rooted(chain([receipt(1)]))
    write_ledger(tmp_path / "router.db", made)
    settled(node, made)
    node.demand(SESSION, 0, NOBODY, 5, GENESIS + 150)
    report = look(node, tmp_path, key=None)
    assert [a.result for a in report.actions] == ["no_key"]
    assert len(report.alarms) == 1
    node.head = 20
    report = look(node, tmp_path)
    assert report.actions == []
    assert "not answered in time" in report.alarms[0]


def test_an_answer_that_held_is_closed_for_its_deposit(node: WatchedChain, tmp_path: Path) -> None:
    made = rooted(chain([receipt(1)]))
    write_ledger(tmp_path / "router.db", made)
    settled(node, made)
    node.demand(SESSION, 0, NOBODY, 5, GENESIS + 5000)
    total = made[0].cumulative
    data = node.client.answer_data(SESSION, 0, total, anchored(made, 0), made[0].signature)
    node.show(SESSION, 0, made[0].hashed, data, 6)
    assert look(node, tmp_path).actions == []
    node.head = 901
    assert [a.action for a in look(node, tmp_path).actions] == ["close_demand"]


def test_sessions_of_other_routers_are_none_of_its_business(
    node: WatchedChain, tmp_path: Path
) -> None:
    made = rooted(chain([receipt(1, STAKE_SESSION)]))
    write_ledger(tmp_path / "router.db", made)
    node.settled[SESSION] = 5
    node.demand(SESSION, 0, NOBODY, 5, LATE)
    report = look(node, tmp_path)
    assert (report.actions, report.alarms) == ([], [])


def test_a_ledger_is_only_read(tmp_path: Path) -> None:
    path = write_ledger(tmp_path / "router.db", rooted(chain([receipt(1)])))
    with OwnLedger(path) as ledger, pytest.raises(Unavailable, match="readonly"):
        ledger._ledger.rows("DELETE FROM leaves")
    with pytest.raises(InvalidInput, match="no file"):
        OwnLedger(tmp_path / "none.db")
    (tmp_path / "other.db").write_bytes(b"")
    with pytest.raises(Unavailable, match="ledger"):
        OwnLedger(tmp_path / "other.db")


@pytest.mark.parametrize(
    "kept",
    [None, b"", b"{}", b"[]", b'{"max_charge":"x","signature":"0x00"}', b'{"max_charge":"1"}',
     b'{"max_charge":"1","signature":"0x00"}'],
)  # fmt: skip
def test_half_a_word_of_a_key_is_none(kept: bytes | None) -> None:
    assert request_signature(kept) is None


def test_the_settler_is_who_anchored() -> None:
    assert anchored(rooted(chain([receipt(1)])), 0).anchorer == SETTLER
