# SPDX-License-Identifier: Apache-2.0
"""Configuration by transaction: routers, pots, oracle, guardian, and the settlers' authorisation.

Each call is planned only if the chain does not already say so, which makes a second run a no-op and
a killed one resumable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eth_utils import to_checksum_address
from web3 import Web3

from scripts._deploy import abi
from scripts._deploy.compiler import compile_contract
from scripts._deploy.config import ZERO_ADDRESS, DeployConfig

POTS = ("node_pot", "validator_pot", "treasury")


@dataclass(frozen=True)
class Call:
    """One configuration transaction.

    Attributes:
        step: its name in reports and in `pending.json`.
        contract: the contract's name.
        address: where it is.
        function: the function.
        arguments: by name, in JSON form.
        sender: who must send it.
        role: the sender's role.
        old: what the chain says now.
        new: what the configuration says.
    """

    step: str
    contract: str
    address: str
    function: str
    arguments: dict[str, Any]
    sender: str
    role: str
    old: str
    new: str

    def calldata(self) -> bytes:
        """Return the transaction's data."""
        interface = compile_contract(self.contract).abi
        inputs = abi.function_inputs(interface, self.function)
        signature = f"{self.function}({','.join(str(p['type']) for p in inputs)})"
        return bytes(Web3.keccak(text=signature)[:4]) + abi.encode_json(inputs, self.arguments)


@dataclass(frozen=True)
class Note:
    """A difference that a deployment does not settle."""

    subject: str
    text: str


def contract_at(web3: Web3, name: str, address: str) -> Any:
    """Return the web3 contract of a name at an address."""
    return web3.eth.contract(to_checksum_address(address), abi=compile_contract(name).abi)


def plan_calls(
    web3: Web3, config: DeployConfig, addresses: Mapping[str, str], is_new: Mapping[str, bool]
) -> tuple[list[Call], list[Note]]:
    """Return the calls that make the chain what the configuration says, and what they leave.

    Args:
        web3: the node.
        config: the configuration with an address in every role.
        addresses: where each contract is, or will be.
        is_new: which contracts are not there yet; they are taken as their constructors leave them.
    """
    calls: list[Call] = []
    notes: list[Note] = []
    _table_calls(web3, config, addresses, is_new, calls, notes)
    _payment_calls(web3, config, addresses, is_new, calls, notes)
    _anchor_calls(web3, config, addresses, is_new, calls)
    return calls, notes


def _table_calls(
    web3: Web3,
    config: DeployConfig,
    addresses: Mapping[str, str],
    is_new: Mapping[str, bool],
    calls: list[Call],
    notes: list[Note],
) -> None:
    name = "SessionPaymentTable"
    if is_new[name]:
        return
    address = addresses[name]
    view = contract_at(web3, name, address).functions
    owner, oracle = view.owner().call(), view.oracle().call()
    _note_owner(name, owner, config.roles.owner, notes)
    if oracle != config.roles.oracle:
        arguments = {"oracle": config.roles.oracle}
        calls.append(
            Call(
                "set oracle",
                name,
                address,
                "set_oracle",
                arguments,
                owner,
                "owner",
                oracle,
                config.roles.oracle,
            )
        )
    version = view.latest_version().call()
    card = type(config.first_card()).from_abi(view.card(version).call()).to_json()
    for key, value in config.first_card().to_json().items():
        if card[key] != value:
            text = f"{key} is {card[key]} in card {version}, {value} in the file; publish a card"
            notes.append(Note("rate card", text))


def _payment_calls(
    web3: Web3,
    config: DeployConfig,
    addresses: Mapping[str, str],
    is_new: Mapping[str, bool],
    calls: list[Call],
    notes: list[Note],
) -> None:
    name = "SessionPayment"
    address, roles = addresses[name], config.roles
    owner, guardian, count = roles.owner, roles.guardian, 0
    settlers: list[str] = []
    recipients = [ZERO_ADDRESS] * 3
    if not is_new[name]:
        view = contract_at(web3, name, address).functions
        owner, guardian = view.owner().call(), view.control().call()[0]
        count = view.router_count().call()
        settlers = [view.router(i + 1).call()[0] for i in range(min(count, len(config.routers)))]
        recipients = [view.pot(pot).call()[1] for pot in range(3)]
        _note_owner(name, owner, roles.owner, notes)

    def call(
        step: str,
        function: str,
        arguments: dict[str, Any],
        old: str,
        new: str,
        by: tuple[str, str] = (owner, "owner"),
    ) -> None:
        calls.append(Call(step, name, address, function, arguments, *by, old, new))

    if guardian != roles.guardian:
        call("set guardian", "set_guardian", {"guardian": roles.guardian}, guardian, roles.guardian)
    for index, router in enumerate(config.routers):
        new = router.settler
        if index >= len(settlers):
            call(
                f"register router {index + 1} ({router.name})",
                "register_router",
                {"settler": new},
                "none",
                new,
            )
        elif settlers[index] != new:
            call(
                f"set settler of router {index + 1} ({router.name})",
                "set_settler",
                {"router_id": str(index + 1), "settler": new},
                settlers[index],
                new,
                by=(settlers[index], "settler"),
            )
    if count > len(config.routers):
        notes.append(Note("routers", f"{count} on chain, {len(config.routers)} in the file"))
    for pot, key in enumerate(POTS):
        new = getattr(roles, key)
        if recipients[pot] != new:
            old = "none" if recipients[pot] == ZERO_ADDRESS else recipients[pot]
            call(
                f"set {key} recipient",
                "set_pot_recipient",
                {"pot": str(pot), "recipient": new},
                old,
                new,
            )


def _anchor_calls(
    web3: Web3,
    config: DeployConfig,
    addresses: Mapping[str, str],
    is_new: Mapping[str, bool],
    calls: list[Call],
) -> None:
    name = "ReceiptAnchor"
    address, caller = addresses[name], addresses["SessionPayment"]
    for index, router in enumerate(config.routers):
        settler = router.settler
        if not (is_new[name] or is_new["SessionPayment"]):
            view = contract_at(web3, name, address).functions
            if view.is_authorised(settler, caller).call():
                continue
        calls.append(
            Call(
                f"authorise SessionPayment for router {index + 1} ({router.name})",
                name,
                address,
                "authorise",
                {"caller": caller, "is_allowed": True},
                settler,
                "settler",
                "not authorised",
                "authorised",
            )
        )


def _note_owner(contract: str, current: str, configured: str, notes: list[Note]) -> None:
    if current != configured:
        text = f"owned by {current}; it calls transfer_ownership({configured}), then {configured} "
        notes.append(Note(contract, text + "calls accept_ownership()"))


def read_roles(web3: Web3, name: str, address: str, config: DeployConfig | None) -> dict[str, str]:
    """Return who holds each role of a contract on chain; `config` names how many routers."""
    if name not in ("SessionPaymentTable", "SessionPayment"):
        return {}
    view = contract_at(web3, name, address).functions
    roles = {"owner": view.owner().call()}
    if name == "SessionPaymentTable":
        return roles | {"oracle": view.oracle().call()}
    roles["guardian"] = view.control().call()[0]
    for pot, key in enumerate(POTS):
        recipient = view.pot(pot).call()[1]
        if recipient != ZERO_ADDRESS:
            roles[key] = recipient
    count = view.router_count().call() if config is None else len(config.routers)
    for router_id in range(1, min(count, view.router_count().call()) + 1):
        roles[f"settler_{router_id}"] = view.router(router_id).call()[0]
    return roles
