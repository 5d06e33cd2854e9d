# SPDX-License-Identifier: Apache-2.0
"""`cortensor agent attest`."""

from __future__ import annotations

import secrets
from pathlib import Path

import click
import msgspec

from cortensor.agents.asking import question_of
from cortensor.agents.attesting import Attester
from cortensor.agents.opening import Opened
from cortensor.agents.sending_commands import read_file
from cortensor.agents.settings import load_settings
from cortensor.receipts.keccak import WORD_BYTES, from_hex


@click.command()
@click.argument("agent_id", type=click.IntRange(0))
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--config",
    "config_file",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="TOML as the service's: chain, router, payment, and the key that acts for the agent.",
)
@click.option("--salt", help="0x and 64 hex digits, of a run that is to be gone on with.")
@click.option("--uri", help="Where FILE is served; by default it goes on the chain.")
@click.option(
    "--wait",
    default=3600,
    show_default=True,
    type=click.IntRange(0, 7 * 86_400),
    help="Seconds that the receipt's anchor is waited for.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def attest(
    agent_id: int,
    file: Path,
    *,
    config_file: Path,
    salt: str | None,
    uri: str | None,
    wait: int,
    as_json: bool,
) -> None:
    """Have the payload in FILE validated, and post the receipt as AGENT_ID's word of itself.

    The salt is told before anything is paid: with it a run that was cut short goes on, and is
    charged once.
    """
    settings = load_settings(config_file)
    raw, payload = read_file(file)
    word = secrets.token_bytes(WORD_BYTES) if salt is None else from_hex(salt, WORD_BYTES, "salt")
    click.echo(f"salt 0x{word.hex()}", err=True)
    attester = Attester(Opened(settings), settings)
    found = attester.attest(agent_id, payload, question_of(raw, uri), word, float(wait))
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
        return
    click.echo(f"agent {agent_id} attests {found.score} of 100: {found.tx_hash}")
    click.echo(f"request {found.request}, receipt {found.receipt_id}")
