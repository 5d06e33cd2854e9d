# SPDX-License-Identifier: Apache-2.0
"""What makes the reward contracts one: bindings, roles, and the card that is in effect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scripts._deploy.calls import Note, Wiring
from scripts._deploy.config import ZERO_ADDRESS


def plan_rewards(wiring: Wiring) -> None:
    """Append what binds register, fund and challenges to NodeReward, and who may do what."""
    _reputation(wiring)
    _fund(wiring)
    _table(wiring)
    _reward(wiring)


def fund_binder(wiring: Wiring) -> str | None:
    """Return who has yet to bind RewardFund; None if it is bound."""
    name = "RewardFund"
    if wiring.is_bound(name):
        return None
    view = wiring.view(name)
    return wiring.config.roles.owner if view is None else str(view.BINDER().call())


def card_notes(
    wiring: Wiring, subject: str, version: int, card: Mapping[str, Any], wanted: Mapping[str, Any]
) -> None:
    """Note which entries of the newest card on chain differ from the file's, in JSON form."""
    for key, value in wanted.items():
        if card[key] != value:
            text = f"{key} is {card[key]} in card {version}, {value} in the file; publish a card"
            wiring.notes.append(Note(subject, text))


def _reputation(wiring: Wiring) -> None:
    name, steward = "NodeReputation", wiring.config.roles.steward
    owner = (wiring.owner(name), "owner")
    _bind(wiring, name, "reward", "NodeReward", owner)
    view = wiring.view(name)
    if view is not None:
        wiring.set_address(name, "set_steward", steward, view.steward().call(), owner)


def _fund(wiring: Wiring) -> None:
    binder = fund_binder(wiring)
    if binder is not None:
        _bind(wiring, "RewardFund", "reward", "NodeReward", (binder, "binder"))


def _table(wiring: Wiring) -> None:
    name, wanted = "RewardTable", wiring.config.first_reward_card()
    wiring.owner(name)
    view = wiring.view(name)
    if view is None:
        return
    version = view.latest_card_version().call()
    card = type(wanted).from_abi(view.card(version).call())
    card_notes(wiring, "reward card", version, card.to_json(), wanted.to_json())


def _reward(wiring: Wiring) -> None:
    name, roles = "NodeReward", wiring.config.roles
    owner = (wiring.owner(name), "owner")
    _bind(wiring, name, "dispute", "RewardDispute", owner)
    view = wiring.view(name)
    if view is not None:
        guardian, treasury = view.guardian().call(), view.treasury().call()
        wiring.set_address(name, "set_guardian", roles.reward_guardian, guardian, owner)
        wiring.set_address(name, "set_treasury", roles.treasury, treasury, owner)


def _bind(wiring: Wiring, name: str, argument: str, target: str, by: tuple[str, str]) -> None:
    if not wiring.is_bound(name):
        address = wiring.addresses[target]
        change = (ZERO_ADDRESS, address)
        wiring.call(f"bind {name}", name, "bind", {argument: address}, by, change)
