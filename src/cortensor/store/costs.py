# SPDX-License-Identifier: Apache-2.0
"""What settlement cost, by session, route or validation path. Reads the ledger and writes nothing.

A route is how a request was served: endpoint, model class and compute sessions. A path is how its
answer was checked: strategy, replicas and levels of validation. What no batch was settled by is
the router's overhead and has lines of its own: releases, the authorisation of the anchor, and
batches that were paid for and are not settled. A release can be spread over the receipts whose
money it let go, since it is known which those are; an authorisation serves every batch to come, so
there is nothing to spread it over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec import Struct

from cortensor.pricing.attribution import attribute, split
from cortensor.store.borne import Made, released_from, settled_by
from cortensor.store.errands import AUTHORISE, END, RELEASE, released_by
from cortensor.store.reading import ReadOnlyLedger

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from cortensor.store.address import DatabaseAddress
    from cortensor.store.database import Row

By = Literal["session", "route", "path"]
RELEASES, AUTHORISATION, UNSETTLED = "(releases)", "(authorisation)", "(not settled)"
REVOCATIONS = "(revocations)"
OVERHEAD = {RELEASE: RELEASES, AUTHORISE: AUTHORISATION, END: REVOCATIONS}
WEI = 10**18
BPS = 10_000


class CostLine(Struct, frozen=True):
    """What one session, route or path was charged and cost; wei of COR and wei of ETH.

    A line of overhead has no receipts.
    """

    name: str
    receipts: int = 0
    charged_wei: int = 0
    gas: int = 0
    fee_wei: int = 0

    @property
    def is_overhead(self) -> bool:
        """Whether it is about the router and not about its requests."""
        return self.name in (RELEASES, AUTHORISATION, UNSETTLED, REVOCATIONS)

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

    def plus(self, gas: int, fee: int, *, charges: Sequence[int] = ()) -> CostLine:
        """Return the line with a cost more, and with receipts of these charges."""
        return CostLine(
            name=self.name,
            receipts=self.receipts + len(charges),
            charged_wei=self.charged_wei + sum(charges),
            gas=self.gas + gas,
            fee_wei=self.fee_wei + fee,
        )


class _Spent(Struct, frozen=True):
    """Gas and wei of ETH."""

    gas: int
    fee: int


class _Lines:
    """Lines by name."""

    def __init__(self, by: By) -> None:
        self._by = by
        self.found: dict[str, CostLine] = {}

    def add(self, name: str, spent: _Spent) -> None:
        """Add a cost to a line of overhead."""
        self.found[name] = self.found.get(name, CostLine(name)).plus(spent.gas, spent.fee)

    def bear(self, row: Row, gas: int, fee: int, *, settles: bool = False) -> None:
        """Add a cost to a receipt's line, and the receipt, if the cost settled it."""
        name = _name(row, self._by)
        charges = [int(row["charge"])] if settles else []
        self.found[name] = self.found.get(name, CostLine(name)).plus(gas, fee, charges=charges)


class Costs(ReadOnlyLedger):
    """A ledger's settled batches, and everything its settler paid for.

    Args:
        address: the router's database; opened for reading only.

    Raises:
        InvalidInput: there is no such file.
        Unavailable: it is no ledger, or an older one that no router has opened since.
    """

    def __init__(self, address: DatabaseAddress) -> None:
        super().__init__(address, "errands")

    def lines(self, by: By, *, spreads: bool = False) -> list[CostLine]:
        """Return what each session, route or path cost, dearest first, and then the overhead.

        Only receipts of settled batches count. The gas and fees of all lines sum to those of all
        mined transactions exactly.

        Args:
            by: what the lines are about.
            spreads: whether each receipt bears its part of the release of its money, in
                proportion to its charge; what that cannot be known of stays a line.
        """
        lines, overhead = _Lines(by), _Lines(by)
        spent = self._spent()
        for root in self._settled(spent):
            cost = spent.pop(root)
            first, repeated = settled_by(self, root)
            rows = [*first, *repeated]
            sessions = [str(row["session"]) for row in rows]
            shares = zip(
                rows, attribute(cost.gas, sessions), attribute(cost.fee, sessions), strict=True
            )
            for place, (row, gas, fee) in enumerate(shares):
                lines.bear(row, gas, fee, settles=place < len(first))
        for cost in spent.values():
            overhead.add(UNSETTLED, cost)
        for action, cost in self._errands():
            borne = self._released(action) if spreads else []
            if not borne:
                overhead.add(OVERHEAD[action.partition("/")[0]], cost)
                continue
            charges = [int(row["charge"]) for row in borne]
            for row, gas, fee in zip(
                borne, split(cost.gas, charges), split(cost.fee, charges), strict=True
            ):
                lines.bear(row, gas, fee)
        return [*_sorted(lines.found.values()), *_sorted(overhead.found.values())]

    def _spent(self) -> dict[str, _Spent]:
        """Return what each batch's mined transactions cost, by root."""
        found: dict[str, _Spent] = {}
        for row in self.rows("SELECT batch, gas_used, fee FROM settlement_costs"):
            before = found.get(row["batch"], _Spent(0, 0))
            found[row["batch"]] = _Spent(before.gas + row["gas_used"], before.fee + int(row["fee"]))
        return found

    def _settled(self, spent: dict[str, _Spent]) -> Iterator[str]:
        """Yield the root of each settled batch, and see that what it cost is known."""
        query = "SELECT root, gas_used, gas_price FROM batches WHERE state = 'confirmed'"
        for row in self.rows(f"{query} ORDER BY number"):
            # Batches from before costs were kept know their own transaction only.
            gas = row["gas_used"] or 0
            spent.setdefault(row["root"], _Spent(gas, gas * int(row["gas_price"] or 0)))
            yield row["root"]

    def _errands(self) -> Iterator[tuple[str, _Spent]]:
        for row in self.rows(
            "SELECT action, gas_used, fee FROM errands WHERE fee IS NOT NULL ORDER BY rowid"
        ):
            yield row["action"], _Spent(row["gas_used"], int(row["fee"]))

    def _released(self, action: str) -> Sequence[Row]:
        """Return the receipts whose money a release let go; none where that is not known."""
        place = released_by(action)
        return [] if place is None else released_from(self, *place)


def total_of(lines: Sequence[CostLine]) -> CostLine:
    """Return the sum of lines."""
    return CostLine(
        name="total",
        receipts=sum(line.receipts for line in lines),
        charged_wei=sum(line.charged_wei for line in lines),
        gas=sum(line.gas for line in lines),
        fee_wei=sum(line.fee_wei for line in lines),
    )


def _sorted(lines: Iterable[CostLine]) -> list[CostLine]:
    return sorted(lines, key=lambda line: (-line.fee_wei, line.name))


def _name(row: Row, by: By) -> str:
    if by == "session":
        return str(row["session"])
    body = msgspec.json.decode(row["body"], type=Made)
    return body.route() if by == "route" else body.path()
