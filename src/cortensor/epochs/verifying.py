# SPDX-License-Identifier: Apache-2.0
"""Whether an epoch's folder is what chain and receipts give: everything is done again."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from cortensor.chain.rewards import FINAL, POSTED, STATES
from cortensor.epochs import files
from cortensor.epochs.batches import Batch  # noqa: TC001 -- msgspec reads the annotation
from cortensor.epochs.gathering import gather
from cortensor.epochs.leaving_out import check_agreed, check_unreadable
from cortensor.epochs.tree_file import seal_of
from cortensor.errors import Unavailable, VerificationFailed
from cortensor.receipts.keccak import to_hex
from cortensor.rewards.epoch import compute_epoch, why_nobody

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cortensor.epochs.files import Digest
    from cortensor.epochs.observing import RewardChain
    from cortensor.epochs.settings import ObserveSettings
    from cortensor.epochs.sources import Sources
    from cortensor.rewards.epoch import EpochInputs, EpochResult


class Verified(Struct, frozen=True):
    """What a folder holds; `state` is the epoch's, `on_chain` whether this root is on chain.

    `nobody` is why nobody is paid, and empty where somebody is. `left_out` are the epoch's batches
    that do not count, which the verifier named and could not read; `left_out_before` those of the
    earlier epochs in which pairs are looked for.
    """

    epoch: int
    nodes: int
    receipts: int
    amount_wei: str
    root: str
    state: str
    on_chain: bool
    nobody: str = ""
    left_out: list[Batch] = []
    left_out_before: list[Batch] = []


class Recomputed(NamedTuple):
    """A folder's files, what they hold, and what follows from that."""

    files: files.Stored
    inputs: EpochInputs
    sources: Sources
    result: EpochResult


def recompute(folder: Path) -> Recomputed:
    """Compute an epoch again from the inputs in its folder; it needs nothing else.

    Raises:
        VerificationFailed: names the first file that does not follow from the inputs.
    """
    found = files.read_files(folder)
    inputs, said = files.read_inputs(found), files.read_sources(found)
    result = compute_epoch(inputs)
    derived = files.digests_of(files.derived_files(inputs, said, result))
    _compare(found.digests, derived, "does not follow from the folder's inputs")
    manifest = files.manifest_of(found.digests, result, inputs.epoch)
    if manifest != (folder / files.MANIFEST).read_bytes():
        raise VerificationFailed("does not follow from the files", field=files.MANIFEST)
    return Recomputed(found, inputs, said, result)


def verify_epoch(folder: Path, chain: RewardChain, settings: ObserveSettings) -> Verified:
    """Recompute an epoch's folder, first from its own inputs, then from chain and receipts.

    Raises:
        VerificationFailed: names the first file that differs; or root or inputs hash on chain are
            others.
        Unavailable: the node, or receipts that the folder counts.
    """
    found, inputs, said, result = recompute(folder)
    if (said.chain_id, said.node_reward) != (chain.chain_id, chain.rewards.address):
        raise VerificationFailed(
            f"is of {said.node_reward} on chain {said.chain_id}", field=files.SOURCES
        )
    check_agreed(said, chain, settings)
    again, sources = gather(
        chain, inputs.epoch, settings, None, is_estimate=not said.is_budget_drawn
    )
    wanted = files.digests_of(files.input_files(again, sources))
    _compare(found.digests, wanted, "is not what chain and receipts give")
    state, on_chain = _on_chain(chain, inputs.epoch, result)
    check_unreadable(said, chain, settings)
    return Verified(
        epoch=inputs.epoch,
        nodes=len(result.leaves),
        receipts=len(inputs.receipts),
        amount_wei=str(result.sums.amount),
        root=to_hex(result.tree.root),
        state=STATES[state],
        on_chain=on_chain,
        nobody=why_nobody(inputs, result),
        left_out=said.left_out,
        left_out_before=said.left_out_before,
    )


def _on_chain(chain: RewardChain, epoch: int, result: EpochResult) -> tuple[int, bool]:
    state = chain.rewards.epoch(epoch).state
    seal = result.tree.seal
    if state >= FINAL and chain.rewards.root(epoch) != seal:
        raise VerificationFailed("the final root is another", field="root")
    if state < POSTED:
        return state, False
    # What is final was posted last, and its seal has no inputs hash.
    postings = chain.posted(epoch)
    if not postings:  # re-organised away between two questions
        raise Unavailable(f"no posting of epoch {epoch} is found", code="not_done")
    newest = postings[-1].header
    if seal_of(newest.root, newest.sums, newest.count) != seal:
        raise VerificationFailed(f"{newest.proposer} posted another root", field="root")
    if newest.inputs_hash != result.inputs_hash:
        raise VerificationFailed(
            f"{newest.proposer} posted the root with another one", field="inputs_hash"
        )
    return state, True


def _compare(found: Mapping[str, Digest], wanted: Mapping[str, Digest], reason: str) -> None:
    for name, digest in wanted.items():
        if found.get(name) != digest:
            raise VerificationFailed(reason, field=name)
    extra = {name for name in found if name.startswith("inputs/")} - wanted.keys()
    if any(name.startswith("inputs/") for name in wanted) and extra:
        raise VerificationFailed(reason, field=min(extra))
