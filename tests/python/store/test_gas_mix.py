# SPDX-License-Identifier: Apache-2.0
"""`cortensor gas mix --database`: a router's records as tables, on both databases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from cortensor.cli import main
from cortensor.gas.mix import Mix
from cortensor.pricing import Terms
from cortensor.store.address import DatabaseAddress
from cortensor.store.errands import authorise_action, end_action, release_action
from cortensor.store.gas_mix import GasMix
from cortensor.store.records import CostRecord
from cortensor.store.store import Store
from tests.python.databases import config_of
from tests.python.store.test_costs import body, errand, settle, work
from tests.python.store.test_ledger import OTHER, SESSION, facts


def asked(tier: str | None, replicas: int) -> bytes:
    """A receipt's body."""
    plain = json.loads(body("delegate", ["1"] * replicas, "majority", Terms(replicas=replicas)))
    return json.dumps({**plain, "policy": {"tier": tier}}).encode()


@pytest.fixture
def ledger(database: DatabaseAddress) -> DatabaseAddress:
    """Two settled batches, one not settled, a release, an authorisation, a receipt taken back."""
    with Store(database) as store:
        for session in (SESSION, OTHER):
            store.ledger.refresh(facts(session, deposit=10**20))
        work(store, 1, SESSION, 10**18, asked("fast", 1))
        work(store, 2, SESSION, 10**18, asked("safe", 3))
        work(store, 3, OTHER, 2 * 10**18, asked("safe", 3))
        first = CostRecord("0x1", 1, True, 100_001, 3, 1_001)
        settle(store, store.outbox.build(None, 1), first, bucket=7)
        work(store, 4, OTHER, 10**18, asked(None, 1))
        twice = CostRecord("0x2", 2, False, 21_000, 5, 10), CostRecord("0x3", 3, True, 80_000, 7)
        settle(store, store.outbox.build(None, 1), *twice, bucket=7)
        work(store, 5, OTHER, 10**18, asked("fast", 1))
        waiting = store.outbox.build(None, 1)
        assert waiting is not None
        store.outbox.note_costs(waiting.root, [CostRecord("0xe", 6, False, 22_000, 1)])
        errand(store, authorise_action("0xAB"), CostRecord("0xa", 1, True, 50_000, 2, 500))
        errand(store, release_action(1, 7), CostRecord("0xb", 4, True, 70_003, 3, 7))
        (row, *_) = store.database.rows("SELECT receipt_id FROM receipts ORDER BY seq")
        errand(store, end_action(row["receipt_id"], None), CostRecord("0xc", 8, True, 45_000, 2))
    return database


def read(address: DatabaseAddress) -> Mix:
    done = CliRunner().invoke(main, ["gas", "mix", "--database", config_of(address), "--json"])
    assert done.exit_code == 0, done.output
    schema = json.loads(Path("gas/schema.json").read_text())
    assert Draft202012Validator(schema).is_valid(json.loads(done.output))
    return msgspec.json.decode(done.output, type=Mix)


def test_every_table_and_the_overhead_sum_to_what_was_paid(ledger: DatabaseAddress) -> None:
    mix = read(ledger)
    paid = {
        "gas": 100_001 + 21_000 + 80_000 + 70_003 + 45_000 + 50_000 + 22_000,
        "data": 1_001 + 10 + 7 + 500,
        "fee": 100_001 * 3 + 21_000 * 5 + 80_000 * 7 + 70_003 * 3 + 45_000 * 2 + 100_000 + 22_000,
    }

    def summed(kinds: dict[str, Any]) -> dict[str, int]:
        return {
            "gas": sum(each.execution_gas + each.poster_gas for each in kinds.values()),
            "data": sum(each.poster_gas for each in kinds.values()),
            "fee": sum(each.fees["charged"].total_wei for each in kinds.values()),
        }

    assert summed(mix.transactions) == paid
    nobodys = summed(mix.overhead)
    assert nobodys == {"gas": 72_000, "data": 500, "fee": 122_000}
    for rows in mix.tables.values():
        assert sum(row.execution_gas.sum + row.poster_gas.sum for row in rows) == (
            paid["gas"] - nobodys["gas"]
        )
        fees = sum(int(row.fees["charged"].total_wei.sum) for row in rows)
        assert fees == paid["fee"] - nobodys["fee"]
        assert sum(row.requests for row in rows) == 4


def test_a_table_says_who_asked_how(ledger: DatabaseAddress) -> None:
    mix = read(ledger)
    assert list(mix.transactions) == [
        "settle.escrow",
        "settle.escrow.reverted",
        "authorise",
        "release",
        "receipt.revoke",
    ]
    tiers = {row.name: (row.sessions, row.requests) for row in mix.tables["tier"]}
    assert tiers == {"fast": (1, 1), "safe": (2, 2), "(no tier)": (1, 1)}
    assert [row.name for row in mix.tables["route"]] == ["escrow"]
    paths = {row.name: row.requests for row in mix.tables["path"]}
    assert paths == {
        "majority of 1, validation depth 0, taken back": 1,
        "majority of 3, validation depth 0": 2,
        "majority of 1, validation depth 0": 1,
    }
    # A session bears half of a batch of two, and what took its own receipt back.
    whole = {each.session: 0 for each in mix.sessions}
    for each in mix.sessions:
        whole[each.session] += each.execution_gas
    assert whole[SESSION] - 45_000 == 49_500 + (70_003 - 7) * 2 // 5


def test_tables_for_people(ledger: DatabaseAddress) -> None:
    where = ["gas", "mix", "--database", config_of(ledger)]
    done = CliRunner(env={"COLUMNS": "160"}).invoke(main, where)
    assert done.exit_code == 0, done.output
    assert "by tier" in done.output
    assert "settle.escrow.reverted" in done.output
    assert "authorise (nobody's)" in done.output
    done = CliRunner().invoke(main, [*where, "--markdown"])
    assert "| safe | 2 | 2 |" in done.output


def test_no_ledger_and_an_empty_one_are_said(tmp_path: Path) -> None:
    with Store(tmp_path / "new.db"):
        pass
    done = CliRunner().invoke(main, ["gas", "mix", "--database", str(tmp_path / "new.db")])
    assert done.output == "nothing is settled yet\n"
    done = CliRunner().invoke(main, ["gas", "mix", "--database", str(tmp_path / "none.db")])
    assert (done.exit_code, done.output.count("\n")) == (2, 1)
    (tmp_path / "text.db").write_text("no database")
    done = CliRunner().invoke(main, ["gas", "mix", "--database", str(tmp_path / "text.db")])
    assert (done.exit_code, done.output.count("\n")) == (2, 1)
    done = CliRunner().invoke(main, ["gas", "mix", "--database", "mysql://x"])
    assert (done.exit_code, "postgresql://" in done.output) == (2, True)


def test_an_older_batch_counts_its_own_transaction(ledger: DatabaseAddress) -> None:
    with Store(ledger) as store, store.database.transaction() as sql:
        sql.execute("DELETE FROM settlement_costs")
    with GasMix(ledger) as opened:
        kinds = opened.allotment().kinds
    cost = kinds["settle.escrow"].cost
    assert cost["charged/execution_wei"] == 100_001 * 3 + 80_000 * 7
    assert cost["charged/data_wei"] == 0
