# SPDX-License-Identifier: Apache-2.0
"""Configuration transactions, and what planning them reads from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from web3 import Web3

from scripts._deploy import abi
from scripts._deploy.bindings import contract_at, is_bound
from scripts._deploy.compiler import compile_contract
from scripts._deploy.config import ZERO_ADDRESS, DeployConfig

_SHARED_ROLES = ("guardian", "treasury")
"""What several contracts have, each its own."""


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
        value: wei of the chain's own coin that go with it.
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
    value: int = 0

    def calldata(self) -> bytes:
        """Return the transaction's data."""
        interface = compile_contract(self.contract).abi
        inputs = abi.function_inputs(interface, self.function)
        signature = abi.signature(interface, self.function)
        return bytes(Web3.keccak(text=signature)[:4]) + abi.encode_json(inputs, self.arguments)


@dataclass(frozen=True)
class Note:
    """A difference that a deployment does not settle."""

    subject: str
    text: str


@dataclass
class Wiring:
    """A list of calls in the making.

    Attributes:
        web3: the node.
        config: the configuration with an address in every role.
        addresses: where each contract is, or will be.
        is_new: which contracts are not there yet; they are taken as their constructors leave them.
        deployer: who deploys, and has a mock token's supply.
        calls: the calls, in order.
        notes: what they leave.
    """

    web3: Web3
    config: DeployConfig
    addresses: Mapping[str, str]
    is_new: Mapping[str, bool]
    deployer: str
    calls: list[Call] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def view(self, name: str) -> Any:
        """Return the functions of a contract that is there; None for one that is not."""
        if self.is_new[name]:
            return None
        return contract_at(self.web3, name, self.addresses[name]).functions

    def is_bound(self, name: str) -> bool:
        """Whether a contract is there and bound to all that it is to be bound to."""
        return not self.is_new[name] and is_bound(self.web3, name, self.addresses[name])

    def owner(self, name: str) -> str:
        """Return a contract's owner; note a difference, which a call cannot settle."""
        view = self.view(name)
        configured = self.config.roles.owner
        if view is None:
            return configured
        current = str(view.owner().call())
        if current != configured:
            text = f"owned by {current}; it calls transfer_ownership({configured}), then "
            self.notes.append(Note(name, f"{text}{configured} calls accept_ownership()"))
        return current

    def call(
        self,
        step: str,
        contract: str,
        function: str,
        arguments: dict[str, Any],
        by: tuple[str, str],
        change: tuple[str, str],
    ) -> None:
        """Append a call.

        Args:
            step: its name.
            contract: the contract's name.
            function: the function.
            arguments: by name, in JSON form.
            by: who must send it, and in which role.
            change: what the chain says now, and what it will say.
        """
        address = self.addresses[contract]
        old, new = ("none" if value == ZERO_ADDRESS else value for value in change)
        self.calls.append(Call(step, contract, address, function, arguments, *by, old, new))

    def token_call(
        self,
        step: str,
        token: str,
        function: str,
        arguments: dict[str, Any],
        by: tuple[str, str],
        change: tuple[str, str],
        value: int = 0,
    ) -> None:
        """Append a call of the token, which is an ERC-20; `deposit` is the wrapper's alone."""
        self.calls.append(Call(step, "WrappedCOR", token, function, arguments, *by, *change, value))

    def set_address(
        self, contract: str, function: str, new: str, old: str, by: tuple[str, str]
    ) -> None:
        """Append a call that names another account, unless it is named already."""
        if old != new:
            name = function.removeprefix("set_")
            step = f"set {name} of {contract}" if name in _SHARED_ROLES else f"set {name}"
            self.call(step, contract, function, {name: new}, by, (old, new))
