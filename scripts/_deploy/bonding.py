# SPDX-License-Identifier: Apache-2.0
"""The routers' bonds: opened where the configuration gives an amount and there is none yet.

A bond that is there is left alone, whatever its amount: adding to it is anybody's (`stake`), and
taking from it its owner's.
"""

from __future__ import annotations

from scripts._deploy.bindings import contract_at
from scripts._deploy.calls import Note, Wiring
from scripts._deploy.config import MOCK, TOKENS, WRAPPED, ZERO_ADDRESS, Router


def plan_bonds(wiring: Wiring) -> None:
    """Append what opens each router's bond.

    COR for the settler, where the token is a mock or wraps the chain's coin; approve; open.
    """
    for number, router in enumerate(wiring.config.routers, start=1):
        if router.bond_wei is None or router.bond_owner is None:
            continue
        view = wiring.view("StakePool")
        owner = ZERO_ADDRESS if view is None else view.position(number).call()[0]
        if owner == ZERO_ADDRESS:
            _open(wiring, number, router, router.bond_owner, int(router.bond_wei))
        elif owner != router.bond_owner:
            text = f"belongs to {owner} for ever, in the file to {router.bond_owner}"
            wiring.notes.append(Note(f"bond of router {number}", text))


def _open(wiring: Wiring, number: int, router: Router, owner: str, amount: int) -> None:
    settler = router.settler
    pool, label = wiring.addresses["StakePool"], f"the bond of router {number} ({router.name})"
    by, text = (settler, "settler"), str(amount)
    kind = wiring.config.token.address
    deployed = TOKENS.get(kind)
    token = wiring.addresses[deployed] if deployed else kind
    balance, allowance = 0, 0
    if deployed is None or not wiring.is_new[deployed]:
        view = contract_at(wiring.web3, "WrappedCOR", token).functions
        balance = view.balanceOf(settler).call()
        # A pool that is not there yet cannot have been allowed anything.
        if not wiring.is_new["StakePool"]:
            allowance = view.allowance(settler, pool).call()
    if kind == WRAPPED and balance < amount:
        change = (str(balance), text)
        missing = amount - balance
        wiring.token_call(f"wrap COR for {label}", token, "deposit", {}, by, change, missing)
    if kind == MOCK and settler != wiring.deployer and balance < amount:
        arguments = {"to": settler, "amount": text}
        holder = (wiring.deployer, "deployer")
        change = (str(balance), str(balance + amount))
        wiring.token_call(f"pay {label}", token, "transfer", arguments, holder, change)
    if allowance < amount:
        arguments = {"spender": pool, "amount": text}
        change = (str(allowance), text)
        wiring.token_call(f"approve {label}", token, "approve", arguments, by, change)
    arguments = {"router_id": str(number), "owner": owner, "amount": text}
    wiring.call(f"open {label}", "StakePool", "open_bond", arguments, by, ("none", text))
