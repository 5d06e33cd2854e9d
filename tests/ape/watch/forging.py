# SPDX-License-Identifier: Apache-2.0
"""What a dishonest router writes into its own ledger, to settle and publish with the rest."""

from __future__ import annotations

import secrets
import time

import msgspec

from cortensor.receipts.keccak import to_hex
from cortensor.receipts.sign import sign
from cortensor.receipts.typed import ReceiptStruct
from tests.ape.watch.world import VOUCHER, Session, World, hex_key

OVERCHARGE_WEI = 10**15
"""Whole micro-COR, so that stake is refunded all of it."""


def bill_again(world: World, session: Session, *, dearer_by: int = 0) -> None:
    """Charge a session for a request that nobody made, like its first but for the price.

    The receipt is signed with the router's key and goes through its own ledger and outbox. A
    voucher payer who trusts the total signs it.

    Args:
        world: where.
        session: has a charge already.
        dearer_by: wei above the quote.
    """
    with world.store() as store:
        row = store.database.row(
            "SELECT receipt_id FROM receipts WHERE session = ? ORDER BY seq LIMIT 1", session.name
        )
        honest = store.ledger.receipt(row["receipt_id"])
        struct = ReceiptStruct.from_json(msgspec.json.decode(honest.struct))
        forged = msgspec.structs.replace(
            struct,
            receipt_id=secrets.token_bytes(32),
            request_commitment=secrets.token_bytes(32),
            charge=struct.charge + dearer_by,
        )
        digest = forged.digest(world.money.domain)
        record = msgspec.structs.replace(
            honest,
            receipt_id=to_hex(forged.receipt_id),
            charge=forged.charge,
            digest=to_hex(digest),
            signature=to_hex(sign(hex_key(world.money.settler), digest)),
            struct=msgspec.json.encode(forged.to_json()),
            created_at=int(time.time()),
            request_commitment=to_hex(forged.request_commitment),
            authorization=None,
        )
        name, card = secrets.token_hex(16), store.ledger.card(honest.version)
        store.ledger.reserve(session.name, name, forged.charge, record.created_at)
        total = store.ledger.commit(name, record, (200, b"{}"), None, card)
        session.charges.append(forged.charge)
        if session.funding == VOUCHER:
            signature = world.voucher(session, total)
            store.vouchers.accept(session.name, total, signature, record.created_at)
