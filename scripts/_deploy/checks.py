# SPDX-License-Identifier: Apache-2.0
"""Verification: is what runs on chain what these sources compile to, with the recorded arguments?

The code on chain is compared byte for byte, immutables included: the creation code with the
recorded arguments is executed by `eth_call` at the recorded address (a state override puts it there
with empty storage), and what it returns must be what the chain has.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from eth_utils import keccak, to_checksum_address
from web3 import Web3
from web3.exceptions import TransactionNotFound, Web3Exception

from cortensor.chain.erc8004 import CANONICAL, IDENTITY, REPUTATION, VALIDATION
from cortensor.errors import Error
from scripts._deploy import abi
from scripts._deploy.arguments import VALIDATOR
from scripts._deploy.bindings import bindings, contract_at
from scripts._deploy.compiler import Artifact, compile_contract
from scripts._deploy.config import REWARD_FUND
from scripts._deploy.plan import code_at
from scripts._deploy.records import Record
from scripts._deploy.wiring import read_roles

OK, FAILED = "ok", "failed"

# Constructor arguments that the contract shows as immutables, and the getter of each.
_GETTERS = {
    "SessionPaymentTable": {"publication_delay_seconds": "PUBLICATION_DELAY_SECONDS"},
    "SessionPayment": {
        "token": "TOKEN",
        "table": "TABLE",
        "anchor": "ANCHOR",
        "pool": "POOL",
        "quota": "QUOTA",
        "settle_window_seconds": "SETTLE_WINDOW_SECONDS",
        "challenge_window_seconds": "CHALLENGE_WINDOW_SECONDS",
        "bucket_seconds": "BUCKET_SECONDS",
    },
    "StakePool": {
        "token": "TOKEN",
        "cooldown_seconds": "COOLDOWN_SECONDS",
        "node_stake_wei": "NODE_STAKE_WEI",
        "min_bond_wei": "MIN_BOND_WEI",
        "cover_bps": "COVER_BPS",
        "slash_cap_bps": "SLASH_CAP_BPS",
        "appeal_seconds": "APPEAL_SECONDS",
        "resolve_seconds": "RESOLVE_SECONDS",
    },
    "StakeQuota": {"token": "TOKEN", "cooldown_seconds": "COOLDOWN_SECONDS"},
    "SettlementDispute": {
        "payment": "PAYMENT",
        "penalty_wei": "PENALTY_WEI",
        "deposit_wei": "DEPOSIT_WEI",
        "answer_seconds": "ANSWER_SECONDS",
        "grace_seconds": "GRACE_SECONDS",
    },
    "NodeReputation": {
        "pool": "POOL",
        "rejoin_seconds": "REJOIN_SECONDS",
        "appeal_seconds": "APPEAL_SECONDS",
        "resolve_seconds": "RESOLVE_SECONDS",
    },
    "RewardFund": {"binder": "BINDER", "token": "TOKEN"},
    "RewardTable": {"delay_seconds": "CARD_DELAY_SECONDS"},
    "NodeReward": {
        "fund": "FUND",
        "reputation": "REPUTATION",
        "table": "TABLE",
        "bond_wei": "BOND_WEI",
    },
    "RewardDispute": {"reward": "REWARD"},
    REPUTATION: {"identity": "getIdentityRegistry"},
    VALIDATION: {"identity": "getIdentityRegistry"},
    VALIDATOR: {"payment": "PAYMENT", "validation": "VALIDATION"},
}

# Contract, constructor argument, and the contract that it must be: ours, or a canonical one.
_POINTERS = (
    ("SessionPayment", "table", "SessionPaymentTable"),
    ("SessionPayment", "anchor", "ReceiptAnchor"),
    ("SessionPayment", "pool", "StakePool"),
    ("SessionPayment", "quota", "StakeQuota"),
    ("SettlementDispute", "payment", "SessionPayment"),
    ("NodeReputation", "pool", "StakePool"),
    ("NodeReward", "fund", "RewardFund"),
    ("NodeReward", "reputation", "NodeReputation"),
    ("NodeReward", "table", "RewardTable"),
    ("RewardDispute", "reward", "NodeReward"),
    (REPUTATION, "identity", IDENTITY),
    (VALIDATION, "identity", IDENTITY),
    (VALIDATOR, "payment", "SessionPayment"),
    (VALIDATOR, "validation", VALIDATION),
)


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        contract: the contract's name.
        name: what was compared.
        status: ok or failed.
        detail: what was found.
    """

    contract: str
    name: str
    status: str
    detail: str


