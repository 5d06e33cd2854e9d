# SPDX-License-Identifier: Apache-2.0
"""One deployed protocol with named roles: what fixtures, scenarios and state machines share."""

from __future__ import annotations

import functools
import itertools
from pathlib import Path
from typing import NamedTuple

import boa

from cortensor.pricing import RateCard

CONTRACTS = Path(__file__).parents[2] / "contracts"

START = 1_900_000_000
CHAIN_ID = 421_614
DELAY_SECONDS = 172_800
SETTLE_WINDOW_SECONDS = 3_600
CHALLENGE_WINDOW_SECONDS = 86_400
BUCKET_SECONDS = 1_800
LIFE_SECONDS = 604_800
COOLDOWN_SECONDS = 15 * 86_400
APPEAL_SECONDS = 3 * 86_400

COR = 10**18
SUPPLY = 10**9 * COR
PURSE = 10**6 * COR
BOND = 10**7 * COR
MIN_BOND = 1_000 * COR
NODE_STAKE = 10_000 * COR
COVER_BPS = 30_000
SLASH_CAP_BPS = 2_000
QUOTA_RATES = (5_000, 2_500, 1_500, 2_500, 1_500, 1_000, 1_200, 800, 500, 600, 300, 200)
QUOTA_CAP = 50 * 10**6
QUOTA_SUPPLY = (2**56 - 1) * 10**12
SPENDING_LIMIT = 10**4 * COR
U96 = 2**96 - 1
ZERO_ADDRESS = "0x" + "00" * 20
ZERO_WORD = bytes(32)

NODES, VALIDATORS, TREASURY = range(3)

REFERENCE_CARD = RateCard(
    task_wei=10**15,
    input_unit_wei=(10**11, 3 * 10**11, 9 * 10**11, 27 * 10**11),
    output_unit_wei=(4 * 10**11, 12 * 10**11, 36 * 10**11, 108 * 10**11),
    validator_unit_wei=5 * 10**11,
    sla_bps=(0, 500, 1_500, 4_000),
    execution_depth_bps=300,
    tool_depth_bps=450,
    validator_depth_bps=700,
    redundancy_bps=(0, 250, 600),
    consensus_bps=(0, 100, 150, 200, 250, 900, 0, 0),
    threshold_bps=320,
    disagreement_bps=(0, 120, 60),
    failed_rebate_bps=10_000,
    late_rebate_bps=4_000,
    missing_rebate_bps=10_000,
    volume_rebate_bps=(0, 250, 600, 1_100),
    node_share_bps=7_000,
    validator_share_bps=2_000,
)


class OpenRequest(NamedTuple):
    """The arguments of `SessionPayment.open`, in the contract's order."""

    router_id: int
    version: int
    volume_tier: int
    funding: int
    surcharge_cap_bps: int
    task_cap_gwei: int
    expiry: int
    session_key: str
    terms: int
    salt: bytes
    amount: int


class VoucherBatch(NamedTuple):
    """The argument of `SessionPayment.settle_vouchers`; a voucher is (item, r, vs)."""

    router_id: int
    version: int
    root: bytes
    count: int
    uri: str
    vouchers: list[tuple[int, bytes, bytes]]


class StakeBatch(NamedTuple):
    """The argument of `SessionPayment.settle_stake`, in the contract's order."""

    router_id: int
    version: int
    work_at: int
    root: bytes
    count: int
    uri: str
    items: list[int]


class Batch(NamedTuple):
    """The argument of `SessionPayment.settle`, in the contract's order."""

    router_id: int
    version: int
    root: bytes
    count: int
    uri: str
    items: list[int]


@functools.cache
def deployer_of(name: str):
    """Compile a contract once a run; `name` is a path below contracts/ without the suffix."""
    boa.interpret.set_search_paths([str(CONTRACTS.parent)])
    return boa.load_partial(str(CONTRACTS / f"{name}.vy"))


def word(number: int) -> bytes:
    """Return a number as 32 bytes."""
    return number.to_bytes(32, "big")


def item(session: int, cumulative: int) -> int:
    """Pack an item of a batch."""
    return session << 96 | cumulative


