# SPDX-License-Identifier: Apache-2.0
"""Which contract is at which address: from deployment records or given inline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct
from web3 import Web3

from cortensor.errors import InvalidInput

if TYPE_CHECKING:
    from pathlib import Path

SESSION_PAYMENT = "SessionPayment"
TABLE = "SessionPaymentTable"
ANCHOR = "ReceiptAnchor"
STAKE_POOL = "StakePool"
STAKE_QUOTA = "StakeQuota"
SETTLEMENT_DISPUTE = "SettlementDispute"
NODE_REPUTATION = "NodeReputation"
NODE_REWARD = "NodeReward"
REQUIRED = (SESSION_PAYMENT, TABLE, ANCHOR, STAKE_POOL, STAKE_QUOTA, SETTLEMENT_DISPUTE)


class _Record(Struct):
    """The fields of a deployment record that an address book needs."""

    contract: str
    address: str
    chain_id: int | None = None
    block_number: int = 0


class AddressBook(Struct, frozen=True):
    """The contracts a router works with; addresses are checksummed.

    `chain_id` is the one the records name, to be compared with the node's; None if they do not.
    Deployment records name the first six contracts; addresses given inline may be the first three
    alone. The register of nodes and NodeReward are None where the records are from before there
    were any; NodeReward itself names the fund, the table and the challenges that it works with.
    `first_block` is where reading logs begins: the first record's block, or 0.
    """

    session_payment: str
    table: str
    receipt_anchor: str
    chain_id: int | None = None
    stake_pool: str | None = None
    stake_quota: str | None = None
    settlement_dispute: str | None = None
    node_reputation: str | None = None
    node_reward: str | None = None
    first_block: int = 0

    @classmethod
    def of(
        cls,
        session_payment: str,
        table: str,
        receipt_anchor: str,
        chain_id: int | None = None,
        *,
        stake_pool: str | None = None,
        stake_quota: str | None = None,
        settlement_dispute: str | None = None,
        node_reputation: str | None = None,
        node_reward: str | None = None,
        first_block: int = 0,
    ) -> AddressBook:
        """Return a book of addresses in any case.

        Raises:
            InvalidInput: one is no address.
        """

        def checked(name: str, address: str) -> str:
            if not Web3.is_address(address):
                raise InvalidInput(f"{address[:64]!r} is no address", field=f"addresses.{name}")
            return str(Web3.to_checksum_address(address))

        def optional(name: str, address: str | None) -> str | None:
            return None if address is None else checked(name, address)

        return cls(
            session_payment=checked("session_payment", session_payment),
            table=checked("table", table),
            receipt_anchor=checked("anchor", receipt_anchor),
            chain_id=chain_id,
            stake_pool=optional("stake_pool", stake_pool),
            stake_quota=optional("stake_quota", stake_quota),
            settlement_dispute=optional("settlement_dispute", settlement_dispute),
            node_reputation=optional("node_reputation", node_reputation),
            node_reward=optional("node_reward", node_reward),
            first_block=first_block,
        )

    @classmethod
    def load(cls, folder: Path) -> AddressBook:
        """Read a folder of deployment records (`deployments/<network>/*.json`).

        Raises:
            InvalidInput: a record is unreadable, missing, or given twice with two addresses.
        """
        found: dict[str, str] = {}
        chain_ids: set[int] = set()
        blocks: list[int] = []
        if not folder.is_dir():
            raise InvalidInput(f"no folder {folder}", field="deployments")
        for path in sorted(folder.glob("*.json")):
            try:
                record = msgspec.json.decode(path.read_bytes(), type=_Record)
            except (OSError, msgspec.DecodeError):
                continue  # manifests and notes may lie beside the records
            known = found.setdefault(record.contract, record.address)
            if known.lower() != record.address.lower():
                raise InvalidInput(f"{record.contract} is recorded twice", field="deployments")
            if record.chain_id is not None:
                chain_ids.add(record.chain_id)
            blocks.append(record.block_number)
        for name in REQUIRED:
            if name not in found:
                raise InvalidInput(f"{folder} has no record of {name}", field="deployments")
        if len(chain_ids) > 1:
            raise InvalidInput(f"{folder} mixes chains {sorted(chain_ids)}", field="deployments")
        return cls.of(
            found[SESSION_PAYMENT],
            found[TABLE],
            found[ANCHOR],
            next(iter(chain_ids), None),
            stake_pool=found[STAKE_POOL],
            stake_quota=found[STAKE_QUOTA],
            settlement_dispute=found[SETTLEMENT_DISPUTE],
            node_reputation=found.get(NODE_REPUTATION),
            node_reward=found.get(NODE_REWARD),
            first_block=min(blocks),
        )
