# SPDX-License-Identifier: Apache-2.0
"""`cortensor anvil`: a local chain that charges and answers as Arbitrum does."""

from __future__ import annotations

from pathlib import Path

import click

from cortensor.anvil.networks import MAX_TX_BYTES, TX_GAS_LIMIT, genesis
from cortensor.anvil.process import anvil_binary
from cortensor.anvil.serving import Plan, serve
from cortensor.errors import InvalidInput
from cortensor.gas.arbos_state import BASE_FEE, PRICE_PER_UNIT
from cortensor.gas.fee_files import fee_file
from cortensor.gas.snapshot import load_snapshot

OWNED = (
    "--port",
    "-p",
    "--host",
    "--chain-id",
    "--hardfork",
    "--base-fee",
    "--block-base-fee-per-gas",
    "--block-time",
    "-b",
    "--fork-url",
    "--rpc-url",
    "-f",
    "--fork-chain-id",
    "--silent",
    "--quiet",
    "-q",
)
NO_MINING = frozenset({"--no-mining", "--no-mine"})
USUAL = {"--gas-limit": str(TX_GAS_LIMIT), "--order": "fifo"}
"""Options that a caller may give otherwise. The sequencer takes transactions as they come."""


@click.command()
@click.option(
    "--as",
    "network",
    required=True,
    type=click.Choice(sorted(MAX_TX_BYTES)),
    help="Which network to stand in for.",
)
@click.option("--fork", "fork_url", help="A node whose chain to go on from.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Where to listen; default: any free."
)
@click.option("--base-fee", type=click.IntRange(min=0), help="Wei, in place of the network's.")
@click.option(
    "--price-per-unit", type=click.IntRange(min=0), help="Wei, in place of the network's."
)
@click.option(
    "--block-every",
    type=click.IntRange(min=1),
    help="Make a block every so many seconds as well, for tools that wait for the next one.",
)
@click.option(
    "--fees",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A snapshot of fees; default: the network's in config/fees.",
)
@click.argument("anvil_options", nargs=-1, type=click.UNPROCESSED)
def anvil(
    network: str,
    fork_url: str | None,
    port: int,
    base_fee: int | None,
    price_per_unit: int | None,
    block_every: int | None,
    fees: Path | None,
    anvil_options: tuple[str, ...],
) -> None:
    """Run Anvil as an Arbitrum chain. ANVIL_OPTIONS, after --, are Anvil's own."""
    snapshot = load_snapshot(fees or fee_file(network))
    given = {BASE_FEE: base_fee, PRICE_PER_UNIT: price_per_unit}
    serve(
        Plan(
            binary=anvil_binary(Path.cwd()),
            chain_id=snapshot.chain_id,
            genesis=genesis(snapshot, base_fee, price_per_unit),
            overrides={slot: value for slot, value in given.items() if value is not None},
            max_tx_bytes=MAX_TX_BYTES[network],
            fork_url=fork_url,
            port=port,
            options=_options(anvil_options, int(snapshot.base_fee_wei), base_fee),
            is_automatic=NO_MINING.isdisjoint(anvil_options),
            block_every_s=block_every or 0,
        )
    )


def _options(given: tuple[str, ...], usual_fee: int, base_fee: int | None) -> list[str]:
    names = {word.partition("=")[0] for word in given}
    refused = sorted(names.intersection(OWNED))
    if refused:
        raise InvalidInput(f"{', '.join(refused)} is set here", field="anvil_options")
    fee = usual_fee if base_fee is None else base_fee
    # The front mines: it knows each block's base fee.
    options = ["--base-fee", str(fee), "--disable-min-priority-fee", "--no-mining"]
    for name, value in USUAL.items():
        if name not in names:
            options += [name, value]
    return [*options, *(word for word in given if word not in NO_MINING)]
