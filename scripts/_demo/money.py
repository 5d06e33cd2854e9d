# SPDX-License-Identifier: Apache-2.0
"""The end of the story: sessions close, pots are paid, and every wei is looked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cortensor.pricing import format_cor
from scripts._demo.chain import DEPOSIT_WEI, IDLE_DEPOSIT_WEI, POTS, Chain
from scripts._demo.frauds import Proof

SETTLED = 3  # its place in the contract's Session
BURN_ADDRESS = "0x000000000000000000000000000000000000dEaD"


def close_books(
    chain: Chain, session: int, idle_session: int, charged_wei: int, proofs: Sequence[Proof]
) -> dict[str, Any]:
    """Close both sessions, release what was settled, pay the pots, and add everything up.

    Args:
        chain: the demo's chain after the last proof.
        session: the session that paid.
        idle_session: the session that was never used.
        charged_wei: what the honest receipts say was charged in all.
        proofs: what was proven against the router.

    Returns:
        The `accounting` part of the result; `exact` only if no wei is missing or left over.
    """
    people, functions = chain.people, chain.payment.functions
    settled = int(functions.session(session).call()[SETTLED])
    buckets = _buckets_of_settlements(chain)
    bond = int(chain.pool.functions.position(1).call()[1])
    before = {who: chain.balance(who) for who in _recipients(chain)}

    note = "by the payer, who waits for no window after a proof"
    chain.send(people.payer, functions.withdraw(session), "withdraw", note)
    close = functions.request_close(idle_session)
    chain.send(people.idle_payer, close, "request_close", "by the payer")
    leave = chain.pool.functions.request_unstake(1, bond)
    chain.send(people.bond_owner, leave, "request_unstake", "the bond, by its owner")
    chain.pass_time(
        functions.SETTLE_WINDOW_SECONDS().call()
        + functions.CHALLENGE_WINDOW_SECONDS().call()
        + functions.BUCKET_SECONDS().call()
        + chain.pool.functions.COOLDOWN_SECONDS().call()
    )
    note = "the settle window after the close request is over; needs nobody else"
    chain.send(people.idle_payer, functions.withdraw(idle_session), "withdraw (unused)", note)
    for version, bucket in buckets:
        note = "the challenge window is over; splits by the rate card's shares"
        release = functions.release(1, version, bucket)
        chain.send(people.deployer, release, "release", note)
    for pot, name in enumerate(POTS):
        if functions.pot(pot).call()[0]:
            chain.send(people.deployer, functions.pay_pot(pot), f"pay_pot: {name}", "")
    chain.send(people.bond_owner, chain.pool.functions.withdraw(1), "withdraw (bond)", "")

    paid = {who: chain.balance(who) - amount for who, amount in before.items()}
    refund = paid[people.payer.address]
    shares = [paid[address] for address in people.pots]
    refunded, penalty = sum(p.refunded for p in proofs), sum(p.penalty for p in proofs)
    burnt, reward = chain.balance(BURN_ADDRESS), chain.balance(people.watcher.address)
    contracts = (chain.payment, chain.pool, chain.dispute)
    left_over = sum(chain.balance(contract.address) for contract in contracts)
    exact = (
        left_over == 0
        and settled - refunded == charged_wei == sum(shares)
        and refund == DEPOSIT_WEI - charged_wei
        and paid[people.idle_payer.address] == IDLE_DEPOSIT_WEI
        and paid[people.bond_owner.address] == chain.bond_wei - penalty
        and burnt + reward == penalty
    )
    return {
        "deposit_wei": str(DEPOSIT_WEI),
        "charged_wei": str(charged_wei),
        "settled_wei": str(settled),
        "refunded_wei": str(refunded),
        "refund_wei": str(refund),
        "idle_refund_wei": str(paid[people.idle_payer.address]),
        "pots_wei": {name: str(share) for name, share in zip(POTS, shares, strict=True)},
        "bond_wei": str(chain.bond_wei),
        "bond_returned_wei": str(paid[people.bond_owner.address]),
        "penalty_wei": str(penalty),
        "burnt_wei": str(burnt),
        "reward_wei": str(reward),
        "left_over_wei": str(left_over),
        "exact": exact,
        "statement": _statement(charged_wei, refund, left_over, is_exact=exact),
        "bond_statement": (
            f"of the router's bond of {format_cor(chain.bond_wei)} COR, "
            f"{format_cor(paid[people.bond_owner.address])} went back to its owner, "
            f"{format_cor(burnt)} was burnt and {format_cor(reward)} is the watcher's"
        ),
        "split": _split(shares, refund),
    }


def _recipients(chain: Chain) -> list[str]:
    people = chain.people
    holders = (people.payer, people.idle_payer, people.bond_owner)
    return [*(holder.address for holder in holders), *people.pots]


def _buckets_of_settlements(chain: Chain) -> list[tuple[int, int]]:
    """Return where settled money is pending: card version and bucket, each once."""
    logs = chain.payment.events.BatchSettled().get_logs(from_block=0)
    found = {(int(log["args"]["version"]), int(log["args"]["bucket"])) for log in logs}
    return sorted(found)


def _statement(charged: int, refund: int, left_over: int, *, is_exact: bool) -> str:
    parts = (
        f"{format_cor(DEPOSIT_WEI)} COR deposited = {format_cor(charged)} charged + "
        f"{format_cor(refund)} returned; {left_over} wei left in the contracts; "
        f"the session that was never used got its {format_cor(IDLE_DEPOSIT_WEI)} COR back"
    )
    return f"every wei is accounted for: {parts}" if is_exact else f"DOES NOT ADD UP: {parts}"


def _split(shares: list[int], refund: int) -> list[dict[str, str]]:
    """Return the parts of the deposit; widths are for the eye, so small parts get a sliver."""
    names = ("node pot", "validator pot", "treasury", "returned to the payer")
    return [
        {
            "name": name,
            "cor": format_cor(amount),
            "width_pct": str(max(1, 100 * amount // DEPOSIT_WEI) if amount else 0),
        }
        for name, amount in zip(names, [*shares, refund], strict=True)
    ]
