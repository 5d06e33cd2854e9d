# SPDX-License-Identifier: Apache-2.0
"""A real router's records as a mix, on a chain that charges as Arbitrum: they are its receipts."""

from __future__ import annotations

import os
import time

import msgspec
import pytest
from click.testing import CliRunner

from cortensor.cli import main
from cortensor.gas.mix import Mix
from cortensor.router.wiring import build_settler
from tests.ape.anchoring.routers import router_file
from tests.ape.anvil.fronts import SEPOLIA, run_front
from tests.ape.running import block_number, rpc
from tests.ape.watch import money
from tests.ape.watch.world import ESCROW, KEY_ENV, VOUCHER, World
from tests.python.router.fake_model import FakeModel
from tests.python.router.harness import Router

pytestmark = [pytest.mark.anvil, pytest.mark.timeout(600)]

PRICE = 1_000_000_000  # so that bytes are a fifth of what a settlement takes


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A router that has settled twice, released, and taken a receipt back."""
    patch = pytest.MonkeyPatch()
    load = money.load_config

    def with_sepolia(path):
        config = load(path)
        network = msgspec.structs.replace(config.network, chain_ids=[SEPOLIA])
        return msgspec.structs.replace(config, network=network)

    patch.setattr(money, "load_config", with_sepolia)
    model = FakeModel()
    folder = tmp_path_factory.mktemp("mix")
    try:
        with run_front("--price-per-unit", str(PRICE)) as front:
            made = World(folder, front.url, model)
            made.before = block_number(front.url)
            made.router = router = Router(made.config, None, model).start()
            try:
                live(made)
                yield made
            finally:
                router.stop()
    finally:
        model.close()
        patch.undo()
        os.environ.pop(KEY_ENV, None)


def live(world):
    world.money.move_to(int(time.time()) + 60)
    world.sessions = [world.open(ESCROW), world.open(ESCROW, is_keyed=False), world.open(VOUCHER)]
    for _ in range(2):
        for session in world.sessions:
            world.ask(session)
        world.settle()
    with world.store() as store:
        (row, *_) = store.database.rows("SELECT receipt_id FROM receipts ORDER BY seq")
    file = str(router_file(world, world.url))
    done = CliRunner().invoke(main, ["receipt", "revoke", row["receipt_id"], "--config", file])
    assert done.exit_code == 0, done.output
    world.money.move_to(world.money.now() + 1_000)  # windows and bucket are over
    with world.store() as store:
        settler = build_settler(world.config, store, world.router.url)
        settler.release()
        settler.follow()


def charged(world) -> dict[str, int]:
    """What the chain's receipts say of the settler's transactions since the router was started."""
    found = {"gas": 0, "data": 0, "fee": 0, "count": 0}
    own = world.money.settler.address.lower()
    for number in range(world.before + 1, block_number(world.url) + 1):
        for each in rpc(world.url, "eth_getBlockReceipts", hex(number)):
            if each["from"].lower() != own:
                continue
            gas, price = int(each["gasUsed"], 16), int(each["effectiveGasPrice"], 16)
            found["gas"] += gas
            found["data"] += int(each["gasUsedForL1"], 16)
            found["fee"] += gas * price
            found["count"] += 1
    return found


def test_the_tables_are_the_receipts_of_the_chain(world):
    where = ["gas", "mix", "--database", str(world.config.database)]
    done = CliRunner().invoke(main, [*where, "--json"])
    assert done.exit_code == 0, done.output
    mix = msgspec.json.decode(done.output, type=Mix)
    kinds = mix.transactions.values()
    told = {
        "gas": sum(each.execution_gas + each.poster_gas for each in kinds),
        "data": sum(each.poster_gas for each in kinds),
        "fee": sum(each.fees["charged"].total_wei for each in kinds),
        "count": sum(each.count for each in kinds),
    }
    assert told == charged(world)
    assert told["data"] > told["gas"] // 10
    assert {"settle.escrow", "settle.voucher", "release", "receipt.revoke"} <= set(mix.transactions)
    nobodys = sum(each.fees["charged"].total_wei for each in mix.overhead.values())
    for rows in mix.tables.values():
        assert sum(int(row.fees["charged"].total_wei.sum) for row in rows) == told["fee"] - nobodys
        assert sum(row.requests for row in rows) == sum(len(s.charges) for s in world.sessions)
    routes = {row.name: row.sessions for row in mix.tables["route"]}
    assert routes == {"escrow": 2, "voucher": 1}
    (everything,) = mix.tables["session"]
    assert everything.sessions == 3
    assert "settle.voucher" in CliRunner().invoke(main, where).output
