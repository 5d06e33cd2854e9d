# SPDX-License-Identifier: Apache-2.0
"""The committed numbers: written, read, compared, and rendered beside those of other systems."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cortensor.errors import InvalidInput, NotFound
from scripts._anvil import HARDFORK
from scripts._deploy.compiler import ROOT, compile_contract
from scripts._gas.scenarios import Scenario

SCENARIOS_PATH = ROOT / "gas" / "scenarios.json"
PEERS_PATH = ROOT / "gas" / "peers.json"
PAGE_PATH = ROOT / "docs" / "spec" / "gas.md"
METRIC = "receipt gasUsed, intrinsic and calldata included, refunds applied"
CONTRACTS = ("SessionPaymentTable", "ReceiptAnchor", "SessionPayment")
CODE_LIMIT_BYTES = 24_576

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


def build(scenarios: Iterable[Scenario], anvil: str) -> Document:
    """Return the document of measured scenarios.

    Args:
        scenarios: what was measured.
        anvil: Anvil's version line.
    """
    compiler = compile_contract("SessionPayment").compiler
    return {
        "header": {
            "metric": METRIC,
            "compiler": f"{compiler['name']} {compiler['version']}",
            "evm": compiler["evm_version"],
            "optimizer": compiler["optimize"],
            "anvil": anvil.removeprefix("anvil ").removeprefix("Version: "),
            "hardfork": HARDFORK,
            "token": "contracts/mocks/MockCOR.vy, 18 decimals, infinite allowance",
        },
        "code_bytes": {name: _code_bytes(name) for name in CONTRACTS},
        "scenarios": {scenario.name: _entry(scenario) for scenario in scenarios},
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
        drifts += [
            Drift(f"{name}" if key == "gas_used" else f"{name} {key}", before.get(key), after.get(key))
            for key in dict.fromkeys([*before, *after])
            if before.get(key) != after.get(key)
        ]
    return drifts


def page(document: Document) -> str:
    """Return docs/spec/gas.md: our scenarios, and the rows that other systems have too."""
    header, scenarios = document["header"], document["scenarios"]
    peers = json.loads(PEERS_PATH.read_text())
    lines = [
        "<!-- Written by `ape run gas` from gas/scenarios.json and gas/peers.json. Do not edit. -->",
        "# Gas",
        "",
        f"Every number is {header['metric']}: {header['compiler']}, optimiser {header['optimizer']}, "
        f"EVM {header['evm']}, Anvil `--hardfork {header['hardfork']}`. Addresses, times and hashes "
        "are fixed, so a run gives the same number to the unit; `make gas ARGS=--check` fails on any "
        "other. Fees on Arbitrum add the cost of posting the data, which is not in here.",
        "",
        "## Scenarios",
        "",
        "`.first` writes storage slots that were never written; `.steady`, or no suffix, slots that "
        "hold something. Views are free; they were sent as transactions to be measured, and "
        "*execution* is what they cost inside another contract's call, the call itself excluded.",
        "",
        "| scenario | gas | items | per item | execution | starts from |",
        "|---|--:|--:|--:|--:|---|",
    ]
    for name, entry in scenarios.items():
        per_item = f"{entry['gas_per_item']:,}" if entry["items"] > 1 else ""
        items = f"{entry['items']:,}" if entry["items"] > 1 else ""
        execution = f"{entry['execution_gas']:,}" if "execution_gas" in entry else ""
        lines.append(
            f"| `{name}` | {entry['gas_used']:,} | {items} | {per_item} | {execution} "
            f"| {entry['note']} |"
        )
    lines += ["", "Code on chain, of 24,576 bytes allowed: " + _sizes(document) + ".", ""]
    lines += ["## Beside other systems", "", _sentence(peers["header"]["source"]) + " "
              + _sentence(peers["header"]["note"]), "",
              "| operation | scenario | here | others |", "|---|---|--:|---|"]
    for row in peers["rows"]:
        entry = scenarios[row["scenario"]]
        is_batch = row["scenario"].startswith("settle.escrow.") and entry["items"] > 1
        here = entry["gas_per_item"] if is_batch else entry["gas_used"]
        others = "; ".join(_peer(peer) for peer in row["peers"])
        lines.append(f"| {row['what']} | `{row['scenario']}` | {here:,} | {others} |")
    return "\n".join(lines) + "\n"


def _entry(scenario: Scenario) -> Document:
    entry: Document = {
        "gas_used": scenario.used.gas,
        "items": scenario.items,
        # Rounded up: a budget that is kept per item is kept in all.
        "gas_per_item": -(-scenario.used.gas // scenario.items),
        "note": scenario.note,
    }
    if scenario.is_view:
        entry["execution_gas"] = scenario.used.gas - scenario.used.intrinsic
    return entry


def _code_bytes(name: str) -> int:
    return len(compile_contract(name).runtime_code)


def _sizes(document: Document) -> str:
    return ", ".join(f"{name} {size:,}" for name, size in document["code_bytes"].items())


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."


def _peer(peer: Document) -> str:
    note = f" ({peer['note']})" if "note" in peer else ""
    return f"{peer['name']} {peer['gas']:,}{note}"
