# SPDX-License-Identifier: Apache-2.0
"""What docs/performance.md says of an epoch's gas follows from the measured scenarios."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "performance.md").read_text("utf-8")
SCENARIOS = json.loads((ROOT / "gas" / "scenarios.json").read_text())["scenarios"]
NODES, RUN = 100_000, 128
RUNS = -(-NODES // RUN)


@pytest.mark.parametrize(
    ("row", "parts"),
    [
        (
            "opened, posted, made final",
            {"epoch.open": 1, "epoch.post.steady": 1, "epoch.finalise": 1},
        ),
        ("every node paid", {"reward.pay.128": RUNS}),
        ("every level moved", {"node.sync.128": RUNS}),
        ("one level in a hundred moved", {"node.sync": NODES // 100}),
    ],
)
def test_an_epoch_of_100_000_nodes(row: str, parts: dict[str, int]) -> None:
    found = re.search(rf"^\| {row} \| ([\d,]+) \| ([\d,]+) \| ([\d.]+) \|", PAGE, re.MULTILINE)
    assert found, row
    gas = wei = 0
    for name, times in parts.items():
        fees = SCENARIOS[name]["fees"]["arbitrum-sepolia"]
        gas += times * SCENARIOS[name]["gas_used"]
        wei += times * sum(int(each) for each in fees.values())
    tenths_of_milli = -(-wei // 10**14)  # rounds up
    eth = f"{tenths_of_milli // 10_000}.{tenths_of_milli % 10_000:04d}"
    assert found.groups() == (f"{sum(parts.values()):,}", f"{gas:,}", eth)
