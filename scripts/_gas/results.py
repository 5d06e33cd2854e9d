# SPDX-License-Identifier: Apache-2.0
"""The committed numbers: built, written, read and compared."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cortensor.errors import InvalidInput, NotFound
from cortensor.gas.snapshot import Snapshot
from scripts._anvil import HARDFORK
from scripts._deploy.arguments import CONTRACTS, REGISTRIES, REWARDS, VALIDATOR
from scripts._deploy.compiler import ROOT, compile_contract
from scripts._gas import fees
from scripts._gas.scenario import Scenario

SCENARIOS_PATH = ROOT / "gas" / "scenarios.json"
PHASE2_PATH = ROOT / "gas" / "baselines" / "phase2.json"
METRIC = "receipt gasUsed, intrinsic and calldata included, refunds applied"
UNITS = "16 for each byte of the signed transaction after Brotli at level 1"
FOLLOWS = frozenset({"gas_per_item", "fees"})
"""What follows from other numbers: where those moved it needs no line of its own."""

MEASURED = (*CONTRACTS, "WrappedCOR", *REGISTRIES, VALIDATOR, *REWARDS)
PHASE2 = ("Phase2Payment", "Phase2Session", "Phase2Queue")

Document = dict[str, Any]


@dataclass(frozen=True)
class Drift:
    """One committed number that is not what was measured; None where there is no such number."""

    name: str
    committed: int | str | None
    measured: int | str | None

    @property
    def delta(self) -> str:
        """The difference, signed, where both are numbers."""
        if isinstance(self.committed, int) and isinstance(self.measured, int):
            return f"{self.measured - self.committed:+,}"
        return ""


def build(
    scenarios: Iterable[Scenario], anvil: str, contracts: Sequence[str] = MEASURED
) -> Document:
    """Return the document of measured scenarios.

    Args:
        scenarios: what was measured.
        anvil: Anvil's version line.
        contracts: whose code is measured too.
    """
    networks = fees.snapshots()
    return {
        "header": header_of(anvil),
        "code_bytes": {name: _code_bytes(name) for name in contracts},
        "scenarios": {each.name: _entry(each, networks) for each in scenarios},
    }


def header_of(anvil: str) -> dict[str, Any]:
    """Return what numbers are measured under.

    Args:
        anvil: Anvil's version line.
    """
    compiler = compile_contract("SessionPayment").compiler
    return {
        "metric": METRIC,
        "compiler": f"{compiler['name']} {compiler['version']}",
        "evm": compiler["evm_version"],
        "optimizer": compiler["optimize"],
        "anvil": anvil.removeprefix("anvil ").removeprefix("Version: "),
        "hardfork": HARDFORK,
        "token": "contracts/mocks/MockCOR.vy, 18 decimals, infinite allowance",
        "poster_units": UNITS,
        **fees.described(fees.snapshots()),
    }


def dump(document: Document) -> str:
    """Return the document's text: a scenario a line, so that a diff is the review."""
    lines = ["{"]
    for section in ("header", "code_bytes", "scenarios"):
        lines.append(f'  "{section}": {{')
        entries = [f"    {json.dumps(k)}: {json.dumps(v)}" for k, v in document[section].items()]
        lines.append(",\n".join(entries))
        lines.append("  }" if section == "scenarios" else "  },")
    return "\n".join([*lines, "}"]) + "\n"


def load(path: Path) -> Document:
    """Read a committed document.

    Raises:
        NotFound: if there is none.
        InvalidInput: if it is no such document.
    """
    try:
        document: Document = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise NotFound("is not there: run `make gas`", field=str(path)) from error
    except ValueError as error:
        raise InvalidInput(f"is not JSON: {error}", field=str(path)) from error
    if not isinstance(document, dict) or {"header", "scenarios"} - document.keys():
        raise InvalidInput("has no header or no scenarios", field=str(path))
    return document


def compare(committed: Document, measured: Document) -> list[Drift]:
    """Return every number and header line that differs, exactly."""
    drifts = []
    for section in ("header", "code_bytes"):
        old, new = committed.get(section, {}), measured[section]
        drifts += [
            Drift(f"{section}.{key}", old.get(key), new.get(key))
            for key in dict.fromkeys([*old, *new])
            if old.get(key) != new.get(key)
        ]
    old, new = committed["scenarios"], measured["scenarios"]
    for name in dict.fromkeys([*old, *new]):
        before, after = old.get(name, {}), new.get(name, {})
        has_moved = before.get("gas_used") != after.get("gas_used")
        for key in dict.fromkeys([*before, *after]):
            if before.get(key) == after.get(key) or (has_moved and key in FOLLOWS):
                continue
            label = name if key == "gas_used" else f"{name} {key}"
            drifts.append(Drift(label, before.get(key), after.get(key)))
    return drifts


def _entry(scenario: Scenario, networks: dict[str, Snapshot]) -> Document:
    used = scenario.used
    entry: Document = {
        "gas_used": used.gas,
        "items": scenario.items,
        # Rounded up: a budget that is kept per item is kept in all.
        "gas_per_item": -(-used.gas // scenario.items),
        "note": scenario.note,
    }
    if used.call:
        entry["call"] = used.call
    if used.units:  # a call that contracts make among themselves posts nothing
        entry["poster_units"] = used.units
        entry["fees"] = {
            name: {field: str(wei) for field, wei in fees.lines_of(used, each).items()}
            for name, each in networks.items()
        }
    if scenario.is_view:
        entry["execution_gas"] = scenario.used.gas - scenario.used.intrinsic
    return entry


def _code_bytes(name: str) -> int:
    artifact = compile_contract(name)
    return len(artifact.runtime_code) + artifact.immutable_bytes
