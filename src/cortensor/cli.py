# SPDX-License-Identifier: Apache-2.0
"""The `cortensor` command: a thin front. Each subcommand loads its module when it is asked for."""

from __future__ import annotations

import sys
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import click

from cortensor.errors import Error
from cortensor.lazy_group import LazyGroup

if TYPE_CHECKING:
    from collections.abc import Mapping

COMMANDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "agent": ("cortensor.agents.commands:agent", "Run and examine ERC-8004 agents."),
        "anvil": ("cortensor.anvil.commands:anvil", "Run a local chain that charges as Arbitrum."),
        "calibrate": (
            "cortensor.router.calibrating:calibrate_command",
            "Fit confidences on gold items.",
        ),
        "costs": ("cortensor.store.commands:costs", "Show what settlement cost, and for whom."),
        "demand": ("cortensor.watch.demand_command:demand", "Make a router show a leaf."),
        "gas": ("cortensor.gas.commands:gas", "Estimate fees on Arbitrum and above it."),
        "gold": ("cortensor.store.gold_commands:gold", "Measure sessions by known answers."),
        "keys": ("cortensor.router.key_commands:keys", "Sign, take and revoke API keys."),
        "outbox": ("cortensor.store.commands:outbox", "Show what is not settled, and why."),
        "quote": ("cortensor.pricing.commands:quote_command", "Price a job by a rate card."),
        "quota": ("cortensor.chain.quota_command:quota", "Show what a stake still buys."),
        "receipt": ("cortensor.receipts.commands:receipt", "Show and verify receipts."),
        "log": ("cortensor.watch.log_command:log", "Mirror and check a transparency log."),
        "rewards": ("cortensor.epochs.commands:rewards", "Compute, check and pay reward epochs."),
        "router": ("cortensor.router.commands:router", "Run a router."),
        "settle": ("cortensor.router.commands:settle", "Anchor and settle what is pending."),
        "watch": ("cortensor.watch.commands:watch", "Check what is anchored, and challenge it."),
    }
)
"""Subcommand -> (module:attribute, one-line help). The help is here so that listing loads none."""


class Front(LazyGroup):
    """The top of the command line."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a subcommand; errors of this package become one line and exit code 2."""
        try:
            return super().invoke(ctx)
        except Error as error:
            click.echo(f"error: {error} [{error.code}]", err=True)
            ctx.exit(2)


@click.group(cls=Front, lazy=COMMANDS)
@click.version_option(package_name="cortensor")
def main() -> None:
    """Price, run, settle and verify AI inference on Cortensor."""


if __name__ == "__main__":
    sys.exit(main())
