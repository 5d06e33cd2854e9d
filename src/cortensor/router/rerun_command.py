# SPDX-License-Identifier: Apache-2.0
"""`cortensor receipt rerun`."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import click
import msgspec

from cortensor.receipts.bundle import Bundle
from cortensor.receipts.disclose import attach
from cortensor.receipts.show import plain
from cortensor.receipts.sources import Router, read_source, texts_beside
from cortensor.receipts.verify import verify_bundle
from cortensor.router.adapters.openai import OpenAIBackend
from cortensor.router.backend_config import BackendConfig
from cortensor.router.config import ComputeSession, Limits, load_config, secret
from cortensor.router.rerunning import (
    AGREES,
    DIFFERS,
    FAILED,
    NOT_RUN,
    SAME,
    Rerun,
    rerun_receipt,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NOTHING_RUN, UNREACHABLE = 3, 4


@click.command()
@click.argument("file", type=click.Path())
@click.option("--backend", metavar="URL", required=True, help="An OpenAI-compatible server.")
@click.option("--model", metavar="NAME", help="What that server calls the receipt's model.")
@click.option(
    "--config",
    "config_path",
    type=click.Path(exists=True, dir_okay=False),
    help="The router's file: its compute sessions' system prompts, and its limits.",
)
@click.option("--api-key-env", metavar="NAME", help="Variable with the server's API key.")
@click.option("--replica", "only", type=int, multiple=True, help="Run only this one.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def rerun(
    ctx: click.Context,
    *,
    file: str,
    backend: str,
    model: str | None,
    config_path: str | None,
    api_key_env: str | None,
    only: tuple[int, ...],
    as_json: bool,
) -> None:
    """Run a receipt's replicas again: same model, prompt and seed; say what agrees.

    Only what can be repeated is run: a replica that delivered, without tools, with temperature 0 or
    a seed. The bundle must show its request. A receipt holds no system prompt: --config gives that
    of each compute session; without it the router's default is used.

    Exit codes: 0 all that ran agree, 1 one differs or the receipt itself fails, 2 a file could not
    be read, 3 nothing could be run again, 4 the backend gave no answer.
    """
    bundle = Bundle.from_json(read_source(file, Router()))
    bundle = attach(bundle, texts_beside(file, bundle.detached(), Router()))
    failures = verify_bundle(bundle).failures
    if failures:
        click.echo(f"FAILED {file}: {plain('; '.join(map(str, failures)))}", err=True)
        ctx.exit(1)
    sessions: Mapping[str, ComputeSession] = {}
    limits = Limits()
    if config_path is not None:
        config = load_config(config_path)
        sessions, limits = {each.id: each for each in config.sessions}, config.limits
    key = None if api_key_env is None else secret(api_key_env, "--api-key-env")
    settings = BackendConfig(kind="openai", base_url=backend)
    found = asyncio.run(
        _run(bundle, OpenAIBackend(settings, api_key=key), sessions, limits, only, model)
    )
    if as_json:
        click.echo(json.dumps([msgspec.to_builtins(each) for each in found], indent=2))
    else:
        for each in found:
            word = each.result.replace("_", " ")
            click.echo(f"replica {each.index}: {word}: {plain(each.reason)}")
        ran = [each for each in found if each.result in {SAME, AGREES, DIFFERS}]
        agreeing = sum(1 for each in ran if each.result != DIFFERS)
        click.echo(f"{agreeing} of {len(ran)} re-run answers agree with the receipt")
    ctx.exit(exit_code(found))


def exit_code(found: Sequence[Rerun]) -> int:
    """Return the command's exit code for what was found."""
    results = {each.result for each in found}
    if DIFFERS in results:
        return 1
    if FAILED in results:
        return UNREACHABLE
    return NOTHING_RUN if results <= {NOT_RUN} else 0


async def _run(
    bundle: Bundle,
    backend: OpenAIBackend,
    sessions: Mapping[str, ComputeSession],
    limits: Limits,
    only: Sequence[int],
    model: str | None,
) -> list[Rerun]:
    await backend.start()
    try:
        return await rerun_receipt(
            bundle, backend, sessions=sessions, limits=limits, only=only, model=model
        )
    finally:
        await backend.close()
