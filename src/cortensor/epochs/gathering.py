# SPDX-License-Identifier: Apache-2.0
"""From what was observed to the inputs that an epoch is computed from; and earlier trees."""

from __future__ import annotations

import logging
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import RLock
from typing import TYPE_CHECKING, NamedTuple

from cortensor.epochs import files
from cortensor.epochs.observing import TREE_NAME
from cortensor.epochs.sources import Sources
from cortensor.epochs.tree_file import PostedTree, rows_of
from cortensor.errors import Conflict, Unavailable, VerificationFailed
from cortensor.rewards.collusion import WINDOW_EPOCHS, WINDOW_ROWS, contested
from cortensor.rewards.epoch import EpochInputs, prior_of
from cortensor.rewards.records import moved, with_models

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from cortensor.epochs.batches import Batch, Missing
    from cortensor.epochs.observing import Budget, RewardChain, Span
    from cortensor.epochs.settings import ObserveSettings
    from cortensor.rewards.extract import Records
    from cortensor.rewards.roster import Priors, Roster

log = logging.getLogger(__name__)

SHOWN = 3
_AGAIN = RLock()
BATCH_MISSING, TREE_UNAVAILABLE = "batch_missing", "tree_unavailable"


class Earlier(NamedTuple):
    """An earlier epoch's rows with what their numbers stand for, and what they lack."""

    roster: Roster
    models: list[str]
    rows: pl.DataFrame
    left_out: list[Batch]


def gather(
    chain: RewardChain,
    epoch: int,
    settings: ObserveSettings,
    own: Path | None,
    *,
    is_estimate: bool = False,
) -> tuple[EpochInputs, Sources]:
    """Return an epoch's inputs, and where they came from.

    Args:
        chain: chain and receipts.
        epoch: one that is over.
        settings: what counts.
        own: folder of one's own epochs, each in a folder by its number. Of an earlier one whose
            root became final, and which counts what the settings do, it spares reading all again;
            None for none.
        is_estimate: take the budget that opening the epoch now would draw, where it is not open.

    Raises:
        Conflict: the epoch is not over (`epoch_not_over`) or not opened (`epoch_not_open`).
        Unavailable: the node, receipts (`batch_missing`), an earlier tree (`tree_unavailable`, or
            `prior_in_disorder`), or the block that opened the epoch is not as sure as the settings
            want (`not_final`).
    """
    span = chain.span(epoch)
    budget = chain.budget(span)
    if not (budget.is_drawn or is_estimate):
        raise Conflict(
            f"epoch {epoch} is not opened: its budget is not known",
            field="epoch",
            code="epoch_not_open",
        )
    if budget.is_drawn:
        chain.require_sure(epoch, settings.finality)
    finals = chain.final_before(epoch, WINDOW_EPOCHS - 1)
    prior_epoch = chain.prior_epoch(epoch)
    # First: where it is computed again, it leaves the folders that the window then finds.
    prior = _prior(chain, prior_epoch, settings, own)
    roster, batches, records = _collected(chain, span, settings)
    earlier = _window(chain, finals, records.frame, settings, own)
    models = sorted({*records.models, *(name for each in earlier for name in each.models)})
    inputs = EpochInputs(
        epoch=epoch,
        start=span.start,
        end=span.end,
        budget=budget.wei,
        card=budget.card,
        roster=roster,
        prior=prior,
        records=with_models(records.frame, records.models, models),
        models=models,
        receipts=records.receipts,
        history=[
            moved(each.rows, (each.roster, roster), (each.models, models)) for each in earlier
        ],
    )
    return inputs, _sources(chain, span, budget, prior_epoch, batches, earlier)


def final_tree(
    chain: RewardChain, epoch: int, settings: ObserveSettings, own: Path | None
) -> PostedTree:
    """Return a final epoch's tree: one's own, the published one, or one that is computed again.

    A tree that nobody has any more follows from chain and receipts, as those before it do. It is
    believed only if its seal is the one on chain, and then kept in a folder of its epoch.

    Args:
        chain: chain and receipts.
        epoch: a final or expired one.
        settings: what counts, and how it is fetched.
        own: folder of one's own epochs; None for none, and then nothing is kept.

    Raises:
        NotFound: the epoch is not final.
        Unavailable: the node; or nobody publishes that tree and what can be read does not give it
            (`tree_unavailable`).
    """
    try:
        return _at_hand(chain, epoch, settings, own)
    except Unavailable as error:
        if error.code != TREE_UNAVAILABLE:
            raise
        if own is None:
            with TemporaryDirectory(prefix="cortensor-epochs-") as folder:
                return _computed_again(chain, epoch, settings, Path(folder), error)
        with _AGAIN:
            # Who waited here finds what another one computed.
            with suppress(Unavailable):
                return _at_hand(chain, epoch, settings, own)
            return _computed_again(chain, epoch, settings, own, error)


def _at_hand(
    chain: RewardChain, epoch: int, settings: ObserveSettings, own: Path | None
) -> PostedTree:
    path = None if own is None else own / str(epoch) / TREE_NAME
    data = path.read_bytes() if path is not None and path.is_file() else None
    return chain.final_tree(epoch, data, settings)


