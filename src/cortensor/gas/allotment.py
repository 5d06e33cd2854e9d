# SPDX-License-Identifier: Apache-2.0
"""What transactions cost, allotted to the sessions that they were for; and tables of that.

A transaction of one session is that session's alone. One that several share is split among them to
the unit: each measure for itself, rounded down, and what is left, a unit each, to the largest
remainders (`cortensor.pricing.attribution`). So sessions and overhead sum to the transactions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cortensor.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Cost = dict[str, int]
"""Measure -> amount: units of gas, calldata units, wei."""

ALL = "all"
DIMENSIONS = ("session", "route", "tier", "path")


class Bearer(NamedTuple):
    """A session, or what of it was of one route, tier and validation path."""

    session: str
    route: str
    tier: str
    path: str

    def group(self, dimension: str) -> str:
        """Return its row in a table by a dimension; by session all are in one."""
        return ALL if dimension == "session" else str(getattr(self, dimension))


class Spread(NamedTuple):
    """How an amount is spread over sessions, by nearest rank: p95 is what 95 % stay within."""

    sum: int
    p50: int
    p95: int
    max: int


class Row(NamedTuple):
    """A row of a table: of so many sessions and requests, the spread of each measure."""

    name: str
    sessions: int
    requests: int
    spreads: dict[str, Spread]


class Whole(NamedTuple):
    """Transactions of a kind: what has to be borne."""

    transactions: int
    cost: Cost


def nearest_rank(ordered: Sequence[int], percent: int) -> int:
    """Return the least value that so many percent of the values are not above.

    Args:
        ordered: ascending, at least one.
        percent: from 1 to 100.
    """
    return ordered[-(-len(ordered) * percent // 100) - 1]


def spread(amounts: Sequence[int]) -> Spread:
    """Return how amounts are spread; at least one."""
    ordered = sorted(amounts)
    return Spread(sum(ordered), nearest_rank(ordered, 50), nearest_rank(ordered, 95), ordered[-1])


class Allotment:
    """Costs and who bears them.

    Args:
        measures: the names that each cost has.
        totals: name -> the measures that sum to it: never allotted, so that it is what its parts
            are.
    """

    def __init__(
        self, measures: Sequence[str], totals: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        self.measures = tuple(measures)
        self.totals = dict(totals or {})
        self.borne: dict[Bearer, Cost] = {}
        self.requests: dict[Bearer, int] = {}
        self.kinds: dict[str, Whole] = {}
        self.overhead: dict[str, Whole] = {}

    def bear(
        self,
        kind: str,
        cost: Mapping[str, int],
        bearers: Sequence[Bearer],
        shares: Callable[[int], list[int]] | None = None,
    ) -> None:
        """Allot a transaction.

        Args:
            kind: what it was.
            cost: what it took, each measure.
            bearers: who bears it; none for overhead.
            shares: an amount -> one share a bearer; not needed for one bearer.

        Raises:
            InvalidInput: the shares are not as many as the bearers, or do not sum to the amount.
        """
        _add(self.kinds, kind, cost)
        if not bearers:
            _add(self.overhead, kind, cost)
            return
        for measure in self.measures:
            amount = cost[measure]
            parts = [amount] if shares is None else shares(amount)
            if len(parts) != len(bearers) or sum(parts) != amount:
                raise InvalidInput("shares do not sum to the whole", field=measure)
            for bearer, part in zip(bearers, parts, strict=True):
                self._cost_of(bearer)[measure] += part

    def ask(self, bearer: Bearer, requests: int = 1) -> None:
        """Note requests of a bearer, whether or not they cost anything."""
        self._cost_of(bearer)
        self.requests[bearer] = self.requests.get(bearer, 0) + requests

    def table(self, dimension: str) -> list[Row]:
        """Return the rows by a dimension, most gas first; each over its sessions."""
        groups: dict[str, dict[str, Cost]] = {}
        asked: dict[str, int] = {}
        for bearer, cost in self.borne.items():
            name = bearer.group(dimension)
            sessions = groups.setdefault(name, {})
            summed = sessions.setdefault(bearer.session, dict.fromkeys(self.measures, 0))
            for measure in self.measures:
                summed[measure] += cost[measure]
            asked[name] = asked.get(name, 0) + self.requests.get(bearer, 0)
        shown = {name: (name,) for name in self.measures} | self.totals
        rows = [
            Row(
                name,
                len(sessions),
                asked[name],
                {
                    name: spread([sum(cost[part] for part in parts) for cost in sessions.values()])
                    for name, parts in shown.items()
                },
            )
            for name, sessions in groups.items()
        ]
        first = self.measures[0]
        return sorted(rows, key=lambda row: (-row.spreads[first].sum, row.name))

    def _cost_of(self, bearer: Bearer) -> Cost:
        return self.borne.setdefault(bearer, dict.fromkeys(self.measures, 0))


def _add(wholes: dict[str, Whole], kind: str, cost: Mapping[str, int]) -> None:
    before = wholes.get(kind)
    if before is None:
        wholes[kind] = Whole(1, dict(cost))
        return
    total = {name: amount + cost[name] for name, amount in before.cost.items()}
    wholes[kind] = Whole(before.transactions + 1, total)
