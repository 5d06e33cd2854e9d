# SPDX-License-Identifier: Apache-2.0
"""What settlement took, from a router's own records: the tables of a mix of traffic.

A session's route is how it is paid for, a receipt's tier what its request asked for, and its path
how its answer was checked; a receipt that was taken back says so. Reads the ledger and writes
nothing.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import msgspec

from cortensor.gas.allotment import Bearer
from cortensor.gas.cost_lines import DATA, EXECUTION
from cortensor.gas.mix import GAS, POSTER_GAS, allotment_of, fee_cost
from cortensor.pricing.attribution import attribute, split
from cortensor.store.borne import Made, receipt_row, released_from, settled_by
from cortensor.store.errands import AUTHORISE, END, RELEASE, ended_by, released_by
from cortensor.store.reading import ReadOnlyLedger
from cortensor.store.records import FUNDINGS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortensor.gas.allotment import Allotment, Cost
    from cortensor.store.address import DatabaseAddress
    from cortensor.store.database import Row

CHARGED = "charged"
"""Where a network's name stands in a mix that was drawn: these fees are what the chain took."""

NO_TIER = "(no tier)"


class GasMix(ReadOnlyLedger):
    """A ledger's mined transactions, and the receipts that each was for.

    Args:
        address: the router's database; opened for reading only.

    Raises:
        InvalidInput: there is no such file.
        Unavailable: it is no ledger, or an older one that no router has opened since.
    """

    def __init__(self, address: DatabaseAddress) -> None:
        super().__init__(address, "errands")
        self._ended: set[str] = set()

    def allotment(self) -> Allotment:
        """Return every mined transaction, allotted to the receipts that it was for.

        A batch is borne by its sessions alike, a release by what was charged, the end of a receipt
        by that receipt; an authorisation, and what was paid for batches that are not settled, by
        nobody. Batches from before costs were kept know their own transaction only, and not what
        of its gas was for data.
        """
        found = allotment_of([CHARGED], POSTER_GAS)
        self._ended = {
            ended_by(row["action"])[0]
            for row in self.rows(
                "SELECT action FROM errands WHERE is_success = 1 AND action LIKE ?", f"{END}/%"
            )
        }
        self._batches(found)
        self._errands(found)
        return found

    def _batches(self, found: Allotment) -> None:
        mined: dict[str, list[Row]] = {}
        for row in self.rows(
            "SELECT batch, is_success, gas_used, gas_price, l1_gas FROM settlement_costs"
            " ORDER BY block_number, tx_hash"
        ):
            mined.setdefault(row["batch"], []).append(row)
        for batch in self.rows(
            "SELECT root, funding, state, gas_used, gas_price FROM batches ORDER BY number"
        ):
            kind = f"settle.{FUNDINGS[batch['funding']]}"
            transactions = [
                (kind if row["is_success"] else f"{kind}.reverted", _cost(row, row["l1_gas"]))
                for row in mined.get(batch["root"], [])
            ]
            if batch["state"] != "confirmed":
                for name, cost in transactions:
                    found.bear(name, cost, [])
                continue
            if not transactions and batch["gas_used"] is not None:
                transactions = [(kind, _cost(batch, None))]
            first, repeated = settled_by(self, batch["root"])
            bearers = [self._bearer(row) for row in [*first, *repeated]]
            for bearer in bearers[: len(first)]:
                found.ask(bearer)
            sessions = [bearer.session for bearer in bearers]
            for name, cost in transactions:
                found.bear(name, cost, bearers, partial(_alike, sessions=sessions))

    def _errands(self, found: Allotment) -> None:
        for row in self.rows(
            "SELECT action, is_success, gas_used, gas_price, l1_gas FROM errands"
            " WHERE fee IS NOT NULL ORDER BY block_number, tx_hash"
        ):
            action, name = row["action"], _name(row["action"])
            kind = name if row["is_success"] else f"{name}.reverted"
            cost = _cost(row, row["l1_gas"])
            borne = self._borne_by(action)
            if not borne:
                found.bear(kind, cost, [])
                continue
            charges = [int(each["charge"]) for each in borne]
            bearers = [self._bearer(each) for each in borne]
            found.bear(kind, cost, bearers, partial(split, weights=charges))

    def _borne_by(self, action: str) -> Sequence[Row]:
        place = released_by(action)
        if place is not None:
            return released_from(self, *place)
        if action.partition("/")[0] == END:
            return receipt_row(self, ended_by(action)[0])
        return []

    def _bearer(self, row: Row) -> Bearer:
        made = msgspec.json.decode(row["body"], type=Made)
        path = made.path()
        if row["receipt_id"] in self._ended:
            path += ", taken back"
        tier = made.policy.tier or NO_TIER
        return Bearer(str(row["session"]), FUNDINGS[row["funding"]], tier, path)


def _alike(amount: int, sessions: Sequence[str]) -> list[int]:
    return attribute(amount, sessions)


def _cost(row: Row, l1_gas: int | None) -> Cost:
    data, price = l1_gas or 0, int(row["gas_price"] or 0)
    execution = row["gas_used"] - data
    return {
        GAS: execution,
        POSTER_GAS: data,
        **fee_cost(CHARGED, {EXECUTION: execution * price, DATA: data * price}),
    }


def _name(action: str) -> str:
    kind = action.partition("/")[0]
    if kind == END:
        return "receipt.revoke" if ended_by(action)[1] is None else "receipt.supersede"
    return {RELEASE: "release", AUTHORISE: "authorise"}.get(kind, kind)
