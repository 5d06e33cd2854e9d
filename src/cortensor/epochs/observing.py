# SPDX-License-Identifier: Apache-2.0
"""An epoch as chain and receipts show it: register, stake, batches, cards, the last final tree."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec import Struct, field, structs

from cortensor.chain.block_times import BlockTimes
from cortensor.chain.call_many import MOST_CALLS
from cortensor.chain.horizon import read_horizon
from cortensor.chain.node_register import NodeRegister
from cortensor.chain.observer import Observer
from cortensor.chain.reward_table import RewardTable
from cortensor.chain.rewards import EXPIRED, FINAL, NONE, NodeRewards
from cortensor.chain.token import Token
from cortensor.epochs.batches import Batch, Missing, Reading, batches_of
from cortensor.epochs.paid import Paid
from cortensor.epochs.roster_view import active_pairs
from cortensor.epochs.tree_file import most_bytes, read_sealed, seal_of
from cortensor.epochs.tree_room import most_leaves
from cortensor.errors import Conflict, Error, NotFound, Unavailable, VerificationFailed
from cortensor.receipts.typed import Domain
from cortensor.rewards.extract import Records, collect
from cortensor.rewards.roster import Node, Roster
from cortensor.watch.fetch import fetch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortensor.chain.rewards import Posted
    from cortensor.epochs.place import RewardPlace
    from cortensor.epochs.settings import ObserveSettings
    from cortensor.epochs.tree_file import PostedTree
    from cortensor.rewards.card import RewardCard
    from cortensor.store.records import Finality

TREE_NAME = "tree.bin"


class Span(Struct, frozen=True):
    """An epoch's time and blocks; `last_block` is before `first_block` where it has none."""

    epoch: int
    start: int
    end: int
    first_block: int
    last_block: int


class Work(Struct, frozen=True):
    """Who was there in an epoch, and what receipts show of it; `missing` batches do not count."""

    roster: Roster
    batches: list[Batch]
    records: Records
    missing: list[Missing] = field(default_factory=list)


class Budget(Struct, frozen=True):
    """What an epoch may allot; `is_drawn` is false of an estimate, before it is opened."""

    version: int
    wei: int
    card: RewardCard
    is_drawn: bool


