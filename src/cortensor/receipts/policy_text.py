# SPDX-License-Identifier: Apache-2.0
"""Policies as text: `signer=0x…,operators=2,agreement=66.67%,younger=7d,tier=safe`."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from cortensor.errors import InvalidInput
from cortensor.receipts import policy as rules

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cortensor.receipts.policy import Policy

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_COUNT = re.compile(r"[0-9]{1,4}")
_PERCENT = re.compile(r"([0-9]{1,3})(?:\.([0-9]{1,2}))?%")
_AGE = re.compile(r"([0-9]{1,9})(s|m|h|d)")
_SECONDS: Mapping[str, int] = MappingProxyType({"s": 1, "m": 60, "h": rules.HOUR, "d": rules.DAY})
MAX_BPS = 10_000


def parse_policy(text: str) -> Policy:
    """Return the policy that a text stands for: rules separated by commas, all to be met.

    Rules: `signer=ADDRESS` (several: `ADDRESS|ADDRESS`), `operators=N`, `signed-operators=N`,
    `agreement=` and `confidence=` bps or a percentage, `younger=30s|5m|2h|7d`,
    `tier=fast|safe|oracle`, `finality=soft|safe|hard`, `outcome=NAME|NAME`, `verified`.

    Raises:
        InvalidInput: for a rule that is not of these.
    """
    found: Policy | None = None
    for part in text.split(","):
        name, _, value = part.strip().partition("=")
        make = _RULES.get(name)
        if make is None:
            known = ", ".join(_RULES)
            raise InvalidInput(f"{name or 'nothing'!r} is none of {known}", field="policy")
        rule = make(value)
        found = rule if found is None else found & rule
    if found is None:
        raise InvalidInput("is empty", field="policy")
    return found


def _match(pattern: re.Pattern[str], value: str, name: str, wanted: str) -> re.Match[str]:
    found = pattern.fullmatch(value)
    if found is None:
        raise InvalidInput(f"must be {wanted}, not {value!r}", field=f"policy.{name}")
    return found


def _signer(value: str) -> Policy:
    addresses = value.split("|")
    for address in addresses:
        _match(_ADDRESS, address, "signer", "an address")
    return rules.signed_by(*addresses)


def _operators(value: str) -> Policy:
    return rules.operators(int(_match(_COUNT, value, "operators", "a number")[0]))


def _signed_operators(value: str) -> Policy:
    count = int(_match(_COUNT, value, "signed-operators", "a number")[0])
    return rules.operators(count, signed=True)


def _bps(value: str, name: str) -> int:
    if value.endswith("%"):
        found = _match(_PERCENT, value, name, "a percentage")
        bps = int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))
    else:
        bps = int(_match(re.compile(r"[0-9]{1,5}"), value, name, "basis points")[0])
    if bps > MAX_BPS:
        raise InvalidInput("is over 100%", field=f"policy.{name}")
    return bps


def _younger(value: str) -> Policy:
    found = _match(_AGE, value, "younger", "a time such as 30s, 5m, 2h or 7d")
    return rules.younger_than(int(found[1]) * _SECONDS[found[2]])


def _outcome(value: str) -> Policy:
    return rules.outcome(*value.split("|"))


def _verified(value: str) -> Policy:
    if value:
        raise InvalidInput("takes no value", field="policy.verified")
    return rules.verified()


_RULES: Mapping[str, Callable[[str], Policy]] = MappingProxyType(
    {
        "signer": _signer,
        "operators": _operators,
        "signed-operators": _signed_operators,
        "agreement": lambda value: rules.agreement(_bps(value, "agreement")),
        "confidence": lambda value: rules.confidence(_bps(value, "confidence")),
        "younger": _younger,
        "tier": rules.tier,
        "finality": rules.finality,
        "outcome": _outcome,
        "verified": _verified,
    }
)
