# SPDX-License-Identifier: Apache-2.0
"""`ape run gas`: measure the named scenarios on an Anvil of its own; `--check` compares exactly."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from cortensor.errors import Error
from cortensor.gas.flame_files import check_names
from cortensor.pricing import RateCard
from scripts._deploy.compiler import ROOT
from scripts._gas import page, profiles, results
from scripts._gas.bench import run_bench
from scripts._gas.flames import Flames
from scripts._gas.mix.command import mix_command
from scripts._gas.network.command import network_command
from scripts._gas.network.mixing import network_mix
from scripts._gas.network.profiling import network_profile
from scripts._gas.phase2 import run_phase2
from scripts._gas.progress import progress, watched
from scripts._gas.scenarios import run_scenarios

CARD_PATH = ROOT / "config" / "rate-card.toml"


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if any number differs.")
@click.option("--profile", is_flag=True, help="Write where the gas goes, to gas/profile.json.")
@click.option("--mix", is_flag=True, help="Run a mix of traffic, into gas/mix.json.")
@click.option(
    "--seed", type=click.IntRange(min=0), help="Of the mix; default: config/gas-mix.toml."
)
@click.option(
    "--sessions", type=click.IntRange(1, 2_000), help="In the mix; default: config/gas-mix.toml."
)
@click.option(
    "--network",
    help="Measure on this network of Ape's, of which an Anvil is asked, and write no committed "
    "file; a fork is started here, behind a front that charges as Arbitrum.",
)
@click.option(
    "--flame",
    "flames",
    multiple=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="With --profile or --mix: write gas by source line, of all transactions together, to "
    "FILE.html or FILE.folded.",
)
@click.option("--tour", is_flag=True, help="With --network: two dozen scenarios, of all contracts.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def cli(
    check: bool,
    profile: bool,
    mix: bool,
    seed: int | None,
    sessions: int | None,
    network: str | None,
    flames: tuple[Path, ...],
    tour: bool,
    as_json: bool,
) -> None:
    """Measure gas into gas/scenarios.json, gas/baselines/phase2.json and docs/spec/gas.md.

    With --profile, into gas/profile.json instead: the same transactions, and where their gas went.
    With --mix, into gas/mix.json and docs/gas.md: what sessions bear of the gas of a mix of them.
    With --network none of these is written: receipts there are compared with gas/scenarios.json,
    or the profiles or the mix are shown as they are there.
    """
    refused = {
        "--seed and --sessions are of --mix": not mix and (seed, sessions) != (None, None),
        "--mix and --profile measure apart": mix and profile,
        "--check is of the committed numbers, and not of a network": check and network is not None,
        "--flame is of --profile and --mix": bool(flames) and not (mix or profile),
        "--tour is of --network alone": tour and (network is None or mix or profile),
    }
    for reason in (each for each, is_met in refused.items() if is_met):
        raise click.UsageError(reason)
    kind = "mix" if mix else "profile" if profile else "scenarios"
    card = RateCard.load(CARD_PATH)
    drawn: dict[str, Any] = {"seed": seed, "sessions": sessions, "flames": flames}
    measures: dict[tuple[str, bool], Callable[[], bool]] = {
        ("mix", False): lambda: mix_command(card, **drawn, is_check=check, as_json=as_json),
        ("mix", True): lambda: network_mix(card, str(network), **drawn, as_json=as_json),
        ("profile", False): lambda: _profile(card, flames, is_check=check),
        ("profile", True): lambda: network_profile(
            card, str(network), flames=flames, as_json=as_json, count=_count(1)
        ),
        ("scenarios", False): lambda: _run(card, is_check=check, as_json=as_json),
        ("scenarios", True): lambda: network_command(
            card, str(network), is_tour=tour, as_json=as_json
        ),
    }
    try:
        check_names(flames)
        drifted = measures[kind, network is not None]()
    except Error as error:
        raise click.ClickException(str(error)) from error
    if drifted:
        raise SystemExit(1)


def _run(card: RateCard, *, is_check: bool, as_json: bool) -> bool:
    began = time.monotonic()
    paths = (results.SCENARIOS_PATH, results.PHASE2_PATH)
    committed = [results.load(path) for path in paths] if is_check else []
    with run_bench(card) as bench, progress("scenarios", _count()) as step:
        measured = results.build(watched(run_scenarios(bench), step), bench.version)
        phase2 = results.build(watched(run_phase2(bench), step), bench.version, results.PHASE2)
    if not as_json:
        count = len(measured["scenarios"]) + len(phase2["scenarios"])
        click.echo(f"{count} scenarios in {time.monotonic() - began:.0f} s")
    if is_check:
        drifts = results.compare(committed[0], measured) + results.compare(committed[1], phase2)
        if not drifts and not _is_page_current(measured):
            drifts = [results.Drift("docs/spec/gas.md", "differs", "from gas/*.json")]
        _show_drifts(drifts, len(measured["scenarios"]), as_json=as_json)
        return bool(drifts)
    results.PHASE2_PATH.parent.mkdir(parents=True, exist_ok=True)
    page.PAGE_PATH.parent.mkdir(parents=True, exist_ok=True)
    results.SCENARIOS_PATH.write_text(results.dump(measured))
    results.PHASE2_PATH.write_text(results.dump(phase2))
    page.PAGE_PATH.write_text(page.page(measured))
    if as_json:
        click.echo(results.dump(measured), nl=False)
    else:
        _show(measured)
        for path in (*paths, page.PAGE_PATH):
            click.echo(f"wrote {os.path.relpath(path)}")
    return False


def _profile(card: RateCard, flames: tuple[Path, ...], *, is_check: bool) -> bool:
    found: dict[str, Any] = {}
    graph = Flames()
    with run_bench(card) as bench, progress("profiles", _count(1)) as step:
        scenarios = watched(run_scenarios(bench), step)
        profiled = profiles.profiled(scenarios, bench, found, graph=graph)
        measured = results.build(profiled, bench.version)
    if flames:
        graph.write(flames, "Every scenario", "the scenarios, deployments aside")
    text = profiles.dump(profiles.document(found, measured["header"]))
    path = profiles.PROFILE_PATH
    if is_check:
        is_current = path.is_file() and path.read_text() == text
        state = "as committed" if is_current else "not as committed; run `make gas ARGS=--profile`"
        click.echo(f"{len(found)} profiles, {state}")
        return not is_current
    path.write_text(text)
    click.echo(f"wrote {os.path.relpath(path)}: {len(found)} profiles")
    return False


def _count(files: int = 2) -> int:
    """Return how many scenarios were measured last time: how far a bar has to go."""
    paths = (results.SCENARIOS_PATH, results.PHASE2_PATH)[:files]
    return sum(len(results.load(path)["scenarios"]) for path in paths if path.is_file())


def _is_page_current(measured: results.Document) -> bool:
    return page.PAGE_PATH.is_file() and page.PAGE_PATH.read_text() == page.page(measured)


def _show(document: results.Document) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("scenario", no_wrap=True)
    for column in ("gas", "items", "per item"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("starts from", overflow="fold")
    for name, entry in document["scenarios"].items():
        items = f"{entry['items']:,}" if entry["items"] > 1 else ""
        per_item = f"{entry['gas_per_item']:,}" if entry["items"] > 1 else ""
        table.add_row(name, f"{entry['gas_used']:,}", items, per_item, entry["note"])
    Console().print(table)


def _show_drifts(drifts: list[results.Drift], count: int, *, as_json: bool) -> None:
    if as_json:
        rows = [{**vars(drift), "delta": drift.delta or None} for drift in drifts]
        click.echo(json.dumps({"ok": not drifts, "drifts": rows}, indent=2))
        return
    if not drifts:
        click.echo(f"{count} scenarios measured, every number as committed")
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("differs", no_wrap=True)
    for column in ("committed", "measured"):
        table.add_column(column, overflow="fold")
    table.add_column("delta", no_wrap=True, justify="right")
    for drift in drifts:
        table.add_row(drift.name, str(drift.committed), str(drift.measured), drift.delta)
    Console().print(table)
    click.echo(f"{len(drifts)} differences; if they are meant, run `make gas` and commit")
