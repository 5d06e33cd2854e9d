# SPDX-License-Identifier: Apache-2.0
"""`ape run gas --profile --network`: where gas goes on a chain that charges as Arbitrum."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from web3 import Web3

from cortensor.gas import kinds
from cortensor.pricing import RateCard
from scripts._gas import profiles, results
from scripts._gas.envelope import BROTLI_LEVEL
from scripts._gas.flames import Flames
from scripts._gas.line_maps import line_map_of
from scripts._gas.network.bench_on import bench_on, next_midnight, what_is
from scripts._gas.network.comparing import state_of
from scripts._gas.network.node import reached, where
from scripts._gas.profiles import LineMapOf
from scripts._gas.progress import Step, progress, watched
from scripts._gas.scenarios import run_scenarios

STORAGE = (kinds.STORAGE_READ, kinds.STORAGE_WRITE, kinds.STORAGE_GROWTH)


def network_profile(
    card: RateCard, choice: str, *, flames: tuple[Path, ...], as_json: bool, count: int
) -> bool:
    """Profile the scenarios on a network and show them; write nothing but graphs.

    Returns False: what does not close is an error, and no difference.

    Args:
        card: the rate card.
        choice: as Ape's --network.
        flames: files of a graph of all of them.
        as_json: whether to print JSON, as gas/profile.json is.
        count: how many scenarios there are, for a bar.

    Raises:
        VerificationFailed: one does not close to the unit (`not_closed`).
    """
    graph = Flames() if flames else None
    with reached(where(choice)) as web3, progress(f"profiles on {choice}", count) as step:
        found, document = profile_on(web3, card, choice, step, graph)
    if graph is not None:
        graph.write(flames, "Every scenario", f"the scenarios on {choice}, deployments aside")
    if as_json:
        click.echo(profiles.dump(document), nl=False)
        return False
    show(found)
    click.echo(document["header"]["measured_on"])
    click.echo(f"{len(found)} profiles: each is its receipt's gasUsed, to the unit")
    return False


def profile_on(
    web3: Web3,
    card: RateCard,
    choice: str,
    step: Step,
    graph: Flames | None = None,
    most: int | None = None,
    line_map: LineMapOf = line_map_of,
) -> tuple[dict[str, Any], results.Document]:
    """Run and profile the scenarios on a node; return them by name, and the whole document.

    Args:
        web3: the node, as `reached` yields it.
        card: the rate card.
        choice: the network's name.
        step: called after each.
        graph: to which gas by source line is added.
        most: how many scenarios; all by default.
        line_map: returns a contract's line map, None to draw it as one box.
    """
    found: dict[str, Any] = {}
    state = state_of(web3, web3.eth.block_number)
    bench, _ = bench_on(web3, card, next_midnight(web3))
    scenarios = watched(islice(run_scenarios(bench), most), step)
    level = BROTLI_LEVEL if state is None else state.brotli_level
    for _ in profiles.profiled(scenarios, bench, found, level, graph, line_map):
        pass
    document = profiles.document(found, results.header_of(bench.version))
    document["header"]["measured_on"] = what_is(choice, web3, state)
    return found, document


def show(found: dict[str, Any]) -> None:
    """Print a line a scenario: its gas, and of that what is for bytes, storage and events."""
    table = Table(box=None, pad_edge=False)
    table.add_column("scenario", no_wrap=True)
    for head in ("gas", "for bytes", "storage", "events"):
        table.add_column(head, justify="right", no_wrap=True)
    for name, brief in found.items():
        classes = brief["classes"]
        gas = (
            brief["gas_used"],
            classes.get(kinds.SINGLE_DIM, 0),
            sum(classes.get(kind, 0) for kind in STORAGE),
            classes.get(kinds.HISTORY_GROWTH, 0),
        )
        table.add_row(name, *(f"{each:,}" if each else "" for each in gas))
    Console().print(table)
