# SPDX-License-Identifier: Apache-2.0
"""`cortensor outbox`: what is not settled, why, and when it is tried again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cortensor.cli import main
from cortensor.store.address import DatabaseAddress
from cortensor.store.backoff import FIRST_S
from cortensor.store.records import SkipRecord
from cortensor.store.store import Store
from tests.python.databases import config_of
from tests.python.store.test_ledger import charge, facts

COR = 10**18


def run(*arguments: str) -> Any:
    return CliRunner().invoke(main, ["outbox", *arguments])


@pytest.fixture
def path(database: DatabaseAddress) -> DatabaseAddress:
    """One batch on its way, one put off, one parked; two totals passed over; one receipt waits."""
    with Store(database) as store:
        for low in range(1, 6):
            store.ledger.refresh(facts(f"0x{low:040x}", deposit=COR, version=low))
            charge(store, low, low, f"0x{low:040x}", version=low)
        built = [store.outbox.build(None, 1) for _ in range(4)]
        settled, put_off, parked, _ = (batch for batch in built if batch is not None)
        store.outbox.confirm(
            settled.root,
            tx_hash="0x1",
            block=1,
            gas_used=1,
            gas_price=1,
            now=100,
            skipped=[SkipRecord(f"0x{1:040x}", 1, "total exceeds deposit")],
        )
        store.outbox.refuse(put_off.root, "router: pending exceeds bond", 100)
        store.outbox.refuse(parked.root, "payment: other router's session", 100, last_try=1)
    return database


def test_everything_that_is_open_is_told(path: DatabaseAddress) -> None:
    done = run("--database", config_of(path), "--json")
    assert done.exit_code == 0, done.output
    data = json.loads(done.output)
    assert data["waiting"] == {"receipts": 1, "charged_wei": "5", "oldest_at": 5}
    assert [batch["state"] for batch in data["batches"]] == ["put_off", "parked", "waits"]
    first = data["batches"][0]
    assert (first["charged_wei"], first["sessions"], first["receipts"]) == ("2", 1, 1)
    assert first["reason"] == "router: pending exceeds bond"
    assert (first["tries"], first["first_refused_at"], first["next_at"]) == (1, 100, 100 + FIRST_S)
    assert data["batches"][1]["next_at"] is None
    assert data["batches"][2]["reason"] is None
    (total,) = data["totals"]
    assert (total["state"], total["cumulative_wei"], total["tries"]) == ("put_off", "1", 1)


def test_it_reads_as_text(path: DatabaseAddress) -> None:
    with Store(path) as store:
        store.skips.give_up(f"0x{1:040x}", "session closed")
    lines = run("--database", config_of(path)).output.splitlines()
    assert lines[0].startswith("1 receipts wait")
    assert "pending exceeds bond (1 times), tried again at 1970-01-01 00:02:40 UTC" in lines[1]
    assert lines[2].endswith("other router's session (1 times), parked")
    assert lines[3].endswith("on its way")
    assert lines[4].endswith("session closed (1 times), given up")
    assert lines[5].endswith("1 receipts anchored in block 1: soft, not final")
    assert len(lines) == 6


def test_a_ledger_with_nothing_open_says_so(tmp_path: Path) -> None:
    with Store(tmp_path / "new.db"):
        pass
    assert run("--database", str(tmp_path / "new.db")).output == "0 receipts wait, 0 COR\n"
    assert run("--database", str(tmp_path / "none.db")).exit_code == 2
