# SPDX-License-Identifier: Apache-2.0
"""Receipts, bundles and batches for readers: what is public, and what needs the session's grant."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from cortensor.errors import NotFound, TooManyRequests
from cortensor.receipts.body import Body, ChainBlock
from cortensor.receipts.bundle import Anchor, Bundle, Evidence, RequestReveal
from cortensor.receipts.canonical import receipt_urn
from cortensor.receipts.disclose import detach, name_of
from cortensor.receipts.keccak import to_hex
from cortensor.receipts.merkle import StandardMerkleTree
from cortensor.router.anchor_schemas import AnchorStatus
from cortensor.router.schemas import BatchLeaf, BatchResponse, ReceiptResponse
from cortensor.store.calls import IN_THREADS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from cortensor.router.ports import LedgerPort, OutboxPort
    from cortensor.store.calls import Calls
    from cortensor.store.records import LeafRecord, ReceiptRecord

INLINE_BYTES = 64 * 1024
"""Texts whose UTF-8 is longer are beside the bundle: who wants the proof need not read them."""
TREES = 8
LONG_READINGS = 2
"""How many bundles or batches are put together at once; a batch has thousands of leaves."""
MOST_WAITING = 64
"""How many may be at that or wait for it."""


class Library:
    """Serves what was written.

    Args:
        ledger: receipts.
        outbox: batches.
        anchorer: the router's settler address, under which batches are anchored.
        calls: how the store is called.
    """

    def __init__(
        self, ledger: LedgerPort, outbox: OutboxPort, anchorer: str, calls: Calls = IN_THREADS
    ) -> None:
        self._calls = calls
        self._long = asyncio.Semaphore(LONG_READINGS)
        self._waiting = 0
        self._ledger = ledger
        self._outbox = outbox
        self._anchorer = anchorer.lower()
        self._trees: OrderedDict[str, StandardMerkleTree] = OrderedDict()

    async def record(self, receipt_id: str) -> ReceiptRecord:
        """Return a stored receipt. Raises NotFound."""
        record = await self._calls.read(self._ledger.receipt, receipt_id)
        if record is None:
            raise NotFound("no receipt has this id", field="receipt_id", code="unknown_receipt")
        return record

    async def receipt(self, record: ReceiptRecord, *, granted: bool) -> ReceiptResponse:
        """Return a receipt as the API shows it; its body only to whom it was `granted`."""
        body = msgspec.json.decode(record.body)
        return ReceiptResponse(
            receipt_id=receipt_urn(record.receipt_id),
            receipt=body if granted else None,
            chain=msgspec.convert(body["chain"], ChainBlock),
            charge=msgspec.json.decode(record.struct),
            digest=record.digest,
            signature=record.signature,
            anchor=await self._calls.read(self._status, record.receipt_id),
        )

    async def bundle(self, record: ReceiptRecord) -> dict[str, Any]:
        """Return a receipt's bundle, with outputs, salts and request: for the session's holder."""
        async with self._turn():
            return await asyncio.to_thread(self._bundle, record)

    async def text(self, record: ReceiptRecord, name: str) -> str:
        """Return a text of a receipt by the hash of its UTF-8: for the session's holder.

        Raises:
            NotFound: it has no such text.
        """
        async with self._turn():
            return await asyncio.to_thread(_text, record, name)

    async def batch(self, root: str) -> BatchResponse:
        """Return a batch with every leaf. Raises NotFound."""
        async with self._turn():
            return await asyncio.to_thread(self._batch, root)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Wait for a turn to put something long together. Raises TooManyRequests."""
        if self._waiting >= MOST_WAITING:
            raise TooManyRequests("too many long readings at once; try again", code="overloaded")
        self._waiting += 1
        try:
            async with self._long:
                yield
        finally:
            self._waiting -= 1

    def _status(self, receipt_id: str) -> AnchorStatus:
        leaf = self._outbox.leaf(receipt_id)
        batch = self._outbox.batch(leaf.batch) if leaf else None
        if leaf is None or batch is None:
            return AnchorStatus(state="waiting")
        return AnchorStatus(
            state=batch.state,
            root=batch.root,
            index=leaf.index,
            cumulative=str(leaf.cumulative),
            tx_hash=batch.tx_hash,
            block=batch.block_number,
            finality=batch.finality,
        )

    def _bundle(self, record: ReceiptRecord) -> dict[str, Any]:
        card = self._ledger.card(record.version)
        if card is None:
            raise NotFound("the rate card is not stored", code="unknown_card")
        shown = Bundle(
            format="cortensor-bundle/1",
            receipt=msgspec.json.decode(record.body, type=Body),
            receipt_id=record.receipt_id,
            charge=msgspec.json.decode(record.struct),
            signature=record.signature,
            evidence=msgspec.json.decode(record.evidence, type=list[Evidence]),
            request=msgspec.json.decode(record.request, type=RequestReveal),
            card=msgspec.json.decode(card),
            surcharge_bps=record.surcharge_bps,
            anchor=self._anchor(record.receipt_id),
        )
        return detach(shown, INLINE_BYTES)[0].to_json()

    def _anchor(self, receipt_id: str) -> Anchor | None:
        leaf = self._outbox.leaf(receipt_id)
        batch = self._outbox.batch(leaf.batch) if leaf else None
        if leaf is None or batch is None or batch.state != "confirmed":
            return None
        return Anchor(
            index=leaf.index,
            cumulative=str(leaf.cumulative),
            leaf=leaf.leaf,
            proof=[to_hex(node) for node in self._tree(leaf).proof(leaf.position)],
            root=batch.root,
            anchorer=self._anchorer,
            count=batch.count,
            uri=batch.uri,
            tx_hash=batch.tx_hash,
        )

    def _tree(self, leaf: LeafRecord) -> StandardMerkleTree:
        known = self._trees.get(leaf.batch)
        if known is None:
            leaves = self._outbox.leaves(leaf.batch)
            known = StandardMerkleTree([bytes.fromhex(item.leaf[2:]) for item in leaves])
            self._trees[leaf.batch] = known
            if len(self._trees) > TREES:
                self._trees.popitem(last=False)
        return known

    def _batch(self, root: str) -> BatchResponse:
        batch = self._outbox.batch(root.lower())
        if batch is None:
            raise NotFound("no batch has this root", field="root", code="unknown_batch")
        signed = self._outbox.signed(batch.root)
        return BatchResponse(
            root=batch.root,
            version=batch.version,
            count=batch.count,
            uri=batch.uri,
            state=batch.state,
            tx_hash=batch.tx_hash,
            leaves=[
                BatchLeaf(
                    position=leaf.position,
                    receipt_id=leaf.receipt_id,
                    session_id=leaf.session,
                    digest=signed[leaf.receipt_id].digest,
                    index=leaf.index,
                    cumulative=str(leaf.cumulative),
                    leaf=leaf.leaf,
                    charge=msgspec.json.decode(signed[leaf.receipt_id].struct),
                    signature=signed[leaf.receipt_id].signature,
                )
                for leaf in self._outbox.leaves(batch.root)
            ],
        )


def _text(record: ReceiptRecord, name: str) -> str:
    evidence = msgspec.json.decode(record.evidence, type=list[Evidence])
    request = msgspec.json.decode(record.request, type=RequestReveal)
    for text in (request.canonical, *(item.replica.output for item in evidence)):
        if isinstance(text, str) and name_of(text) == name:
            return text
    raise NotFound("the receipt has no text of this hash", field="keccak256", code="unknown_text")
