# SPDX-License-Identifier: Apache-2.0
"""The plan: what stays, what is deployed, which transactions follow, what others must do.

Making a plan only reads. Addresses of contracts not yet there are predicted from the deployer's
nonce, so that a plan shows complete constructor arguments; execution stops if one comes out
different.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import rlp
from eth_utils import keccak, to_canonical_address, to_checksum_address
from web3 import Web3

from cortensor.errors import Conflict
from scripts._deploy import abi
from scripts._deploy.arguments import (
    CONTRACTS,
    MUTABLE,
    REWARDS,
    VALIDATOR,
    constructor_arguments,
)
from scripts._deploy.bindings import bindings
from scripts._deploy.calls import Call, Note
from scripts._deploy.compiler import Artifact, compile_contract
from scripts._deploy.config import MOCK, TOKENS, ZERO_ADDRESS, DeployConfig
from scripts._deploy.records import Record, Store
from scripts._deploy.registries import lacking
from scripts._deploy.wiring import plan_calls

KEEP, DEPLOY, REPLACE = "keep", "deploy", "replace"


@dataclass(frozen=True)
class Change:
    """One parameter that differs: `old` is on chain or recorded, `new` is configured."""

    parameter: str
    old: str
    new: str


@dataclass(frozen=True)
class Planned:
    """What happens to one contract.

    Attributes:
        artifact: what it compiles to.
        action: keep, deploy or replace.
        address: where it is, or will be.
        arguments: the constructor's, by name, in JSON form.
        record: its record, if it stays.
        reason: why it is deployed or replaced.
        changes: constructor arguments that differ from the record's.
    """

    artifact: Artifact
    action: str
    address: str
    arguments: dict[str, Any]
    record: Record | None = None
    reason: str = ""
    changes: tuple[Change, ...] = ()

    @property
    def name(self) -> str:
        """The contract's name."""
        return self.artifact.name


@dataclass(frozen=True)
class Plan:
    """Everything a run would do, in order.

    Attributes:
        network: the network's name, as records have it.
        chain_id: the chain.
        deployer: who deploys.
        contracts: every contract, in the order of deployment.
        calls: configuration transactions of accounts at hand.
        manual: configuration transactions that others must send.
        notes: differences that a deployment does not settle.
        token: COR's address.
    """

    network: str
    chain_id: int
    deployer: str
    contracts: tuple[Planned, ...]
    calls: tuple[Call, ...]
    manual: tuple[Call, ...]
    notes: tuple[Note, ...]
    token: str

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be sent."""
        return not self.calls and all(item.action == KEEP for item in self.contracts)


@dataclass
class Inspection:
    """What making a plan reads from."""

    web3: Web3
    config: DeployConfig
    store: Store
    deployer: str
    is_own_node: bool
    signers: frozenset[str] = field(default_factory=frozenset)


def make_plan(view: Inspection) -> Plan:
    """Compare configuration, records and chain.

    Raises:
        InvalidInput: for a broken record.
        Conflict: where chain, records and sources contradict each other and the node is not one's
            own, so that nothing is deployed twice by mistake.
    """
    config, chain_id = view.config, view.web3.eth.chain_id
    if chain_id not in config.network.chain_ids:
        raise Conflict(
            f"the node is on chain {chain_id}, the configuration is for "
            f"{', '.join(map(str, config.network.chain_ids))}",
            field="network.chain_ids",
        )
    registries, there = lacking(view.web3, view.store)
    names = [*_names(config, view), *registries, VALIDATOR]
    contracts = _plan_contracts(view, names, there, {})
    # What a contract is bound to can never be changed: where it must be another, both are new.
    outdated: dict[str, str] = {}
    while found := find_outdated(view.web3, contracts):
        outdated |= found
        if not view.is_own_node:
            name, reason = next(iter(found.items()))
            raise Conflict(
                f"{reason}. Nothing was sent; docs/runbooks/deploy.md says what to do", field=name
            )
        contracts = _plan_contracts(view, names, there, outdated)
    addresses = {item.name: item.address for item in contracts}
    is_new = {item.name: item.action != KEEP for item in contracts}
    calls, notes = plan_calls(view.web3, config, addresses, is_new, deployer=view.deployer)
    return Plan(
        network=view.store.network,
        chain_id=chain_id,
        deployer=view.deployer,
        contracts=tuple(contracts),
        calls=tuple(call for call in calls if call.sender in view.signers),
        manual=tuple(call for call in calls if call.sender not in view.signers),
        notes=tuple(notes),
        token=addresses.get(TOKENS.get(config.token.address, ""), config.token.address),
    )


def find_outdated(web3: Web3, contracts: Sequence[Planned]) -> dict[str, str]:
    """Return the contracts that stay but are bound, for ever, to one that does not; with why."""
    planned = {item.name: item.address for item in contracts}
    outdated = {}
    for item in contracts:
        if item.action != KEEP:
            continue
        for target, bound in bindings(web3, item.name, item.address).items():
            if bound not in (ZERO_ADDRESS, planned[target]):
                outdated[item.name] = (
                    f"{item.address} is bound for ever to {target} at {bound}, which does not stay"
                )
    return outdated


def predict_address(deployer: str, nonce: int) -> str:
    """Return the address of the contract that a transaction with this nonce creates."""
    return to_checksum_address(keccak(rlp.encode([to_canonical_address(deployer), nonce]))[12:])


def code_at(web3: Web3, address: str) -> bytes:
    """Return the code at an address, empty if there is none."""
    return bytes(web3.eth.get_code(to_checksum_address(address)))


def _names(config: DeployConfig, view: Inspection) -> list[str]:
    if config.token.address == MOCK and not view.is_own_node:
        raise Conflict("`mock` is for nodes of your own", field="token.address")
    if config.token.address in TOKENS:
        return [TOKENS[config.token.address], *CONTRACTS, *REWARDS]
    if not code_at(view.web3, config.token.address):
        raise Conflict(
            f"no contract at {config.token.address} on this chain", field="token.address"
        )
    return [*CONTRACTS, *REWARDS]


def _plan_contracts(
    view: Inspection,
    names: Sequence[str],
    there: Mapping[str, str],
    outdated: Mapping[str, str],
) -> list[Planned]:
    """Plan contracts in order; `there` are others' that some of them refer to, by name."""
    nonce = view.web3.eth.get_transaction_count(to_checksum_address(view.deployer), "pending")
    addresses = dict(there)
    contracts: list[Planned] = []
    for name in names:
        arguments = constructor_arguments(name, view.config, addresses)
        artifact = compile_contract(name)
        planned = _plan_contract(view, artifact, arguments, nonce, outdated.get(name, ""))
        nonce += planned.action != KEEP
        addresses[name] = planned.address
        contracts.append(planned)
    return contracts


