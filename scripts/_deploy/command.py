# SPDX-License-Identifier: Apache-2.0
"""Commands on a connected network whose `--json` prints JSON and nothing else."""

from __future__ import annotations

from typing import Any

import click
from ape.cli import ConnectedProviderCommand
from ape.exceptions import ApeException
from ape.logging import logger


class NetworkCommand(ConnectedProviderCommand):
    """Ape logs to standard output; with `--json` it must not."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command inside Ape's connection; a failure of Ape's is one line."""
        if ctx.params.get("as_json"):
            logger.set_level("ERROR")
        try:
            return super().invoke(ctx)
        except (ApeException, OSError) as error:
            # A dead URL or another chain is no reason to show a traceback of Ape's own files.
            # For a dead local URL Ape looks for geth to start, and says that it is missing.
            what = "no node answers there" if isinstance(error, OSError) else str(error)
            reason = what.strip().splitlines()[0]
            raise click.ClickException(f"--network: {reason}") from error
