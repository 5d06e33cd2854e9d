# SPDX-License-Identifier: Apache-2.0
"""`ape run gas --network`: the scenarios on a chain that charges as Arbitrum, or on its fork."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from statistics import median
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from web3 import Web3

from cortensor.chain.rpc import connect
from cortensor.gas.arbos_state import ArbosState
from cortensor.gas.fee_files import fees_of_chain
from cortensor.pricing import RateCard
from scripts._anvil import run_anvil
from scripts._gas import results
from scripts._gas.bench import Bench
from scripts._gas.network.bench_on import bench_on, next_midnight, what_is
from scripts._gas.network.comparing import PPM, Compared, compared, state_of
from scripts._gas.network.node import reached, where
from scripts._gas.progress import Step, progress, watched
from scripts._gas.scenario import Scenario
from scripts._gas.scenarios import run_scenarios
from scripts._gas.tour import run_tour, tour_length


def network_command(card: RateCard, choice: str, *, is_tour: bool, as_json: bool) -> bool:
    """Run the scenarios on a network; write nothing. Returns whether anything is unexplained.

    Args:
        card: the rate card.
        choice: as Ape's --network.
        is_tour: whether to run a few scenarios of every contract in place of all.
        as_json: whether to print JSON.
    """
    committed = gas_of(results.load(results.SCENARIOS_PATH))
    run, count = (run_tour, tour_length()) if is_tour else (run_scenarios, len(committed))
    with reached(where(choice)) as web3:
        with progress(f"scenarios on {choice}, and plain", 2 * count) as step:
            found = measure(web3, card, committed, step, run)
        state = state_of(web3, web3.eth.block_number)
        what = what_is(choice, web3, state)
    if as_json:
        click.echo(json.dumps(_json(found, what, state), indent=2))
    else:
        _show(found, what, has_arbos=state is not None)
    return any(each.open or each.poster != each.told for each in found)


def gas_of(document: results.Document) -> dict[str, int]:
    """Return gas by scenario."""
    return {name: each["gas_used"] for name, each in document["scenarios"].items()}


def measure(
    web3: Web3,
    card: RateCard,
    committed: Mapping[str, int],
    step: Step,
    run: Callable[[Bench], Iterator[Scenario]] = run_scenarios,
) -> list[Compared]:
    """Run the scenarios on a node, and then the same transactions on a plain Anvil.

    Args:
        web3: the node, as `reached` yields it.
        card: the rate card.
        committed: gas by scenario.
        step: called after each.
        run: which scenarios; all by default.
    """
    fees = fees_of_chain(web3.eth.chain_id)
    began = next_midnight(web3)
    bench, senders = bench_on(web3, card, began)
    scenarios = watched(run(bench), step)
    found = list(compared(scenarios, web3, fees, committed))
    options = ["--timestamp", str(began - 1), "--base-fee", "0"]
    with run_anvil(chain_id=web3.eth.chain_id, options=options) as node:
        own = connect(node.url)
        twin, _ = bench_on(own, card, began, senders.nonces)
        again = watched(run(twin), step)
        plain = {each.name: each.used.gas for each in again}
    return [replace(each, plain=plain[each.name]) for each in found]


def _show(found: list[Compared], what: str, *, has_arbos: bool) -> None:
    gas_table = _table("committed", "plain", "bytes", "receipt", "open")
    errors_table = _table("estimate", "eth_estimateGas", "of that, bytes")
    for each in found:
        gas = (each.committed, each.plain, each.poster, each.used, each.open)
        gas_table.add_row(each.name, *(f"{number:,}" if number else "" for number in gas))
        errors = (each.error_ppm, each.nitro_ppm, each.nitro_poster_ppm)
        errors_table.add_row(each.name, *("" if x is None else percent(x) for x in errors))
    console = Console()
    console.print(gas_table)
    if has_arbos:
        console.print()
        console.print(errors_table)
    for line in (what, *_sentences(found, has_arbos=has_arbos)):
        click.echo(line)


def _table(*heads: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("scenario", no_wrap=True)
    for head in heads:
        table.add_column(head, justify="right", no_wrap=True)
    return table


def _sentences(found: list[Compared], *, has_arbos: bool) -> list[str]:
    opened = [each.name for each in found if each.open]
    state = f"not explained: {', '.join(opened)}" if opened else "to the unit, all of them"
    kept = sum(each.plain == each.committed for each in found)
    whole = "what the same transaction takes on plain Anvil + the formula for bytes = gasUsed"
    why = "other accounts, times and signatures have other zero bytes and another order of hashes"
    lines = [
        f"{len(found)} scenarios: {whole}, {state}",
        f"{kept} take on plain Anvil just what gas/scenarios.json says; for the rest, {why}",
    ]
    if not has_arbos:
        return lines
    wrong = [each.name for each in found if each.poster != each.told]
    if wrong:
        lines.append(f"gasUsedForL1 is not the formula's: {', '.join(wrong)}")
    for name, errors in errors_of(found).items():
        lines.append(f"{name}: median {percent(errors[0])}, at most {percent(errors[1])} beside")
    return lines


def errors_of(found: list[Compared]) -> dict[str, tuple[int, int]]:
    """Return estimate -> (median, most) of its errors in size, in millionths of what was paid."""
    kinds = {
        "our estimate, of the whole fee": [each.error_ppm for each in found],
        "eth_estimateGas, of the whole fee": [each.nitro_ppm for each in found],
        "its part for bytes": [
            each.nitro_poster_ppm for each in found if each.nitro_poster_ppm is not None
        ],
    }
    return {
        name: (int(median(map(abs, errors))), max(map(abs, errors)))
        for name, errors in kinds.items()
        if errors
    }


def percent(ppm: int) -> str:
    """Return millionths as percent: 12,345 is "1.2345 %"."""
    sign = "-" if ppm < 0 else ""
    return f"{sign}{abs(ppm) * 100 // PPM}.{abs(ppm) * 100 % PPM // 100:04d} %"


def _json(found: list[Compared], what: str, state: ArbosState | None) -> dict[str, Any]:
    errors = {} if state is None else errors_of(found)
    return {
        "measured": what,
        "ok": not any(each.open or each.poster != each.told for each in found),
        "scenarios": {
            each.name: {
                "committed_gas": each.committed,
                "plain_gas": each.plain,
                "poster_gas": each.poster,
                "gas_used_for_l1": each.told,
                "gas_used": each.used,
                "open_gas": each.open,
                **(
                    {}
                    if state is None
                    else {
                        "estimate_ppm": each.error_ppm,
                        "eth_estimate_gas_ppm": each.nitro_ppm,
                        "eth_estimate_gas_bytes_ppm": each.nitro_poster_ppm,
                    }
                ),
            }
            for each in found
        },
        "errors_ppm": {
            name: {"median": middle, "max": most} for name, (middle, most) in errors.items()
        },
    }
