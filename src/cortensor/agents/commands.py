# SPDX-License-Identifier: Apache-2.0
"""`cortensor agent`: each subcommand is in a module of its own, loaded when it is used."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import click

from cortensor.lazy_group import LazyGroup

if TYPE_CHECKING:
    from collections.abc import Mapping

SUBCOMMANDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "ask": (
            "cortensor.agents.sending_commands:ask_command",
            "Ask our validator about an agent.",
        ),
        "attest": (
            "cortensor.agents.attest_command:attest",
            "Let an agent speak of itself, with a receipt.",
        ),
        "authorise": (
            "cortensor.agents.sending_commands:authorise",
            "Let an account respond for a settler.",
        ),
        "doctor": ("cortensor.agents.doctor_command:doctor", "Walk an agent from end to end."),
        "register": (
            "cortensor.agents.register_command:register",
            "Put an agent on a chain, or bring it up.",
        ),
        "serve": (
            "cortensor.agents.serve_command:serve_command",
            "Answer the requests that name our validator.",
        ),
    }
)
"""Subcommand -> (module:attribute, one-line help)."""


@click.group(cls=LazyGroup, lazy=SUBCOMMANDS)
def agent() -> None:
    """Register, ask, answer for and examine ERC-8004 agents."""
