# SPDX-License-Identifier: Apache-2.0
"""`cortensor receipt revoke` on Anvil: once, for good, and through a lost block."""

from __future__ import annotations

import json
import time

import msgspec
import pytest
from click.testing import CliRunner

from cortensor.cli import main
from cortensor.errors import Unavailable
from cortensor.router.wiring import build_settler
from cortensor.store.costs import Costs
from tests.ape.anchoring.routers import router_file
from tests.ape.running import rpc
from tests.ape.watch.world import ESCROW, running

pytestmark = [pytest.mark.anvil, pytest.mark.timeout(600)]

UNKNOWN = "0x" + "12" * 32


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with running(tmp_path_factory.mktemp("revoking")) as made:
        made.money.move_to(int(time.time()) + 60)
        made.session = made.open(ESCROW)
        made.file = router_file(made, made.url)
        yield made


@pytest.fixture
def receipt(world) -> str:
    """A receipt that is anchored."""
    world.ask(world.session)
    world.settle()
    return receipts(world)[-1]


def receipts(world) -> list[str]:
    with world.store() as store:
        rows = store.database.rows("SELECT receipt_id FROM receipts ORDER BY seq")
    return [row["receipt_id"] for row in rows]


def run(*line: str):
    return CliRunner().invoke(main, ["receipt", *line])


def revoke(world, *line: str):
    return run("revoke", *line, "--config", str(world.file), "--json")


def verified(world, receipt: str) -> tuple[int, str]:
    """The exit code of `receipt verify`, and what it says of revocation."""
    source = f"{world.router.url}/api/v4/receipt/{receipt}"
    grant = ["--grant", world.grant(world.session), "--rpc", world.url]
    pinned = ["--session-payment", world.money.payment.address]
    done = run("verify", source, *grant, *pinned, "--json")
    (found,) = json.loads(done.output)
    (detail,) = (each["detail"] for each in found["checks"] if each["name"] == "revocation")
    return done.exit_code, detail


def status(world, receipt: str) -> int:
    """0 active, 1 superseded, 2 revoked."""
    anchorer = world.money.settler.address
    return world.money.anchor.functions.status(anchorer, receipt).call()[0]


def sent(world) -> int:
    return world.money.sent_by(world.money.settler)


def test_a_receipt_is_revoked_once_and_for_good(world, receipt):
    assert verified(world, receipt) == (0, "not revoked")
    done = json.loads(revoke(world, f"urn:cortensor:receipt:{receipt}").output)
    assert (done["receipt_id"], done["successor"]) == (receipt, None)
    assert verified(world, receipt) == (1, f"revoked at unix time {done['ended_at']}")
    before = sent(world)
    again = json.loads(revoke(world, receipt).output)
    assert again == {**done, "tx_hash": None}
    other = revoke(world, receipt, "--successor", UNKNOWN)
    assert other.exit_code == 2
    assert "receipt: is revoked already, for good [receipt_not_active]" in other.output
    assert sent(world) == before


def test_a_receipt_is_superseded(world, receipt):
    world.ask(world.session)
    newer = receipts(world)[-1]
    done = json.loads(revoke(world, receipt, "--successor", newer).output)
    assert verified(world, receipt) == (
        1,
        f"superseded at unix time {done['ended_at']}, by {newer}",
    )
    refused = revoke(world, newer, "--successor", receipt)
    assert "anchor: successor not active [contract_refused]" in refused.output
    assert status(world, newer) == 0


def test_only_own_receipts_are_revoked(world):
    before = sent(world)
    for name in (UNKNOWN, "urn:cortensor:receipt:x"):
        refused = revoke(world, name)
        assert (refused.exit_code, "unknown_receipt" in refused.output) == (2, True)
    assert sent(world) == before


def test_what_was_cut_short_or_lost_its_block_is_gone_on_with(world, receipt):
    short = msgspec.structs.replace(world.config.settlement, transaction_timeout_s=1)
    config = msgspec.structs.replace(world.config, settlement=short)
    rpc(world.url, "evm_setAutomine", False)
    with world.store() as store, pytest.raises(Unavailable, match="not mined yet"):
        build_settler(config, store, world.router.url).end(receipt)
    rpc(world.url, "anvil_dropAllTransactions")
    rpc(world.url, "evm_setAutomine", True)
    assert status(world, receipt) == 0
    assert world.settle() == {}  # which goes on with it
    assert status(world, receipt) == 2

    rpc(world.url, "anvil_reorg", 1, [])
    assert status(world, receipt) == 0
    before = sent(world)
    for _ in range(2):
        with world.store() as store:
            build_settler(world.config, store, world.router.url).follow()
    assert (status(world, receipt), sent(world)) == (2, before + 1)
    with world.store() as store:
        assert store.errands.open_endings() == []
    with Costs(world.config.database_address) as costs:
        assert "(revocations)" in {line.name for line in costs.lines("session")}