def _computed_again(
    chain: RewardChain, epoch: int, settings: ObserveSettings, own: Path, why: Unavailable
) -> PostedTree:
    """Compute a tree that is nowhere, after all before it that are nowhere either."""
    lost = [(epoch, why)]
    while earlier := chain.prior_epoch(lost[-1][0]):
        try:
            _at_hand(chain, earlier, settings, own)
            break
        except Unavailable as error:
            if error.code != TREE_UNAVAILABLE:
                raise
            lost.append((earlier, error))
    # The earliest first: each finds the one before it in its folder.
    while lost:
        each, reason = lost.pop()
        tree = _given(chain, each, settings, own, reason)
    return tree


def _given(
    chain: RewardChain, epoch: int, settings: ObserveSettings, own: Path, why: Unavailable
) -> PostedTree:
    """Return what chain and receipts give for a final epoch, if it is what became final."""
    seal = chain.rewards.root(epoch)
    if seal not in chain.not_given:
        log.warning("%s; it is computed again from chain and receipts", why.reason)
        try:
            inputs, sources = gather(chain, epoch, settings, own)
        except Unavailable as error:
            if error.code != BATCH_MISSING:
                raise
            raise Unavailable(
                f"{why.reason}, nor can it be computed again: {error.reason}",
                field=error.field,
                code=TREE_UNAVAILABLE,
            ) from error
        result = files.write_epoch(own / str(epoch), inputs, sources, seal)
        if result.tree.seal == seal:
            return PostedTree(result.leaves, rows_of(result.leaves))
        chain.not_given.add(seal)
    raise Unavailable(
        f"{why.reason}, and it is not what the receipts give", code=TREE_UNAVAILABLE
    ) from why


def _prior(chain: RewardChain, epoch: int, settings: ObserveSettings, own: Path | None) -> Priors:
    if not epoch:
        return {}
    leaves = final_tree(chain, epoch, settings, own).leaves
    if any((a.operator, a.node) >= (b.operator, b.node) for a, b in pairwise(leaves)):
        # A pair could stand there twice, and one of its leaves proves the next one wrong.
        raise Unavailable(
            f"the final tree of epoch {epoch} has leaves that do not rise: any root after it can be"
            " proven wrong, until the owner of NodeReward calls forget_levels()",
            code="prior_in_disorder",
        )
    return prior_of(leaves)


def _collected(
    chain: RewardChain, span: Span, settings: ObserveSettings
) -> tuple[Roster, list[Batch], Records]:
    """Return who was there, the batches, and their rows."""
    work = chain.work(span, settings)
    _complain(span.epoch, work.missing)
    return work.roster, work.batches, work.records


def _window(
    chain: RewardChain,
    finals: Sequence[int],
    records: pl.DataFrame,
    settings: ObserveSettings,
    own: Path | None,
) -> list[Earlier]:
    """Return the earlier epochs that pairs are looked for in, in their order.

    The latest are read first, and no more than fit: beside an epoch with very many contested rows
    there is no room for others (`collusion.window`).
    """
    found: list[Earlier] = []
    rows = len(contested(records))
    for epoch in reversed(finals):
        if rows >= WINDOW_ROWS:
            break
        each = _earlier(chain, epoch, settings, own)
        rows += len(each.rows)
        if rows > WINDOW_ROWS:
            break
        found.insert(0, each)
    return found


def _earlier(
    chain: RewardChain, epoch: int, settings: ObserveSettings, own: Path | None
) -> Earlier:
    if own is not None:
        kept = _kept(own / str(epoch), chain.rewards.root(epoch))
        if kept is not None and _counts_the_same(kept.sources, settings):
            return Earlier(kept.roster, kept.models, contested(kept.records), kept.sources.left_out)
    roster, batches, records = _collected(chain, chain.span(epoch), settings)
    left_out = [batch for batch in batches if batch.left_out]
    return Earlier(roster, records.models, contested(records.frame), left_out)


def _kept(folder: Path, seal: bytes) -> files.Kept | None:
    try:
        return files.load_earlier(folder, seal)
    except VerificationFailed as error:
        log.warning("%s is not whole, and its epoch is read again: %s", folder, error)
        return None


def _counts_the_same(said: Sources, settings: ObserveSettings) -> bool:
    """Return whether a folder left out what would be left out now, and nothing else."""
    return all(each.left_out == (each.root in settings.left_out) for each in said.batches)


def _complain(epoch: int, missing: Sequence[Missing]) -> None:
    """Refuse an epoch of which receipts lack: never silently less."""
    if not missing:
        return
    shown = "; ".join(f"{each.batch.named()}: {each.reason}" for each in missing[:SHOWN])
    more = f"; and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
    raise Unavailable(
        f"{len(missing)} settled batch(es) of epoch {epoch} cannot be read: {shown}{more}",
        field="batches",
        code=BATCH_MISSING,
    )


def _sources(
    chain: RewardChain,
    span: Span,
    budget: Budget,
    prior_epoch: int,
    batches: list[Batch],
    earlier: Sequence[Earlier],
) -> Sources:
    return Sources(
        chain_id=chain.chain_id,
        node_reward=chain.rewards.address,
        session_payment=chain.observer.watched.session_payment,
        epoch=span.epoch,
        start=span.start,
        end=span.end,
        first_block=span.first_block,
        last_block=span.last_block,
        card_version=budget.version,
        is_budget_drawn=budget.is_drawn,
        prior_epoch=prior_epoch,
        batches=batches,
        left_out_before=[batch for each in earlier for batch in each.left_out],
    )
