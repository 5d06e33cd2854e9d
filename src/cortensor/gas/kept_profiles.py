# SPDX-License-Identifier: Apache-2.0
"""What `ape run gas --profile` writes: gas/profile.json."""

from __future__ import annotations

from msgspec import Struct

DEPLOYMENT = "deploy."


class KeptEvent(Struct, frozen=True):
    """Events of one kind; gas of topics and data."""

    count: int
    data_bytes: int
    gas: int


class KeptLine(Struct, frozen=True):
    """A source line: contract and function, file, what stands there, gas of its own."""

    where: str
    file: str
    text: str
    gas: int


class Kept(Struct, frozen=True):
    """A scenario's profile in brief.

    `classes` is before the refund; `storage` is by contract and variable, fields of `Heat`;
    `calldata_bytes` zero bytes and others; `arguments` bytes and the units that each adds; `calls`
    the functions that may write and that contracts called of each other.
    """

    gas_used: int
    refund: int
    classes: dict[str, int]
    storage: dict[str, dict[str, int]]
    events: dict[str, KeptEvent]
    calldata_bytes: tuple[int, int]
    arguments: dict[str, tuple[int, int]]
    calls: list[str]
    lines: list[KeptLine]


class Profiles(Struct, frozen=True):
    """Profiles by scenario, and what they were measured under."""

    header: dict[str, str]
    scenarios: dict[str, Kept]

    def by_gas(self) -> list[tuple[str, Kept]]:
        """Return name and profile, the dearest first, deployments last."""
        return sorted(
            self.scenarios.items(),
            key=lambda each: (each[0].startswith(DEPLOYMENT), -each[1].gas_used, each[0]),
        )