def _plan_contract(
    view: Inspection, artifact: Artifact, arguments: dict[str, Any], nonce: int, outdated: str
) -> Planned:
    # Encoding now finds a value that does not fit its type before anything is sent.
    abi.encode_json(abi.constructor_inputs(artifact.abi), arguments)
    predicted = predict_address(view.deployer, nonce)
    record = view.store.load(artifact.name)
    if record is None:
        return Planned(artifact, DEPLOY, predicted, arguments)
    reason, changes = _difference(view.web3, artifact, arguments, record)
    reason = reason or outdated
    if not reason:
        return Planned(artifact, KEEP, record["address"], record["constructor_args"], record)
    if not view.is_own_node:
        detail = "".join(f"; {c.parameter}: {c.old} -> {c.new}" for c in changes)
        raise Conflict(
            f"{reason}{detail}. Nothing was sent; docs/runbooks/deploy.md says what to do",
            field=f"{view.store.directory / artifact.name}.json",
        )
    return Planned(artifact, REPLACE, predicted, arguments, None, reason, changes)


def _difference(
    web3: Web3, artifact: Artifact, arguments: dict[str, Any], record: Record
) -> tuple[str, tuple[Change, ...]]:
    chain_id = web3.eth.chain_id
    if record["chain_id"] != chain_id:
        return f"the record is of chain {record['chain_id']}, the node is on {chain_id}", ()
    code = code_at(web3, record["address"])
    if not code:
        return f"no code at the recorded address {record['address']}", ()
    if "0x" + keccak(code).hex() != record["code_hash"]:
        return f"other code at {record['address']} than recorded", ()
    if record["source_integrity"] != artifact.integrity:
        return "it was deployed from other sources than these", ()
    recorded = _flat(record["constructor_args"])
    changes = tuple(
        Change(name, str(recorded.get(name)), str(value))
        for name, value in _flat(arguments).items()
        if recorded.get(name) != value
    )
    return ("parameters that are fixed at deployment differ" if changes else ""), changes


def _flat(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is fixed at deployment by name, a struct's fields as `struct.field`."""
    flat: dict[str, Any] = {}
    for name, value in arguments.items():
        if name in MUTABLE:
            continue
        if isinstance(value, dict):
            flat |= {f"{name}.{key}": entry for key, entry in value.items()}
        else:
            flat[name] = value
    return flat
