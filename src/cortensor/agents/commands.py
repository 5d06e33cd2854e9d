# SPDX-License-Identifier: Apache-2.0
"""`cortensor agent`: each subcommand is in a module of its own, loaded when it is used."""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

SUBCOMMANDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "ask": ("sending_commands:ask_command", "Ask our validator about an agent."),
        "attest": ("attest_command:attest", "Let an agent speak of itself, with a receipt."),
        "authorise": ("sending_commands:authorise", "Let an account respond for a settler."),
        "doctor": ("doctor_command:doctor", "Walk an agent from end to end."),
        "register": ("register_command:register", "Put an agent on a chain, or bring it up."),
        "serve": ("serve_command:serve_command", "Answer the requests that name our validator."),
    }
)
"""Subcommand -> (module:attribute, one-line help)."""


class AgentGroup(click.Group):
    """A group that imports a subcommand only when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return every subcommand's name."""
        del ctx
        return sorted(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a subcommand, or None if there is none of that name."""
        del ctx
        if cmd_name not in SUBCOMMANDS:
            return None
        module, _, attribute = SUBCOMMANDS[cmd_name][0].partition(":")
        command = getattr(import_module(f"cortensor.agents.{module}"), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}:{attribute} is no command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of subcommands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, SUBCOMMANDS[name][1]) for name in sorted(SUBCOMMANDS)])


@click.group(cls=AgentGroup)
def agent() -> None:
    """Register, ask, answer for and examine ERC-8004 agents."""
