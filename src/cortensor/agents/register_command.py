# SPDX-License-Identifier: Apache-2.0
"""`cortensor agent register`."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from cortensor.agents.fetching import Reach
from cortensor.agents.options import (
    as_json_option,
    caller_of,
    fetching_options,
    place_options,
    sending_options,
)
from cortensor.agents.place import Place
from cortensor.agents.registering import Registrar, Wanted
from cortensor.agents.registration import read_registration
from cortensor.errors import InvalidInput


@click.command(
    epilog="Example: cortensor agent register config/agents/corgent.json"
    " --endpoint router=https://router.example --rpc http://127.0.0.1:8545"
    " --deployments deployments/local --approve"
)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@place_options
@sending_options
@fetching_options
@click.option(
    "--endpoint",
    "endpoints",
    multiple=True,
    metavar="NAME=URL",
    help="The address that takes the place of {NAME} in the file; repeat for more.",
)
@click.option("--uri", help="Where the file is served; by default all of it goes on the chain.")
@click.option("--agent-id", type=click.IntRange(0), help="The agent, if it is registered.")
@click.option("--new", "is_new", is_flag=True, help="Register another one, whatever there is.")
@click.option("--approve", is_flag=True, help="Let our validator attest for the agent.")
@click.option(
    "--allow",
    "anchorers",
    multiple=True,
    metavar="ADDRESS",
    help="Let an anchorer's receipts speak of the agent; repeat for more.",
)
@click.option(
    "--allow-router",
    "routers",
    multiple=True,
    type=click.IntRange(1, 2**32 - 1),
    help="The same, for a router's settler of today.",
)
@click.option("--from-block", type=click.IntRange(0), help="Where to look for one's agents.")
@as_json_option
def register(
    file: Path,
    *,
    rpc_url: tuple[str, ...],
    deployments: Path | None,
    validator: str | None,
    key_env: str,
    timeout: int,
    allow_private: bool,
    ipfs_gateway: str | None,
    endpoints: tuple[str, ...],
    uri: str | None,
    agent_id: int | None,
    is_new: bool,
    approve: bool,
    anchorers: tuple[str, ...],
    routers: tuple[int, ...],
    from_block: int | None,
    as_json: bool,
) -> None:
    """Register the agent of FILE (JSON or TOML), or bring a registered one to what FILE says.

    The file is checked first. An agent of the same name that the key's account registered before is
    that agent; nothing is sent that changes nothing.
    """
    if is_new and agent_id is not None:
        raise InvalidInput("--new registers another one", field="agent-id")
    registration = read_registration(file, dict(map(_endpoint, endpoints)))
    place = Place(rpc_url, deployments, validator)
    settlers = [place.payment().router(number).settler for number in routers]
    wanted = Wanted(
        registration=registration,
        uri=uri,
        agent_id=agent_id,
        is_new=is_new,
        approves=approve,
        anchorers=[*anchorers, *settlers],
        from_block=from_block,
    )
    reach = Reach(allow_private=allow_private, ipfs_gateway=ipfs_gateway)
    found = Registrar(place, caller_of(place, key_env, timeout), reach).register(wanted)
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
        return
    for line in found.done:
        click.echo(line)
    click.echo(f"agent {found.agent_id} of {found.registry}, owner {found.owner}")


def _endpoint(text: str) -> tuple[str, str]:
    name, equals, url = text.partition("=")
    if not equals or not url.startswith(("http://", "https://")):
        raise InvalidInput("must be NAME=URL", field="endpoint")
    return name, url
