# SPDX-License-Identifier: Apache-2.0
"""A quota with a token and a double of SessionPayment, and named roles around it."""

from __future__ import annotations

from typing import NamedTuple

import boa
import pytest
from eth_utils import keccak

from tests.contracts.events import events
from tests.contracts.protocol import CHAIN_ID, COR, deployer_of, travel_to, word

MICRO = 10**12
DAY, WEEK, TICK = 86_400, 604_800, 16
#: Three days and ten hours into a week.
START = 3_142 * WEEK + 3 * DAY + 36_000
COOLDOWN = 15 * DAY
SUPPLY = 10**9 * COR
PURSE = 10**6 * COR
STAKE, OPEN = 2, 1
RATES = tuple(20_000 * (12 - bucket) for bucket in range(12))


class Limits(NamedTuple):
    """The contract's struct: micro-COR a window, micro-COR a tick, ticks."""

    cap: int = 10**9
    rate: int = 0
    burst_ticks: int = 0


class Quota:
    """A bound quota with a filled pool. Amounts are micro-COR where a name does not say wei.

    Every role is an address: owner, payer, other_payer, stranger, deployer (holds the other COR);
    `sessions` stands for SessionPayment.
    """

    def __init__(
        self,
        token: str = "mocks/MockCOR",
        limits: Limits = Limits(),  # noqa: B008 - immutable
        rates: tuple[int, ...] = RATES,
        spending_limit: int = 10**12,
        pool: int = 10**12,
    ) -> None:
        address = boa.env.generate_address
        self.deployer = address("deployer")
        self.owner = address("owner")
        self.payer = address("payer")
        self.other_payer = address("other_payer")
        self.stranger = address("stranger")
        boa.env.timestamp = START
        boa.env.evm.patch.chain_id = CHAIN_ID
        with boa.env.prank(self.deployer):
            self.cor = deployer_of(token).deploy(SUPPLY)
            self.quota = deploy_quota(
                self.owner, self.cor, rates=rates, limits=limits, spending=spending_limit * MICRO
            )
            self.sessions = deployer_of("mocks/MockSessions").deploy(self.quota, self.cor)
        self.quota.bind(self.sessions, sender=self.owner)
        for holder in (self.payer, self.other_payer):
            self.cor.transfer(holder, PURSE, sender=self.deployer)
        for holder in (self.payer, self.other_payer, self.deployer):
            self.cor.approve(self.quota, 2**256 - 1, sender=holder)
        if pool:
            self.quota.fund_pool(pool * MICRO, sender=self.deployer)

    def open(
        self,
        payer: str | None = None,
        router: int = 1,
        bucket: int = 0,
        weekly: bool = False,
        funding: int = STAKE,
        state: int = OPEN,
    ) -> int:
        """Open a session that is not enrolled; return its id."""
        salt = word(bucket + 16 * weekly)
        return self.sessions.open(payer or self.payer, router, salt, funding, state)

    def enrol(
        self,
        payer: str | None = None,
        router: int = 1,
        bucket: int = 0,
        weekly: bool = False,
        stake: int = 0,
    ) -> int:
        """Open and enrol a session, with stake; return its id."""
        payer = payer or self.payer
        session = self.open(payer, router, bucket, weekly)
        assert self.quota.enrol(payer, router, bucket, weekly, sender=self.stranger) == session
        if stake:
            self.stake(session, stake)
        return session

    def ready(self, stake: int = 10**6, weekly: bool = False, **options: object) -> int:
        """Enrol with stake and wait for the next window, where it counts; return the session."""
        session = self.enrol(stake=stake, weekly=weekly, **options)
        self.next_window(weekly)
        return session

    def stake(self, session: int, amount: int) -> None:
        """Add to an account, from the deployer's purse."""
        self.quota.stake(session, amount * MICRO, sender=self.deployer)

    def unstake(self, session: int, amount: int, payer: str | None = None) -> None:
        """Ask stake back."""
        self.quota.request_unstake(session, amount * MICRO, sender=payer or self.payer)

    def allow(self, session: int, limit: int, floor: int = 0, payer: str | None = None) -> None:
        """Set a permission."""
        self.quota.set_permission(session, limit * MICRO, floor * MICRO, sender=payer or self.payer)

    def draw(
        self, *totals: tuple[int, int], router: int = 1, work_at: int | None = None
    ) -> tuple[int, int]:
        """Draw a batch of (session, cumulative micro-COR); return free and overage."""
        return self.draw_wei(
            *[(session, total * MICRO) for session, total in totals], router=router, work_at=work_at
        )

    def draw_wei(
        self, *totals: tuple[int, int], router: int = 1, work_at: int | None = None
    ) -> tuple[int, int]:
        """Draw a batch of (session, cumulative wei); return free and overage."""
        items = [session << 96 | total for session, total in totals]
        work_at = boa.env.timestamp if work_at is None else work_at
        free, overage = self.sessions.draw(router, work_at, items)
        assert free % MICRO == overage % MICRO == 0
        return free // MICRO, overage // MICRO

    def skipped(self) -> list[str]:
        """Return why the last draw skipped items."""
        return [entry["reason"] for entry in events(self.sessions, "DrawSkipped")]

    def restore(self, session: int, amount: int) -> None:
        """Send an amount back from the escrow."""
        self.cor.transfer(self.sessions, amount * MICRO, sender=self.deployer)
        self.sessions.restore(session, amount * MICRO)

    def deducted(self) -> list[tuple[int, int]]:
        """Return the last draw's overages: (last 16 bits of the session, micro-COR) each."""
        found = []
        for entry in events(self.sessions, "OverageDeducted"):
            for packed in entry["parts"]:
                fields = [packed >> 48 * place & 2**48 - 1 for place in range(5)]
                found += [(field & 0xFFFF, field >> 16) for field in fields if field]
        return found

    def set_limits(self, **limits: int) -> None:
        """Set cap and rate limit."""
        self.quota.set_limits(Limits(**limits), sender=self.owner)

    def next_window(self, weekly: bool = False, count: int = 1) -> None:
        """Go an hour into a later window."""
        cadence = WEEK if weekly else DAY
        travel_to((boa.env.timestamp // cadence + count) * cadence + 3_600)

    def pool(self) -> int:
        """Return the pool's balance in whole micro-COR."""
        return self.quota.pool()[0] // MICRO

    def held(self, *sessions: int) -> int:
        """Return what accounts, pool and escrow own of the balance, in wei (INV-Q1)."""
        accounts = [self.quota.account(session) for session in sessions]
        owned = self.quota.pool()[0] + self.quota.due()
        return owned + sum(a.stake + a.leaving for a in accounts) * MICRO


def deploy_quota(
    owner: str,
    token: object,
    *,
    cooldown: int = COOLDOWN,
    rates: tuple[int, ...] = RATES,
    limits: Limits = Limits(),  # noqa: B008 - immutable
    spending: int = 10**12 * MICRO,
):
    """Deploy a quota; `spending` is in wei."""
    return deployer_of("StakeQuota").deploy(owner, token, cooldown, list(rates), limits, spending)


def place(contract: object, variable: str, session: int) -> int:
    """Return the slot of a session's word; a module's variable is named as in `permits._exits`."""
    layout = contract.compiler_data.storage_layout["storage_layout"]
    for part in variable.split("."):
        layout = layout[part]
    return int.from_bytes(keccak(word(layout["slot"]) + word(session)), "big")


def word_of(contract: object, variable: str, session: int) -> int:
    """Read a session's word as it is stored."""
    return boa.env.get_storage(contract.address, place(contract, variable, session))


def put_word(contract: object, variable: str, session: int, value: int) -> None:
    """Write a session's word: states that no test could reach in its lifetime."""
    boa.env.set_storage(contract.address, place(contract, variable, session), value)


def hot_of(contract: object, session: int) -> int:
    """Read an account's hot word as it is stored."""
    return word_of(contract, "_hot", session)


def set_hot(contract: object, session: int, value: int) -> None:
    """Write an account's hot word."""
    put_word(contract, "_hot", session, value)


@pytest.fixture(scope="module")
def case():
    """Return a quota; titanoboa undoes what each test does to it."""
    return Quota()


@pytest.fixture(scope="module")
def quota(case):
    return case.quota


@pytest.fixture(scope="module")
def cor(case):
    return case.cor
