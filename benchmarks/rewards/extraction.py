# SPDX-License-Identifier: Apache-2.0
"""What it takes to read receipts of five replicas: held to their anchored leaves, made rows."""

from __future__ import annotations

from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING, Any

import msgspec

from cortensor.epochs.bodies import bodies_of
from cortensor.receipts.body import Body
from cortensor.receipts.keccak import to_hex
from cortensor.receipts.sign import address_of, sign
from cortensor.rewards.extract import collect
from cortensor.rewards.roster import Node, Roster
from cortensor.watch.leaves import make_leaf, read_batch, tree_of

if TYPE_CHECKING:
    from collections.abc import Iterator

VECTORS = Path(__file__).resolve().parents[2] / "tests" / "conformance" / "vectors"
KEY = "0x" + "a1" * 32
REPLICAS = 5
BATCH = 1_000
NODES = 10_007
WEI = 10**18


class Extraction(msgspec.Struct, frozen=True, kw_only=True):
    """CPU seconds by part, of so many receipts and rows.

    Attributes:
        receipts: how many.
        rows: how many came of them.
        leaves_s: to read the published batches and rebuild their trees.
        bodies_s: to check the signatures, and hold each body to its leaf.
        rows_s: to make rows of them, sorted and numbered.
    """

    receipts: int
    rows: int
    leaves_s: float
    bodies_s: float
    rows_s: float

    @property
    def each_us(self) -> int:
        """Microseconds a receipt."""
        return round((self.leaves_s + self.bodies_s + self.rows_s) * 1_000_000 / self.receipts)


def extraction(batches: int) -> Extraction:
    """Read so many batches of a thousand receipts each, as `gather` does once they are fetched."""
    roster = Roster(Node(1, number, True) for number in range(1, NODES))
    spent = {"made": 0.0, "leaves": 0.0, "bodies": 0.0}

    def receipts() -> Iterator[tuple[str, Body]]:
        for batch in range(batches):
            start = process_time()
            bodies = _made_up(batch)
            published, root = _published(bodies)
            domain, anchorer = bodies[0].domain(), address_of(KEY)
            raws = [body.canonical() for body in bodies]
            made = process_time()
            leaves = read_batch(published, root=root, anchorer=anchorer, count=BATCH, domain=domain)
            read = process_time()
            held = bodies_of(leaves, raws)
            spent["made"] += made - start
            spent["leaves"] += read - made
            spent["bodies"] += process_time() - read
            yield from held

    start = process_time()
    records = collect(receipts(), roster)
    whole = process_time() - start
    return Extraction(
        receipts=len(records.receipts),
        rows=len(records.frame),
        leaves_s=spent["leaves"],
        bodies_s=spent["bodies"],
        rows_s=whole - sum(spent.values()),
    )


def _made_up(batch: int) -> list[Body]:
    """Return a real receipt with five replicas a thousand times, of other nodes and tasks each."""
    vector = VECTORS / "good-validate-majority.json"
    real: dict[str, Any] = msgspec.json.decode(vector.read_bytes())["bundle"]["receipt"]
    consensus = real["consensus"] | {"winner": [0, 1, 2, 3], "dissent": [4]}
    bodies = []
    for number in range(batch * BATCH, (batch + 1) * BATCH):
        replicas = [
            real["replicas"][0]
            | {
                "index": index,
                "miner": f"0x{1 + (number * 7 + index) % (NODES - 1):040x}",
                "task_id": f"0x{number * REPLICAS + index:032x}",
            }
            for index in range(REPLICAS)
        ]
        changes = {
            "issued_at": real["issued_at"] + number,
            "replicas": replicas,
            "consensus": consensus,
        }
        bodies.append(Body.from_json(real | changes))
    return bodies


def _published(bodies: list[Body]) -> tuple[bytes, str]:
    """Return a batch as its router publishes it, and its root."""
    domain = bodies[0].domain()
    published, hashes = [], []
    for index, body in enumerate(bodies, 1):
        struct = body.struct()
        signature = sign(KEY, struct.digest(domain))
        hashes.append(make_leaf(struct, index, WEI, signature, domain, ("", "")).hashed)
        published.append(
            {
                "index": index,
                "cumulative": str(WEI),
                "charge": struct.to_json(),
                "signature": to_hex(signature),
            }
        )
    return msgspec.json.encode({"leaves": published}), to_hex(tree_of(hashes).root)