def verify_record(web3: Web3, record: Record, *, fresh: bool = True) -> list[Check]:
    """Check one record against the chain and the sources.

    Args:
        web3: the node.
        record: the record.
        fresh: compile now, instead of taking what the same sources gave before.
    """
    name = record["contract"]
    artifact = compile_contract(name, fresh=fresh)
    checks = [Check(name, *found) for found in _checks(web3, record, artifact)]
    if any(check.status == FAILED and check.name == "code" for check in checks):
        # Calls into other code would say nothing.
        return checks
    return checks + [Check(name, *found) for found in _state_checks(web3, record, artifact)]


def verify_wiring(web3: Web3, records: dict[str, Record]) -> list[Check]:
    """Check that the contracts point at each other and that every settler can anchor and settle."""
    payment, anchor = records.get("SessionPayment"), records.get("ReceiptAnchor")
    if payment is None or anchor is None:
        return []
    addresses = {name: record["address"] for name, record in records.items()}
    canonical = {
        IDENTITY: {one.identity for one in CANONICAL},
        VALIDATION: {one.validation for one in CANONICAL},
    }
    checks = []
    for name, argument, target in _POINTERS:
        if name in records:
            found = records[name]["constructor_args"][argument]
            is_canonical = target not in records and found in canonical.get(target, ())
            expected = found if is_canonical else addresses.get(target, "no record")
            checks.append(_same(name, f"{argument} is {target}", found, expected))
    for name, address in addresses.items():
        for target, found in bindings(web3, name, address).items():
            expected = addresses.get(target, "no record")
            checks.append(_same(name, f"bound to {target}", found, expected))
    for role, settler in payment["roles"].items():
        if role.startswith("settler_"):
            checks += _settler_checks(web3, addresses, role, settler)
    return checks


def verify_node_pot(records: dict[str, Record], recipient: str) -> list[Check]:
    """Check that the node pot is paid to whom the configuration says, where that is the fund.

    Args:
        records: the records, whose roles were compared with the chain.
        recipient: `roles.node_pot` of the configuration.
    """
    if recipient != REWARD_FUND or "SessionPayment" not in records:
        return []
    found = records["SessionPayment"]["roles"].get("node_pot", "nobody")
    fund = records.get("RewardFund", {}).get("address", "no record")
    return [_same("SessionPayment", "node_pot is RewardFund", found, fund)]


def _settler_checks(
    web3: Web3, addresses: dict[str, str], role: str, settler: str
) -> Iterator[Check]:
    anchor = contract_at(web3, "ReceiptAnchor", addresses["ReceiptAnchor"]).functions
    try:
        is_allowed = anchor.is_authorised(settler, addresses["SessionPayment"]).call()
    except (Web3Exception, ValueError) as error:
        yield Check("ReceiptAnchor", f"{role} authorised", FAILED, str(error)[:80])
        return
    status = OK if is_allowed else FAILED
    detail = settler if is_allowed else f"{settler} has not authorised SessionPayment"
    yield Check("ReceiptAnchor", f"{role} authorised", status, detail)
    if "StakePool" not in addresses:
        return
    pool = contract_at(web3, "StakePool", addresses["StakePool"]).functions
    cover = pool.cover(int(role.removeprefix("settler_"))).call()
    status = OK if cover else FAILED
    detail = f"covers {cover} wei" if cover else "no bond, or below the minimum: it cannot settle"
    yield Check("StakePool", f"{role} bonded", status, detail)


def expected_code(web3: Web3, record: Record, artifact: Artifact) -> bytes:
    """Return the runtime code, immutables included, that the recorded arguments give.

    Raises:
        Web3Exception, ValueError: if the node refuses the call or the constructor reverts.
    """
    initcode = artifact.creation_code + abi.encode_json(
        abi.constructor_inputs(artifact.abi), record["constructor_args"]
    )
    address = to_checksum_address(record["address"])
    # Empty storage, as at creation; at the recorded address, so that immutables that hold the
    # contract's own address (EIP-712 separators) come out the same.
    override: Any = {address: {"code": "0x" + initcode.hex(), "state": {}, "nonce": "0x1"}}
    call: Any = {"from": to_checksum_address(record["deployer"]), "to": address, "data": "0x"}
    return bytes(web3.eth.call(call, "latest", override))


