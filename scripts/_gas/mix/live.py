# SPDX-License-Identifier: Apache-2.0
"""A session of the mix while it lives: its receipts, and where they are anchored."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from cortensor.gas.allotment import Bearer
from cortensor.pricing import Terms, Usage, quote
from cortensor.receipts.merkle import StandardMerkleTree, receipt_leaf
from cortensor.receipts.typed import Domain, ReceiptStruct
from scripts._gas.bench import Bench
from scripts._gas.mix.plan import Planned, Request
from scripts._gas.mix.weights import CHALLENGED

TOO_MUCH_WEI = 10**16
AGENT = 0


@dataclass(frozen=True)
class Settled:
    """The batch in which a session's last receipts are.

    Attributes:
        tree: of all its receipts.
        leaf: which of its leaves is the session's last.
        bucket: where its money became pending.
        place: which batch of the bucket it was, of those that move sessions' own money.
    """

    tree: StandardMerkleTree
    leaf: int
    bucket: int
    place: int


@dataclass
class Live:
    """A session.

    Attributes:
        plan: what it does.
        number: its id on chain.
        payer: who opened it.
        bearer: who bears its costs in tables.
        total: wei charged so far.
        receipts: each with its index and the total with it.
        settled: its last batch.
        asked: payload and salt of the request for validation that its last receipt is for.
    """

    plan: Planned
    number: int
    payer: str
    bearer: Bearer
    total: int = 0
    receipts: list[tuple[ReceiptStruct, int, int]] = field(default_factory=list)
    settled: Settled | None = None
    asked: tuple[bytes, bytes] | None = None

    def serve(self, bench: Bench, requests: tuple[Request, ...], *, is_last: bool) -> list[bytes]:
        """Answer requests; return the leaves.

        Args:
            bench: whose card and clock count.
            requests: in order.
            is_last: whether the session's last are among them.
        """
        domain = Domain(bench.chain_id, bench.payment.address)
        now = bench.now()
        leaves = []
        for number, request in enumerate(requests, start=1):
            is_final = is_last and number == len(requests)
            receipt = self._receipt(bench, request, now, is_final=is_final)
            self.total += receipt.charge
            index = len(self.receipts) + 1
            self.receipts.append((receipt, index, self.total))
            leaves.append(receipt_leaf(receipt.digest(domain), index, self.total))
        return leaves

    def leaf(self, bench: Bench) -> dict[str, Any]:
        """Return its last receipt as contracts take it."""
        if self.settled is None:
            raise AssertionError("the session has settled nothing")
        receipt, index, total = self.receipts[-1]
        tree = self.settled.tree
        return {
            "receipt": msgspec.structs.asdict(receipt),
            "index": index,
            "cumulative": total,
            "anchorer": bench.actors.settler,
            "root": tree.root,
            "proof": tree.proof(self.settled.leaf),
        }

    def _receipt(
        self, bench: Bench, request: Request, now: int, *, is_final: bool
    ) -> ReceiptStruct:
        terms = Terms(replicas=request.replicas, surcharge_cap_bps=2_000)
        usage = Usage(
            input_units=request.input_tokens * request.replicas,
            output_units=request.output_tokens * request.replicas,
        )
        charge = quote(bench.card, 0, terms, usage).total
        if is_final and self.plan.path == CHALLENGED:
            charge += TOO_MUCH_WEI
        return ReceiptStruct(
            receipt_id=bench.word(),
            session=self.number,
            version=1,
            surcharge_epoch=0,
            terms=terms.pack(),
            usage=usage.pack(),
            charge=charge,
            request_commitment=bench.word(),
            subject=self._subject(bench) if is_final else bytes(32),
            outcome=1,
            confidence_bps=9_000,
            issued_at=now,
        )

    def _subject(self, bench: Bench) -> bytes:
        if self.asked is None:
            return bytes(32)
        call = bench.validator.functions
        request = call.request_of(AGENT, *self.asked).call()
        return bytes(call.self_subject_of(AGENT, request).call())
