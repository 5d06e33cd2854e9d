# SPDX-License-Identifier: Apache-2.0
"""Commands on a connected network whose `--json` prints JSON and nothing else."""

from __future__ import annotations

from typing import Any

import click
from ape.cli import ConnectedProviderCommand
from ape.logging import logger


class NetworkCommand(ConnectedProviderCommand):
    """Ape logs to standard output; with `--json` it must not."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command inside Ape's connection."""
        if ctx.params.get("as_json"):
            logger.set_level("ERROR")
        return super().invoke(ctx)
