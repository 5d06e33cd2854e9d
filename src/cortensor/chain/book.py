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


class _Record(Struct):
    """The two fields of a deployment record that an address book needs."""

    contract: str
    address: str
    chain_id: int | None = None


class AddressBook(Struct, frozen=True):
    """The contracts a router works with; addresses are checksummed.

    `chain_id` is the one the records name, to be compared with the node's; None if they do not.
    """

    session_payment: str
    table: str
    receipt_anchor: str
    chain_id: int | None = None

    @classmethod
    def of(
        cls, session_payment: str, table: str, receipt_anchor: str, chain_id: int | None = None
    ) -> AddressBook:
        """Return a book of addresses in any case.

        Raises:
            InvalidInput: one is no address.
        """
        given = {"session_payment": session_payment, "table": table, "anchor": receipt_anchor}
        for name, address in given.items():
            if not Web3.is_address(address):
                raise InvalidInput(f"{address[:64]!r} is no address", field=f"addresses.{name}")
        checked = [Web3.to_checksum_address(address) for address in given.values()]
        return cls(checked[0], checked[1], checked[2], chain_id)

    @classmethod
    def load(cls, folder: Path) -> AddressBook:
        """Read a folder of deployment records (`deployments/<network>/*.json`).

        Raises:
            InvalidInput: a record is unreadable, missing, or given twice with two addresses.
        """
        found: dict[str, str] = {}
        chain_ids: set[int] = set()
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
        for name in (SESSION_PAYMENT, TABLE, ANCHOR):
            if name not in found:
                raise InvalidInput(f"{folder} has no record of {name}", field="deployments")
        if len(chain_ids) > 1:
            raise InvalidInput(f"{folder} mixes chains {sorted(chain_ids)}", field="deployments")
        return cls.of(
            found[SESSION_PAYMENT], found[TABLE], found[ANCHOR], next(iter(chain_ids), None)
        )
