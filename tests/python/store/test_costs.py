# SPDX-License-Identifier: Apache-2.0
"""Settlement costs: attributed to the wei, and told in a table."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from cortensor.cli import main
from cortensor.errors import InvalidInput, Unavailable
from cortensor.pricing import Terms
from cortensor.pricing.attribution import attribute, split
from cortensor.store.address import DatabaseAddress
from cortensor.store.costs import By, Costs, total_of
from cortensor.store.errands import authorise_action, release_action
from cortensor.store.records import BatchRecord, CostRecord, ErrandRecord, SkipRecord
from cortensor.store.store import Store
from tests.python.databases import config_of
from tests.python.store.test_ledger import OTHER, SESSION, facts, record

if TYPE_CHECKING:
    pass


@given(st.integers(0, 2**120), st.lists(st.integers(0, 2**40), min_size=1, max_size=50))
def test_shares_sum_to_the_amount_and_follow_the_weights(amount: int, weights: list[int]) -> None:
    shares = split(amount, weights)
    assert sum(shares) == amount
    total = sum(weights)
    if total:
        for share, weight in zip(shares, weights, strict=True):
            assert abs(share * total - amount * weight) < total


@given(st.integers(0, 2**120), st.lists(st.integers(0, 5), min_size=1, max_size=60))
def test_sessions_bear_a_batch_alike(amount: int, sessions: list[int]) -> None:
    shares = attribute(amount, sessions)
    assert sum(shares) == amount
    by_session = {
        s: sum(v for v, o in zip(shares, sessions, strict=True) if o == s) for s in sessions
    }
    assert max(by_session.values()) - min(by_session.values()) <= 1
    for one in by_session:
        mine = [v for v, o in zip(shares, sessions, strict=True) if o == one]
        assert max(mine) - min(mine) <= 1


def test_the_largest_remainder_gets_what_is_left() -> None:
    assert split(10, [3, 3, 1]) == [4, 4, 2]
    assert split(1, [1, 1]) == [1, 0]
    assert split(7, [0, 0]) == [4, 3]
    assert split(0, [5]) == [0]


def body(endpoint: str, sessions: list[str], strategy: str, terms: Terms) -> bytes:
    shown = {
        "endpoint": endpoint,
        "replicas": [{"session_id": name} for name in sessions],
        "consensus": {"strategy": strategy, "replicas_requested": len(sessions)},
        "bill": {"terms": hex(terms.pack())},
    }
    return json.dumps(shown).encode()


ONE = body("delegate", ["201"], "majority", Terms())
BY: tuple[By, ...] = ("session", "route", "path")
THREE = body("validate", ["203", "201", "202"], "majority", Terms(model_class=2, replicas=3))


def work(store: Store, number: int, session: str, amount: int, made: bytes) -> None:
    store.ledger.reserve(session, "r", amount, 1)
    plain = record(number, amount, session)
    values = {n: getattr(plain, n) for n in plain.__struct_fields__} | {"body": made}
    store.ledger.commit("r", type(plain)(**values), (200, b""), None, b"{}")


def settle(store: Store, batch: BatchRecord | None, *costs: CostRecord, **more: Any) -> BatchRecord:
    assert batch is not None
    last = costs[-1]
    return store.outbox.confirm(
        batch.root,
        tx_hash=last.tx_hash,
        block=1,
        gas_used=last.gas_used,
        gas_price=last.gas_price,
        now=1,
        costs=costs,
        **more,
    )


@pytest.fixture
def path(database: DatabaseAddress) -> DatabaseAddress:
    """Two batches of 3 and 1 receipts; the second was tried twice."""
    with Store(database) as store:
        for session in (SESSION, OTHER):
            store.ledger.refresh(facts(session, deposit=10**20))
        work(store, 1, SESSION, 10**18, ONE)
        work(store, 2, SESSION, 10**18, THREE)
        work(store, 3, OTHER, 2 * 10**18, THREE)
        settle(store, store.outbox.build(None, 1), CostRecord("0x1", 1, True, 100_001, 3), bucket=7)
        work(store, 4, OTHER, 10**18, ONE)
        twice = CostRecord("0x2", 2, False, 21_000, 5), CostRecord("0x3", 3, True, 80_000, 7)
        settle(store, store.outbox.build(None, 1), *twice, bucket=7)
        work(store, 5, OTHER, 10**18, ONE)
        store.outbox.build(None, 1)  # not settled yet
    return database


GAS = 100_001 + 21_000 + 80_000
FEE = 100_001 * 3 + 21_000 * 5 + 80_000 * 7


def errand(store: Store, action: str, cost: CostRecord) -> None:
    store.errands.sign(ErrandRecord(cost.tx_hash, action, 1, b"", 1), 1)
    store.errands.note(cost)


@pytest.fixture
def overhead(path: DatabaseAddress) -> DatabaseAddress:
    """An authorisation, two releases, and a batch that was paid for and is not settled."""
    with Store(path) as store:
        errand(store, authorise_action("0xAB"), CostRecord("0xa", 1, True, 50_000, 2))
        errand(store, release_action(1, 7), CostRecord("0xb", 4, True, 70_003, 3))
        errand(store, release_action(1, 8), CostRecord("0xc", 5, False, 30_000, 3))
        store.errands.sign(ErrandRecord("0xd", release_action(1, 8), 2, b"", 1), 1)
        (batch,) = store.outbox.unsettled()
        store.outbox.note_costs(batch.root, [CostRecord("0xe", 6, False, 22_000, 1)])
    return path


def test_overhead_has_lines_of_its_own(overhead: DatabaseAddress) -> None:
    with Costs(overhead) as costs:
        for by in BY:
            *lines, first, second, third = costs.lines(by)
            assert sum(line.fee_wei for line in lines) == FEE
            assert [
                (line.name, line.receipts, line.gas, line.fee_wei)
                for line in (first, second, third)
            ] == [
                ("(releases)", 0, 100_003, 300_009),
                ("(authorisation)", 0, 50_000, 100_000),
                ("(not settled)", 0, 22_000, 22_000),
            ]
            assert all(line.is_overhead for line in (first, second, third))
            assert not any(line.is_overhead for line in lines)


def test_a_release_is_spread_over_the_receipts_it_was_for(overhead: DatabaseAddress) -> None:
    with Costs(overhead) as costs:
        plain = {line.name: line for line in costs.lines("session")}
        spread = {line.name: line for line in costs.lines("session", spreads=True)}
    # 5 COR were in the bucket, 2 of them the first session's; 210,009 wei in all
    assert spread[SESSION].fee_wei - plain[SESSION].fee_wei == 84_004
    assert spread[OTHER].fee_wei - plain[OTHER].fee_wei == 126_005
    assert (spread["(releases)"].gas, spread["(releases)"].fee_wei) == (30_000, 90_000)
    for name in (SESSION, OTHER):
        assert spread[name].receipts == plain[name].receipts
        assert spread[name].charged_wei == plain[name].charged_wei


def test_nothing_is_lost_or_made_by_spreading(overhead: DatabaseAddress) -> None:
    fee = FEE + 300_009 + 100_000 + 22_000
    with Costs(overhead) as costs:
        for by in BY:
            for spreads in (False, True):
                total = total_of(costs.lines(by, spreads=spreads))
                assert (total.gas, total.fee_wei) == (GAS + 172_003, fee)
                assert (total.receipts, total.charged_wei) == (4, 5 * 10**18)


def test_a_settled_batch_bears_what_it_cost_before(overhead: DatabaseAddress) -> None:
    with Store(overhead) as store:
        (batch,) = store.outbox.unsettled()
        settle(store, batch, CostRecord("0xf", 7, True, 80_000, 1))
    with Costs(overhead) as costs:
        lines = {line.name: line for line in costs.lines("session")}
        assert "(not settled)" not in lines
        assert lines[OTHER].gas == 50_000 + 101_000 + 102_000


def test_a_retry_is_borne_by_whom_it_was_for(path: DatabaseAddress) -> None:
    with Store(path) as store:
        (batch,) = store.outbox.unsettled()
        skip = SkipRecord(OTHER, 4 * 10**18, "total exceeds deposit")
        settle(store, batch, CostRecord("0x4", 4, True, 1000, 1), skipped=[skip])
        retry = store.skips.keep(store.skips.draft(store.skips.due(None), None, 1))
        settle(store, retry, CostRecord("0x5", 5, True, 900, 1), bucket=9)
        errand(store, release_action(1, 9), CostRecord("0x6", 6, True, 50, 1))
    with Costs(path) as costs:
        lines = {line.name: line for line in costs.lines("session", spreads=True)}
        assert (lines[OTHER].receipts, lines[OTHER].charged_wei) == (3, 4 * 10**18)
        assert lines[OTHER].gas == 50_000 + 101_000 + 1000 + 900 + 50
        assert total_of(list(lines.values())).gas == GAS + 1950


def test_every_view_sums_to_what_was_paid(path: DatabaseAddress) -> None:
    with Costs(path) as costs:
        for by in BY:
            lines = costs.lines(by)
            assert sum(line.gas for line in lines) == GAS
            assert sum(line.fee_wei for line in lines) == FEE
            assert sum(line.receipts for line in lines) == 4
            assert sum(line.charged_wei for line in lines) == 5 * 10**18


def test_each_view_names_who_caused_it(path: DatabaseAddress) -> None:
    with Costs(path) as costs:
        sessions = {line.name: line for line in costs.lines("session")}
        assert (sessions[SESSION].receipts, sessions[SESSION].gas) == (2, 50_001)
        assert (sessions[OTHER].receipts, sessions[OTHER].gas) == (2, 50_000 + 101_000)
        routes = [line.name for line in costs.lines("route")]
        assert routes == ["delegate light 201", "validate heavy 201,202,203"]
        paths = {line.name: line.receipts for line in costs.lines("path")}
        assert paths == {
            "majority of 1, validation depth 0": 2,
            "majority of 3, validation depth 0": 2,
        }


def test_batches_from_before_costs_were_kept_count_their_own_transaction(
    path: DatabaseAddress,
) -> None:
    with Store(path) as store, store.database.transaction() as sql:
        sql.execute("DELETE FROM settlement_costs")
    with Costs(path) as costs:
        assert sum(line.fee_wei for line in costs.lines("route")) == 100_001 * 3 + 80_000 * 7


def run(*arguments: str) -> Any:
    return CliRunner().invoke(main, ["costs", *arguments])


def test_the_command_prints_a_table(path: DatabaseAddress) -> None:
    done = run("--database", config_of(path), "--by", "path")
    assert done.exit_code == 0, done.output
    first, *rows = done.output.splitlines()
    assert first.split()[:2] == ["path", "receipts"]
    assert rows[-2].split()[0] == "total"
    assert rows[-2].split()[1:5] == ["4", "5", "201001", str(100_001 * 3 + 105_000 + 560_000)]
    assert len({len(line) for line in (first, *rows[:-1])}) == 1
    priced = run("--database", config_of(path), "--cor-per-eth", "100000")
    assert "fee/charge" in priced.output


def test_the_command_speaks_json(path: DatabaseAddress) -> None:
    # 965,003 wei of ETH for 5 COR; at 10^12 COR an ETH that is 0.193 COR a COR
    done = run("--database", config_of(path), "--json", "--cor-per-eth", "1000000000000")
    data = json.loads(done.output)
    assert (data["by"], len(data["lines"])) == ("session", 2)
    assert data["total"]["fee_wei"] == "965003"
    assert data["total"]["fee_per_receipt_wei"] == "241250"
    assert data["total"]["fee_per_cor_wei"] == "193000"
    assert data["total"]["fee_share_bps"] == 1930
    assert data["overhead"] == []


def test_the_command_tells_overhead_apart(overhead: DatabaseAddress) -> None:
    data = json.loads(run("--database", config_of(overhead), "--json").output)
    assert [line["name"] for line in data["overhead"]] == [
        "(releases)",
        "(authorisation)",
        "(not settled)",
    ]
    assert len(data["lines"]) == 2
    assert data["total"]["fee_wei"] == str(FEE + 422_009)
    spread = json.loads(run("--database", config_of(overhead), "--json", "--spread").output)
    assert spread["total"] == data["total"]
    assert spread["overhead"][0]["name"] == "(authorisation)"
    assert "(releases)" in run("--database", config_of(overhead)).output


def test_nothing_settled_and_no_ledger_are_said(tmp_path: Path) -> None:
    with Store(tmp_path / "new.db"):
        pass
    assert run("--database", str(tmp_path / "new.db")).output == "nothing is settled yet\n"
    missing = run("--database", str(tmp_path / "none.db"))
    assert missing.exit_code == 2
    with pytest.raises(InvalidInput):
        Costs(tmp_path / "none.db")
    (tmp_path / "text.db").write_text("no database")
    with pytest.raises(Unavailable):
        Costs(tmp_path / "text.db")
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("CREATE TABLE settlement_costs (fee)")
    other.close()
    with pytest.raises(Unavailable, match="no router has opened"):
        Costs(tmp_path / "other.db")
