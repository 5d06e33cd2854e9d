# SPDX-License-Identifier: Apache-2.0
"""The end of the story: sessions close, pots are paid, and every wei is looked for."""

from __future__ import annotations

from typing import Any

from cortensor.pricing import format_cor
from scripts._demo.chain import DEPOSIT_WEI, IDLE_DEPOSIT_WEI, POTS, Chain


def close_books(chain: Chain, session: int, idle_session: int, charged_wei: int) -> dict[str, Any]:
    """Close both sessions, release what was settled, pay the pots, and add everything up.

    Args:
        chain: the demo's chain after settlement.
        session: the session that paid.
        idle_session: the session that was never used.
        charged_wei: what the receipts say was charged in all.

    Returns:
        The `accounting` part of the result; `exact` only if no wei is missing or left over.
    """
    people, functions = chain.people, chain.payment.functions
    version = functions.session(session).call()[7]
    settled = functions.session(session).call()[2]
    bucket = _bucket_of_settlement(chain)
    chain.send(people.payer, functions.request_close(session), "request_close", "by the payer")
    chain.send(people.idle_payer, functions.request_close(idle_session))
    wait = functions.SETTLE_WINDOW_SECONDS().call() + functions.CHALLENGE_WINDOW_SECONDS().call()
    chain.pass_time(wait + functions.BUCKET_SECONDS().call() + 1)

    before = {who: chain.balance(who) for who in _recipients(chain)}
    note = "the settle window after the close request is over; needs nobody else"
    chain.send(people.payer, functions.withdraw(session), "withdraw", note)
    chain.send(people.idle_payer, functions.withdraw(idle_session))
    note = "the challenge window is over; splits by the rate card's shares"
    release = functions.release(1, version, bucket)
    chain.send(people.deployer, release, "release", note)
    for pot, name in enumerate(POTS):
        if functions.pot(pot).call()[0]:
            chain.send(people.deployer, functions.pay_pot(pot), f"pay_pot: {name}", "")

    paid = {who: chain.balance(who) - amount for who, amount in before.items()}
    refund = paid[people.payer.address]
    shares = [paid[address] for address in people.pots]
    left_over = chain.balance(chain.payment.address)
    exact = (
        left_over == 0
        and settled == charged_wei == sum(shares)
        and refund == DEPOSIT_WEI - charged_wei
        and paid[people.idle_payer.address] == IDLE_DEPOSIT_WEI
    )
    return {
        "deposit_wei": str(DEPOSIT_WEI),
        "charged_wei": str(charged_wei),
        "settled_wei": str(settled),
        "refund_wei": str(refund),
        "idle_refund_wei": str(paid[people.idle_payer.address]),
        "pots_wei": {name: str(share) for name, share in zip(POTS, shares, strict=True)},
        "left_over_wei": str(left_over),
        "exact": exact,
        "statement": _statement(charged_wei, refund, left_over, is_exact=exact),
        "split": _split(shares, refund),
    }


def _recipients(chain: Chain) -> list[str]:
    people = chain.people
    return [people.payer.address, people.idle_payer.address, *people.pots]


def _bucket_of_settlement(chain: Chain) -> int:
    logs = chain.payment.events.BatchSettled().get_logs(from_block=0)
    return int(logs[-1]["args"]["bucket"])


def _statement(charged: int, refund: int, left_over: int, *, is_exact: bool) -> str:
    parts = (
        f"{format_cor(DEPOSIT_WEI)} COR deposited = {format_cor(charged)} charged + "
        f"{format_cor(refund)} returned; {left_over} wei left in the contract; "
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
