# SPDX-License-Identifier: Apache-2.0
"""Fees of a network as they were on a day, and prices of coins: TOML, never fetched by itself.

Money is a string of wei. What nobody has measured is named under `assumed`, and whoever shows a
figure that rests on it says so.
"""

from __future__ import annotations

from datetime import date  # noqa: TC003 -- msgspec reads the annotations
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta, Struct

from cortensor.gas.parent import Batches, ParentFees
from cortensor.gas.poster_price import PricerSettings
from cortensor.gas.reading import read_toml

if TYPE_CHECKING:
    from pathlib import Path

    from cortensor.gas.arbos_state import ArbosState


Wei = Annotated[str, Meta(pattern=r"^(0|[1-9][0-9]{0,77})$")]
Count = Annotated[int, Meta(ge=0)]


class ParentSnapshot(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The chain below, and how batches get there."""

    network: str
    base_fee_wei: Wei
    price_per_unit_wei: Wei
    brotli_level: Annotated[int, Meta(ge=0, le=11)]
    rate_wei: Wei
    batch_transactions: Annotated[int, Meta(ge=1)]
    is_anytrust: bool
    extra_gas: Count = 0

    def fees(self) -> ParentFees:
        """Return the parent's fees."""
        return ParentFees(
            int(self.base_fee_wei),
            int(self.price_per_unit_wei),
            self.brotli_level,
            int(self.rate_wei),
        )

    def batches(self) -> Batches:
        """Return how batches are posted."""
        return Batches(self.batch_transactions, self.is_anytrust, self.extra_gas)


class Snapshot(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A network's fees. `coin` is the gas token; `assumed` names fields that nobody measured."""

    network: str
    chain_id: Annotated[int, Meta(ge=1)]
    as_of: date
    source: str
    coin: str
    arbos: Annotated[int, Meta(ge=10)]
    brotli_level: Annotated[int, Meta(ge=0, le=11)]
    price_per_unit_wei: Wei
    base_fee_wei: Wei
    assumed: list[str] = []
    reward_per_unit_wei: Wei = "10"
    parent: ParentSnapshot | None = None

    @property
    def pricer(self) -> PricerSettings:
        """The settings of its poster price."""
        return PricerSettings(arbos=self.arbos, reward_per_unit=int(self.reward_per_unit_wei))


class Prices(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Coins in millionths of a US dollar, on a day."""

    as_of: date
    source: str
    micro_usd: dict[str, Count]

    def pico_usd_of(self, wei: int, coin: str) -> int | None:
        """Return an amount in 10^-12 US dollars, rounded up; None for an unknown coin."""
        price = self.micro_usd.get(coin)
        return None if price is None else -(-wei * price // 10**12)


def load_snapshot(path: Path) -> Snapshot:
    """Return the snapshot in a file. Raises NotFound, InvalidInput."""
    return read_toml(path, Snapshot)


def load_prices(path: Path) -> Prices:
    """Return the prices in a file. Raises NotFound, InvalidInput."""
    return read_toml(path, Prices)


def with_state(known: Snapshot, state: ArbosState) -> Snapshot:
    """Return a snapshot with what ArbOS says; the parent's fees stay as they were."""
    read = {
        "arbos": state.arbos,
        "brotli_level": state.brotli_level,
        "price_per_unit_wei": str(state.price_per_unit),
        "base_fee_wei": str(state.base_fee),
    }
    assumed = [name for name in known.assumed if name not in read]
    return msgspec.structs.replace(known, **read, assumed=assumed)


def snapshot_text(snapshot: Snapshot) -> str:
    """Return a snapshot as TOML."""
    fields = msgspec.to_builtins(snapshot)
    parent = fields.pop("parent")
    lines = ["# SPDX-License-Identifier: Apache-2.0", *_lines(fields)]
    if parent is not None:
        lines += ["", "[parent]", *_lines(parent)]
    return "\n".join(lines) + "\n"


def _lines(fields: dict[str, object]) -> list[str]:
    # JSON's strings, numbers, booleans and flat lists are TOML's; a date has no quotes.
    return [
        f"{name} = {value if name == 'as_of' else msgspec.json.encode(value).decode()}"
        for name, value in fields.items()
    ]
