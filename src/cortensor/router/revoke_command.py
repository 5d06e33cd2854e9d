# SPDX-License-Identifier: Apache-2.0
"""`cortensor receipt revoke`: a router takes a receipt of its own back."""

from __future__ import annotations

import click
import msgspec

from cortensor.errors import NotFound
from cortensor.router.commands import config_option
from cortensor.router.config import load_config
from cortensor.router.requests import receipt_key
from cortensor.router.wiring import build_settler
from cortensor.store.store import Store


@click.command("revoke")
@click.argument("receipt", metavar="URN|ID")
@config_option
@click.option("--successor", metavar="URN|ID", help="The receipt that takes its place.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def revoke(receipt: str, *, config_path: str, successor: str | None, as_json: bool) -> None:
    """Say on chain that a receipt of this router no longer stands; that is for good.

    It may run beside the router. What was charged stays charged, and can still be disputed.
    """
    config = load_config(config_path)
    key = receipt_key(receipt)
    by = None if successor is None else receipt_key(successor)
    with Store(config.database_address) as store:
        if store.ledger.receipt(key) is None:
            raise NotFound("no receipt here has this id", field="receipt", code="unknown_receipt")
        ended = build_settler(config, store, config.public_url).end(key, by)
    if as_json:
        click.echo(msgspec.json.encode(ended).decode())
        return
    how = "revoked" if by is None else f"superseded by {by}"
    sent = "before" if ended.tx_hash is None else f"by {ended.tx_hash}"
    click.echo(f"{key} was {how} at unix time {ended.ended_at}, {sent}")
