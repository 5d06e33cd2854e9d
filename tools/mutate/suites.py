# SPDX-License-Identifier: Apache-2.0
"""Which contracts are mutated, and which tests stand against each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vyper.ast import nodes as vy_ast
from vyper.ast import parse_to_ast

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

#: Contract -> paths below tests/contracts, quick ones first. Those that are not there are left out,
#: but for the first. Tests that read the sources' text are in none: they would see any mutant.
SUITES: Mapping[str, tuple[str, ...]] = {
    "AgentValidator": ("unit/agent", "mirror/test_agents.py"),
    "NodeReputation": ("unit/reputation", "stateful/test_node_machine.py"),
    "NodeReward": ("unit/reward", "stateful/test_reward_machine.py"),
    "ReceiptAnchor": ("unit/anchor", "mirror/test_receipts.py", "scenarios", "stateful"),
    "RewardDispute": ("unit/reward", "stateful/test_reward_machine.py"),
    "RewardFund": ("unit/fund", "unit/reward"),
    "RewardTable": ("unit/reward_card", "unit/reward"),
    "SessionPayment": ("unit/payment", "unit/ownership", "scenarios", "stateful"),
    "SessionPaymentTable": ("unit/table", "unit/ownership", "mirror", "scenarios", "stateful"),
    "SettlementDispute": ("unit/dispute", "scenarios", "stateful"),
    "StakePool": ("unit/pool", "unit/ownership", "scenarios", "stateful"),
    "StakeQuota": ("unit/quota", "unit/ownership", "mirror", "scenarios", "stateful"),
    "WrappedCOR": ("unit/wrapped", "scenarios", "stateful"),
}
TESTS = "tests/contracts"


class CannotRunError(Exception):
    """The check itself could not be made; what to do is in the message."""


def imported(root: Path, contract: str) -> list[str]:
    """Lists a contract's file and the files of this repository that it imports.

    Args:
        root: The repository root.
        contract: The contract's name.

    Returns:
        Paths relative to the root, the contract's own first; without interfaces.

    Raises:
        CannotRunError: If there is no such contract.
    """
    found = [f"contracts/{contract}.vy"]
    if not (root / found[0]).is_file():
        raise CannotRunError(f"{found[0]} is missing; name what is there with --only")
    for path in found:
        tree = parse_to_ast((root / path).read_text(encoding="ascii"))
        for node in tree.get_children(vy_ast.ImportFrom):
            name = f"{(node.module or '').replace('.', '/')}/{node.name}.vy"
            if (root / name).is_file() and name not in found:
                found.append(name)
    return found


def users(root: Path, contracts: Iterable[str]) -> dict[str, list[str]]:
    """Maps each file to the contracts whose code it is part of.

    Args:
        root: The repository root.
        contracts: Names of contracts.

    Returns:
        Path -> names, sorted by path.
    """
    found: dict[str, list[str]] = {}
    for contract in contracts:
        for path in imported(root, contract):
            found.setdefault(path, []).append(contract)
    return dict(sorted(found.items()))


def suite_of(
    root: Path, contracts: Iterable[str], suites: Mapping[str, tuple[str, ...]]
) -> list[str]:
    """Lists the tests of some contracts in the order in which they are to run.

    Args:
        root: The repository root.
        contracts: Names of contracts.
        suites: As `SUITES`.

    Returns:
        Paths relative to the root, without repetition: each contract's first, then its second.

    Raises:
        CannotRunError: If a contract has no unit tests.
    """
    rows = [suites[contract] for contract in contracts]
    for row in rows:
        if not (root / TESTS / row[0]).exists():
            raise CannotRunError(f"{TESTS}/{row[0]} is missing")
    ranked = sorted(
        (_rank(path), path) for row in rows for path in row if (root / TESTS / path).exists()
    )
    return [f"{TESTS}/{path}" for path in dict.fromkeys(path for _, path in ranked)]


def _rank(path: str) -> int:
    """Orders by how long a test takes: unit, mirror, scenarios, state machines."""
    return ("unit", "mirror", "scenarios", "stateful").index(path.partition("/")[0])
