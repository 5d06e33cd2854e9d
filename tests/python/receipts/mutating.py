# SPDX-License-Identifier: Apache-2.0
"""Every value in JSON data, and another one in its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

Path = tuple[str | int, ...]

UNBOUND = {
    r"anchor\.uri": "where to fetch the batch is a hint",
    r"anchor\.tx_hash": "the transaction is found by the root's event; this is a hint",
}
"""What nothing binds, on chain or off."""

BOUND_BY_CHAIN = {
    r"anchor\.count": "only its proof's depth is known offline; the chain holds the count",
    r"surcharge_bps": "over the session's cap any surcharge gives the same bill",
    r"card\..*": "prices this job does not use change no bill; the chain holds the card",
}
"""What offline verification cannot tell in every bundle, and a chain can."""

BESIDE = {
    r"evidence\.\d+\.salt": "of an answer beside the bundle only its hash is known",
    r"request\.salt": "and of a request beside it nothing",
    r"request\.canonical\.keccak256": "and of a request beside it nothing",
}
"""What of a text beside the bundle is bound only when it is there."""

CONTRACT = {r"signature": "only a chain knows what a contract signed"}
"""What of a contract's signature is bound offline: nothing."""


def dotted(path: Path) -> str:
    return ".".join(map(str, path))


def leaves(value: Any, path: Path = ()) -> Iterator[Path]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list) and value:
        for i, item in enumerate(value):
            yield from leaves(item, (*path, i))
    else:
        yield path


def parent_of(data: Any, path: Path) -> Any:
    for part in path[:-1]:
        data = data[part]
    return data


def changed(value: Any) -> Any:
    """A different value of the same shape."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if value is None:
        return "0x" + "1" * 64
    if isinstance(value, str):
        if re.fullmatch(r"0x[0-9a-f]+", value):
            return value[:-1] + ("1" if value[-1] == "0" else "0")
        return str(int(value) + 1) if value.isdigit() else value + "x"
    return ["x"] if isinstance(value, list) else {"x": 1}