class Protocol:
    """Every money contract, wired, with two bonded routers, two funded payers and pot recipients.

    Every role is an address: owner, oracle, guardian, slasher, settler (router 1), other_settler
    (router 2), payer, other_payer, nodes, validators, treasury, stranger, deployer (holds the other
    COR). The dispute contract is an account here (`dispute`) unless `with_dispute` deploys the real
    one, so that a test can do what only it may.
    """

    def __init__(
        self,
        token: str = "mocks/MockCOR",
        supply: int = SUPPLY,
        card: RateCard = REFERENCE_CARD,
        bond: int = BOND,
    ) -> None:
        address = boa.env.generate_address
        self.deployer = address("deployer")
        self.owner = address("owner")
        self.oracle = address("oracle")
        self.guardian = address("guardian")
        self.settler = address("settler")
        self.other_settler = address("other_settler")
        self.payer = address("payer")
        self.other_payer = address("other_payer")
        self.slasher = address("slasher")
        self.nodes = address("nodes")
        self.validators = address("validators")
        self.treasury = address("treasury")
        self.stranger = address("stranger")
        self._serial = itertools.count(1)

        boa.env.timestamp = START
        boa.env.evm.patch.chain_id = CHAIN_ID
        with boa.env.prank(self.deployer):
            self.cor = deployer_of(token).deploy(supply)
            self.table = deploy_table(self.owner, self.oracle, card=card)
            self.anchor = deployer_of("ReceiptAnchor").deploy()
            # Stake words are narrower than money words, so a whole uint96 has no quota; nor, being
            # whole, anything left to bond. Both then get tokens of their own.
            is_whole = supply > QUOTA_SUPPLY
            staked = deployer_of(token).deploy(SUPPLY) if is_whole else self.cor
            self.quota = deploy_quota(self.owner, staked)
            self.bond_cor = deployer_of(token).deploy(supply) if is_whole else self.cor
            self.pool = deploy_pool(self.owner, self.bond_cor, self.treasury, self.slasher)
            self.payment = deploy_payment(
                self.owner,
                self.guardian,
                self.cor,
                self.table,
                self.anchor,
                self.pool,
                self.quota,
            )
            self.dispute = deployer_of("mocks/MockWallet").deploy(self.deployer).address
        self.payment.set_dispute(self.dispute, sender=self.owner)
        self.pool.bind(self.payment, self.dispute, sender=self.owner)
        self.quota.bind(self.payment, sender=self.owner)
        for router_id, settler in enumerate((self.settler, self.other_settler), start=1):
            self.payment.register_router(settler, sender=self.owner)
            self.anchor.authorise(self.payment, True, sender=settler)
            self.bond(router_id, settler, bond)
        for pot, recipient in enumerate((self.nodes, self.validators, self.treasury)):
            self.payment.set_pot_recipient(pot, recipient, sender=self.owner)
        for payer in (self.payer, self.other_payer):
            self.fund(payer)

    def bond(self, router_id: int, settler: str, amount: int) -> None:
        """Bond a router; the settler owns the bond."""
        if amount:
            self.bond_cor.transfer(settler, amount, sender=self.deployer)
            self.bond_cor.approve(self.pool, amount, sender=settler)
            self.pool.open_bond(router_id, settler, amount, sender=settler)

    def twin(self):
        """Deploy another escrow on the same parts, with nothing registered."""
        parts = (self.cor, self.table, self.anchor, self.pool, self.quota)
        return deploy_payment(self.owner, self.guardian, *parts)

    def fund(self, payer: str, amount: int = PURSE) -> None:
        """Give a payer COR and let the escrow take it."""
        self.cor.transfer(payer, amount, sender=self.deployer)
        for spender in (self.payment, self.quota, self.pool):
            self.cor.approve(spender, 2**256 - 1, sender=payer)

    def unique(self) -> bytes:
        """Return 32 bytes that no call of this protocol returned before."""
        return word(next(self._serial))

    def request(self, **changes: object) -> OpenRequest:
        """Return a request that `open` accepts, with changes."""
        plain = OpenRequest(
            router_id=1,
            version=self.table.current_version(),
            volume_tier=0,
            funding=0,
            surcharge_cap_bps=1_000,
            task_cap_gwei=10**9,
            expiry=boa.env.timestamp + LIFE_SECONDS,
            session_key=ZERO_ADDRESS,
            terms=0,
            salt=self.unique(),
            amount=100 * COR,
        )
        return plain._replace(**changes)

    def open(self, payer: str | None = None, **changes: object) -> int:
        """Open a session; return its id."""
        return self.payment.open(self.request(**changes), sender=payer or self.payer)

    def batch(self, *totals: tuple[int, int], **changes: object) -> Batch:
        """Return a batch of (session, cumulative wei) under a root of its own, with changes."""
        items = [item(session, cumulative) for session, cumulative in totals]
        plain = Batch(1, 1, self.unique(), max(len(items), 1), "ipfs://batch", items)
        return plain._replace(**changes)

    def settle(self, *totals: tuple[int, int], sender: str | None = None, **changes: object) -> int:
        """Settle a batch of (session, cumulative wei); return what became pending."""
        return self.payment.settle(self.batch(*totals, **changes), sender=sender or self.settler)

    def owed(self) -> int:
        """Return what the escrow holds for others as pending money and in pots."""
        routers = range(1, self.payment.router_count() + 1)
        pending = sum(self.payment.router(router_id)[1] for router_id in routers)
        return pending + sum(self.payment.pot(pot)[0] for pot in range(3))


