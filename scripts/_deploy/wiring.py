# SPDX-License-Identifier: Apache-2.0
"""Configuration by transaction: bindings, roles, routers, bonds, pots, authorisations.

Each call is planned only if the chain does not already say so, which makes a second run a no-op and
a killed one resumable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from web3 import Web3

from scripts._deploy.arguments import quota_rules
from scripts._deploy.bindings import contract_at
from scripts._deploy.bonding import plan_bonds
from scripts._deploy.calls import Call, Note, Wiring
from scripts._deploy.config import REWARD_FUND, ZERO_ADDRESS, DeployConfig
from scripts._deploy.rewarding import card_notes, fund_binder, plan_rewards

POTS = ("node_pot", "validator_pot", "treasury")

# Contract -> the roles that it has a getter of that name for; the others have none.
_ROLES = {
    "SessionPaymentTable": ("owner", "oracle"),
    "StakePool": ("owner", "slasher", "treasury"),
    "StakeQuota": ("owner",),
    "SessionPayment": ("owner",),
    "NodeReputation": ("owner", "steward"),
    "RewardTable": ("owner",),
    "NodeReward": ("owner", "guardian", "treasury"),
}


def plan_calls(
    web3: Web3,
    config: DeployConfig,
    addresses: Mapping[str, str],
    is_new: Mapping[str, bool],
    *,
    deployer: str,
) -> tuple[list[Call], list[Note]]:
    """Return the calls that make the chain what the configuration says, and what they leave.

    Args:
        web3: the node.
        config: the configuration, resolved.
        addresses: where each contract is, or will be.
        is_new: which contracts are not there yet; they are taken as their constructors leave them.
        deployer: who deploys, and has a mock token's supply.
    """
    wiring = Wiring(web3, config, addresses, is_new, deployer)
    _table(wiring)
    _pool(wiring)
    _quota(wiring)
    # Before the node pot's recipient is set: who pays a fund that is not bound trusts its binder.
    plan_rewards(wiring)
    _payment(wiring)
    plan_bonds(wiring)
    _anchor(wiring)
    return wiring.calls, wiring.notes


def _table(wiring: Wiring) -> None:
    name, config = "SessionPaymentTable", wiring.config
    view = wiring.view(name)
    if view is None:
        return
    owner, oracle = wiring.owner(name), view.oracle().call()
    wiring.set_address(name, "set_oracle", config.roles.oracle, oracle, (owner, "owner"))
    version = view.latest_version().call()
    card = type(config.first_card()).from_abi(view.card(version).call())
    card_notes(wiring, "rate card", version, card.to_json(), config.first_card().to_json())


def _pool(wiring: Wiring) -> None:
    name, roles = "StakePool", wiring.config.roles
    owner = (wiring.owner(name), "owner")
    payment, dispute = wiring.addresses["SessionPayment"], wiring.addresses["SettlementDispute"]
    if not wiring.is_bound(name):
        arguments = {"payment": payment, "dispute": dispute}
        wiring.call("bind StakePool", name, "bind", arguments, owner, (ZERO_ADDRESS, payment))
    view = wiring.view(name)
    if view is not None:
        wiring.set_address(name, "set_slasher", roles.slasher, view.slasher().call(), owner)
        wiring.set_address(name, "set_treasury", roles.treasury, view.treasury().call(), owner)


def _quota(wiring: Wiring) -> None:
    name = "StakeQuota"
    owner = (wiring.owner(name), "owner")
    payment = wiring.addresses["SessionPayment"]
    if not wiring.is_bound(name):
        arguments = {"payment": payment}
        wiring.call("bind StakeQuota", name, "bind", arguments, owner, (ZERO_ADDRESS, payment))
    view = wiring.view(name)
    if view is None:
        return
    rules = quota_rules(wiring.config)
    # Those to come, if a change is under way.
    rates = [str(rate) for rate in view.rates().call()[1]]
    if rates != rules["rates"]:
        text = f"are {', '.join(rates)}, in the file {', '.join(rules['rates'])}; the owner "
        wiring.notes.append(Note("quota rates", f"{text}calls set_rates, once in two weeks"))
    limits = {
        key: str(value) for key, value in zip(rules["limits"], view.limits().call(), strict=True)
    }
    if limits != rules["limits"]:
        change = (str(limits), str(rules["limits"]))
        arguments = {"limits": rules["limits"]}
        wiring.call("set limits", name, "set_limits", arguments, owner, change)
    limit = str(view.pool().call()[2])
    if limit != rules["spending_limit"]:
        arguments = {"limit": rules["spending_limit"]}
        change = (limit, rules["spending_limit"])
        wiring.call("set spending limit", name, "set_spending_limit", arguments, owner, change)


def _payment(wiring: Wiring) -> None:
    name, config = "SessionPayment", wiring.config
    view, owner = wiring.view(name), (wiring.owner(name), "owner")
    guardian, count = config.roles.guardian, 0
    settlers: list[str] = []
    recipients = [ZERO_ADDRESS] * 3
    if view is not None:
        guardian, count = view.control().call()[0], view.router_count().call()
        settlers = [view.router(i + 1).call()[0] for i in range(min(count, len(config.routers)))]
        recipients = [view.pot(pot).call()[1] for pot in range(3)]
    if not wiring.is_bound(name):
        dispute = wiring.addresses["SettlementDispute"]
        change = (ZERO_ADDRESS, dispute)
        wiring.call("set dispute", name, "set_dispute", {"dispute": dispute}, owner, change)
    wiring.set_address(name, "set_guardian", config.roles.guardian, guardian, owner)
    for number, router in enumerate(config.routers, start=1):
        new, label = router.settler, f"router {number} ({router.name})"
        if number > len(settlers):
            arguments = {"settler": new}
            change = (ZERO_ADDRESS, new)
            wiring.call(f"register {label}", name, "register_router", arguments, owner, change)
        elif settlers[number - 1] != new:
            arguments = {"router_id": str(number), "settler": new}
            old = settlers[number - 1]
            step, by = f"set settler of {label}", (old, "settler")
            wiring.call(step, name, "set_settler", arguments, by, (old, new))
    if count > len(config.routers):
        text = f"{count} on chain, {len(config.routers)} in the file"
        wiring.notes.append(Note("routers", text))
    _pots(wiring, recipients, owner)


def _pots(wiring: Wiring, recipients: Sequence[str], owner: tuple[str, str]) -> None:
    for pot, key in enumerate(POTS):
        new = getattr(wiring.config.roles, key)
        if new == REWARD_FUND:
            new, binder = wiring.addresses["RewardFund"], fund_binder(wiring)
            if binder not in (None, owner[0]):
                text = f"is set once {binder} has bound RewardFund; run again then"
                wiring.notes.append(Note(f"{key} recipient", text))
                continue
        if recipients[pot] != new:
            arguments = {"pot": str(pot), "recipient": new}
            step, change = f"set {key} recipient", (recipients[pot], new)
            wiring.call(step, "SessionPayment", "set_pot_recipient", arguments, owner, change)


def _anchor(wiring: Wiring) -> None:
    name, caller = "ReceiptAnchor", wiring.addresses["SessionPayment"]
    view = None if wiring.is_new["SessionPayment"] else wiring.view(name)
    for number, router in enumerate(wiring.config.routers, start=1):
        if view is not None and view.is_authorised(router.settler, caller).call():
            continue
        wiring.call(
            f"authorise SessionPayment for router {number} ({router.name})",
            name,
            "authorise",
            {"caller": caller, "is_allowed": True},
            (router.settler, "settler"),
            ("not authorised", "authorised"),
        )


def read_roles(web3: Web3, name: str, address: str) -> dict[str, str]:
    """Return who holds each role of a contract on chain."""
    if name not in _ROLES:
        return {}
    view = contract_at(web3, name, address).functions
    roles = {role: view[role]().call() for role in _ROLES[name]}
    if name == "StakePool":
        payment = view.payment().call()
        if payment != ZERO_ADDRESS:
            escrow = contract_at(web3, "SessionPayment", payment).functions
            for router_id in range(1, escrow.router_count().call() + 1):
                roles[f"bond_owner_{router_id}"] = view.position(router_id).call()[0]
    elif name == "SessionPayment":
        roles["guardian"] = view.control().call()[0]
        for pot, key in enumerate(POTS):
            roles[key] = view.pot(pot).call()[1]
        for router_id in range(1, view.router_count().call() + 1):
            roles[f"settler_{router_id}"] = view.router(router_id).call()[0]
    return {role: holder for role, holder in roles.items() if holder != ZERO_ADDRESS}
