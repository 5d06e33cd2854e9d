# SPDX-License-Identifier: Apache-2.0
"""The end of the story: money goes back, pots are paid, and every wei is looked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cortensor.pricing import format_cor
from cortensor.pricing.quota import MICRO_WEI
from scripts._demo.chain import POTS, Chain
from scripts._demo.frauds import Proof
from scripts._demo.sessions import DEPOSIT_WEI, QUOTA_POOL_WEI, STAKE_WEI, PaymentSession

SETTLED = 3  # its place in the contract's Session
BURN_ADDRESS = "0x000000000000000000000000000000000000dEaD"
SETTLEMENT_EVENTS = ("BatchSettled", "VouchersSettled", "StakeSettled")


@dataclass
class Source:
    """Money that somebody put in; wei of COR.

    Attributes:
        funding: the sessions it can pay for.
        name: for a person to read.
        put_in: deposited or staked.
        paid: what the contracts say was taken for work.
        back: what its owner got back, by the token's own count.
    """

    funding: str
    name: str
    put_in: int
    paid: int
    back: int

    def to_json(self) -> dict[str, str]:
        """Return it for the result."""
        wei = {key: getattr(self, key) for key in ("put_in", "paid", "back")}
        return {
            "funding": self.funding,
            "name": self.name,
            **{f"{key}_wei": str(amount) for key, amount in wei.items()},
            **{f"{key}_cor": format_cor(amount) for key, amount in wei.items()},
        }


def close_books(
    chain: Chain,
    sessions: Mapping[str, PaymentSession],
    charged_wei: Mapping[str, int],
    proofs: Sequence[Proof],
) -> dict[str, Any]:
    """Give back what was not used, release what was settled, pay the pots, and add everything up.

    Args:
        chain: the demo's chain after the last proof.
        sessions: the three sessions, by funding.
        charged_wei: what the honest receipts say was charged, by funding.
        proofs: what was proven against the router.

    Returns:
        The `accounting` part of the result; `exact` only if no wei is missing or left over.
    """
    refunded = sum(proof.refunded for proof in proofs)
    settled, vouched = (_settled(chain, sessions[name]) for name in ("escrow", "voucher"))
    free, overage = _drawn(chain)
    before = {who: chain.balance(who) for who in _recipients(chain)}
    _close(chain, sessions)
    gained = {who: chain.balance(who) - amount for who, amount in before.items()}

    people = chain.people
    back = [
        gained[who.address]
        for who in (people.escrow_payer, people.voucher_payer, people.deployer, people.staker)
    ]
    sources = [
        Source("escrow", "a deposit", DEPOSIT_WEI, settled - refunded, back[0]),
        Source("voucher", "a deposit, by signed totals", DEPOSIT_WEI, vouched, back[1]),
        Source("stake", "free quota, from the pool", QUOTA_POOL_WEI, free, back[2]),
        Source("stake", "overage, from stake", STAKE_WEI, overage, back[3]),
    ]
    shares = [gained[address] for address in people.pots]
    contracts = (chain.payment, chain.quota, chain.pool, chain.dispute)
    left_over = sum(chain.balance(contract.address) for contract in contracts)
    bond, is_bond_exact = _bond(chain, gained[people.bond_owner.address], proofs)
    exact = adds_up(sources, charged_wei, shares, left_over) and is_bond_exact
    charged = sum(charged_wei.values())
    return {
        "sources": [source.to_json() for source in sources],
        "charged_wei": str(charged),
        "rounding_wei": str(sum(source.paid for source in sources) - charged),
        "settled_wei": str(settled + vouched + free + overage),
        "refunded_wei": str(refunded),
        "pots_wei": {name: str(share) for name, share in zip(POTS, shares, strict=True)},
        **bond,
        "left_over_wei": str(left_over),
        "exact": exact,
        "statement": _statement(sources, charged, left_over, is_exact=exact),
        "paid_by": _split([(f"{s.funding}: {s.name}", s.paid) for s in sources]),
        "paid_to": _split(list(zip(POTS, shares, strict=True))),
    }


def adds_up(
    sources: Sequence[Source], charged_wei: Mapping[str, int], shares: Sequence[int], left_over: int
) -> bool:
    """Return whether every wei is where it belongs.

    Args:
        sources: what was put in, taken and given back.
        charged_wei: what the receipts say, by funding.
        shares: what the pots' recipients got, in wei.
        left_over: what is still in the contracts, in wei.
    """
    paid = dict.fromkeys(charged_wei, 0)
    for source in sources:
        paid[source.funding] += source.paid
    # Stake moves in whole micro-COR: its running total is rounded up, once.
    owed = {**charged_wei, "stake": -(-charged_wei["stake"] // MICRO_WEI) * MICRO_WEI}
    return (
        left_over == 0
        and all(source.put_in == source.paid + source.back for source in sources)
        and paid == owed
        and sum(paid.values()) == sum(shares)
    )


def _close(chain: Chain, sessions: Mapping[str, PaymentSession]) -> None:
    """Ask everything back, let the windows pass, and take it."""
    people, functions, quota = chain.people, chain.payment.functions, chain.quota.functions
    escrow, voucher, stake = (sessions[name].number for name in ("escrow", "voucher", "stake"))
    bond = int(chain.pool.functions.position(1).call()[1])
    staked = int(quota.account(stake).call()[0]) * MICRO_WEI

    note = "by the payer, who waits for no window after a proof"
    chain.send(people.escrow_payer, functions.withdraw(escrow), "withdraw", note)
    close = functions.request_close(voucher)
    chain.send(people.voucher_payer, close, "request_close (voucher)", "by the payer")
    leave = quota.request_unstake(stake, staked)
    chain.send(people.staker, leave, "request_unstake", "by the payer")
    leave = chain.pool.functions.request_unstake(1, bond)
    chain.send(people.bond_owner, leave, "request_unstake (bond)", "the bond, by its owner")
    chain.pass_time(
        functions.SETTLE_WINDOW_SECONDS().call()
        + functions.CHALLENGE_WINDOW_SECONDS().call()
        + functions.BUCKET_SECONDS().call()
        + chain.pool.functions.COOLDOWN_SECONDS().call()
        + quota.COOLDOWN_SECONDS().call()
    )
    note = "the settle window after the close request is over; needs nobody else"
    chain.send(people.voucher_payer, functions.withdraw(voucher), "withdraw (voucher)", note)
    note = "the cool-down is over; needs nobody else"
    chain.send(people.staker, quota.withdraw(stake), "withdraw (stake)", note)
    for version, bucket in _buckets(chain):
        note = "the challenge window is over; splits by the rate card's shares"
        release = functions.release(1, version, bucket)
        chain.send(people.deployer, release, "release", note)
    for pot, name in enumerate(POTS):
        if functions.pot(pot).call()[0]:
            note = "" if pot else "sends for what stake sessions paid first"
            chain.send(people.deployer, functions.pay_pot(pot), f"pay_pot: {name}", note)
    rest = quota.withdraw_pool(people.deployer.address, int(quota.pool().call()[0]))
    chain.send(people.deployer, rest, "withdraw_pool", "what free work did not use, by the admin")
    chain.send(people.bond_owner, chain.pool.functions.withdraw(1), "withdraw (bond)", "")


def _settled(chain: Chain, session: PaymentSession) -> int:
    return int(chain.payment.functions.session(session.number).call()[SETTLED])


def _drawn(chain: Chain) -> tuple[int, int]:
    """Return what stake sessions drew: free work, and overage from stake."""
    logs = chain.payment.events.StakeSettled().get_logs(from_block=0)
    free = sum(int(log["args"]["free_amount"]) for log in logs)
    return free, sum(int(log["args"]["overage_amount"]) for log in logs)


def _bond(chain: Chain, returned: int, proofs: Sequence[Proof]) -> tuple[dict[str, str], bool]:
    """Return what became of the router's bond, and whether all of it was found."""
    penalty = sum(proof.penalty for proof in proofs)
    burnt, reward = chain.balance(BURN_ADDRESS), chain.balance(chain.people.watcher.address)
    told = {
        "bond_wei": str(chain.bond_wei),
        "bond_returned_wei": str(returned),
        "penalty_wei": str(penalty),
        "burnt_wei": str(burnt),
        "reward_wei": str(reward),
        "bond_statement": (
            f"of the router's bond of {format_cor(chain.bond_wei)} COR, "
            f"{format_cor(returned)} went back to its owner, "
            f"{format_cor(burnt)} was burnt and {format_cor(reward)} is the watcher's"
        ),
    }
    return told, returned == chain.bond_wei - penalty and burnt + reward == penalty


