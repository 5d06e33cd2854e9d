# SPDX-License-Identifier: Apache-2.0
"""The options that say which contracts, which receipts, and how they are fetched."""

from __future__ import annotations

from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cortensor.chain.options import rpc_option
from cortensor.epochs.place import place_from
from cortensor.epochs.settings import ObserveSettings
from cortensor.watch.fetch import MAX_BYTES, FetchLimits

if TYPE_CHECKING:
    from collections.abc import Callable

    from cortensor.store.records import Finality

_OPTIONS = (
    rpc_option,
    click.option(
        "--deployments",
        type=click.Path(file_okay=False, exists=True, path_type=Path),
        help="Folder of deployment records.",
    ),
    click.option("--node-reward", help="Instead of records: NodeReward's address,"),
    click.option("--session-payment", help="and the escrow's."),
    click.option(
        "--router",
        "routers",
        multiple=True,
        type=click.IntRange(1, 2**32 - 1),
        help="Count receipts of this router; repeat for more. All by default.",
    ),
    click.option(
        "--leave-out",
        "left_out",
        multiple=True,
        metavar="ROOT",
        help="A batch that does not count, since nobody can read it. The epoch's folder says so;"
        " whoever verifies it has to agree, by naming it too.",
    ),
    click.option("--mirror", help="URL prefix where batches can be had as well, before the root."),
    click.option(
        "--allow-private", is_flag=True, help="Fetch from private addresses: a router of one's own."
    ),
    click.option(
        "--fetch-timeout", default=30, show_default=True, type=click.IntRange(1, 3600), help="s"
    ),
    click.option(
        "--finality",
        default="hard",
        show_default=True,
        type=click.Choice(("soft", "safe", "hard")),
        help="How sure the block must be that opened an epoch, before that is computed.",
    ),
)


def epoch_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command `rpc_url`, `place` and `settings`, from options."""

    @wraps(command)
    def with_place(
        *positional: Any,
        deployments: Path | None,
        node_reward: str | None,
        session_payment: str | None,
        routers: tuple[int, ...],
        left_out: tuple[str, ...],
        mirror: str | None,
        allow_private: bool,
        fetch_timeout: int,
        finality: Finality,
        **others: Any,
    ) -> None:
        limits = FetchLimits(MAX_BYTES, float(fetch_timeout), allow_private)
        command(
            *positional,
            place=place_from(deployments, node_reward, session_payment),
            settings=ObserveSettings(
                routers, tuple(root.lower() for root in left_out), mirror, limits, finality
            ),
            **others,
        )

    found: Callable[..., None] = with_place
    for option in reversed(_OPTIONS):
        found = option(found)
    return found
