# SPDX-License-Identifier: Apache-2.0
"""What settlement cost, by session, route or validation path. Reads the ledger and writes nothing.

A route is how a request was served: endpoint, model class and compute sessions. A path is how its
answer was checked: strategy, replicas and levels of validation.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Literal, Self
from urllib.parse import quote

import msgspec
from msgspec import Struct

from cortensor.errors import InvalidInput, Unavailable
from cortensor.pricing import MODEL_CLASSES, Terms
from cortensor.pricing.attribution import attribute

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

By = Literal["session", "route", "path"]
BUSY_TIMEOUT_S = 10.0
WEI = 10**18
BPS = 10_000


class CostLine(Struct, frozen=True):
    """What one session, route or path was charged and cost; wei of COR and wei of ETH."""

    name: str
    receipts: int
    charged_wei: int
    gas: int
    fee_wei: int

    @property
    def fee_per_receipt_wei(self) -> int:
        """Wei of ETH, rounded down."""
        return self.fee_wei // self.receipts if self.receipts else 0

    @property
    def fee_per_cor_wei(self) -> int:
        """Wei of ETH for each COR charged, rounded down."""
        return self.fee_wei * WEI // self.charged_wei if self.charged_wei else 0

    def share_bps(self, cor_per_eth_wei: int) -> int:
        """Return the fee as a share of the charge, in 1/10000, at a price of ETH in COR."""
        return self.fee_per_cor_wei * cor_per_eth_wei * BPS // WEI**2

    def plus(self, charge: int, gas: int, fee: int) -> CostLine:
        """Return the line with one receipt more."""
        return CostLine(
            name=self.name,
            receipts=self.receipts + 1,
            charged_wei=self.charged_wei + charge,
            gas=self.gas + gas,
            fee_wei=self.fee_wei + fee,
        )


class _Replica(Struct):
    session_id: str


class _Consensus(Struct):
    strategy: str
    replicas_requested: int


class _Bill(Struct):
    terms: str


class _Body(Struct):
    """What of a receipt's body says how it was made."""

    endpoint: str
    replicas: list[_Replica]
    consensus: _Consensus
    bill: _Bill

    def route(self) -> str:
        """Return how the request was served."""
        model = MODEL_CLASSES[Terms.unpack(int(self.bill.terms, 16)).model_class]
        served_by = ",".join(sorted(replica.session_id for replica in self.replicas))
        return f"{self.endpoint} {model} {served_by}"

    def path(self) -> str:
        """Return how the answer was checked."""
        consensus = self.consensus
        depth = Terms.unpack(int(self.bill.terms, 16)).validator_depth
        return f"{consensus.strategy} of {consensus.replicas_requested}, validation depth {depth}"


class Costs:
    """A ledger's settled batches and what they cost.

    Args:
        path: the router's database; opened for reading only.

    Raises:
        InvalidInput: there is no such file.
        Unavailable: it is no ledger, or an older one that no router has opened since.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise InvalidInput(f"no file {path}", field="database")
        address = f"file:{quote(str(path.absolute()))}?mode=ro"
        self._connection = sqlite3.connect(address, uri=True, timeout=BUSY_TIMEOUT_S)
        self._connection.row_factory = sqlite3.Row
        try:
            self._rows("SELECT 1 FROM settlement_costs LIMIT 1")
        except Unavailable:
            self.close()
            raise

    def close(self) -> None:
        """Close it."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def lines(self, by: By) -> list[CostLine]:
        """Return what each session, route or path cost, dearest first.

        Only receipts of settled batches count. The gas and fees of all lines sum to those of all
        settled batches exactly.
        """
        found: dict[str, CostLine] = {}
        for root, gas, fee in self._batches():
            rows = self._rows(
                "SELECT session, charge, body FROM receipts WHERE batch = ? ORDER BY seq", root
            )
            sessions = [str(row["session"]) for row in rows]
            if not sessions:
                continue
            shares = zip(rows, attribute(gas, sessions), attribute(fee, sessions), strict=True)
            for row, gas_share, fee_share in shares:
                name = _name(row, by)
                line = found.get(name, CostLine(name, 0, 0, 0, 0))
                found[name] = line.plus(int(row["charge"]), gas_share, fee_share)
        return sorted(found.values(), key=lambda line: (-line.fee_wei, line.name))

    def _batches(self) -> Iterator[tuple[str, int, int]]:
        """Yield root, gas and fee of each settled batch."""
        costs: dict[str, tuple[int, int]] = {}
        for row in self._rows("SELECT batch, gas_used, fee FROM settlement_costs"):
            gas, fee = costs.get(row["batch"], (0, 0))
            costs[row["batch"]] = (gas + row["gas_used"], fee + int(row["fee"]))
        query = "SELECT root, gas_used, gas_price FROM batches WHERE state = 'confirmed'"
        for row in self._rows(f"{query} ORDER BY number"):
            # Batches from before costs were kept know their own transaction only.
            gas = row["gas_used"] or 0
            yield row["root"], *costs.get(row["root"], (gas, gas * int(row["gas_price"] or 0)))

    def _rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        try:
            return self._connection.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise Unavailable(f"ledger: {error}", code="ledger_unavailable") from error


def total_of(lines: Sequence[CostLine]) -> CostLine:
    """Return the sum of lines."""
    return CostLine(
        name="total",
        receipts=sum(line.receipts for line in lines),
        charged_wei=sum(line.charged_wei for line in lines),
        gas=sum(line.gas for line in lines),
        fee_wei=sum(line.fee_wei for line in lines),
    )


def _name(row: sqlite3.Row, by: By) -> str:
    if by == "session":
        return str(row["session"])
    body = msgspec.json.decode(row["body"], type=_Body)
    return body.route() if by == "route" else body.path()
