# SPDX-License-Identifier: Apache-2.0
"""`ape run deploy`: plan, confirm, execute; run again to resume, or to see that nothing is left."""

from __future__ import annotations

import json
from typing import Any

import click
import msgspec
from ape.cli import network_option

from cortensor.errors import Error, InvalidInput
from scripts._deploy import report
from scripts._deploy.accounts import ApeSigner, has_terminal, load_signer, test_address
from scripts._deploy.command import NetworkCommand
from scripts._deploy.config import MOCK, TOKENS, DeployConfig, Token, load_config, resolve
from scripts._deploy.engine import execute, finish_pending, inspection
from scripts._deploy.plan import Plan, code_at, make_plan
from scripts._deploy.records import Store
from scripts._deploy.target import Target, target_of

REHEARSAL_SUPPLY_WEI = 10**27


@click.command(cls=NetworkCommand)
@network_option()
@click.option("--account", help="Who deploys: an Ape alias, or TEST::N. Required on real networks.")
@click.option("--settler-account", help="The router's settler, if its key is at hand.")
@click.option("--config", "config_file", help="Parameters; default: config/<network>.toml.")
@click.option("--deployments", help="Folder of records; default: deployments/<network>.")
@click.option("--rehearse", is_flag=True, help="On a node of your own: fill empty roles and token.")
@click.option("--dry-run", is_flag=True, help="Show the plan; send and write nothing.")
@click.option("--yes", is_flag=True, help="Do not ask. Required on real networks.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of text.")
def cli(provider: Any, **options: Any) -> None:
    """Deploy and configure the contracts from config/<network>.toml."""
    try:
        _run(provider, **options)
    except Error as error:
        raise click.ClickException(str(error)) from error


def _run(
    provider: Any,
    *,
    account: str | None,
    settler_account: str | None,
    config_file: str | None,
    deployments: str | None,
    rehearse: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    target = target_of(provider)
    config = load_config(target.config_path(config_file))
    target.check_chain(config)
    _check_consent(target, config, account, is_asking=not dry_run and not yes, rehearse=rehearse)
    signers = _signers(provider, config, account, settler_account, is_dry=dry_run)
    config = _resolve(target, config, signers[0].address, rehearse=rehearse)
    store = Store(target.directory(deployments, config), target.network_name(config))

    def say(line: str) -> None:
        click.echo(line, err=as_json)

    if dry_run:
        view = inspection(target.web3, config, signers, store, is_own_node=target.is_own_node)
        _show(make_plan(view), as_json=as_json)
        if store.pending() is not None:
            say(
                "note    a transaction of an earlier run is under way; a real run finishes it first"
            )
        return
    with store.locked():
        resumed = finish_pending(target.web3, store, say)
        view = inspection(target.web3, config, signers, store, is_own_node=target.is_own_node)
        plan = make_plan(view)
        for line in report.plan_lines(plan):
            say(line)
        if not plan.is_empty and not yes:
            if not has_terminal():
                raise InvalidInput("no terminal to ask on: add --yes, or --dry-run", field="deploy")
            click.confirm(f"Send this to chain {plan.chain_id}?", abort=True, err=as_json)
        deployment = execute(view, plan, signers, resumed=resumed, report=say)
    if as_json:
        click.echo(json.dumps(report.deployment_json(deployment), indent=2))
    else:
        click.echo(f"records in {store.directory}")


def _check_consent(
    target: Target, config: DeployConfig, account: str | None, *, is_asking: bool, rehearse: bool
) -> None:
    if target.is_own_node:
        return
    where = f"{config.network.name} (chain {target.chain_id}) is a real network"
    if config.network.is_local:
        raise InvalidInput(f"{where}, the configuration is for a local one", field="--config")
    if rehearse:
        raise InvalidInput(f"{where}: rehearse on a node of your own", field="--rehearse")
    if account is None:
        raise InvalidInput(f"{where}: name the account that pays", field="--account")
    if account.startswith("TEST::"):
        raise InvalidInput(f"{where}: the keys of test accounts are public", field="--account")
    if is_asking:
        raise InvalidInput(f"{where}: read the plan with --dry-run, then add --yes", field="--yes")


def _signers(
    provider: Any,
    config: DeployConfig,
    account: str | None,
    settler_account: str | None,
    *,
    is_dry: bool,
) -> list[ApeSigner]:
    names = [account or "TEST::0"]
    if settler_account:
        names.append(settler_account)
    if config.network.is_local:
        settlers = [router.settler for router in config.routers]
        names += [s.replace("test:", "TEST::") for s in settlers if s.startswith("test:")]
    # A plan needs addresses only, so a dry run never unlocks anything.
    may_prompt = is_dry or has_terminal()
    return [load_signer(name, provider, may_prompt=may_prompt) for name in dict.fromkeys(names)]


def _resolve(
    target: Target, config: DeployConfig, deployer: str, *, rehearse: bool
) -> DeployConfig:
    address = config.token.address
    is_missing = address not in TOKENS and (address == "" or not code_at(target.web3, address))
    if rehearse and is_missing:
        supply = str(REHEARSAL_SUPPLY_WEI)
        config = msgspec.structs.replace(config, token=Token(address=MOCK, mock_supply_wei=supply))
    return resolve(config, deployer, test_address, rehearse=rehearse)


def _show(plan: Plan, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(report.plan_json(plan), indent=2))
        return
    for line in report.plan_lines(plan):
        click.echo(line)
