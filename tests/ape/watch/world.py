# SPDX-License-Identifier: Apache-2.0
"""A real router on Anvil, and people who open sessions of every funding and ask it."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path

import requests
from eth_account import Account

from cortensor.receipts.access import make_token
from cortensor.receipts.sign import sign
from cortensor.receipts.typed import AccessGrant, Voucher
from cortensor.router.config import parse_config
from cortensor.router.wiring import build_settler
from cortensor.store.records import ESCROW, FUNDINGS, STAKE, VOUCHER
from cortensor.store.store import Store
from scripts._anvil import run_anvil
from tests.ape.watch.money import COR, Money
from tests.python.router.fake_model import FakeModel
from tests.python.router.harness import Caller, Router, signed

KEY_ENV = "CORTENSOR_TEST_WATCHED_SIGNER"
ROUTER_ID = 1
NO_KEY = "0x" + "00" * 20
GWEI = 10**9
DAY = 86_400
DEPOSIT_WEI = COR // 20
TASK_CAP_WEI = COR // 100
STAKE_WEI = 10_000 * COR
POOL_WEI = 1_000 * COR


@dataclass
class Session:
    """A payment session and who speaks for it.

    Attributes:
        number: its id.
        funding: ESCROW, VOUCHER or STAKE.
        payer: who opened it.
        key: its session key; None for none.
        charges: wei of each answer, in order.
    """

    number: int
    funding: int
    payer: Account
    key: Account | None
    charges: list[int] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"0x{self.number:040x}"

    @property
    def title(self) -> str:
        """How it is called in a failed assertion."""
        return f"{FUNDINGS[self.funding]} session {'without' if self.key is None else 'with'} key"


class World:
    """The contracts, the router, and its payers.

    Args:
        folder: for records, the ledger and whatever a test keeps.
        url: the node's RPC.
        model: what the router asks.

    Attributes:
        router: asked by `ask`; whoever starts one puts it here.
    """

    router: Caller

    def __init__(self, folder: Path, url: str, model: FakeModel) -> None:
        self.folder = folder
        self.url = url
        self.model = model
        self.money = Money(url, folder / "records")
        os.environ[KEY_ENV] = hex_key(self.money.settler)
        self.config = parse_config(
            {
                "rpc_url": url,
                "deployments": str(self.money.records),
                "router_id": ROUTER_ID,
                "signer_key_env": KEY_ENV,
                "database": str(folder / "router.db"),
                "backend": {"kind": "openai", "base_url": model.url, "model": "any"},
                "sessions": [{"id": "201"}],
                "limits": {"session_cache_s": 0, "shutdown_grace_s": 1},
            }
        )
        self._asked = 0

    # Sessions

    def open(self, funding: int, *, is_keyed: bool = True) -> Session:
        """Open an escrow or voucher session by a payer of its own."""
        payer = self.money.person(DEPOSIT_WEI)
        self.money.allow(payer, self.money.payment, DEPOSIT_WEI)
        return self._open(payer, funding, secrets.token_bytes(32), DEPOSIT_WEI, is_keyed=is_keyed)

    def stake(self) -> Session:
        """Open a stake session by a payer of its own; it can draw from the next day on."""
        money = self.money
        payer = money.person(STAKE_WEI)
        bucket = 0  # a light model, one replica; the salt says so
        session = self._open(payer, STAKE, bucket.to_bytes(32, "big"), 0, is_keyed=True)
        money.send(payer, money.quota.functions.enrol(payer.address, ROUTER_ID, bucket, False))
        money.allow(payer, money.quota, STAKE_WEI)
        money.send(payer, money.quota.functions.stake(session.number, STAKE_WEI))
        return session

    def _open(self, payer, funding: int, salt: bytes, amount: int, *, is_keyed: bool) -> Session:
        money = self.money
        key = Account.create() if is_keyed else None
        request = {
            "router_id": ROUTER_ID,
            "version": money.table.functions.current_version().call(),
            "volume_tier": 0,
            "funding": funding,
            "surcharge_cap_bps": 2_000,
            "task_cap_gwei": TASK_CAP_WEI // GWEI,
            "expiry": int(time.time()) + DAY,
            "session_key": NO_KEY if key is None else key.address,
            "terms": 0,
            "salt": salt,
            "amount": amount,
        }
        money.send(payer, money.payment.functions.open(request))
        number = money.payment.functions.session_id(payer.address, ROUTER_ID, salt).call()
        return Session(number, funding, payer, key)

    def fund_pool(self) -> None:
        """Give the quota something to pay free work from."""
        money = self.money
        money.allow(money.deployer, money.quota, POOL_WEI)
        money.send(money.deployer, money.quota.functions.fund_pool(POOL_WEI))

    # Work

    def ask(self, session: Session) -> None:
        """Send a request as a payer does: with the grant, the key's word, and the voucher after."""
        self._asked += 1
        body = {"session_id": session.name, "objective": f"Name colour number {self._asked}."}
        auth = self.grant(session)
        more = {}
        if session.key is not None:
            key, domain = hex_key(session.key), self.money.domain
            more = signed(body, salt=self._asked, most=TASK_CAP_WEI, key=key, domain=domain)
        answer = self.router.post("delegate", body, auth=auth, more=more)
        assert answer.status_code == 200, answer.text
        session.charges.append(int(answer.json()["charge_wei"]))
        if session.funding == VOUCHER:
            total = sum(session.charges)
            paid = {
                "session_id": session.name,
                "cumulative_wei": str(total),
                "signature": self.voucher(session, total),
            }
            url = f"{self.router.url}/api/v4/voucher"
            bearer = {"Authorization": f"Bearer {auth}"}
            handed = requests.post(url, json=paid, headers=bearer, timeout=30)
            assert handed.status_code == 200, handed.text

    def grant(self, session: Session) -> str:
        """What a payer shows the router."""
        granted = AccessGrant(session.number, int(time.time()) + DAY)
        return make_token(hex_key(session.payer), granted, self.money.domain)

    def voucher(self, session: Session, total: int) -> str:
        """What a session's key signs for a total."""
        owed = Voucher(session.number, total)
        return "0x" + sign(hex_key(session.key), owed.digest(self.money.domain)).hex()

    @contextlib.contextmanager
    def store(self):
        """The router's own ledger, beside it; sound when it is left."""
        with Store(self.config.database_address) as opened:
            yield opened
            assert opened.ledger.audit() == []

    def settle(self) -> dict[str, int]:
        """Settle what waits, as `cortensor settle` does. Returns receipts by funding."""
        with self.store() as store:
            done = build_settler(self.config, store, self.router.url).settle_all()
        assert [batch.skipped for batch in done] == [[]] * len(done), done
        return {batch.funding: batch.receipts for batch in done}


def hex_key(account) -> str:
    return "0x" + bytes(account.key).hex()


@contextlib.contextmanager
def deployed(folder: Path):
    """A world with a funded quota and no router yet, whose chain shows the time of two days ago.

    A stake counts from the day after; a test opens its stake sessions and moves on to today, by
    whose clock the router works.
    """
    model = FakeModel()
    began = int(time.time()) - 2 * DAY
    try:
        with run_anvil(options=["--timestamp", str(began)]) as anvil:
            world = World(folder, anvil.url, model)
            world.fund_pool()
            yield world
    finally:
        model.close()
        os.environ.pop(KEY_ENV, None)


@contextlib.contextmanager
def running(folder: Path):
    """A world as `deployed` has it, with its router in a thread of its own."""
    with deployed(folder) as world:
        world.router = router = Router(world.config, None, world.model).start()
        try:
            yield world
        finally:
            router.stop()


__all__ = ["ESCROW", "STAKE", "VOUCHER", "Session", "World", "deployed", "hex_key", "running"]
