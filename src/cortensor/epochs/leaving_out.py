# SPDX-License-Identifier: Apache-2.0
"""Whether what a folder left out may be: only what nobody can read, and never silently.

A folder says itself which batches it left out, and whoever made it may have wanted a rival's gone.
So its word counts for nothing: who verifies it says by root what they agree to, and a batch of the
epoch that they can read all the same is no batch to leave out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from cortensor.errors import VerificationFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortensor.epochs.batches import Batch
    from cortensor.epochs.observing import RewardChain
    from cortensor.epochs.settings import ObserveSettings
    from cortensor.epochs.sources import Sources

FIELD = "batches"


def check_agreed(said: Sources, chain: RewardChain, settings: ObserveSettings) -> None:
    """Check that a folder left out what its verifier leaves out, and nothing else.

    Raises:
        VerificationFailed: it left out more, or counts what was to be left out; names the roots.
        Unavailable: the node.
    """
    left_out = [*said.left_out, *said.left_out_before]
    unnamed = [each for each in left_out if each.root not in settings.left_out]
    if unnamed:
        readable = _readable(unnamed, said, chain, settings)
        shown = "; ".join(
            f"{each.named()}, which {'can' if each in readable else 'cannot'} be read from here"
            for each in unnamed
        )
        raise VerificationFailed(
            f"leaves out what the chain has settled: {shown}. What can be read has to count."
            " If you agree that nobody can read it, verify again with --leave-out ROOT",
            field=FIELD,
        )
    counted = [
        each for each in said.batches if not each.left_out and each.root in settings.left_out
    ]
    if counted:
        raise VerificationFailed(
            f"counts {_list(counted)}: verify again without --leave-out of it", field=FIELD
        )


def check_unreadable(said: Sources, chain: RewardChain, settings: ObserveSettings) -> None:
    """Check that nothing the epoch's folder left out can be read.

    Of an earlier epoch's it does not matter any more: that epoch is final, and verified by itself.

    Raises:
        VerificationFailed: a batch can be read; names it.
        Unavailable: the node.
    """
    readable = _readable(said.left_out, said, chain, settings)
    if readable:
        raise VerificationFailed(
            f"is else what chain and receipts give, but leaves out what can be read:"
            f" {_list(readable)}. It was left out without need, or has been published since:"
            " the root is not what the receipts give",
            field=FIELD,
        )


def _readable(
    batches: Sequence[Batch], said: Sources, chain: RewardChain, settings: ObserveSettings
) -> list[Batch]:
    if not batches:
        return []
    wanted = [msgspec.structs.replace(each, left_out=False) for each in batches]
    reading = chain.reading(wanted, settings, said.last_block)
    for _ in reading:
        pass
    missing = {each.batch.root for each in reading.missing}
    return [each for each in batches if each.root not in missing]


def _list(batches: Sequence[Batch]) -> str:
    return ", ".join(each.named() for each in batches)
