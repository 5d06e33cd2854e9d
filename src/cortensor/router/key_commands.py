# SPDX-License-Identifier: Apache-2.0
"""`cortensor keys`: payers sign API keys, operators take, list and revoke them."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from cortensor.chain.reader import ChainReader
from cortensor.errors import InvalidInput
from cortensor.receipts.api_key import METRICS, KeyGrant, hash_of, new_key, scope_bits
from cortensor.receipts.keccak import to_hex
from cortensor.receipts.sign import sign
from cortensor.receipts.typed import Domain
from cortensor.router.access import Doorkeeper
from cortensor.router.clock import SystemClock
from cortensor.router.config import load_config, secret
from cortensor.router.key_routes import KeyDesk, key_state
from cortensor.router.key_schemas import KeyGiven
from cortensor.router.payment_sessions import PaymentSessions
from cortensor.router.wiring import address_book, served_fundings
from cortensor.store.api_keys import KeyRecord
from cortensor.store.store import Store

if TYPE_CHECKING:
    from cortensor.router.config import Config
    from cortensor.router.key_schemas import KeyAdded

DAY_S = 86_400

config_option = click.option(
    "--config",
    "config_path",
    required=True,
    type=click.Path(exists=True, dir_okay=False),
    help="The router's TOML file.",
)


@click.group("keys")
def keys() -> None:
    """API keys: what a payer lets somebody else do in its session."""


@keys.command("sign")
@click.option("--session", required=True, help="The payment session, 0x and 40 hex digits.")
@click.option("--chain-id", required=True, type=int)
@click.option("--session-payment", required=True, help="Address of SessionPayment.")
@click.option("--payer-key-env", required=True, help="Variable with the payer's private key.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice(["delegate", "validate", "receipts"]),
)
@click.option("--per-minute", default=60, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--day-budget-wei", help="Most for one day (UTC); by default no bound.")
@click.option("--total-budget-wei", help="Most for ever; by default no bound.")
@click.option("--days", default=30, show_default=True, type=click.IntRange(1, 3650))
@click.option("--name", default="", help="For people.")
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path))
def sign_key(
    session: str,
    chain_id: int,
    session_payment: str,
    payer_key_env: str,
    scopes: tuple[str, ...],
    per_minute: int,
    day_budget_wei: str | None,
    total_budget_wei: str | None,
    days: int,
    name: str,
    out: Path,
) -> None:
    """Make a key and sign for it: prints the key, once, and writes the grant for the router."""
    key = new_key()
    budgets = {"day_budget_wei": day_budget_wei, "total_budget_wei": total_budget_wei}
    terms = {
        "session_id": session.lower(),
        "key_hash": hash_of(key),
        "scopes": list(scopes),
        "per_minute": per_minute,
        "expires": int(time.time()) + days * DAY_S,
        **{field: value for field, value in budgets.items() if value is not None},
    }
    try:
        grant = msgspec.convert(terms, KeyGrant)
    except msgspec.ValidationError as error:
        raise InvalidInput(str(error), field="grant") from error
    digest = grant.digest(Domain(chain_id, session_payment))
    signature = to_hex(sign(secret(payer_key_env, "payer_key_env"), digest))
    out.write_bytes(msgspec.json.encode(KeyGiven(grant=grant, signature=signature, name=name)))
    click.echo(key)


@keys.command("add")
@config_option
@click.argument("grant", required=False, type=click.Path(exists=True, path_type=Path))
@click.option("--metrics", is_flag=True, help="A key of your own that reads /metrics.")
@click.option("--name", default="", help="For people; with --metrics.")
@click.option("--per-minute", default=60, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--days", default=365, show_default=True, type=click.IntRange(1, 3650))
def add(
    config_path: str, grant: Path | None, metrics: bool, name: str, per_minute: int, days: int
) -> None:
    """Store the key of a GRANT that a payer signed, or make one that reads /metrics."""
    config = load_config(config_path)
    if (grant is None) != metrics:
        raise InvalidInput("give either a grant's file or --metrics", field="grant")
    with Store(config.database_address) as store:
        if grant is not None:
            added = asyncio.run(_take(config, store, _read(grant)))
            click.echo(f"{added.key_hash} {'added' if added.added else 'was there'}")
            return
        key, now = new_key(), int(time.time())
        store.api_keys.add(
            KeyRecord(
                key_hash=hash_of(key),
                name=name,
                session=None,
                scopes=scope_bits([METRICS]),
                per_minute=per_minute,
                day_budget=0,
                total_budget=0,
                expires=now + days * DAY_S,
                signature=None,
                added_at=now,
            )
        )
    click.echo(key)


@keys.command("list")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
def show(config_path: str, as_json: bool) -> None:
    """Show every key's hash, terms and charges."""
    with Store(load_config(config_path).database_address) as store:
        found = [key_state(each) for each in store.api_keys.all()]
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
        return
    for each in found:
        until = "revoked" if each.revoked_at is not None else f"until {each.expires}"
        scopes = ",".join(each.scopes)
        click.echo(
            f"{each.key_hash} {each.name or '-'} {scopes} {each.session_id or 'operator'} {until}, "
            f"charged {each.charged_wei} wei"
        )


@keys.command("revoke")
@config_option
@click.argument("key_hash")
def revoke(config_path: str, key_hash: str) -> None:
    """Make a key count for nothing, at once and for good."""
    with Store(load_config(config_path).database_address) as store:
        store.api_keys.revoke(key_hash.lower(), int(time.time()))
    click.echo(f"{key_hash.lower()} revoked")


def _read(path: Path) -> KeyGiven:
    try:
        return msgspec.json.decode(path.read_bytes(), type=KeyGiven)
    except msgspec.MsgspecError as error:
        raise InvalidInput(f"{path} is no grant of a key: {error}", field="grant") from error


async def _take(config: Config, store: Store, given: KeyGiven) -> KeyAdded:
    chain, clock = ChainReader(config.rpc_url, address_book(config)), SystemClock()
    identity = await chain.identity()
    sessions = PaymentSessions(
        chain,
        store.ledger,
        clock,
        router_id=config.router_id,
        cache_s=0,
        surcharge_s=0,
        expiry_margin_s=0,
        max_volume_tier=config.limits.max_volume_tier,
        fundings=served_fundings(config),
    )
    doorkeeper = Doorkeeper(Domain(identity.chain_id, identity.session_payment))
    desk = KeyDesk(sessions, doorkeeper, store.api_keys, clock, config.limits)
    return await desk.add(given)
