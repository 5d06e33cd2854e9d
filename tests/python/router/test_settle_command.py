# SPDX-License-Identifier: Apache-2.0
"""`cortensor settle` from a configuration file; what it sends is tried in tests/python/chain."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cortensor.cli import main
from cortensor.receipts.sign import address_of
from cortensor.store.address import DatabaseAddress
from cortensor.store.store import Store
from tests.python.chain.settling_chain import SettlingChain
from tests.python.databases import config_of
from tests.python.router.fake_model import FakeModel
from tests.python.router.fake_node import NOBODY, PAYMENT, FakeNode
from tests.python.router.harness import CARD, KEY_ENV, SIGNER_KEY, config_data
from tests.python.router.test_once import toml
from tests.python.store.test_ledger import SESSION, charge, facts


def test_nothing_to_settle_is_said_and_no_failure(
    tmp_path: Path, node: FakeNode, model: FakeModel
) -> None:
    config = tmp_path / "router.toml"
    config.write_text(toml(config_data(tmp_path, node, model)))
    done = subprocess.run(
        [sys.executable, "-m", "cortensor.cli", "settle", "--config", "router.toml"],
        cwd=tmp_path,
        env={**os.environ, KEY_ENV: SIGNER_KEY},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "nothing to settle"), done.stderr
    said = []
    for extra in (["--json"], ["--release"], ["--release", "--json"]):
        told = settle(config, *extra)
        assert told.exit_code == 0, told.stderr
        said.append(told.stdout.strip())
    assert json.loads(said[0]) == {"batches": []}
    assert said[1] == "nothing to release\nnothing to settle"
    assert json.loads(said[2]) == {"batches": [], "released": []}


@pytest.fixture
def chain() -> Iterator[SettlingChain]:
    fake = SettlingChain(CARD, address_of(SIGNER_KEY))
    yield fake
    fake.close()


@pytest.fixture
def config(
    tmp_path: Path, chain: SettlingChain, model: FakeModel, database: DatabaseAddress
) -> Path:
    """A router with one receipt to settle."""
    file = tmp_path / "router.toml"
    file.write_text(toml(config_data(tmp_path, chain, model, database=config_of(database))))
    with Store(database) as store:
        store.ledger.refresh(facts())
        charge(store, 1, 10)
    return file


def settle(config: Path, *more: str) -> Any:
    return CliRunner().invoke(
        main, ["settle", "--config", str(config), *more], env={KEY_ENV: SIGNER_KEY}
    )


def test_a_refused_batch_is_told_and_fails_the_command(config: Path, chain: SettlingChain) -> None:
    chain.revert = "payment: other router's session"
    done = settle(config)
    assert done.exit_code == 1
    assert "not settled, parked: batch 0x" in done.stderr
    assert "other router's session" in done.stderr
    assert "nothing to settle" not in done.output
    chain.revert = None
    told = settle(config, "--json")
    assert told.exit_code == 1
    (refused,) = json.loads(told.stdout)["refused"]
    assert (refused["reason"], refused["next_at"]) == ("payment: other router's session", None)
    mended = settle(config, "--unpark", "--json")
    assert mended.exit_code == 0
    data = json.loads(mended.stdout)
    assert [batch["receipts"] for batch in data["batches"]] == [1]
    assert "refused" not in data


def test_one_settles_at_a_time(
    config: Path, chain: SettlingChain, database: DatabaseAddress
) -> None:
    with Store(database) as other, other.database.settling():
        refused = settle(config)
        assert refused.exit_code == 2
        assert "a settlement already runs" in refused.stderr
        assert chain.mined == {}
    assert settle(config).exit_code == 0
    assert len(chain.mined) == 1
    assert settle(config).output == "nothing to settle\n"


def test_a_total_that_is_lost_is_told_once(config: Path, chain: SettlingChain) -> None:
    chain.logs = [(PAYMENT, "SettlementSkipped", [int(SESSION, 16)], [10, "session closed"])]
    chain.open(int(SESSION, 16), NOBODY, 100, state=3)
    first = settle(config)
    assert "skipped" in first.stderr
    chain.logs = []
    assert "no longer can be" in settle(config).stderr
    assert "no longer can be" not in settle(config).stderr