def deploy_table(owner, oracle, delay: int = DELAY_SECONDS, card: RateCard = REFERENCE_CARD):
    """Deploy a price table."""
    return deployer_of("SessionPaymentTable").deploy(owner, oracle, delay, card.abi_tuple())


def deploy_pool(owner, token, treasury, slasher):
    """Deploy a stake pool."""
    return deployer_of("StakePool").deploy(
        owner,
        token,
        treasury,
        slasher,
        COOLDOWN_SECONDS,
        NODE_STAKE,
        MIN_BOND,
        COVER_BPS,
        SLASH_CAP_BPS,
        APPEAL_SECONDS,
        APPEAL_SECONDS,
    )


def deploy_quota(owner, token):
    """Deploy a stake quota without a rate limit."""
    return deployer_of("StakeQuota").deploy(
        owner, token, COOLDOWN_SECONDS, QUOTA_RATES, (QUOTA_CAP, 0, 0), SPENDING_LIMIT
    )


def deploy_payment(
    owner,
    guardian,
    token,
    table,
    anchor,
    pool,
    quota,
    *,
    settle_window: int = SETTLE_WINDOW_SECONDS,
    challenge_window: int = CHALLENGE_WINDOW_SECONDS,
    bucket: int = BUCKET_SECONDS,
):
    """Deploy an escrow."""
    return deployer_of("SessionPayment").deploy(
        owner, guardian, token, table, anchor, pool, quota, settle_window, challenge_window, bucket
    )


def travel(seconds: int) -> None:
    """Move the clock forward."""
    boa.env.time_travel(seconds=seconds)


def travel_to(timestamp: int) -> None:
    """Move the clock to a later moment."""
    travel(timestamp - boa.env.timestamp)


def matures_at(bucket: int) -> int:
    """Return when anyone can release a bucket."""
    return (bucket + 1) * BUCKET_SECONDS + CHALLENGE_WINDOW_SECONDS


def release_all(protocol: Protocol, version: int = 1, router_id: int = 1) -> int:
    """Wait for the challenge window of this moment's bucket and release it; return the wei."""
    bucket = boa.env.timestamp // BUCKET_SECONDS
    travel_to(matures_at(bucket))
    return protocol.payment.release(router_id, version, bucket, sender=protocol.stranger)


def set_word(contract, variable: str, value: int) -> None:
    """Write a storage variable of one word: states that no test could reach in its lifetime.

    A module's variable is named with its module, as in `gate._word`.
    """
    place = contract.compiler_data.storage_layout["storage_layout"]
    for part in variable.split("."):
        place = place[part]
    boa.env.set_storage(contract.address, place["slot"], value)
