# SPDX-License-Identifier: Apache-2.0
"""`ape run gas --mix`."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import click
from rich.console import Console

from cortensor.gas.mix import Mix, mix_text
from cortensor.gas.mix_render import show_mix
from cortensor.gas.reading import read_json
from cortensor.pricing import RateCard
from scripts._gas import fees
from scripts._gas.bench import run_bench
from scripts._gas.flames import Flames
from scripts._gas.mix.costs import recorded, watched_costs
from scripts._gas.mix.document import MIX_PATH, PAGE_PATH, mix_document, page_with
from scripts._gas.mix.plan import draw
from scripts._gas.mix.run import run_mix
from scripts._gas.mix.weights import load_weights
from scripts._gas.progress import progress


def mix_command(
    card: RateCard,
    *,
    seed: int | None,
    sessions: int | None,
    is_check: bool,
    flames: tuple[Path, ...],
    as_json: bool,
) -> bool:
    """Run a mix; write it, or compare. Returns whether it differs.

    Args:
        card: the rate card.
        seed: default: of the weights; to check, the committed file's.
        sessions: how many; default as above.
        is_check: whether to write nothing and compare.
        flames: files of a graph of its gas by source line.
        as_json: whether to print JSON instead of tables.
    """
    graph = Flames()
    weights = load_weights()
    kept: dict[str, object] = read_json(MIX_PATH, Mix).header if is_check else {}
    seed = int(str(kept.get("seed", weights.seed))) if seed is None else seed
    sessions = int(str(kept.get("sessions", weights.sessions))) if sessions is None else sessions
    plans = draw(weights, seed, sessions)
    with run_bench(card) as bench, progress("mix", sessions) as step:
        found, cost_of = recorded(fees.snapshots())
        if flames:
            cost_of = watched_costs(cost_of, partial(graph.trace, bench))
        run_mix(bench, plans, weights.settling_hours, found, cost_of, step)
        mix = mix_document(found, weights, seed, sessions, bench.version)
    if flames:
        graph.write(flames, "A mix of traffic", f"{sessions} sessions, seed {seed}")
    text = mix_text(mix)
    if is_check:
        return _is_other(text, mix, sessions)
    page = page_with(mix, PAGE_PATH.read_text())
    MIX_PATH.write_text(text)
    PAGE_PATH.write_text(page)
    if as_json:
        click.echo(text, nl=False)
    else:
        show_mix(Console(), mix)
        click.echo(
            f"wrote {os.path.relpath(MIX_PATH)} and the table in {os.path.relpath(PAGE_PATH)}"
        )
    return False


def _is_other(text: str, mix: Mix, sessions: int) -> bool:
    page = PAGE_PATH.read_text()
    wrong = [
        os.path.relpath(path)
        for path, is_kept in (
            (MIX_PATH, MIX_PATH.read_text() == text),
            (PAGE_PATH, page_with(mix, page) == page),
        )
        if not is_kept
    ]
    state = f"{', '.join(wrong)}: not as committed; run `make gas ARGS=--mix`"
    click.echo(f"a mix of {sessions} sessions, {state if wrong else 'every number as committed'}")
    return bool(wrong)
