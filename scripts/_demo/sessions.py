# SPDX-License-Identifier: Apache-2.0
"""The three payment sessions of the demo: a deposit, a deposit with a session key, and stake."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from eth_account.signers.local import LocalAccount

from cortensor.pricing import Terms
from cortensor.pricing.quota import bucket_of
from scripts._demo.chain import COR, DAY_SECONDS, Chain

FUNDINGS = ("escrow", "voucher", "stake")
"""Their names by the contract's number."""

GWEI = 10**9
DEPOSIT_WEI = COR // 20
TASK_CAP_WEI = COR // 100
SURCHARGE_CAP_BPS = 2_000
SESSION_SECONDS = 3 * DAY_SECONDS  # one of them is opened a day before the work
NO_ADDRESS = "0x" + "00" * 20

STAKE_WEI = 5 * COR  # its quota pays for a job or two of a day, so that the rest is overage
OVERAGE_LIMIT_WEI = COR // 20  # a day
OVERAGE_FLOOR_WEI = STAKE_WEI - COR // 10
QUOTA_POOL_WEI = COR // 10
MEANT_FOR = Terms(model_class=0, replicas=3)  # the embedded model is a light one
BUCKET = bucket_of(MEANT_FOR.model_class, MEANT_FOR.replicas)


@dataclass(frozen=True)
class PaymentSession:
    """An open session.

    Attributes:
        funding: one of `FUNDINGS`.
        number: its id on chain.
        payer: who opened it.
        key: signs its requests and totals; None for a session without a key.
    """

    funding: str
    number: int
    payer: LocalAccount
    key: LocalAccount | None = None

    @property
    def session_id(self) -> str:
        """The id as the API has it."""
        return f"0x{self.number:040x}"


def open_escrow(chain: Chain, deposit_wei: int = DEPOSIT_WEI) -> PaymentSession:
    """Open a session that a deposit pays for."""
    payer = chain.people.escrow_payer
    chain.give(payer, deposit_wei, chain.payment)
    number = _open(
        chain, payer, "open", "with the deposit, one transaction", funding=0, amount=deposit_wei
    )
    return PaymentSession("escrow", number, payer)


def open_voucher(chain: Chain) -> PaymentSession:
    """Open a session whose deposit moves only by what its session key signed."""
    payer, key = chain.people.voucher_payer, chain.people.session_key
    chain.give(payer, DEPOSIT_WEI, chain.payment)
    number = _open(
        chain,
        payer,
        "open (voucher)",
        "names the session key; the escrow's first, so with its fresh token balance",
        funding=1,
        amount=DEPOSIT_WEI,
        session_key=key.address,
    )
    return PaymentSession("voucher", number, payer, key)


def open_stake(chain: Chain) -> PaymentSession:
    """Open a session that stake pays for; what is staked counts from the next UTC day on."""
    payer, functions = chain.people.staker, chain.quota.functions
    chain.give(payer, STAKE_WEI, chain.quota)
    number = _open(
        chain,
        payer,
        "open (stake)",
        "no deposit",
        funding=2,
        amount=0,
        salt=BUCKET.to_bytes(32, "big"),
    )
    enrol = functions.enrol(payer.address, 1, BUCKET, False)
    chain.send(payer, enrol, "enrol", "daily windows, light model, up to three replicas")
    stake = functions.stake(number, STAKE_WEI)
    chain.send(payer, stake, "stake", "counts from the next UTC day on")
    permit = functions.set_permission(number, OVERAGE_LIMIT_WEI, OVERAGE_FLOOR_WEI)
    chain.send(payer, permit, "set_permission", "what may be deducted beyond the quota a day")
    return PaymentSession("stake", number, payer)


def fund_quota_pool(chain: Chain) -> None:
    """Put in what free work is paid from, as the admin does."""
    admin = chain.people.deployer
    chain.give(admin, QUOTA_POOL_WEI, chain.quota)
    fund = chain.quota.functions.fund_pool(QUOTA_POOL_WEI)
    chain.send(admin, fund, "fund_pool", "by the admin: pays nodes for the free quota")


def _open(chain: Chain, payer: LocalAccount, name: str, note: str, **fields: Any) -> int:
    request = {
        "router_id": 1,
        "version": chain.table.functions.current_version().call(),
        "volume_tier": 0,
        "surcharge_cap_bps": SURCHARGE_CAP_BPS,
        "task_cap_gwei": TASK_CAP_WEI // GWEI,
        "expiry": chain.now() + SESSION_SECONDS,
        "session_key": NO_ADDRESS,
        "terms": MEANT_FOR.pack(),
        "salt": secrets.token_bytes(32),
        **fields,
    }
    functions = chain.payment.functions
    chain.send(payer, functions.open(request), name, note)
    return int(functions.session_id(payer.address, 1, request["salt"]).call())
