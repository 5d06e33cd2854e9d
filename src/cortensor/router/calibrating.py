# SPDX-License-Identifier: Apache-2.0
"""`cortensor calibrate`: fit confidences on gold items, for the router to load."""

from __future__ import annotations

import os
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click
import msgspec

from cortensor.consensus import ENSEMBLE_MODEL, MAJORITY, WEIGHTED, decide
from cortensor.consensus.calibrate import brier_bps, expected_error_bps, reliability
from cortensor.consensus.fitting import DEFAULT_DRAWS, Fitted, fit
from cortensor.errors import InvalidInput
from cortensor.router.config import ConsensusConfig, load_config
from cortensor.router.measured import history_of, load_calibrations
from cortensor.router.prompts import INVALID, VALID
from cortensor.store.address import existing_database_option
from cortensor.store.gold_commands import read_line
from cortensor.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from cortensor.consensus import Calibration, Decision
    from cortensor.consensus.fitting import Named, Scored
    from cortensor.store.address import DatabaseAddress
    from cortensor.store.gold import Answered

STRATEGIES = (MAJORITY, WEIGHTED, ENSEMBLE_MODEL)
LABELS = (VALID, INVALID)
BPS = 10_000
MILLI = 1000


@click.command("calibrate")
@click.option(
    "--config",
    "config_path",
    type=click.Path(exists=True, dir_okay=False),
    help="The router's TOML file: its database, records and file of calibrations.",
)
@click.option(
    "--database",
    type=existing_database_option,
    help="The router's database, a file or a postgresql:// URL, instead of the configured one.",
)
@click.option(
    "--votes",
    type=click.File("rb"),
    help="JSON lines as `cortensor gold add` takes them, instead of a database.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write; by default the configured one. Other strategies in it stay.",
)
@click.option(
    "--strategy",
    "strategies",
    multiple=True,
    type=click.Choice(STRATEGIES),
    help="Fit only this strategy; may be repeated.",
)
@click.option("--draws", default=DEFAULT_DRAWS, type=click.IntRange(1, 1000), show_default=True)
@click.option(
    "--mean-replicas",
    type=click.FloatRange(1, 5),
    help="Fit where adaptive runs stop to so many replicas a request; needs five votes an item.",
)
def calibrate_command(
    *,
    config_path: str | None,
    database: DatabaseAddress | None,
    votes: IO[bytes] | None,
    output: Path | None,
    strategies: tuple[str, ...],
    draws: int,
    mean_replicas: float | None,
) -> None:
    """Fit each strategy's confidence on gold items, show how good it is, and write the file.

    Errors before and after are measured on items held out: each fifth is judged by what the
    others teach.
    """
    config = None if config_path is None else load_config(config_path)
    given = ConsensusConfig() if config is None else config.consensus
    if config is not None and output is None and given.calibration is not None:
        output = config.path(given.calibration)
    if output is None:
        raise InvalidInput("say which file to write", field="output")
    if config is not None and database is None and votes is None:
        database = config.database_address
    answered = _answered(database, votes)
    gold = [each for each in answered if each.is_gold and each.known.right in LABELS]
    click.echo(
        f"{len(gold)} gold items ("
        + ", ".join(f"{label} {sum(g.known.right == label for g in gold)}" for label in LABELS)
        + f"), {len(answered) - len(gold)} others left out of the fit"
    )
    found = []
    for strategy in strategies or STRATEGIES:
        fitted = fit(
            [(each.item, each.known) for each in gold],
            partial(_rule_from, answered, given, strategy),
            version=version_of(gold),
            draws=draws,
            mean_replicas_milli=None if mean_replicas is None else round(MILLI * mean_replicas),
        )
        click.echo("\n".join(report(fitted)))
        found.append(fitted.calibration)
    write(output, found)
    click.echo(f"{output}: {len(found)} calibrations; the router reads them at its next start")


