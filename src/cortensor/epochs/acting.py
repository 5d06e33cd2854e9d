# SPDX-License-Identifier: Apache-2.0
"""The steps of an epoch, each of which may be done again: it looks at the chain before it sends.

What is signed is stored before it is broadcast, so that a step which is cut short goes on with the
same transaction.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from msgspec import Struct

from cortensor.chain.errands import Runner
from cortensor.chain.horizon import read_horizon
from cortensor.chain.reward_dispute import RewardDispute
from cortensor.chain.rewards import FINAL, NONE, OPEN, POSTED
from cortensor.epochs import files
from cortensor.epochs.gathering import gather
from cortensor.epochs.judging import final_tree, judge, prior_tree
from cortensor.epochs.observing import RewardChain
from cortensor.epochs.tree_file import address, leaf_tuple
from cortensor.errors import Unavailable
from cortensor.receipts.sign import address_of
from cortensor.rewards.epoch import compute_epoch
from cortensor.rewards.words import HALF, Facts
from cortensor.store.store import Store

if TYPE_CHECKING:
    from cortensor.chain.rewards import Posted
    from cortensor.epochs.job import Job
    from cortensor.epochs.tree_file import PostedTree

log = logging.getLogger(__name__)

LATE = "late"
GONE = "gone"
WAITS, STAYS = "waits", "stays"
RUN_DEPTH = 7
"""A payment is of 128 leaves at most."""


class Look(Struct, frozen=True):
    """Where an epoch is: its state, how long its root can still be challenged, and whose it is.

    `left_s` is 0 once it can be made final; `posting` tells roots apart.
    """

    state: int
    left_s: int = 0
    proposer: str = ""
    posting: str = ""


class Mark(Struct, frozen=True):
    """A block in which all of an epoch is done; `number` is -1 if something is not."""

    number: int = -1
    block_hash: str = ""


class Actor:
    """Acts for one proposer.

    Args:
        job: what it works with.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.chain = RewardChain(job.rpc_url, job.place)
        self._store = Store(job.database)
        self._runner = Runner(self.chain.web3, job.key, self._store.errands, job.timeout_s)
        self._dispute = RewardDispute(self.chain.web3, self.chain.parts.dispute)
        self.address = address_of(job.key)
        self._kept: PostedTree | None = None  # the one that is paid
        # Two epochs may be at work: one is paid while the next is opened, from one key.
        self._sending = threading.Lock()

    # Which epochs there are

    def due(self) -> list[int]:
        """Return the epochs to work on: the last final one, the one in flight, or the next."""
        rewards = self.chain.rewards
        flight, now = rewards.flight(), self.chain.times.now()
        found = [rewards.last_final()] if rewards.last_final() else []
        if flight.state in {OPEN, POSTED} and not self._is_late(flight.epoch, now, flight.state):
            return [*found, flight.epoch]
        post_s = rewards.seconds("POST_SECONDS")
        epoch = flight.epoch + 1
        end = rewards.bounds(epoch)[1]
        if now > end + post_s:  # nobody can post it any more
            epoch += -(-(now - end - post_s) // rewards.seconds("EPOCH_SECONDS"))
            end = rewards.bounds(epoch)[1]
        return [*found, epoch] if now >= end else found

    def _is_late(self, epoch: int, now: int, state: int) -> bool:
        rewards = self.chain.rewards
        limit = rewards.bounds(epoch)[1] + rewards.seconds("POST_SECONDS")
        return state == OPEN and now > limit

    # Steps

    def open(self, epoch: int) -> str:
        """Open an epoch, if it is not; returns "open", or LATE."""
        rewards = self.chain.rewards
        if rewards.epoch(epoch).state != NONE:
            return LATE if self.look(epoch).state == NONE else "open"
        too_late = rewards.bounds(epoch)[1] + rewards.seconds("POST_SECONDS")
        if rewards.flight().epoch >= epoch or self.chain.times.now() > too_late:
            return LATE
        self._send(f"open/{epoch}", rewards.data("open", epoch))
        if rewards.epoch(epoch).state == NONE:
            raise Unavailable(f"epoch {epoch} is not opened", code="not_done")
        return "open"

    def compute(self, epoch: int) -> str:
        """Write an epoch's folder; returns a line of report, or GONE if it is not open any more.

        What waited here for receipts may meanwhile be final by others' work.
        """
        state = self.look(epoch).state
        if state == NONE:
            return GONE
        if state >= FINAL:
            return "it is final already"
        folder = self.job.folder / str(epoch)
        own = self.job.folder
        inputs, sources = gather(self.chain, epoch, self.job.settings, own)
        folder.parent.mkdir(parents=True, exist_ok=True)
        result = files.write_epoch(folder, inputs, sources)
        paid = sum(1 for leaf in result.leaves if leaf.sums & HALF)
        return (
            f"{len(inputs.receipts)} receipts, {len(result.leaves)} nodes, {paid} paid, "
            f"{result.sums.amount} of {inputs.budget} wei; {folder / files.PAGE}"
        )

    def post(self, epoch: int) -> Look:
        """Post one's own root, unless one is posted; returns where the epoch then is."""
        look = self.look(epoch)
        if look.state != OPEN:
            return look
        own = files.announced(self.job.folder / str(epoch))
        before = self.chain.posted(epoch)
        if any(_is_of(each, self.address) and each.header.root == own.root for each in before):
            raise Unavailable(
                "one's own root was overthrown: it is not posted again", code="own_root_fell"
            )
        fallen = len(before)
        data = self.chain.rewards.data(
            "post", epoch, own.root, own.sums, own.count, own.inputs_hash, self.job.uri(epoch)
        )
        self._send(f"post/{epoch}/{fallen}", data)
        look = self.look(epoch)
        if look.state == OPEN and len(self.chain.posted(epoch)) == fallen:
            raise Unavailable(f"epoch {epoch} is not posted", code="not_done")
        return look

    def look(self, epoch: int) -> Look:
        """Return where an epoch is."""
        flight = self.chain.rewards.flight()
        if flight.epoch != epoch or flight.state not in {OPEN, POSTED}:
            return Look(self.chain.rewards.epoch(epoch).state)
        if flight.state == OPEN:
            return Look(NONE if self._is_late(epoch, self.chain.times.now(), OPEN) else OPEN)
        left = flight.challengeable_until - self.chain.times.now() + 1
        proposer = self._newest(epoch).header.proposer
        return Look(POSTED, max(left, 0), proposer, flight.posted.hex())

    def check(self, epoch: int) -> str:
        """Challenge the posted root if it is wrong; returns a line of what was found.

        Raises:
            Unavailable: a proof that holds is not mined yet.
        """
        if self.look(epoch).state != POSTED:
            return "nothing is posted"
        posted = self._newest(epoch)
        inputs = files.read_inputs(files.read_files(self.job.folder / str(epoch)))
        prior = prior_tree(self.chain, epoch, self.job.settings, self.job.folder)
        verdict = judge(posted, inputs, compute_epoch(inputs), prior, self.job.settings)
        who = posted.header.proposer
        if verdict.outcome == "right":
            return "the posted root is right"
        if verdict.outcome == "veto":
            log.error(
                "epoch %d: the root of %s is wrong, and only the guardian's veto stops it: %s",
                epoch,
                who,
                verdict.reason,
            )
            return f"only a veto stops the root of {who}: {verdict.reason}"
        for number, challenge in enumerate(verdict.challenges):
            data = self._dispute.data(challenge.name, epoch, posted.header, challenge.arguments)
            action = f"challenge/{epoch}/{posted.tx_hash}/{number}"
            self._send(action, data, self._dispute.address)
            if self.look(epoch).state != POSTED or self._newest(epoch) != posted:
                return f"{challenge.name}: the root of {who} {challenge.reason}; it is overthrown"
        raise Unavailable(
            f"no proof against the root of {who} was taken: {verdict.reason}", code="not_done"
        )

    def finalise(self, epoch: int) -> Look:
        """Make a root that stood its window final."""
        look = self.look(epoch)
        if look.state == POSTED and look.left_s == 0:
            header = self._newest(epoch).header
            data = self.chain.rewards.data("finalise", epoch, header.abi_tuple())
            self._send(f"finalise/{epoch}", data)
            look = self.look(epoch)
            if look.state == POSTED and look.left_s == 0:
                raise Unavailable(f"epoch {epoch} is not final", code="not_done")
        return look

    def runs(self, epoch: int) -> list[int]:
        """Return the first leaves of the runs to pay; none of an epoch that is not final."""
        return self._owed(epoch, self.chain.observer.head().number)

    def pay(self, epoch: int, start: int) -> str:
        """Pay a run of leaves, unless all that it allots is; returns a line of what was done."""
        if start not in self._owed(epoch, self.chain.observer.head().number, start):
            return f"nothing is owed from leaf {start} on"
        tree = self._tree(epoch)
        leaves = tree.leaves[start : start + _run_size(tree)]
        last = start + len(leaves) - 1
        height = (len(leaves) - 1).bit_length()
        dues = [(leaf.operator, leaf.detail(), leaf.sums) for leaf in leaves]
        proof = tree.proof(start >> height, height)
        self._send(
            f"pay/{epoch}/{start}", self.chain.rewards.data("pay", epoch, start, dues, proof)
        )
        if self._owed(epoch, self.chain.observer.head().number, start):
            raise Unavailable(f"the run from leaf {start} is not paid", code="not_done")
        return f"leaves {start} to {last}: {sum(leaf.sums & HALF for leaf in leaves)} wei"

    def moves(self, epoch: int) -> list[int]:
        """Return the leaves whose node has another level in the register, and no newer one."""
        return self._moved(epoch, self.chain.observer.head().number)

    def sync(self, epoch: int, index: int) -> str:
        """Bring a node's level up to an epoch's."""
        if self.chain.rewards.epoch(epoch).state < FINAL:
            return "the epoch is not final any more"
        tree = self._tree(epoch)
        leaf = tree.leaves[index]
        node = address(leaf.node)
        if self.chain.register.level(node).epoch < epoch:
            data = self.chain.register.sync_data(epoch, leaf_tuple(leaf), index, tree.proof(index))
            self._send(f"sync/{epoch}/{index}", data, self.chain.register.address)
            if self.chain.register.level(node).epoch < epoch:
                raise Unavailable(f"the level of {node} is not synced", code="not_done")
        return f"{node} has level {self.chain.register.level(node).level}"

    def mark(self, epoch: int, ending: str) -> Mark:
        """Return the latest block, if all is done in it that an ending says."""
        head = self.chain.observer.head()
        state = self.chain.rewards.epoch(epoch, head.number).state
        if ending == LATE:
            is_done = state in {NONE, OPEN}
        else:
            is_done = (
                state >= FINAL
                and not self._owed(epoch, head.number)
                and not self._moved(epoch, head.number)
            )
        # All of that was asked for by number.
        if not is_done or self.chain.observer.head(head.number) != head:
            return Mark()
        return Mark(head.number, head.block_hash)

    def standing(self, mark: Mark) -> str:
        """Return whether a block STAYS, WAITS to be as sure as wanted, or is GONE."""
        horizon = read_horizon(self.chain.web3)
        if horizon.latest < mark.number:
            return GONE
        if self.chain.observer.head(mark.number).block_hash != mark.block_hash:
            return GONE
        if mark.number > horizon.reach(self.job.settings.finality):
            return WAITS
        with self._sending:
            self._runner.finish()
        return STAYS

    # Parts

    def _send(self, action: str, data: str, to: str | None = None) -> None:
        """Send a call; whether it did what was wanted, the chain says."""
        with self._sending:
            self._runner.follow()
            delivery = self._runner.run(action, to or self.chain.rewards.address, data)
        if delivery.state == "waiting":
            raise Unavailable(f"{action}: {delivery.tx_hash} is not mined yet", code="not_done")
        if delivery.state == "refused":
            log.info("%s: the contract refuses: %s", action, delivery.reason)

    def _newest(self, epoch: int) -> Posted:
        found = self.chain.posted(epoch)
        if not found:
            raise Unavailable(f"no posting of epoch {epoch} is found", code="not_done")
        return found[-1]

    def _owed(self, epoch: int, block: int, only: int | None = None) -> list[int]:
        """Return the first leaves of runs, or of one, in which a block left something to pay."""
        if not self.job.pays or self.chain.rewards.epoch(epoch, block).state != FINAL:
            return []
        tree = self._tree(epoch)
        size = _run_size(tree)
        first, end = (0, len(tree.leaves)) if only is None else (only, only + size)
        allotted = [
            first + place for place, leaf in enumerate(tree.leaves[first:end]) if leaf.sums & HALF
        ]
        paid = self.chain.rewards.are_paid(epoch, allotted, block)
        owed = (place for place, done in zip(allotted, paid, strict=True) if not done)
        return sorted({place // size * size for place in owed})

    def _moved(self, epoch: int, block: int) -> list[int]:
        """Return the leaves whose node had another level at a block, and no newer one."""
        if not self.job.pays or self.chain.rewards.epoch(epoch, block).state < FINAL:
            return []
        leaves = self._tree(epoch).leaves
        known = self.chain.register.levels([address(leaf.node) for leaf in leaves], block)
        return [
            index
            for index, (leaf, had) in enumerate(zip(leaves, known, strict=True))
            if had.epoch < epoch and Facts.unpack(leaf.facts).level_after != had.level
        ]

    def _tree(self, epoch: int) -> PostedTree:
        seal = self.chain.rewards.root(epoch)
        kept = self._kept
        if kept is None or kept.seal != seal:
            kept = final_tree(self.chain, epoch, self.job.settings, self.job.folder)
            self._kept = kept
        return kept


def _run_size(tree: PostedTree) -> int:
    return 1 << min(RUN_DEPTH, tree.depth)


def _is_of(posted: Posted, proposer: str) -> bool:
    return posted.header.proposer.lower() == proposer
