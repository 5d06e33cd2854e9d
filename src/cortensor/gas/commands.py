# SPDX-License-Identifier: Apache-2.0
"""`cortensor gas`: what a transaction will cost, what fees are, and what moved in the contracts."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec
from rich.console import Console

from cortensor.errors import InvalidInput
from cortensor.gas.check_command import check
from cortensor.gas.diff_command import diff
from cortensor.gas.envelope import parse_envelope
from cortensor.gas.estimate import estimate as estimate_fee
from cortensor.gas.fee_files import PRICES, fee_file
from cortensor.gas.mix_command import mix
from cortensor.gas.profile_command import profile
from cortensor.gas.render import estimate_json, explained, show_estimate
from cortensor.gas.report_command import report
from cortensor.gas.snapshot import load_prices, load_snapshot, snapshot_text, with_state

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortensor.gas.arbos_state import ReadState
    from cortensor.gas.envelope import Envelope
    from cortensor.gas.snapshot import Snapshot

network_option = click.option(
    "--network",
    required=True,
    help="A snapshot of fees: a TOML file, or the name of one in config/fees; cor-l3 is one too.",
)


@click.group()
def gas() -> None:
    """Estimate fees on Arbitrum and on a chain above it; compare measured gas."""


gas.add_command(check)
gas.add_command(diff)
gas.add_command(mix)
gas.add_command(report)
gas.add_command(profile)


@gas.command()
@click.argument("raw_tx")
@network_option
@click.option(
    "--rpc",
    "rpc_urls",
    multiple=True,
    help="Read the fees now, from a node of the network; repeat it for others to fall back on.",
)
@click.option(
    "--l2-gas",
    type=click.IntRange(min=0),
    help="What it uses on a plain EVM; else the transaction's limit, as the most.",
)
@click.option(
    "--ask-gas",
    "is_asked",
    is_flag=True,
    help="Ask the node of --rpc what execution takes now, in place of --l2-gas.",
)
@click.option(
    "--prices",
    type=click.Path(dir_okay=False, path_type=Path),
    default=PRICES,
    help="Prices of coins; default: config/fees/prices.toml.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def estimate(
    raw_tx: str,
    network: str,
    rpc_urls: tuple[str, ...],
    l2_gas: int | None,
    prices: Path,
    *,
    is_asked: bool,
    as_json: bool,
) -> None:
    """Show what RAW_TX costs: a signed transaction in hex, or @FILE that holds one."""
    if is_asked and (l2_gas is not None or not rpc_urls):
        raise InvalidInput("needs --rpc, and takes the place of --l2-gas", field="ask_gas")
    envelope = parse_envelope(_raw(raw_tx))
    snapshot = load_snapshot(fee_file(network))
    if rpc_urls:
        snapshot = _live(snapshot, _read(rpc_urls))
    if is_asked:
        l2_gas = _asked(rpc_urls, envelope)
    found = estimate_fee(envelope, snapshot, l2_gas, is_asked=is_asked)
    told = load_prices(prices)
    if as_json:
        click.echo(json.dumps(estimate_json(found, snapshot, told), indent=2))
        return
    show_estimate(Console(), found, snapshot, told)
    click.echo()
    for line in explained(found, snapshot, told):
        click.echo(line)


@gas.command()
@network_option
@click.option(
    "--rpc",
    "rpc_urls",
    multiple=True,
    required=True,
    help="A node of the network; repeat it for others to fall back on.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write there instead of printing.",
)
def snapshot(network: str, rpc_urls: tuple[str, ...], out: Path | None) -> None:
    """Read a network's fees now, and print them as a snapshot."""
    text = snapshot_text(_live(load_snapshot(fee_file(network)), _read(rpc_urls)))
    if out is None:
        click.echo(text, nl=False)
    else:
        out.write_text(text, "utf-8")
        click.echo(f"wrote {out}")


def _raw(text: str) -> bytes:
    if text.startswith("@"):
        try:
            text = Path(text[1:]).read_text("ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(f"cannot read {text[1:]}: {error}", field="raw_tx") from error
    try:
        return bytes.fromhex(text.strip().removeprefix("0x"))
    except ValueError as error:
        raise InvalidInput("must be hex digits, or @ and a file of them", field="raw_tx") from error


def _asked(rpc_urls: Sequence[str], envelope: Envelope) -> int:
    """Ask a node what execution takes, of the chain that the transaction is signed for."""
    web3 = import_module("cortensor.chain.rpc").connect(rpc_urls)
    asking = import_module("cortensor.chain.execution_estimate")
    found: int = asking.execution_estimate(web3, envelope)
    return found


def _read(rpc_urls: Sequence[str]) -> ReadState:
    """Read a chain; only here is what talks to nodes loaded."""
    connect = import_module("cortensor.chain.rpc").connect
    found: ReadState = import_module("cortensor.chain.arbos_reader").read_arbos(connect(rpc_urls))
    return found


def _live(known: Snapshot, found: ReadState) -> Snapshot:
    if found.chain_id != known.chain_id:
        raise InvalidInput(
            f"is of chain {found.chain_id}; {known.network} is {known.chain_id}",
            field="rpc",
            code="wrong_chain",
        )
    day = datetime.fromtimestamp(found.timestamp, UTC).date()
    told = with_state(known, found.state)
    return msgspec.structs.replace(told, as_of=day, source=f"ArbOS state at block {found.block}")
