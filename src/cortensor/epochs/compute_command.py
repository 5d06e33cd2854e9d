# SPDX-License-Identifier: Apache-2.0
"""`cortensor rewards compute` and `cortensor rewards verify`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from cortensor.epochs import files
from cortensor.epochs.gathering import gather
from cortensor.epochs.observing import RewardChain
from cortensor.epochs.options import epoch_options
from cortensor.epochs.sources import notes_on
from cortensor.epochs.verifying import verify_epoch
from cortensor.pricing import format_cor
from cortensor.rewards.epoch import why_nobody

if TYPE_CHECKING:
    from cortensor.epochs.place import RewardPlace
    from cortensor.epochs.settings import ObserveSettings


@click.command("compute")
@click.argument("epoch", type=click.IntRange(1))
@epoch_options
@click.option(
    "--out",
    "folder",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of epochs; this one's is named by its number.",
)
@click.option(
    "--estimate", is_flag=True, help="For an epoch that is not opened: as if it were, now."
)
def compute(
    *,
    epoch: int,
    rpc_url: tuple[str, ...],
    place: RewardPlace,
    settings: ObserveSettings,
    folder: Path,
    estimate: bool,
) -> None:
    """Write an epoch's folder: inputs, metrics, tree, report. Nothing is sent."""
    chain = RewardChain(rpc_url, place)
    inputs, sources = gather(chain, epoch, settings, folder, is_estimate=estimate)
    folder.mkdir(parents=True, exist_ok=True)
    result = files.write_epoch(folder / str(epoch), inputs, sources)
    drawn = "" if sources.is_budget_drawn else " (estimated: the epoch is not opened)"
    click.echo(
        f"epoch {epoch}: {len(inputs.receipts)} receipts, {len(result.leaves)} nodes, "
        f"{format_cor(result.sums.amount)} of {format_cor(inputs.budget)} COR{drawn}"
    )
    nobody = why_nobody(inputs, result)
    if nobody:
        click.echo(f"nobody is paid: {nobody}")
    for note in notes_on(sources.left_out, sources.left_out_before):
        click.echo(note)
    click.echo(f"root 0x{result.tree.root.hex()}")
    click.echo(f"report {folder / str(epoch) / files.PAGE}")


@click.command("verify")
@click.argument("folder", type=click.Path(file_okay=False, exists=True, path_type=Path))
@epoch_options
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def verify(
    *,
    folder: Path,
    rpc_url: tuple[str, ...],
    place: RewardPlace,
    settings: ObserveSettings,
    as_json: bool,
) -> None:
    """Compute an epoch's folder again, from chain and receipts, and compare every byte."""
    verified = verify_epoch(folder, RewardChain(rpc_url, place), settings)
    if as_json:
        click.echo(msgspec.json.encode(verified).decode())
        return
    where = f"posted ({verified.state})" if verified.on_chain else f"not posted ({verified.state})"
    click.echo(
        f"epoch {verified.epoch} verified: {verified.receipts} receipts, {verified.nodes} nodes, "
        f"{format_cor(int(verified.amount_wei))} COR; its root is {where}"
    )
    if verified.nobody:
        click.echo(f"nobody is paid: {verified.nobody}")
    for note in notes_on(verified.left_out, verified.left_out_before):
        click.echo(f"{note}, as --leave-out says")
