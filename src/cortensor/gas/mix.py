# SPDX-License-Identifier: Apache-2.0
"""A mix of traffic as gas/mix.json and `cortensor gas mix --json` have it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta, Struct

from cortensor.gas.allotment import DIMENSIONS, Allotment
from cortensor.gas.cost_lines import BATCH_SHARE, DATA, EXECUTION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cortensor.gas.allotment import Cost, Row, Spread, Whole

GAS, UNITS, POSTER_GAS = "execution_gas", "poster_units", "poster_gas"
TOTAL = "total_wei"
ALLOTMENT = (
    "a shared transaction is borne by its sessions alike, a release or pot by what was charged; "
    "rounded down, and what is left goes, a unit each, to the largest remainders"
)
PERCENTILES = "nearest rank, over sessions"

Wei = Annotated[str, Meta(pattern=r"^(0|[1-9][0-9]{0,77})$")]
Count = Annotated[int, Meta(ge=0)]


class Amounts(Struct, frozen=True, forbid_unknown_fields=True):
    """How gas or units are spread over sessions."""

    sum: Count
    p50: Count
    p95: Count
    max: Count


class WeiAmounts(Struct, frozen=True, forbid_unknown_fields=True):
    """How wei are spread over sessions; decimal text."""

    sum: Wei
    p50: Wei
    p95: Wei
    max: Wei


class FeeSpread(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A fee's parts and the whole, on one network; the batch share is in no total."""

    execution_wei: WeiAmounts
    data_wei: WeiAmounts
    total_wei: WeiAmounts
    batch_share_wei: WeiAmounts | None = None


class FeeParts(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A fee's parts in wei, as text; the batch share is the chain's cost, and not charged."""

    execution_wei: Wei
    data_wei: Wei
    batch_share_wei: Wei | None = None

    @property
    def total_wei(self) -> int:
        """What is charged."""
        return int(self.execution_wei) + int(self.data_wei)


class Group(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A row of a table. `poster_units` are of a mix that was drawn, `poster_gas` of a ledger."""

    name: str
    sessions: Count
    requests: Count
    execution_gas: Amounts
    fees: dict[str, FeeSpread]
    poster_units: Amounts | None = None
    poster_gas: Amounts | None = None


class Kind(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Transactions of a kind: how many, and what they took together."""

    count: Count
    execution_gas: Count
    fees: dict[str, FeeParts]
    poster_units: Count | None = None
    poster_gas: Count | None = None


class Borne(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What one session bears; in a ledger, of one tier and path."""

    session: str
    route: str
    tier: str
    path: str
    requests: Count
    execution_gas: Count
    fees: dict[str, FeeParts]
    poster_units: Count | None = None
    poster_gas: Count | None = None


class Mix(Struct, frozen=True, forbid_unknown_fields=True):
    """All of it. `overhead`: what no session bears, also in `transactions`."""

    header: dict[str, object]
    transactions: dict[str, Kind]
    overhead: dict[str, Kind]
    tables: dict[str, list[Group]]
    sessions: list[Borne]


def allotment_of(networks: Iterable[str], data: str, above: Iterable[str] = ()) -> Allotment:
    """Return an allotment that `mix_of` takes, in which nothing is yet.

    Args:
        networks: at whose fees.
        data: `UNITS` or `POSTER_GAS`.
        above: of the networks, those above an L2, which have a batch share.
    """
    names = list(networks)
    parts = {f"{name}/{TOTAL}": (f"{name}/{EXECUTION}", f"{name}/{DATA}") for name in names}
    charged = [part for pair in parts.values() for part in pair]
    shares = [f"{name}/{BATCH_SHARE}" for name in above]
    return Allotment([GAS, data, *charged, *shares], parts)


def fee_cost(network: str, lines: Mapping[str, int]) -> Cost:
    """Return a fee, field -> wei, as measures."""
    return {f"{network}/{field}": wei for field, wei in lines.items()}


def mix_of(found: Allotment, header: dict[str, object]) -> Mix:
    """Return an allotment as a document.

    Args:
        found: made by `allotment_of`.
        header: what it was measured under.
    """
    return Mix(
        header={**header, "allotment": ALLOTMENT, "percentiles": PERCENTILES},
        transactions={name: _kind(each) for name, each in found.kinds.items()},
        overhead={name: _kind(each) for name, each in found.overhead.items()},
        tables={name: [_group(row) for row in found.table(name)] for name in DIMENSIONS},
        sessions=[
            msgspec.convert(
                {
                    **bearer._asdict(),
                    "requests": found.requests.get(bearer, 0),
                    **_amounts(cost),
                },
                Borne,
            )
            for bearer, cost in found.borne.items()
        ],
    )


def mix_text(mix: Mix) -> str:
    """Return it as JSON: a row a line, so that a diff is the review."""
    plain = msgspec.to_builtins(mix)
    lines = ["{", f'  "header": {_line(plain["header"])},']
    for section in ("transactions", "overhead"):
        entries = [f"    {_line(name)}: {_line(each)}" for name, each in plain[section].items()]
        lines += _block(section, "{", entries, "}")
    tables = []
    for name, rows in plain["tables"].items():
        inner = ",\n".join(f"      {_line(row)}" for row in rows)
        tables.append(f"    {_line(name)}: [\n{inner}\n    ]")
    lines += _block("tables", "{", tables, "}")
    sessions = _block("sessions", "[", [f"    {_line(row)}" for row in plain["sessions"]], "]")
    sessions[-1] = sessions[-1].rstrip(",")
    return "\n".join([*lines, *sessions, "}"]) + "\n"


def _block(name: str, start: str, entries: list[str], end: str) -> list[str]:
    return (
        [f'  "{name}": {start}', ",\n".join(entries), f"  {end},"]
        if entries
        else [f'  "{name}": {start}{end},']
    )


def _line(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=0).decode()


def _kind(whole: Whole) -> Kind:
    return msgspec.convert({"count": whole.transactions, **_amounts(whole.cost)}, Kind)


def _amounts(cost: Cost) -> dict[str, object]:
    return {
        **{name: cost[name] for name in (GAS, UNITS, POSTER_GAS) if name in cost},
        "fees": {
            network: {
                part: str(cost[f"{network}/{part}"])
                for part in (EXECUTION, DATA, BATCH_SHARE)
                if f"{network}/{part}" in cost
            }
            for network in _networks(cost)
        },
    }


def _group(row: Row) -> Group:
    spreads = row.spreads
    plain: dict[str, object] = {
        **{name: spreads[name]._asdict() for name in (GAS, UNITS, POSTER_GAS) if name in spreads},
        "fees": {
            network: {
                part: _wei(spreads[f"{network}/{part}"])
                for part in (EXECUTION, DATA, TOTAL, BATCH_SHARE)
                if f"{network}/{part}" in spreads
            }
            for network in _networks(spreads)
        },
    }
    counts = {"name": row.name, "sessions": row.sessions, "requests": row.requests}
    return msgspec.convert({**counts, **plain}, Group)


def _wei(found: Spread) -> dict[str, str]:
    return {name: str(amount) for name, amount in found._asdict().items()}


def _networks(measures: Iterable[str]) -> list[str]:
    ending = f"/{DATA}"
    return [name.removesuffix(ending) for name in measures if name.endswith(ending)]
