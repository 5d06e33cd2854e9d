# SPDX-License-Identifier: Apache-2.0
"""`cortensor gas profile`."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from cortensor.gas.envelope import parse_envelope
from cortensor.gas.estimate import estimate
from cortensor.gas.fee_files import PRICES, fee_file, fees_of_chain
from cortensor.gas.flame_files import check_names, write_flames
from cortensor.gas.known import load_known
from cortensor.gas.profile import must_be_named
from cortensor.gas.profile import profile as profile_of
from cortensor.gas.profile_render import profile_json, show_profile
from cortensor.gas.render import estimate_json, show_estimate
from cortensor.gas.snapshot import load_prices, load_snapshot

if TYPE_CHECKING:
    from cortensor.gas.estimate import Estimate
    from cortensor.gas.known import Abi
    from cortensor.gas.profile import Profile
    from cortensor.gas.snapshot import Snapshot
    from cortensor.gas.transaction import Traced

LAYOUTS = Path("layouts")
LINES = Path(".build") / "lines"
NO_LIMIT = 2**63


@click.command()
@click.argument("tx_hash")
@click.option(
    "--rpc",
    "rpc_urls",
    multiple=True,
    required=True,
    help="A node with the debug namespace; repeat it for others to fall back on.",
)
@click.option(
    "--deployments",
    type=click.Path(file_okay=False, path_type=Path),
    help="A folder of deployment records, which give contracts their names.",
)
@click.option(
    "--layouts",
    type=click.Path(file_okay=False, path_type=Path),
    default=LAYOUTS,
    show_default=True,
    help="A folder of storage layouts, which give slots their names.",
)
@click.option(
    "--network",
    help="At whose fees: a TOML file, or the name of one in config/fees; default: the chain's "
    "own, or Arbitrum Sepolia's.",
)
@click.option(
    "--flame",
    "flames",
    multiple=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write gas by source line too: a page, FILE.html, or folded stacks, FILE.folded.",
)
@click.option(
    "--lines",
    type=click.Path(file_okay=False, path_type=Path),
    default=LINES,
    show_default=True,
    help="A folder of line maps, which `ape run lines` writes, for --flame.",
)
@click.option(
    "--allow-unknown",
    is_flag=True,
    help="Show what has no name by its number, with a note; else that is an error.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def profile(
    tx_hash: str,
    rpc_urls: tuple[str, ...],
    deployments: Path | None,
    layouts: Path,
    network: str | None,
    flames: tuple[Path, ...],
    lines: Path,
    *,
    allow_unknown: bool,
    as_json: bool,
) -> None:
    """Show where the gas of TX_HASH went: by class, variable, opcode, event and argument."""
    check_names(flames)
    traced = _read(rpc_urls, tx_hash)
    chain_id = traced.transaction.chain_id
    snapshot = load_snapshot(fee_file(network)) if network else fees_of_chain(chain_id)
    known = {} if deployments is None else load_known(deployments, layouts, chain_id, _abi_of)
    found = profile_of(traced, known, snapshot.brotli_level)
    if not allow_unknown:
        must_be_named(found)
    if flames:
        write_flames(flames, traced, found, known, lines, lambda each: _codes(rpc_urls, each))
    fee = _fee(traced, found, snapshot)
    prices = load_prices(PRICES)
    if as_json:
        fees: dict[str, Any] | None = None
        if fee is not None:
            fees = estimate_json(fee, snapshot, prices)
        click.echo(json.dumps(profile_json(found, fees), indent=2))
        return
    console = Console()
    show_profile(console, found)
    if fee is not None:
        console.print()
        show_estimate(console, fee, snapshot, prices)
    for note in found.notes:
        console.print(f"note: {note.reason} [{note.code}]", markup=False, soft_wrap=True)


def _read(rpc_urls: tuple[str, ...], tx_hash: str) -> Traced:
    """Ask a node; only here is what talks to nodes loaded."""
    connect = import_module("cortensor.chain.rpc").connect
    found: Traced = import_module("cortensor.chain.tracer").read_traced(connect(rpc_urls), tx_hash)
    return found


def _codes(rpc_urls: tuple[str, ...], addresses: list[str]) -> dict[str, bytes]:
    connect = import_module("cortensor.chain.rpc").connect
    found: dict[str, bytes] = import_module("cortensor.chain.tracer").read_codes(
        connect(rpc_urls), addresses
    )
    return found


def _abi_of(name: str) -> Abi | None:
    try:
        found: Abi = import_module("cortensor.chain.rpc").load_abi(name)
    except FileNotFoundError:
        return None
    return found


def _fee(traced: Traced, found: Profile, snapshot: Snapshot) -> Estimate | None:
    """Return what these bytes and this work cost at a network's fees, wherever they were sent."""
    raw = traced.transaction.raw
    if raw is None:
        return None
    # Neither the chain it is signed for nor its limit matters to that.
    envelope = parse_envelope(raw)._replace(chain_id=None, gas_limit=NO_LIMIT)
    return estimate(envelope, snapshot, found.closure.used - found.closure.poster)
