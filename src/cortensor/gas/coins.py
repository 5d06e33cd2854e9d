# SPDX-License-Identifier: Apache-2.0
"""An amount of a gas token in each coin and in US dollars: exact as text, or short for a table.

Amounts in another coin than the chain's are rounded up, to its wei; dollars to a millionth of a
millionth, because a cheap call costs less than a millionth of one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cortensor.gas.snapshot import Prices

COINS = ("ETH", "COR")
COIN_DECIMALS, USD_DECIMALS = 18, 12
SHORT_DIGITS = 6
UNKNOWN = "?"
HEADS = (*COINS, "USD")
"""The headings of `short`."""


def exact(wei: int, coin: str, prices: Prices) -> dict[str, str | None]:
    """Return an amount with all of its digits; None where no price is known.

    Args:
        wei: of the chain's coin.
        coin: which one that is.
        prices: of coins.
    """
    shown: dict[str, str | None] = {"wei": str(wei)}
    for name, (amount, decimals) in _amounts(wei, coin, prices).items():
        shown[name.lower()] = None if amount is None else decimal_text(amount, decimals)
    return shown


def short(wei: int, coin: str, prices: Prices) -> tuple[str, ...]:
    """Return ETH, COR and USD in six digits that count, rounded up; arguments as `exact`."""
    return tuple(
        UNKNOWN if amount is None else decimal_text(in_few_digits(amount, decimals), decimals, ",")
        for amount, decimals in _amounts(wei, coin, prices).values()
    )


def in_few_digits(amount: int, decimals: int) -> int:
    """Return an amount with no more than six digits that count, rounded up."""
    dropped = min(max(0, len(str(amount)) - SHORT_DIGITS), decimals)
    unit: int = 10**dropped
    return -(-amount // unit) * unit


def decimal_text(amount: int, decimals: int, thousands: str = "") -> str:
    """Return a whole number of smallest parts as a decimal number: 1_500 of 3 is "1.5"."""
    whole, rest = divmod(amount, 10**decimals)
    return f"{whole:{thousands}}.{rest:0{decimals}d}".rstrip("0").rstrip(".")


def _amounts(wei: int, coin: str, prices: Prices) -> dict[str, tuple[int | None, int]]:
    found: dict[str, tuple[int | None, int]] = {
        each: (wei if each == coin else _in(each, wei, coin, prices), COIN_DECIMALS)
        for each in COINS
    }
    return {**found, "USD": (prices.pico_usd_of(wei, coin), USD_DECIMALS)}


def _in(coin: str, wei: int, given: str, prices: Prices) -> int | None:
    price, other = prices.micro_usd.get(given), prices.micro_usd.get(coin)
    return -(-wei * price // other) if price and other else None
