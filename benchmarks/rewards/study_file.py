# SPDX-License-Identifier: Apache-2.0
"""The study's figures as one JSON file, of which docs/rewards.md and its plots are made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from benchmarks.rewards.pair_study import HONEST, false_positives, power
from benchmarks.rewards.populations import POPULATIONS
from benchmarks.rewards.study import (
    EPOCHS,
    copying,
    disguised,
    margins_of,
    run,
    splitting,
    spread_of,
)

FILE = Path(__file__).with_name("study.json")
SMALL_EPOCHS, SMALL_NETWORKS = 2, 1
"""What a test recomputes."""
NETWORKS = 100
POWER_NETWORKS = 20
EARLY = 8
"""Epochs in which a thin network has not yet shown enough of a pair."""
SPLITS = (2, 4, 8)
DENSITIES = (10, 20, 40)


def population_figures(epochs: int) -> dict[str, Any]:
    """Return spread and margins of each population."""
    figures = {}
    for name, make in POPULATIONS.items():
        result = run(make(), epochs)
        figures[name] = {
            "spread": msgspec.to_builtins(spread_of(result)),
            "margins": msgspec.to_builtins(margins_of(result)),
        }
    return figures


def pair_figures(networks: int, power_networks: int) -> dict[str, Any]:
    """Return false positives by kind, and power by cheat and size."""
    return {
        "honest": {kind: msgspec.to_builtins(false_positives(kind, networks)) for kind in HONEST},
        "copier": {
            str(size): msgspec.to_builtins(power("copier", size, power_networks))
            for size in DENSITIES
        },
        "ring": {
            str(size): msgspec.to_builtins(power("ring", size, power_networks))
            for size in DENSITIES
        },
    }


def small_figures() -> dict[str, Any]:
    """Return what a test has the time to recompute: the same code, fewer epochs and networks."""
    return {
        "populations": population_figures(SMALL_EPOCHS),
        "splitting": splitting(4, epochs=SMALL_EPOCHS),
        "honest": msgspec.to_builtins(false_positives("unlike quality", SMALL_NETWORKS)),
        "copier": msgspec.to_builtins(power("copier", 10, SMALL_NETWORKS)),
    }


def all_figures() -> dict[str, Any]:
    """Return the whole study; takes minutes."""
    return {
        "epochs": EPOCHS,
        "populations": population_figures(EPOCHS),
        "splitting": {str(nodes): splitting(nodes) for nodes in SPLITS},
        "copying": msgspec.to_builtins(copying()),
        "copying_early": msgspec.to_builtins(copying(epochs=EARLY)),
        "whales": disguised(),
        "pairs": pair_figures(NETWORKS, POWER_NETWORKS),
        "small": small_figures(),
    }


def write(figures: dict[str, Any]) -> None:
    """Write the file."""
    FILE.write_bytes(msgspec.json.format(msgspec.json.encode(figures), indent=1) + b"\n")


def read() -> dict[str, Any]:
    """Read it."""
    figures: dict[str, Any] = msgspec.json.decode(FILE.read_bytes())
    return figures
