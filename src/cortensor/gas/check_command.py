# SPDX-License-Identifier: Apache-2.0
"""`cortensor gas check`: a chain's own receipt, computed again."""

from __future__ import annotations

import json
import re
from importlib import import_module
from typing import Any

import click
import msgspec

from cortensor.errors import InvalidInput

DIFFERENT = 1
_HASH = re.compile(r"0x[0-9a-fA-F]{64}")


@click.command()
@click.argument("tx_hash")
@click.option(
    "--rpc",
    "rpc_urls",
    multiple=True,
    required=True,
    help="A node of an Arbitrum chain; repeat it for others to fall back on.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def check(ctx: click.Context, tx_hash: str, rpc_urls: tuple[str, ...], *, as_json: bool) -> None:
    """Compute what TX_HASH paid for its bytes, and compare. Exit code 1 if it differs."""
    if not _HASH.fullmatch(tx_hash):
        raise InvalidInput("must be 0x and 64 hex digits", field="tx_hash")
    # Only here is what talks to nodes loaded.
    web3 = import_module("cortensor.chain.rpc").connect(rpc_urls)
    found: Any = import_module("cortensor.chain.fee_check").check_receipt(web3, tx_hash.lower())
    if as_json:
        told = {**msgspec.to_builtins(found), "is_equal": found.is_equal}
        for name in ("price_per_unit", "base_fee"):
            told[f"{name}_wei"] = str(told.pop(name))
        click.echo(json.dumps(told, indent=2))
    else:
        click.echo(
            f"{found.raw_bytes:,} bytes, {found.units:,} units at {found.price_per_unit:,} wei, "
            f"base fee {found.base_fee:,} wei: {found.computed:,} gas"
        )
        difference = found.told - found.computed
        verdict = "equal" if found.is_equal else f"{difference:+,} beside the formula"
        click.echo(f"the receipt says {found.told:,}: {verdict}")
    ctx.exit(0 if found.is_equal else DIFFERENT)
