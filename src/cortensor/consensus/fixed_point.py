# SPDX-License-Identifier: Apache-2.0
"""Logarithm and logistic function in integers, correctly rounded.

A receipt is recomputed bit for bit in any language, so a result may not depend on a
floating-point library. Each function here is defined by its mathematical value and one rounding,
not by an algorithm: "the integer nearest to 10^6 ln(a/b)" is the same number however it is found.
The value is bracketed in binary fixed point and the precision raised until both ends of the
bracket round to one integer; ln and exp of a rational are irrational (Lindemann-Weierstrass), but
for the exact cases that are handled first, so that this ends.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from cortensor.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MICRO: Final = 1_000_000
"""Log-odds are in millionths of a nat."""
BPS: Final = 10_000
"""Probabilities are in 1/10000."""

_FIRST_BITS = 96
_GUARD_BITS = 40
"""Every bracket is 2^40 units wide to each side; the errors below sum to less than 2^32."""
_SMALL = 4
"""exp is taken of arguments below 2^-4 and squared back; eleven bits of the guard cover that."""
_FAR = 200
"""exp(-200) is nothing beside any probability in millionths."""


@lru_cache(maxsize=65_536)
def ln_micro(numerator: int, denominator: int) -> int:
    """Return ln(numerator / denominator) in millionths, to the nearest integer.

    Raises:
        InvalidInput: unless both are positive.
    """
    if numerator <= 0 or denominator <= 0:
        raise InvalidInput("a logarithm needs positive numbers", field="odds")
    if numerator == denominator:
        return 0
    return _resolve(
        lambda bits: _nearest_bracket(_ln(numerator, denominator, bits), bits),
    )


@lru_cache(maxsize=65_536)
def logistic(margin_micro: int, temperature_bps: int = BPS, unit: int = BPS) -> int:
    """Return floor(unit / (1 + exp(-margin / temperature))); less than `unit` always.

    Args:
        margin_micro: log-odds in millionths.
        temperature_bps: what the log-odds are divided by, in 1/10000, positive.
        unit: what stands for certainty, at most 10^6.

    Raises:
        InvalidInput: if the temperature is not positive or the unit out of range.
    """
    if temperature_bps <= 0:
        raise InvalidInput("must be positive", field="temperature_bps")
    if not 0 < unit <= MICRO:
        raise InvalidInput("must be 1 .. 1000000", field="unit")
    if margin_micro == 0:
        return unit // 2
    over, under = abs(margin_micro) * BPS, MICRO * temperature_bps
    if over > _FAR * under:
        return unit - 1 if margin_micro > 0 else 0

    def bracket(bits: int) -> tuple[int, int]:
        # With t = |x|: 1/(1 + exp(-x)) is 1/(1 + e^-t) above zero and e^-t/(1 + e^-t) below.
        tail = _exp_minus(over, under, bits)
        one, slack = 1 << bits, 1 << _GUARD_BITS
        top = one if margin_micro > 0 else tail
        low = unit * max(top - slack, 0) // (one + tail + slack)
        high = unit * (top + slack) // (one + max(tail - slack, 0))
        return low, min(high, unit - 1)

    return _resolve(bracket)


def log_odds_micro(score_micro: int, others_micro: Sequence[int]) -> int:
    """Return score - ln(sum of exp(other)): the log-odds of one label against all others.

    Args:
        score_micro: the label's own log-score, in millionths.
        others_micro: those of the others, at least one.

    Returns:
        Millionths of a nat, to the nearest integer.

    Raises:
        InvalidInput: if there are no others.
    """
    if not others_micro:
        raise InvalidInput("needs something to be weighed against", field="scores")
    highest = max(others_micro)
    behind = sorted(highest - other for other in others_micro)
    if len(behind) == 1:
        return score_micro - highest
    near = tuple(gap for gap in behind if gap <= _FAR * MICRO)
    return score_micro - highest - _ln_sum_micro(near)


@lru_cache(maxsize=65_536)
def _ln_sum_micro(gaps: tuple[int, ...]) -> int:
    """Return ln(sum of exp(-gap)) in millionths; the first gap is 0."""
    if not any(gaps):
        return ln_micro(len(gaps), 1)

    def bracket(bits: int) -> tuple[int, int]:
        total = sum(_exp_minus(gap, MICRO, bits) for gap in gaps)
        return _nearest_bracket(_ln(total, 1 << bits, bits), bits)

    return _resolve(bracket)


def isqrt(value: int) -> int:
    """Return the integer square root, rounded down, by Newton's method."""
    if value < 2:  # noqa: PLR2004 -- its own root
        return value
    guess = 1 << (value.bit_length() + 1) // 2
    while True:
        better = (guess + value // guess) // 2
        if better >= guess:
            return guess
        guess = better


def _resolve(bracket: Callable[[int], tuple[int, int]]) -> int:
    bits = _FIRST_BITS
    while True:
        low, high = bracket(bits)
        if low == high:
            return low
        bits *= 2


def _nearest_bracket(value: int, bits: int) -> tuple[int, int]:
    slack = 1 << _GUARD_BITS
    half = 1 << (bits - 1)
    return ((value - slack) * MICRO + half) >> bits, ((value + slack) * MICRO + half) >> bits


def _ln(numerator: int, denominator: int, bits: int) -> int:
    """Return 2^bits ln(numerator/denominator), off by less than 2^24 units."""
    shift = numerator.bit_length() - denominator.bit_length()
    if shift > 0:
        denominator <<= shift
    else:
        numerator <<= -shift
    # The ratio is now between 1/2 and 2, so atanh's argument is at most a third.
    return _atanh2(numerator - denominator, numerator + denominator, bits) + shift * _ln2(bits)


@lru_cache(maxsize=8)
def _ln2(bits: int) -> int:
    return _atanh2(1, 3, bits)


def _atanh2(numerator: int, denominator: int, bits: int) -> int:
    """Return 2^bits * 2 atanh(numerator/denominator), by its power series."""
    sign = -1 if numerator < 0 else 1
    ratio = (abs(numerator) << bits) // denominator
    square = ratio * ratio >> bits
    total, power, odd = 0, ratio, 1
    while power:
        total += power // odd
        power = power * square >> bits
        odd += 2
    return sign * 2 * total


def _exp_minus(numerator: int, denominator: int, bits: int) -> int:
    """Return 2^bits exp(-numerator/denominator) for an argument of 0 .. 200, off by < 2^32."""
    halvings = (numerator // denominator).bit_length() + _SMALL
    step = (numerator << bits) // (denominator << halvings)
    total, term, count = 0, 1 << bits, 0
    while term:
        total += -term if count % 2 else term
        count += 1
        term = (term * step >> bits) // count
    for _ in range(halvings):
        total = total * total >> bits
    return total


def percent(bps: int) -> str:
    """Return bps as an exact percentage: 6666 -> "66.66%"."""
    whole, rest = divmod(bps, BPS // 100)
    return f"{whole}.{rest:02d}%"
