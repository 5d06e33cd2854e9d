# SPDX-License-Identifier: Apache-2.0
"""`cortensor rewards`."""

from __future__ import annotations

from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING

import click

from cortensor.errors import Unavailable
from cortensor.lazy_group import LazyGroup

if TYPE_CHECKING:
    from collections.abc import Mapping

for _name in ("numpy", "polars", "dbos"):
    if find_spec(_name) is None:
        raise Unavailable(
            f"reward epochs need {_name}: pip install 'cortensor[rewards]'", code="missing_extra"
        )

COMMANDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "compute": ("cortensor.epochs.compute_command:compute", "Write an epoch's folder."),
        "verify": ("cortensor.epochs.compute_command:verify", "Do a folder again and compare."),
        "serve": ("cortensor.epochs.serve_command:serve", "Post, watch, finalise and pay epochs."),
        "watch": ("cortensor.epochs.watch_command:watch", "Check posted roots; challenge them."),
    }
)


@click.group("rewards", cls=LazyGroup, lazy=COMMANDS)
def rewards() -> None:
    """Compute, check and pay reward epochs."""
