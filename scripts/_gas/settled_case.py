# SPDX-License-Identifier: Apache-2.0
"""Sessions that were settled with something wrong, and the leaves that show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from cortensor.pricing import Terms, Usage, quote
from cortensor.receipts.keccak import to_hex
from cortensor.receipts.merkle import StandardMerkleTree, receipt_leaf
from cortensor.receipts.typed import Domain, ReceiptStruct
from scripts._gas.bench import Bench

DEPTH = 10
TOO_MUCH_WEI = 10**16
OTHERS_WEI = 10**18
BURN_ADDRESS = "0x000000000000000000000000000000000000dEaD"
Entry = tuple[ReceiptStruct, int, int]
"""A receipt, its index in the session, and the session's total after it in wei."""


@dataclass(frozen=True)
class Case:
    """A settled session.

    Attributes:
        session: its id.
        leaves: as the contract takes them.
        batches: the words of what moved in its bucket, its own in the last batch.
    """

    session: int
    leaves: list[dict[str, Any]]
    batches: list[list[int]]


def settled(
    bench: Bench,
    excess: tuple[int, int] = (0, 0),
    *,
    gap: int = 0,
    indexes: tuple[int, int] = (1, 2),
    is_one_request: bool = False,
) -> Case:
    """Settle a session's two receipts in a batch of 1,024.

    Args:
        bench: the contracts.
        excess: wei by which each is too dear.
        gap: wei by which the second's total is too high.
        indexes: theirs in the session.
        is_one_request: whether both charge for the same request.
    """
    # Somebody else's money of this bucket is pending as well.
    bench.next_bucket()
    other, _ = bench.open(bench.actors.payer)
    bench.settle({other: OTHERS_WEI})
    session, _ = bench.open(bench.actors.payer, session_key=bench.session_key.address)
    entries = _entries(bench, session, excess, gap, indexes, is_one_request)
    root, leaves = _anchorable(bench, entries)
    total = entries[-1][2]
    bench.settle({session: total}, root)
    return Case(session, leaves, [[other << 96 | OTHERS_WEI], [session << 96 | total]])


def settled_from_stake(bench: Bench, session: int, too_much: int) -> dict[str, Any]:
    """Settle a stake session's first receipt, too dear by so many wei; return its leaf."""
    entries = _entries(bench, session, (too_much,), 0, (1,), False)
    root, leaves = _anchorable(bench, entries)
    bench.settle_stake({session: entries[-1][2]}, root)
    return leaves[0]


def _entries(
    bench: Bench,
    session: int,
    excess: Sequence[int],
    gap: int,
    indexes: Sequence[int],
    is_one_request: bool,
) -> list[Entry]:
    """Return receipts with their index and the total after each."""
    total = 0
    entries: list[Entry] = []
    for index, too_much in zip(indexes, excess, strict=True):
        receipt = _receipt(bench, session, too_much)
        if is_one_request and entries:
            same = entries[0][0].request_commitment
            receipt = msgspec.structs.replace(receipt, request_commitment=same)
        total += receipt.charge + (gap if entries else 0)
        entries.append((receipt, index, total))
    return entries


def _anchorable(bench: Bench, entries: Sequence[Entry]) -> tuple[bytes, list[dict[str, Any]]]:
    """Return the root of a batch of 1,024 with these receipts, and the leaves of them."""
    domain = Domain(bench.chain_id, bench.payment.address)
    hashes = [receipt_leaf(receipt.digest(domain), *rest) for receipt, *rest in entries]
    hashes += [bench.word() for _ in range(2**DEPTH - len(hashes))]
    tree = StandardMerkleTree(hashes)
    leaves = [
        _leaf(bench, *entry, tree.root, tree.proof(place)) for place, entry in enumerate(entries)
    ]
    return tree.root, leaves


def _receipt(bench: Bench, session: int, too_much: int) -> ReceiptStruct:
    terms = Terms(model_class=1, sla_tier=2, replicas=3, surcharge_cap_bps=2_000)
    usage = Usage(input_units=1_500, output_units=900)
    charge = quote(bench.card, 0, terms, usage).total + too_much
    return ReceiptStruct(
        receipt_id=bench.word(),
        session=session,
        version=1,
        surcharge_epoch=0,
        terms=terms.pack(),
        usage=usage.pack(),
        charge=charge,
        request_commitment=bench.word(),
        outcome=1,
        confidence_bps=9_000,
        issued_at=bench.now(),
    )


def _leaf(
    bench: Bench,
    receipt: ReceiptStruct,
    index: int,
    cumulative: int,
    root: bytes,
    proof: Sequence[bytes],
) -> dict[str, Any]:
    if len(proof) != DEPTH:
        raise AssertionError("the tree of the scenario has another depth")
    return {
        "receipt": msgspec.structs.asdict(receipt),
        "index": index,
        "cumulative": cumulative,
        "anchorer": bench.actors.settler,
        "root": root,
        "proof": [to_hex(word) for word in proof],
    }
