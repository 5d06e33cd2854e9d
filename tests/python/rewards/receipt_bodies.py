# SPDX-License-Identifier: Apache-2.0
"""Receipt bodies for the rewards' tests: a real receipt's, with other replicas and consensus."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cortensor.receipts.body import Body
from cortensor.rewards.roster import Node, Roster

VECTORS = Path(__file__).resolve().parents[2] / "conformance" / "vectors"
REAL: dict[str, Any] = json.loads((VECTORS / "good-validate-majority.json").read_text())["bundle"][
    "receipt"
]
START, END = 1_790_000_000, 1_790_000_000 + 86_400


def address(number: int) -> str:
    return f"0x{number:040x}"


def roster(operators: dict[int, list[int]], unstaked: tuple[int, ...] = ()) -> Roster:
    return Roster(
        Node(operator, node, node not in unstaked)
        for operator, nodes in operators.items()
        for node in nodes
    )


def body(number: int, runs: list[dict[str, Any]], **changes: Any) -> tuple[str, Body]:
    """A run: miner (number or None), side (group) or status; the first group is the winner."""
    replicas = []
    groups: dict[str, list[int]] = {}
    for index, run in enumerate(runs):
        side = run.get("side")
        if side is not None:
            groups.setdefault(side, []).append(index)
        replicas.append(
            REAL["replicas"][0]
            | {
                "index": index,
                "status": run.get("status", "OK"),
                "late": False,
                "verdict": side,
                "miner": None if run.get("miner") is None else address(run["miner"]),
                "task_id": f"0x{run.get('task', number * 16 + index):032x}",
                "model": run.get("model", "m"),
                "input_units": 90,
                "output_units": 10,
                "latency_ms": 500 + index,
            }
        )
    winner = next(iter(groups.values()), []) if changes.pop("won", True) else []
    consensus = REAL["consensus"] | {
        "votes": {side: len(members) for side, members in groups.items()},
        "winner": winner,
        "dissent": [i for members in groups.values() for i in members if i not in winner],
        "replicas": len(runs),
    }
    tier = changes.pop("tier", None)
    data = REAL | {
        "issued_at": START + number,
        "replicas": replicas,
        "consensus": consensus,
        "policy": {"tier": tier},
    }
    made = Body.from_json(data | changes)
    return made.receipt_id(), made
