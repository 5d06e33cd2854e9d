# SPDX-License-Identifier: Apache-2.0
"""Ownership, which passes in two steps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from scripts._gas.bench import Bench
from scripts._gas.scenario import Scenario


def run_ownership(bench: Bench, name: str, contract: Any) -> Iterator[Scenario]:
    """Run the transfer of a contract to another owner."""
    actors = bench.actors
    heir = actors.treasury
    with bench.aside():
        used = bench.send(contract.functions.transfer_ownership(heir), actors.owner)
        yield Scenario(f"owner.transfer.{name}", used, 1, "the offer; none was open before")
        used = bench.send(contract.functions.accept_ownership(), heir)
        yield Scenario(f"owner.accept.{name}", used, 1, "by the new owner")
