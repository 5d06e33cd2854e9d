# SPDX-License-Identifier: Apache-2.0
"""The router's log on Anvil: what is final is in it, and an auditor sees what does not hold."""

from __future__ import annotations

import time

import pytest
import requests
from click.testing import CliRunner

from cortensor.cli import main
from cortensor.router.wiring import build_settler
from cortensor.tlog.entry import read_entry
from cortensor.tlog.tree import read_bundle
from tests.ape.running import rpc
from tests.ape.watch.world import ESCROW, running

pytestmark = [pytest.mark.anvil, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with running(tmp_path_factory.mktemp("tlog")) as made:
        made.money.move_to(int(time.time()) + 60)
        made.session = made.open(ESCROW)
        yield made


def settle(world, times: int) -> None:
    for _ in range(times):
        world.ask(world.session)
        world.settle()


def make_final(world) -> None:
    rpc(world.url, "anvil_mine", hex(100))
    with world.store() as store:
        build_settler(world.config, store, world.router.url).follow()


def served(world, path: str) -> bytes:
    answer = requests.get(f"{world.router.url}/tlog/{path}", timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.content


def audit(world, mirror, **other: str):
    given = {
        "rpc": world.url,
        "anchor": world.money.anchor.address,
        "anchorer": world.money.settler.address,
        "mirror": str(mirror),
        **other,
    }
    options = [part for name, value in given.items() for part in (f"--{name}", value)]
    return CliRunner().invoke(main, ["log", "audit", f"{world.router.url}/tlog", *options])


def test_the_log_is_what_is_anchored_for_good(world, tmp_path):
    assert served(world, "checkpoint").decode().splitlines()[1] == "0"
    settle(world, 2)
    with world.store() as store:
        build_settler(world.config, store, world.router.url).follow()
    assert served(world, "checkpoint").decode().splitlines()[1] == "0"  # soft, so not logged
    assert "2 more are anchored" in audit(world, tmp_path / "early").output
    make_final(world)
    lines = served(world, "checkpoint").decode().splitlines()
    head = bytes(world.money.anchor.functions.head(world.money.settler.address).call())
    assert (lines[1], lines[4]) == ("2", f"head 0x{head.hex()}")
    entries = [read_entry(data) for data in read_bundle(served(world, "tile/entries/000.p/2"))]
    logs = world.money.anchor.events.BatchAnchored().get_logs(from_block=0)
    assert [entry.root for entry in entries] == ["0x" + log["args"]["root"].hex() for log in logs]
    mirror = tmp_path / "mirror"
    first = audit(world, mirror)
    assert (first.exit_code, "2 batches, 2 of them new" in first.output) == (0, True), first.output
    settle(world, 1)
    make_final(world)
    again = audit(world, mirror)
    assert (again.exit_code, "3 batches, 1 of them new" in again.output) == (0, True), again.output
    assert (mirror / "tile/0/000.p/3").read_bytes() == served(world, "tile/0/000.p/3")
    missing = requests.get(f"{world.router.url}/tlog/tile/0/000.p/4", timeout=30)
    assert (missing.status_code, missing.json()["code"]) == (404, "unknown_tile")


def test_an_auditor_sees_changed_entries_and_another_log(world, tmp_path):
    mirror = tmp_path / "mirror"
    assert audit(world, mirror).exit_code == 0
    stranger = audit(world, mirror, anchorer=world.money.deployer.address)
    assert (stranger.exit_code, "is not for this chain" in stranger.output) == (1, True)

    with world.store() as store:  # the router changes what it logged
        (row,) = store.database.rows("SELECT entry FROM log_entries WHERE number = 2")
        changed = bytes(row["entry"]).replace(b'"count":1', b'"count":9')
        with store.database.transaction() as sql:
            sql.execute("UPDATE log_entries SET entry = ? WHERE number = 2", (changed,))
    told = audit(world, tmp_path / "new")
    assert (told.exit_code, "is not over the entries" in told.output) == (1, True), told.output
    assert not (tmp_path / "new" / "checkpoint").exists()
