# SPDX-License-Identifier: Apache-2.0
"""`cortensor agent doctor`."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from cortensor.agents.doctor import BROKEN, Doctor, Step
from cortensor.agents.fetching import Reach
from cortensor.agents.opening import Opened
from cortensor.agents.options import as_json_option, fetching_options, place_options
from cortensor.agents.place import Place
from cortensor.agents.settings import load_settings
from cortensor.client import Trust
from cortensor.errors import InvalidInput, Unavailable

if TYPE_CHECKING:
    from cortensor.agents.settings import Settings
    from cortensor.client import Paid, PaidResponse

FOUND, UNANSWERED = 1, 4
CLAIM = "Water is wet."


@click.command()
@click.argument("agent_id", type=click.IntRange(0))
@place_options
@fetching_options
@click.option(
    "--router-id", type=click.IntRange(1, 2**32 - 1), help="The router whose receipts are posted."
)
@click.option(
    "--config",
    "config_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The service's TOML: who pays for --validate, and which router.",
)
@click.option("--validate", "is_paid", is_flag=True, help="Make one validation, and pay for it.")
@as_json_option
@click.pass_context
def doctor(
    ctx: click.Context,
    *,
    agent_id: int,
    rpc_url: tuple[str, ...],
    deployments: Path | None,
    validator: str | None,
    allow_private: bool,
    ipfs_gateway: str | None,
    router_id: int | None,
    config_file: Path | None,
    is_paid: bool,
    as_json: bool,
) -> None:
    """Walk AGENT_ID: registry, file, endpoints, validator, a validation, the answer on the chain.

    Exit codes: 0 nothing is broken, 1 something is, 2 an option is malformed or the chain has no
    registry, 4 the node does not answer. What is skipped says why, and breaks nothing.
    """
    if is_paid and config_file is None:
        raise InvalidInput("needs --config, which says who pays", field="validate")
    settings = None if config_file is None else load_settings(config_file)
    steps: list[Step] = []
    try:
        patient = Doctor(
            Place(rpc_url, deployments, validator),
            Reach(allow_private=allow_private, ipfs_gateway=ipfs_gateway),
            router_id if settings is None else settings.router_id,
            (lambda: _validate(settings)) if settings is not None and is_paid else None,
        )
        for step in patient.examine(agent_id):
            steps.append(step)
            if not as_json:
                click.echo(step.line())
    except Unavailable as error:
        click.echo(f"error: {error} [{error.code}]", err=True)
        ctx.exit(UNANSWERED)
    is_broken = any(step.status == BROKEN for step in steps)
    if as_json:
        found = {"agent_id": agent_id, "ok": not is_broken, "steps": steps}
        click.echo(msgspec.json.encode(found).decode())
    ctx.exit(FOUND if is_broken else 0)


def _validate(settings: Settings) -> Paid[PaidResponse]:
    """Make a validation that is about nothing on the chain; its receipt is checked."""
    opened = Opened(settings)
    with opened.client(Trust(signer=opened.anchorer())) as client:
        return client.validate(
            CLAIM,
            tier=settings.tier,
            budget_wei=int(settings.budget.max_price_wei),
            idempotency_key=f"doctor-{secrets.token_hex(16)}",
        )
