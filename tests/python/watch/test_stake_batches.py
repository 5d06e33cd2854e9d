# SPDX-License-Identifier: Apache-2.0
"""Stake settlements name no session in their event: the calldata does, or it may be any."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from cortensor.errors import Unavailable
from cortensor.watch.database import APPLICATION_ID
from cortensor.watch.leaves import Leaf
from cortensor.watch.state import State
from tests.python.watch.making import (
    DOMAIN,
    ROUTER_ID,
    SESSION,
    STAKE_PIN,
    STAKE_SESSION,
    chain,
    receipt,
    rooted,
)
from tests.python.watch.watched_chain import PAYER, PAYMENT, WatchedChain
from tests.python.watch.watching import Shelf, Watch

OTHERS_SESSION = (ROUTER_ID + 1) << 128 | 2
MICRO_WEI = 10**12


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    node, shelf = WatchedChain(), Shelf()
    yield Watch(node, shelf, tmp_path)
    shelf.close()
    node.close()


def leaves() -> list[Leaf]:
    return rooted(chain([receipt(i, STAKE_SESSION) for i in range(2)]))


def settle(watch: Watch, to: str = PAYMENT, *, excess: int = 0) -> None:
    """Settle the leaves' total, hidden, in whole micro-COR."""
    made = leaves()
    total = -(-made[-1].cumulative // MICRO_WEI) * MICRO_WEI + excess
    watch.node.settle_stake(made[0].root, 8, to=to, **{f"s{STAKE_SESSION}": total})


def test_the_sessions_are_read_from_the_routers_call(watch: Watch) -> None:
    settle(watch)
    report = watch.look()
    assert watch.found(report) == [("no_total", 0)]
    assert report.findings[0].session_id == f"0x{STAKE_SESSION:040x}"


def test_a_settlement_through_another_contract_hides_no_session(watch: Watch) -> None:
    watch.node.enrol(STAKE_SESSION, 4)
    watch.node.enrol(OTHERS_SESSION, 4)
    watch.node.pins[OTHERS_SESSION] = STAKE_PIN
    watch.node.settled[OTHERS_SESSION] = 5
    settle(watch, to="0x" + "99" * 20)
    report = watch.look()
    assert [finding.session_id for finding in report.findings] == [f"0x{STAKE_SESSION:040x}"]


def test_it_is_found_among_enrolments_of_earlier_passes(watch: Watch) -> None:
    watch.node.enrol(STAKE_SESSION, 4)
    watch.node.head = 6
    assert watch.look().is_clean
    settle(watch, to="0x" + "99" * 20)
    watch.node.head = 12
    assert watch.found(watch.look()) == [("no_total", 0)]


@pytest.mark.parametrize("lie", ["another batch", "another contract", "another function"])
def test_calldata_that_is_not_the_settlements_is_not_believed(watch: Watch, lie: str) -> None:
    watch.node.enrol(STAKE_SESSION, 4)
    settle(watch)
    (tx_hash,) = watch.node.inputs
    to, data = watch.node.inputs[tx_hash]
    data = data.replace(STAKE_SESSION.to_bytes(20), SESSION.to_bytes(20))
    if lie == "another batch":
        data = data.replace(bytes.fromhex(leaves()[0].root[2:]), bytes(32))
    elif lie == "another contract":
        to = "0x" + "99" * 20
    else:
        data = bytes(4) + data[4:]
    watch.node.inputs[tx_hash] = to, data
    report = watch.look()
    assert [finding.session_id for finding in report.findings] == [f"0x{STAKE_SESSION:040x}"]


def test_an_honest_stake_batch_is_clean(watch: Watch) -> None:
    watch.node.account = (0, 0, 0, 0, 0, 1, STAKE_PIN.bucket, False, 0, 0, 0)
    made = watch.batch(leaves(), 5)
    total = -(-made[-1].cumulative // MICRO_WEI) * MICRO_WEI
    watch.node.settle_stake(made[0].root, 5, **{f"s{STAKE_SESSION}": total})
    assert watch.look().is_clean


def test_an_undone_enrolment_is_forgotten(watch: Watch) -> None:
    watch.node.enrol(STAKE_SESSION, 8)
    watch.node.head = 10
    watch.look()
    watch.node.events.clear()
    watch.node.forked_at, watch.node.fork = 6, 1
    watch.node.head = 12
    watch.look()
    with State(watch.state, DOMAIN) as state:
        assert state.sessions.enrolled(ROUTER_ID) == []


def test_a_state_of_version_1_looks_at_its_blocks_again(watch: Watch) -> None:
    script = files("cortensor.watch").joinpath("schema.sql").read_text("utf-8")
    with sqlite3.connect(watch.state) as sql:
        sql.executescript(script)
        sql.execute("INSERT INTO facts VALUES ('next_block', '9')")
        sql.execute("INSERT INTO passes VALUES (8, '0x12')")
        sql.execute("PRAGMA user_version=1")
        sql.execute(f"PRAGMA application_id={APPLICATION_ID}")
    sql.close()
    watch.node.enrol(STAKE_SESSION, 4)
    watch.look()
    with State(watch.state, DOMAIN) as state:
        assert state.sessions.enrolled(ROUTER_ID) == [STAKE_SESSION]


def test_a_state_of_version_2_gets_its_demands_and_moves_from_the_chain(watch: Watch) -> None:
    """It knew demands without their total, and kept no moves."""
    with sqlite3.connect(watch.state) as sql:
        for name in ("schema.sql", "schema-2.sql"):
            sql.executescript(files("cortensor.watch").joinpath(name).read_text("utf-8"))
        sql.execute("INSERT INTO facts VALUES ('next_block', '9')")
        sql.execute("INSERT INTO passes VALUES (8, '0x12')")
        sql.execute(
            "INSERT INTO transactions VALUES ('0x1', ?, 0, x'', '1')",
            (f"demand:{SESSION:040x}:4",),
        )
        sql.execute("PRAGMA user_version=2")
        sql.execute(f"PRAGMA application_id={APPLICATION_ID}")
    sql.close()
    made = watch.batch(chain([receipt(1)]), 4)
    watch.node.demand(SESSION, 1, PAYER, 5, 2**32)
    watch.look(None)
    with State(watch.state, DOMAIN) as state:
        (demand,) = state.cases.demands()
        assert (demand.index, demand.settled) == (1, made[0].cumulative)
        assert state.cases.unseen_demands() == [(SESSION, 4)]
        assert state.moves.settled(SESSION) == made[0].cumulative


@pytest.mark.parametrize(("version", "mark"), [(5, APPLICATION_ID), (3, 1), (1, 0), (0, 5)])
def test_files_of_others_are_left_alone(tmp_path: Path, version: int, mark: int) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as sql:
        sql.execute(f"PRAGMA user_version={version}")
        sql.execute(f"PRAGMA application_id={mark}")
    sql.close()
    with pytest.raises(Unavailable, match="not a watcher's state"):
        State(path, DOMAIN)
