# SPDX-License-Identifier: Apache-2.0
"""Where an epoch's inputs came from: what a reader needs to look for himself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from cortensor.epochs.batches import Batch  # noqa: TC001 -- msgspec reads the annotation

if TYPE_CHECKING:
    from collections.abc import Sequence


class Sources(Struct, frozen=True):
    """Chain, contracts, blocks and batches.

    Attributes:
        is_budget_drawn: whether the epoch was opened, or its budget is an estimate.
        prior_epoch: the final one that levels and streaks come from; 0 for none.
        batches: the epoch's, those left out among them.
        left_out_before: batches left out of the earlier epochs in which pairs are looked for.
    """

    chain_id: int
    node_reward: str
    session_payment: str
    epoch: int
    start: int
    end: int
    first_block: int
    last_block: int
    card_version: int
    is_budget_drawn: bool
    prior_epoch: int
    batches: list[Batch]
    left_out_before: list[Batch]

    @property
    def left_out(self) -> list[Batch]:
        """The epoch's batches whose receipts do not count, by the word of who computed it."""
        return [batch for batch in self.batches if batch.left_out]


def notes_on(left_out: Sequence[Batch], left_out_before: Sequence[Batch]) -> list[str]:
    """Return a line on each batch that was left out; none as a rule."""
    return [
        *(f"left out: {batch.named()}" for batch in left_out),
        *(f"left out of an earlier epoch: {batch.named()}" for batch in left_out_before),
    ]
