# SPDX-License-Identifier: Apache-2.0
"""`ape run gas --mix --network`: the mix on a chain that charges as Arbitrum, at what was paid."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from web3 import Web3

from cortensor.chain.fee_check import check_receipt
from cortensor.gas.cost_lines import names_of
from cortensor.gas.fee_files import fees_of_chain
from cortensor.gas.mix import Mix, mix_of, mix_text
from cortensor.gas.mix_command import METRIC
from cortensor.gas.mix_render import show_mix
from cortensor.pricing import RateCard
from scripts._gas.flames import Flames
from scripts._gas.mix.costs import paid, watched_costs
from scripts._gas.mix.document import STARTS, drawn_header
from scripts._gas.mix.plan import draw
from scripts._gas.mix.run import run_mix
from scripts._gas.mix.weights import Weights, load_weights
from scripts._gas.network.bench_on import bench_on, next_midnight, what_is
from scripts._gas.network.comparing import state_of
from scripts._gas.network.node import reached, where
from scripts._gas.progress import Step, progress
from scripts._gas.results import header_of
from scripts._gas.used import Used


@dataclass
class Mixed:
    """A mix that ran on a network.

    Attributes:
        mix: its tables.
        measured_on: the network, for people.
        checked: how many receipts' gasUsedForL1 was computed anew.
        wrong: transactions of which it is not the formula's.
    """

    mix: Mix
    measured_on: str
    checked: int = 0
    wrong: list[str] = field(default_factory=list)


def network_mix(
    card: RateCard,
    choice: str,
    *,
    seed: int | None,
    sessions: int | None,
    flames: tuple[Path, ...],
    as_json: bool,
) -> bool:
    """Run a mix on a network and show it. Returns whether a receipt is not the formula's.

    Args:
        card: the rate card.
        choice: as Ape's --network.
        seed: default: of config/gas-mix.toml.
        sessions: how many; default as above.
        flames: files of its graph.
        as_json: whether to print JSON instead of tables.
    """
    weights = load_weights()
    seed = weights.seed if seed is None else seed
    sessions = weights.sessions if sessions is None else sessions
    graph = Flames() if flames else None
    with reached(where(choice)) as web3, progress(f"mix on {choice}", sessions) as step:
        mixed = mix_on(web3, card, choice, weights, seed, sessions, step, graph)
    if graph is not None:
        graph.write(flames, "A mix of traffic", f"{sessions} sessions on {choice}, seed {seed}")
    if as_json:
        click.echo(mix_text(mixed.mix), nl=False)
    else:
        show_mix(Console(), mixed.mix)
        click.echo(mixed.measured_on)
        if mixed.checked:
            told = (
                f"not the formula's of {', '.join(mixed.wrong)}" if mixed.wrong else "all of them"
            )
            click.echo(f"gasUsedForL1 of {mixed.checked:,} receipts is the formula's: {told}")
    return bool(mixed.wrong)


def mix_on(
    web3: Web3,
    card: RateCard,
    choice: str,
    weights: Weights,
    seed: int,
    sessions: int,
    step: Step,
    graph: Flames | None = None,
) -> Mixed:
    """Run a mix on a node; every receipt's gas for bytes is computed anew.

    Args:
        web3: the node, as `reached` yields it.
        card: the rate card.
        choice: the network's name.
        weights: of the mix.
        seed: of what is drawn.
        sessions: how many.
        step: called when a session is open.
        graph: to which gas by source line is added.
    """
    fees = fees_of_chain(web3.eth.chain_id)
    network = fees.network if fees.chain_id == web3.eth.chain_id else choice
    state = state_of(web3, web3.eth.block_number)
    bench, _ = bench_on(web3, card, next_midnight(web3))
    found, cost_of = paid(network, fees)
    checked: list[bool] = []
    wrong: list[str] = []

    def watch(used: Used) -> None:
        if state is not None:
            told = check_receipt(web3, used.tx_hash)
            checked.append(told.is_equal)
            if not told.is_equal:
                wrong.append(used.tx_hash)
        if graph is not None:
            graph.trace(bench, used)

    plans = draw(weights, seed, sessions)
    run_mix(bench, plans, weights.settling_hours, found, watched_costs(cost_of, watch), step)
    told = what_is(choice, web3, state)
    common: dict[str, Any] = header_of(bench.version)
    header = {
        **{name: common[name] for name in ("compiler", "evm", "optimizer", "anvil", "hardfork")},
        "metric": METRIC,
        "measured_on": told,
        "fees": {network: "what was paid"},
        "lines": {network: names_of(fees)},
        "coins": {network: fees.coin},
        "prices": common["prices"],
        "starts_from": STARTS,
        **drawn_header(weights, seed, sessions),
    }
    return Mixed(mix_of(found, header), told, len(checked), wrong)
