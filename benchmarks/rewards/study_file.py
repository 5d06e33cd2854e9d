# SPDX-License-Identifier: Apache-2.0
"""The study's figures as one JSON file, of which docs/rewards.md and its plots are made."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product
from multiprocessing import get_context
from os import environ
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from benchmarks.rewards.copying import BUSY_TASKS, copying
from benchmarks.rewards.false_flags import HONEST, again, cost, once
from benchmarks.rewards.pair_study import power
from benchmarks.rewards.populations import POPULATIONS
from benchmarks.rewards.splitting import joining, splitting
from benchmarks.rewards.study import EPOCHS, disguised, margins_of, run, spread_of

if TYPE_CHECKING:
    from collections.abc import Callable

FILE = Path(__file__).with_name("study.json")
SMALL_EPOCHS, SMALL_NETWORKS = 2, 1
"""What a test recomputes."""
COPY_SEEDS = range(16)
THIN_OPERATORS, THIN_SEEDS = 80, range(10)
THIN_CHEATS = ("good", "poor", "half", "third", "turns", "ring")
SPLITS, SPLIT_SEEDS = (2, 4, 8), range(10)
JOINED = ("the same", "different")
ONCE_NETWORKS, AGAIN_NETWORKS = 500, 30
OTHER_SIZES = (10, 40)
"""Operators of networks of the hardest honest kind, beside twenty."""
POWER_NETWORKS, DENSITIES = 20, (10, 20, 40)
SHARE_NETWORKS, SHARE_DENSITIES, SHARES = 10, (10, 20), range(10, 101, 10)
"""Per cent of the tasks in which it could that a copier copies."""
COST_DENSITIES = (12, 20, 40, 80)


def population(name: str, epochs: int = EPOCHS) -> dict[str, Any]:
    """Return spread and margins of a population."""
    result = run(POPULATIONS[name](), epochs)
    return {"spread": spread_of(result), "margins": margins_of(result)}


def small_figures() -> dict[str, Any]:
    """Return what a test has the time to recompute: the same code, fewer epochs and networks."""
    figures = {
        "populations": {name: population(name, SMALL_EPOCHS) for name in POPULATIONS},
        "splitting": splitting(4, 0, epochs=SMALL_EPOCHS),
        "joining": joining("different", 0, epochs=SMALL_EPOCHS),
        "copying": copying(0, tasks=BUSY_TASKS, epochs=SMALL_EPOCHS),
        "quiet": copying(0, cheats=("poor",), epochs=SMALL_EPOCHS),
        "once": once("unlike quality", SMALL_NETWORKS),
        "again": again("clones", SMALL_NETWORKS, epochs=SMALL_EPOCHS),
        "cost": cost(20, epochs=SMALL_EPOCHS),
        "copier": power("copier", 10, SMALL_NETWORKS),
    }
    return dict(msgspec.to_builtins(figures))


def parts() -> dict[tuple[str, ...], Callable[[], Any]]:
    """Return the study's parts by their place in the figures, the longest first."""
    thin = partial(copying, cheats=THIN_CHEATS, operators=THIN_OPERATORS)
    return {
        **{("copying", str(seed)): partial(copying, seed, tasks=BUSY_TASKS) for seed in COPY_SEEDS},
        **{("quiet", str(seed)): partial(copying, seed) for seed in COPY_SEEDS},
        **{("thin", str(seed)): partial(thin, seed, tasks=BUSY_TASKS) for seed in THIN_SEEDS},
        **{("thin quiet", str(seed)): partial(thin, seed) for seed in THIN_SEEDS},
        **pair_parts(),
        **{
            ("splitting", str(nodes), str(seed)): partial(splitting, nodes, seed)
            for nodes, seed in product(SPLITS, SPLIT_SEEDS)
        },
        **{
            ("joining", models, str(seed)): partial(joining, models, seed)
            for models, seed in product(JOINED, SPLIT_SEEDS)
        },
        **{("populations", name): partial(population, name) for name in POPULATIONS},
        ("whales",): disguised,
        ("small",): small_figures,
    }


def pair_parts() -> dict[tuple[str, ...], Callable[[], Any]]:
    """Return those about the pair test."""
    other = {f"close kin, {operators} operators": operators for operators in OTHER_SIZES}
    return {
        **{("again", kind): partial(again, kind, AGAIN_NETWORKS) for kind in HONEST},
        **{
            ("again", name): partial(again, "close kin", AGAIN_NETWORKS, operators=operators)
            for name, operators in other.items()
        },
        **{
            ("share", str(size), str(share)): partial(
                power, "copier", size, SHARE_NETWORKS, epochs=EPOCHS, copy_bps=100 * share
            )
            for size, share in product(SHARE_DENSITIES, SHARES)
        },
        **{("once", kind): partial(once, kind, ONCE_NETWORKS) for kind in HONEST},
        **{
            ("power", cheat, str(size)): partial(power, cheat, size, POWER_NETWORKS)
            for cheat, size in product(("copier", "ring"), DENSITIES)
        },
        **{("cost", str(operators)): partial(cost, operators) for operators in COST_DENSITIES},
    }


def all_figures() -> dict[str, Any]:
    """Return the whole study, its parts side by side in processes of their own; takes minutes."""
    figures: dict[str, Any] = {"epochs": EPOCHS}
    # The frames are small, and each process has a core to itself.
    environ.setdefault("POLARS_MAX_THREADS", "1")
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        running = {place: pool.submit(part) for place, part in parts().items()}
        for place, part in running.items():
            within = figures
            for name in place[:-1]:
                within = within.setdefault(name, {})
            within[place[-1]] = msgspec.to_builtins(part.result())
    return figures


def write(figures: dict[str, Any]) -> None:
    """Write the file."""
    FILE.write_bytes(msgspec.json.format(msgspec.json.encode(figures), indent=1) + b"\n")


def read() -> dict[str, Any]:
    """Read it."""
    figures: dict[str, Any] = msgspec.json.decode(FILE.read_bytes())
    return figures
