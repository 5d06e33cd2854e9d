# SPDX-License-Identifier: Apache-2.0
"""Settlement costs: attributed to the wei, and told in a table."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from cortensor.cli import main
from cortensor.errors import InvalidInput, Unavailable
from cortensor.pricing import Terms
from cortensor.pricing.attribution import attribute, split
from cortensor.store.costs import Costs
from cortensor.store.records import CostRecord
from cortensor.store.store import Store
from tests.python.store.test_ledger import OTHER, SESSION, facts, record

if TYPE_CHECKING:
    from pathlib import Path


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
THREE = body("validate", ["203", "201", "202"], "majority", Terms(model_class=2, replicas=3))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Two batches of 3 and 1 receipts; the second was tried twice."""
    file = tmp_path / "router.db"
    with Store(file) as store:
        for session in (SESSION, OTHER):
            store.ledger.refresh(facts(session, deposit=10**20))
        numbers = iter(range(1, 10))

        def work(session: str, amount: int, made: bytes) -> None:
            number = next(numbers)
            store.ledger.reserve(session, "r", amount, 1)
            plain = record(number, amount, session)
            values = {n: getattr(plain, n) for n in plain.__struct_fields__} | {"body": made}
            store.ledger.commit("r", type(plain)(**values), (200, b""), None, b"{}")

        def settle(*costs: CostRecord) -> None:
            batch = store.outbox.build(None, 1)
            assert batch is not None
            last = costs[-1]
            store.outbox.confirm(
                batch.root,
                tx_hash=last.tx_hash,
                block=1,
                gas_used=last.gas_used,
                gas_price=last.gas_price,
                now=1,
                costs=costs,
            )

        work(SESSION, 10**18, ONE)
        work(SESSION, 10**18, THREE)
        work(OTHER, 2 * 10**18, THREE)
        settle(CostRecord("0x1", 1, True, 100_001, 3))
        work(OTHER, 10**18, ONE)
        settle(CostRecord("0x2", 2, False, 21_000, 5), CostRecord("0x3", 3, True, 80_000, 7))
        work(OTHER, 10**18, ONE)
        store.outbox.build(None, 1)  # not settled yet
    return file


def test_every_view_sums_to_what_was_paid(path: Path) -> None:
    gas = 100_001 + 21_000 + 80_000
    fee = 100_001 * 3 + 21_000 * 5 + 80_000 * 7
    with Costs(path) as costs:
        for by in ("session", "route", "path"):
            lines = costs.lines(by)  # type: ignore[arg-type]  # one of the three
            assert sum(line.gas for line in lines) == gas
            assert sum(line.fee_wei for line in lines) == fee
            assert sum(line.receipts for line in lines) == 4
            assert sum(line.charged_wei for line in lines) == 5 * 10**18


def test_each_view_names_who_caused_it(path: Path) -> None:
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


def test_batches_from_before_costs_were_kept_count_their_own_transaction(path: Path) -> None:
    with Store(path) as store, store.database.transaction() as sql:
        sql.execute("DELETE FROM settlement_costs")
    with Costs(path) as costs:
        assert sum(line.fee_wei for line in costs.lines("route")) == 100_001 * 3 + 80_000 * 7


def run(*arguments: str) -> Any:
    return CliRunner().invoke(main, ["costs", *arguments])


def test_the_command_prints_a_table(path: Path) -> None:
    done = run("--database", str(path), "--by", "path")
    assert done.exit_code == 0, done.output
    first, *rows = done.output.splitlines()
    assert first.split()[:2] == ["path", "receipts"]
    assert rows[-2].split()[0] == "total"
    assert rows[-2].split()[1:5] == ["4", "5", "201001", str(100_001 * 3 + 105_000 + 560_000)]
    assert len({len(line) for line in (first, *rows[:-1])}) == 1
    priced = run("--database", str(path), "--cor-per-eth", "100000")
    assert "fee/charge" in priced.output


def test_the_command_speaks_json(path: Path) -> None:
    # 965,003 wei of ETH for 5 COR; at 10^12 COR an ETH that is 0.193 COR a COR
    done = run("--database", str(path), "--json", "--cor-per-eth", "1000000000000")
    data = json.loads(done.output)
    assert (data["by"], len(data["lines"])) == ("session", 2)
    assert data["total"]["fee_wei"] == "965003"
    assert data["total"]["fee_per_receipt_wei"] == "241250"
    assert data["total"]["fee_per_cor_wei"] == "193000"
    assert data["total"]["fee_share_bps"] == 1930


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
