# SPDX-License-Identifier: Apache-2.0
"""docs/gas.md: its numbers are those that were measured, and its targets hold."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

WHOLE = "session.100x3x1"
GWEI = 10**9
PAGE = Path("docs/gas.md").read_text("utf-8")


def scenarios(path: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(Path(path).read_text())["scenarios"]
    return found


OURS, PHASE2 = scenarios("gas/scenarios.json"), scenarios("gas/baselines/phase2.json")
COLUMNS = [PHASE2[WHOLE], OURS[WHOLE], OURS[f"{WHOLE}.alone"]]


def fee(entry: dict[str, Any], network: str) -> int:
    parts = entry["fees"][network]
    return int(parts["execution_wei"]) + int(parts["data_wei"])


def row(title: str) -> list[int]:
    cells = re.search(rf"^\| {title} \|(.*)\|$", PAGE, flags=re.MULTILINE)
    assert cells is not None, title
    return [int(n.replace(",", "")) for n in re.findall(r"[\d,]+", cells[1])]


def test_gas_and_fees_are_as_measured() -> None:
    assert row("L2 gas") == [each["gas_used"] for each in COLUMNS]
    for title, network in (
        ("Arbitrum Sepolia", "arbitrum-sepolia"),
        ("Testnet-1a", "cor-testnet1a"),
    ):
        in_gwei = [-(-fee(each, network) // GWEI) for each in COLUMNS]
        assert row(f"fee on {title}, gwei") == in_gwei
    shares = [int(each["fees"]["cor-testnet1a"]["batch_share_wei"]) for each in COLUMNS]
    assert row("its batches' fixed share, gwei") == [-(-wei // GWEI) for wei in shares]


def test_ratios_follow_and_pass_the_targets() -> None:
    theirs, *ours = COLUMNS
    by_gas = [theirs["gas_used"] // each["gas_used"] for each in ours]
    by_fee = [fee(theirs, "cor-testnet1a") // fee(each, "cor-testnet1a") for each in ours]
    assert row("times less gas") == by_gas
    assert row("times less fee on Testnet-1a") == by_fee
    assert min(by_gas) >= 50
    assert min(by_fee) >= 20


def test_the_derivation_adds_up() -> None:
    parts = {name.removeprefix("phase2."): entry["gas_used"] for name, entry in PHASE2.items()}
    steps = [
        gas for name, gas in parts.items() if name.startswith("task.") and name != "task.first"
    ]
    assert len(steps) == 12
    assert sum(steps) == parts["task"]
    whole = parts["session.create"] + parts["session.deposit"] + parts["task.first"]
    whole += 99 * parts["task"] + parts["withdraw"]
    assert whole == parts[WHOLE]
    for part in ("session.create", "session.deposit", "task.first", "task", "withdraw"):
        assert f"{parts[part]:,}" in PAGE
    assert row("transactions")[0] == 1 + 1 + 100 * 12 + 4
    assert f"{OURS['session.open.first']['gas_used']:,} to open" in PAGE


def test_what_was_cut_is_as_measured() -> None:
    section = PAGE[PAGE.index("## What was cut") :]
    rows = re.findall(
        r"^\| `([\w.]+)` \| ([\d,]+) \| ([\d,]+) \| ([-\d,]+) \|$", section, re.MULTILINE
    )
    assert len(rows) == 5
    for name, *cells in rows:
        before, after, change = (int(cell.replace(",", "")) for cell in cells)
        assert after == OURS[name]["gas_used"]
        assert change == after - before


def test_the_readme_says_what_was_measured() -> None:
    readme = Path("README.md").read_text("utf-8")
    section = readme[readme.index("## What it costs") : readme.index("## What is in it")]
    said = [
        int(n.replace(",", ""))
        for n in re.findall(r"^\| .* \| ([\d,]+) \|$", section, re.MULTILINE)
    ]
    assert said == [
        OURS["session.open.first"]["gas_used"],
        -(-OURS["settle.escrow.100"]["gas_used"] // 100),
        OURS[WHOLE]["gas_used"],
        OURS[f"{WHOLE}.alone"]["gas_used"],
        PHASE2[WHOLE]["gas_used"],
    ]