def _checks(web3: Web3, record: Record, artifact: Artifact) -> Iterator[tuple[str, str, str]]:
    yield _pair("chain id", web3.eth.chain_id, record["chain_id"])
    yield _pair("source integrity", artifact.integrity, record["source_integrity"])
    yield _pair("compiler", _compiler(artifact.compiler), _compiler(record["compiler"]))
    code = code_at(web3, record["address"])
    yield _pair("code hash", "0x" + keccak(code).hex(), record["code_hash"])
    yield _code_check(web3, record, artifact, code)
    yield _transaction_check(web3, record, artifact)


def _code_check(
    web3: Web3, record: Record, artifact: Artifact, code: bytes
) -> tuple[str, str, str]:
    if not code:
        return "code", FAILED, f"no code at {record['address']}"
    try:
        expected = expected_code(web3, record, artifact)
    except (Error, Web3Exception, ValueError) as error:
        return "code", FAILED, f"the creation code could not be executed: {error}"
    if code == expected:
        immutables = len(code) - len(artifact.runtime_code)
        return "code", OK, f"{len(code):,} bytes equal, {immutables} of them immutables"
    at = next(
        (i for i, (a, b) in enumerate(zip(code, expected, strict=False)) if a != b),
        min(len(code), len(expected)),
    )
    where = "code" if at < len(artifact.runtime_code) else "immutables"
    sizes = f"{len(code):,} bytes on chain, {len(expected):,} expected"
    return "code", FAILED, f"differs from byte {at:,} ({where}); {sizes}"


def _transaction_check(web3: Web3, record: Record, artifact: Artifact) -> tuple[str, str, str]:
    """The creating transaction carried this very code with these very arguments."""
    try:
        transaction = web3.eth.get_transaction(record["tx_hash"])
        receipt = web3.eth.get_transaction_receipt(record["tx_hash"])
    except TransactionNotFound:
        return "creation", FAILED, f"no transaction {record['tx_hash']}"
    initcode = artifact.creation_code + abi.encode_json(
        abi.constructor_inputs(artifact.abi), record["constructor_args"]
    )
    if bytes(transaction["input"]) != initcode:
        return "creation", FAILED, "the transaction carried other code or arguments"
    if receipt["contractAddress"] != record["address"]:
        return "creation", FAILED, f"the transaction created {receipt['contractAddress']}"
    if receipt["blockNumber"] != record["block_number"]:
        return "creation", FAILED, f"it is in block {receipt['blockNumber']}"
    return "creation", OK, f"block {record['block_number']}, {record['tx_hash']}"


def _state_checks(web3: Web3, record: Record, artifact: Artifact) -> Iterator[tuple[str, str, str]]:
    name = record["contract"]
    view = contract_at(web3, name, record["address"]).functions
    inputs = {entry["name"]: entry for entry in abi.constructor_inputs(artifact.abi)}
    for argument, getter in _GETTERS.get(name, {}).items():
        found = abi.to_json(inputs[argument], view[getter]().call())
        yield _pair(f"argument {argument}", found, record["constructor_args"][argument])
    if name == "NodeReward":
        for field, value in record["constructor_args"]["windows"].items():
            yield _pair(f"argument windows.{field}", str(view[field.upper()]().call()), value)
    if name in ("SessionPaymentTable", "RewardTable"):
        card = abi.to_json(inputs["first_card"], view.card(1).call())
        is_same = card == record["constructor_args"]["first_card"]
        detail = "card 1 equal" if is_same else "card 1 differs"
        yield "argument first_card", OK if is_same else FAILED, detail
    found_roles = read_roles(web3, name, record["address"])
    for role in sorted(found_roles.keys() | record["roles"].keys()):
        yield _pair(
            f"role {role}", found_roles.get(role, "nobody"), record["roles"].get(role, "nobody")
        )


def _compiler(facts: dict[str, Any]) -> str:
    return f"{facts['name']} {facts['version']} {facts['evm_version']} {facts['optimize']}"


def _pair(name: str, found: object, expected: object) -> tuple[str, str, str]:
    if found == expected:
        return name, OK, str(found)
    return name, FAILED, f"{found}, recorded {expected}"


def _same(contract: str, name: str, found: object, expected: object) -> Check:
    return Check(contract, *_pair(name, found, expected))