class RewardChain:
    """Reads all of it through one node.

    Args:
        rpc_url: an http(s) JSON-RPC endpoint, or several of one chain.
        place: the contracts.

    Attributes:
        not_given: seals of final trees that chain and receipts did not give: it took long to see,
            and another look would see the same.

    Raises:
        Conflict: the node is on another chain.
        NotFound: no such contract.
        Unavailable: the node.
    """

    def __init__(self, rpc_url: str | Sequence[str], place: RewardPlace) -> None:
        self.place = place
        self.observer = Observer(rpc_url, place.session_payment, place.chain_id)
        self.web3 = self.observer.web3
        self.rewards = NodeRewards(self.web3, place.node_reward)
        self.parts = self.rewards.parts()
        self.register = NodeRegister(self.web3, self.parts.reputation)
        self.table = RewardTable(self.web3, self.parts.table)
        self.token = Token(self.web3, self.parts.token)
        self.times = BlockTimes(self.web3)
        self.not_given: set[bytes] = set()

    @property
    def chain_id(self) -> int:
        """The chain's id."""
        return self.observer.watched.chain_id

    @property
    def domain(self) -> Domain:
        """In which receipts are signed."""
        return Domain(self.chain_id, self.observer.watched.session_payment)

    def span(self, epoch: int) -> Span:
        """Return an epoch's time and blocks.

        Raises:
            Conflict: it is not over (`epoch_not_over`).
        """
        start, end = self.rewards.bounds(epoch)
        now = self.times.now()
        if now < end:
            raise Conflict(
                f"epoch {epoch} ends in {end - now} s", field="epoch", code="epoch_not_over"
            )
        # From the chain's first block: the numbers must not depend on who looks.
        return Span(
            epoch, start, end, self.times.last_before(start) + 1, self.times.last_before(end)
        )

    def budget(self, span: Span) -> Budget:
        """Return card and budget: as drawn, or as opening it now would draw."""
        known = self.rewards.epoch(span.epoch)
        if known.state != NONE:
            return Budget(known.version, known.budget, self.table.card(known.version), True)
        version = self.table.version_at(span.start)
        card = self.table.card(version)
        held = self.token.balance(self.parts.fund)
        return Budget(version, min(held, card.budget_cap_wei), card, False)

    def require_sure(self, epoch: int, finality: Finality) -> None:
        """Check that the block in which an epoch was opened stays.

        All that the epoch is computed from was there before.

        Raises:
            Unavailable: it can still be re-organised away (`not_final`), or the node.
        """
        if finality == "soft":
            return
        opened = self.rewards.opened_in(epoch, self.first_over(epoch), self.observer.head().number)
        reach = read_horizon(self.web3).reach(finality)
        if opened is None or opened > reach:
            raise Unavailable(
                f"epoch {epoch} was opened in block {opened}, and what is {finality} ends with"
                f" block {reach}: it is computed later",
                code="not_final",
            )

    def pairs(self, span: Span) -> list[tuple[str, str]]:
        """Return the (operator, node) pairs registered for a whole epoch, sorted."""
        events = self.register.events(self.place.first_block, span.last_block)
        return active_pairs(events, self.times.of, span.start, span.end)

    def roster(self, span: Span) -> Roster:
        """Return the nodes registered for a whole epoch, with their stake at its end."""
        pairs = self.pairs(span)
        staked = self.register.are_staked(pairs, span.last_block)
        return Roster(
            Node(int(operator, 16), int(node, 16), is_staked)
            for (operator, node), is_staked in zip(pairs, staked, strict=True)
        )

    def work(self, span: Span, settings: ObserveSettings) -> Work:
        """Return who was there, and every receipt of the epoch that counts."""
        roster = self.roster(span)
        if span.last_block < span.first_block:
            return Work(roster, [], collect((), roster))
        seen = self.observer.seen(span.first_block, span.last_block)
        settlers = self.observer.settler_changes(self.place.first_block, span.last_block)
        batches = batches_of(seen, settlers, settings.routers, settings.left_out)
        paid = Paid(seen.settlements, self.observer, span.start, span.end)
        reading = self.reading(batches, settings, span.last_block, paid)
        return Work(roster, batches, collect(reading, roster), reading.missing)

    def reading(
        self,
        batches: Sequence[Batch],
        settings: ObserveSettings,
        last_block: int,
        paid: Paid | None = None,
    ) -> Reading:
        """Return the receipts of batches that count up to a block, to be read; see `Reading`."""
        return Reading(
            batches, self.observer, self.domain, settings.limits, settings.mirror, last_block, paid
        )

    def first_epoch(self) -> int:
        """Return an epoch before which none was ever opened."""
        # Some chains begin with a block of the year 1970.
        began = self.times.of(max(1, self.place.first_block))
        # One that was over when the contract came could be opened as long as it could be posted.
        could_end = began - self.rewards.seconds("POST_SECONDS")
        return max(1, could_end // self.rewards.seconds("EPOCH_SECONDS") - 1)

    def first_over(self, epoch: int) -> int:
        """Return a block before which an epoch was not over: nobody could open or post it."""
        return self.times.first_since(self.rewards.bounds(epoch)[1], self.place.first_block)

    def final_before(self, epoch: int, most: int) -> list[int]:
        """Return the last epochs before one that are final, so many at most, in rising order."""
        head, first = self.observer.head().number, self.first_epoch()
        found: list[int] = []
        end = epoch
        while end > first and len(found) < most:
            asked = range(max(first, end - MOST_CALLS), end)
            states = zip(asked, self.rewards.epochs(asked, head), strict=True)
            found[:0] = [each for each, known in states if known.state in {FINAL, EXPIRED}]
            end = asked.start
        return found[-most:]

    def prior_epoch(self, epoch: int) -> int:
        """Return the final epoch whose tree another one follows from; 0 for none.

        There is none before the first, nor where the owner had the last one forgotten.
        """
        finals = self.final_before(epoch, 1)
        since = self.rewards.forgotten_since(finals[-1]) if finals else 0
        return finals[-1] if finals and not 0 < since <= epoch else 0

    def posted(self, epoch: int) -> list[Posted]:
        """Return every root posted for an epoch, oldest first."""
        return self.rewards.posted(epoch, self.first_over(epoch), self.observer.head().number)

    def final_tree(self, epoch: int, own: bytes | None, settings: ObserveSettings) -> PostedTree:
        """Return a final epoch's tree, which its seal proves.

        Args:
            epoch: the epoch.
            own: a file of its tree that is at hand; None for none.
            settings: how the published one is fetched.

        Raises:
            NotFound: the epoch is not final.
            Unavailable: nobody publishes that tree.
        """
        seal = self.rewards.root(epoch)
        if seal == bytes(32):
            raise NotFound(f"epoch {epoch} is not final", field="epoch", code="epoch_not_final")
        if own is not None:
            with suppress(VerificationFailed):  # another one was final in the end
                return read_sealed(own, seal)
        for posted in reversed(self.posted(epoch)):
            header = posted.header
            if seal_of(header.root, header.sums, header.count) != seal:
                continue
            try:
                return read_sealed(fetch_tree(posted, settings), seal)
            except Error as error:
                raise Unavailable(
                    f"the tree of epoch {epoch} cannot be had: {error}", code="tree_unavailable"
                ) from error
        raise Unavailable(f"no posting of epoch {epoch} is found", code="tree_unavailable")


def fetch_tree(posted: Posted, settings: ObserveSettings) -> bytes:
    """Return the file of a posted root's tree, as long as so many leaves can make it.

    With the limit of any other fetch, who posts more leaves would be safe from proofs.

    Raises:
        Unavailable: it cannot be had, or this machine has no room for it.
    """
    room = most_leaves()
    if posted.header.count > room:
        raise Unavailable(
            f"{posted.header.count} leaves are more than this machine's memory lets it look at"
            f" ({room})",
            code="tree_too_large",
        )
    most = max(settings.limits.max_bytes, most_bytes(posted.header.count))
    url = f"{posted.uri.rstrip('/')}/{TREE_NAME}"
    return fetch(url, structs.replace(settings.limits, max_bytes=most))