def _recipients(chain: Chain) -> list[str]:
    people = chain.people
    holders = (
        people.escrow_payer,
        people.voucher_payer,
        people.staker,
        people.deployer,
        people.bond_owner,
    )
    return [*(holder.address for holder in holders), *people.pots]


def _buckets(chain: Chain) -> list[tuple[int, int]]:
    """Return where settled money is pending: card version and bucket, each once."""
    found = set()
    for name in SETTLEMENT_EVENTS:
        for log in chain.payment.events[name]().get_logs(from_block=0):
            found.add((int(log["args"]["version"]), int(log["args"]["bucket"])))
    return sorted(found)


def _statement(sources: Sequence[Source], charged: int, left_over: int, *, is_exact: bool) -> str:
    put_in, paid, back = (
        sum(getattr(source, name) for source in sources) for name in ("put_in", "paid", "back")
    )
    parts = (
        f"{format_cor(put_in)} COR put in = {format_cor(paid)} paid for work + "
        f"{format_cor(back)} given back; {left_over} wei left in the contracts; the receipts bill "
        f"{format_cor(charged)}, and stake rounds up to a whole micro-COR"
    )
    return f"every wei is accounted for: {parts}" if is_exact else f"DOES NOT ADD UP: {parts}"


def _split(parts: Sequence[tuple[str, int]]) -> list[dict[str, str]]:
    """Return the parts of a bar; widths are for the eye, so small parts get a sliver."""
    whole = sum(amount for _, amount in parts)
    return [
        {
            "name": name,
            "cor": format_cor(amount),
            "width_pct": f"{max(1, 100 * amount / whole) if amount else 0:.2f}",
        }
        for name, amount in parts
    ]