def _answered(database: DatabaseAddress | None, votes: IO[bytes] | None) -> list[Answered]:
    if (database is None) == (votes is None):
        raise InvalidInput("give either a database (or --config) or --votes", field="votes")
    if votes is not None:
        return _distinct(read_line(n, line) for n, line in enumerate(votes, 1) if line.strip())
    is_missing = isinstance(database, Path) and not database.exists()  # opening it would make it
    if database is None or is_missing:
        raise InvalidInput(f"there is no database at {database}", field="database")
    with Store(database) as store:
        return store.gold.items()


def _distinct(items: Iterable[Answered]) -> list[Answered]:
    found: dict[str, Answered] = {}
    for each in items:
        if each.item in found:
            raise InvalidInput(f"{each.item!r} is there twice", field="votes")
        found[each.item] = each
    return list(found.values())


def _rule_from(
    answered: Sequence[Answered], config: ConsensusConfig, strategy: str, known: Sequence[Named]
) -> Callable[..., Decision]:
    """Return the rule as the router applies it when it knows only these gold items."""
    names = {name for name, _ in known}
    learnt = [each for each in answered if not each.is_gold or each.item in names]
    history = history_of(learnt, config, ())
    if strategy == MAJORITY:
        return decide
    return partial(
        decide,
        strategy=strategy,
        labels=LABELS,
        reputation=history.reputation,
        model=history.model,
    )


def version_of(gold: Sequence[Answered]) -> str:
    """Return the name of a history: how many items, and a hash of what they say."""
    whole = sha256()
    for each in sorted(gold, key=lambda one: one.item):
        votes = sorted((vote.rater or "", vote.label or "") for vote in each.known.votes)
        whole.update(msgspec.json.encode([each.item, each.known.right, votes]))
    return f"{len(gold)} gold items, sha256:{whole.hexdigest()[:16]}"


def report(fitted: Fitted) -> list[str]:
    """Return what was fitted as lines of text: errors by number of votes, and reliability."""
    calibration = fitted.calibration
    by = "" if calibration.weight_by is None else f" by {calibration.weight_by}"
    where = "held out" if fitted.is_held_out else "on the fitted items: too few to hold any out"
    lines = [
        "",
        f"{calibration.strategy}{by}, n = {calibration.n_history}, {where}",
        "votes  rounds  ECE before  after  Brier before  after",
    ]
    lines += [
        f"{votes:5d}  {len(pairs):6d}  {_decimal(expected_error_bps(pairs)):>10}  "
        f"{_decimal(expected_error_bps(fitted.after[votes])):>5}  "
        f"{_decimal(brier_bps(pairs)):>12}  {_decimal(brier_bps(fitted.after[votes])):>5}"
        for votes, pairs in sorted(fitted.before.items())
    ]
    if calibration.stop_bps is not None:
        lines.append(f"adaptive stops at {_decimal(calibration.stop_bps)}")
    lines.append("confidence   rounds   mean  right")
    lines += [
        f"{_decimal(each.low_bps)}-{_decimal(each.low_bps + BPS // 10)}  {each.rounds:6d}  "
        f"{_decimal(each.mean_bps)}  {_decimal(each.right_bps)}"
        for each in reliability(_all(fitted.after))
    ]
    return lines


def _all(scored: Scored) -> list[tuple[int, int]]:
    return [pair for pairs in scored.values() for pair in pairs]


def _decimal(bps: int) -> str:
    return f"{bps / BPS:.3f}"


def write(path: Path, found: Sequence[Calibration]) -> None:
    """Write calibrations, beside those of other strategies that the file has.

    Raises:
        InvalidInput: the file is there and is no list of calibrations, or cannot be written.
    """
    fresh = {(each.strategy, each.weight_by) for each in found}
    old = load_calibrations(path) if path.exists() else ()
    kept = [each for each in old if (each.strategy, each.weight_by) not in fresh]
    data: list[Any] = [*kept, *found]
    text = msgspec.json.format(msgspec.json.encode(data), indent=1) + b"\n"
    draft = path.with_name(f"{path.name}.new")
    try:
        draft.write_bytes(text)
        os.replace(draft, path)  # noqa: PTH105 -- a reader sees the old file or the new one
    except OSError as error:
        raise InvalidInput(f"cannot write {path}: {error.strerror}", field="output") from error
