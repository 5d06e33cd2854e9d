# SPDX-License-Identifier: Apache-2.0
"""`cortensor agent ask` and `cortensor agent authorise`: one transaction each."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from cortensor.agents.asking import ask, question_of, salted
from cortensor.agents.options import as_json_option, caller_of, place_options, sending_options
from cortensor.agents.payload import Payload, read_payload
from cortensor.agents.place import Place
from cortensor.errors import InvalidInput


@click.command("ask")
@click.argument("agent_id", type=click.IntRange(0))
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@place_options
@sending_options
@click.option("--uri", help="Where FILE is served as it is; by default it goes on the chain.")
@as_json_option
def ask_command(
    agent_id: int,
    file: Path,
    *,
    rpc_url: tuple[str, ...],
    deployments: Path | None,
    validator: str | None,
    key_env: str,
    timeout: int,
    uri: str | None,
    as_json: bool,
) -> None:
    """Ask our validator to validate what the payload in FILE says, for AGENT_ID.

    The key's account acts for the agent. A payload without a salt gets one, unless it is served.
    """
    raw, payload = read_file(file)
    question = question_of(salted(payload) if uri is None else raw, uri)
    place = Place(rpc_url, deployments, validator)
    made = ask(place, caller_of(place, key_env, timeout), agent_id, question)
    if as_json:
        click.echo(msgspec.json.encode(made).decode())
        return
    click.echo(f"asked validator {made.validator} about agent {made.agent_id}: {made.tx_hash}")
    click.echo(f"request {made.request}")


@click.command()
@click.argument("responder")
@place_options
@click.option(
    "--key-env",
    default="CORTENSOR_SIGNER_KEY",
    show_default=True,
    help="Environment variable with the settler's key.",
)
@click.option("--timeout", default=120, show_default=True, type=click.IntRange(1, 3600))
@click.option("--stop", is_flag=True, help="Take it back.")
def authorise(
    responder: str,
    *,
    rpc_url: tuple[str, ...],
    deployments: Path | None,
    validator: str | None,
    key_env: str,
    timeout: int,
    stop: bool,
) -> None:
    """Let RESPONDER, an address, respond with the receipts of the settler whose key this is."""
    place = Place(rpc_url, deployments, validator)
    caller, found = caller_of(place, key_env, timeout), place.validator()
    word = "no longer responds" if stop else "responds"
    if found.is_authorised(caller.address, responder) != stop:
        click.echo(f"{responder} {word} for {caller.address} already")
        return
    mined = caller.call(found.address, found.authorise_data(responder, is_allowed=not stop))
    click.echo(f"{responder} {word} for {caller.address}: {mined.tx_hash}")


def read_file(path: Path) -> tuple[bytes, Payload]:
    """Return the bytes of a payload's file, and the payload. Raises InvalidInput."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"cannot read: {error.strerror}", field=str(path)) from error
    return raw, read_payload(raw)
