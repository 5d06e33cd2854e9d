# SPDX-License-Identifier: Apache-2.0
"""Execution of a plan: every record is on disk before the next transaction is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from eth_utils import keccak, to_checksum_address
from web3 import Web3

from cortensor.errors import Conflict
from scripts._deploy import abi
from scripts._deploy.calls import Call, Note
from scripts._deploy.config import DeployConfig
from scripts._deploy.plan import KEEP, Inspection, Plan, Planned, code_at, make_plan
from scripts._deploy.records import FORMAT, Record, Store, git_state
from scripts._deploy.sending import Report, Sender
from scripts._deploy.signing import Signer
from scripts._deploy.wiring import read_roles


@dataclass(frozen=True)
class Deployment:
    """What is there after a run.

    Attributes:
        network: the network's name, as records have it.
        chain_id: the chain.
        token: COR's address.
        records: every record, by contract.
        sent: step and transaction hash of each transaction of this run, with its gas.
        manual: configuration transactions that others must send.
        notes: differences that a deployment does not settle.
    """

    network: str
    chain_id: int
    token: str
    records: dict[str, Record]
    sent: tuple[Record, ...] = ()
    manual: tuple[Call, ...] = ()
    notes: tuple[Note, ...] = field(default=())

    def address(self, contract: str) -> str:
        """Return a contract's address. Raises KeyError for one that was not deployed."""
        return str(self.records[contract]["address"])


def silent(_line: str) -> None:
    """Report to nobody."""


def deploy_all(
    web3: Web3,
    config: DeployConfig,
    signers: Sequence[Signer],
    directory: Path,
    *,
    network: str,
    is_own_node: bool = False,
    report: Report = silent,
) -> Deployment:
    """Plan and execute: bring the chain and the records to what the configuration says.

    Args:
        web3: the connected node.
        config: the configuration with an address in every role (`config.resolve`).
        signers: the deployer first, then any account whose configuration calls are to be sent.
        directory: where the records are.
        network: the network's name for the records.
        is_own_node: whether stale records may be replaced, and a mock token deployed.
        report: takes one line of progress.

    Raises:
        InvalidInput, Conflict, Unavailable: as plan and execution do; a second call goes on where
            the first one stopped.
    """
    store = Store(directory, network)
    with store.locked():
        resumed = finish_pending(web3, store, report)
        view = inspection(web3, config, signers, store, is_own_node=is_own_node)
        return execute(view, make_plan(view), signers, resumed=resumed, report=report)


def inspection(
    web3: Web3, config: DeployConfig, signers: Sequence[Signer], store: Store, *, is_own_node: bool
) -> Inspection:
    """Return what `make_plan` reads from, with the first signer as the deployer."""
    return Inspection(
        web3=web3,
        config=config,
        store=store,
        deployer=signers[0].address,
        is_own_node=is_own_node,
        signers=frozenset(signer.address for signer in signers),
    )


def execute(
    view: Inspection,
    plan: Plan,
    signers: Sequence[Signer],
    *,
    resumed: Sequence[Record] = (),
    report: Report = silent,
) -> Deployment:
    """Carry out a plan that was just made. The caller holds the store's lock."""
    web3, store = view.web3, view.store
    by_address = {signer.address: signer for signer in signers}
    sender = Sender(web3, store, report)
    sent = [_summary(entry) for entry in resumed]
    for planned in plan.contracts:
        if planned.action == KEEP:
            continue
        entry = sender.send(_purpose(planned, plan), signers[0], None, _creation(planned))
        record = record_deployment(web3, store, entry)
        sent.append(_summary(entry))
        report(f"deploy  {planned.name} at {record['address']}, {record['gas_used']:,} gas")
        if record["address"] != planned.address:
            raise Conflict(
                f"came out at {record['address']} instead of {planned.address}: another "
                "transaction of the deployer came between; run again to plan anew",
                field=planned.name,
            )
    for call in plan.calls:
        signer = by_address[call.sender]
        entry = sender.send(
            {"step": call.step}, signer, call.address, call.calldata(), value=call.value
        )
        store.clear_pending()
        sent.append(_summary(entry))
        report(f"call    {call.step}, {entry['receipt']['gasUsed']:,} gas")
    return Deployment(
        network=plan.network,
        chain_id=plan.chain_id,
        token=to_checksum_address(plan.token),
        records=_refresh_roles(view),
        sent=tuple(sent),
        manual=plan.manual,
        notes=plan.notes,
    )


def finish_pending(web3: Web3, store: Store, report: Report) -> list[Record]:
    """Record the transaction that a killed run left under way, if there is one."""
    entry = Sender(web3, store, report).resume()
    if entry is None:
        return []
    if "contract" in entry:
        record = record_deployment(web3, store, entry)
        report(f"resumed {record['contract']} at {record['address']}")
    else:
        store.clear_pending()
        report(f"resumed {entry['step']}")
    return [entry]


def record_deployment(web3: Web3, store: Store, entry: Record) -> Record:
    """Write the record of a deployment whose receipt is there; then forget that it was pending."""
    receipt = entry["receipt"]
    address = to_checksum_address(receipt["contractAddress"])
    timestamp = web3.eth.get_block(receipt["blockNumber"])["timestamp"]
    record = {
        "format": FORMAT,
        "contract": entry["contract"],
        "network": entry["network"],
        "chain_id": entry["chain_id"],
        "address": address,
        "tx_hash": entry["tx_hash"],
        "block_number": receipt["blockNumber"],
        "block_timestamp": timestamp,
        "deployed_at": datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "deployer": entry["sender"],
        "gas_used": receipt["gasUsed"],
        **entry["facts"],
        "code_hash": "0x" + keccak(code_at(web3, address)).hex(),
        "roles": read_roles(web3, entry["contract"], address),
    }
    store.save(record)
    store.clear_pending()
    return record


def _purpose(planned: Planned, plan: Plan) -> Record:
    """What a record says that the chain does not; kept with the pending transaction."""
    artifact = planned.artifact
    return {
        "step": f"deploy {artifact.name}",
        "contract": artifact.name,
        "network": plan.network,
        "facts": {
            "constructor_args": planned.arguments,
            "compiler": artifact.compiler,
            "source": artifact.source,
            "source_integrity": artifact.integrity,
            "creation_code_hash": artifact.creation_code_hash,
            "abi": f"src/cortensor/chain/abi/{artifact.name}.json",
            "git": git_state(),
        },
    }


def _creation(planned: Planned) -> bytes:
    artifact = planned.artifact
    inputs = abi.constructor_inputs(artifact.abi)
    return artifact.creation_code + abi.encode_json(inputs, planned.arguments)


def _refresh_roles(view: Inspection) -> dict[str, Record]:
    records = view.store.load_all()
    for name, record in records.items():
        roles: dict[str, Any] = read_roles(view.web3, name, record["address"])
        if roles != record["roles"]:
            record["roles"] = roles
            view.store.save(record)
    return records


def _summary(entry: Record) -> Record:
    return {
        "step": entry["step"],
        "tx_hash": entry["tx_hash"],
        "gas_used": entry["receipt"]["gasUsed"],
    }
