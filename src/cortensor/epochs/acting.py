# SPDX-License-Identifier: Apache-2.0
"""The steps of an epoch, each of which may be done again: it looks at the chain before it sends."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from msgspec import Struct

from cortensor.chain.horizon import read_horizon
from cortensor.chain.reward_dispute import RewardDispute
from cortensor.chain.rewards import FINAL, NONE, OPEN, POSTED
from cortensor.epochs import files
from cortensor.epochs.funding import Funder
from cortensor.epochs.gathering import gather
from cortensor.epochs.judging import compare, prove, rules_of
from cortensor.epochs.observing import RewardChain
from cortensor.epochs.paying import Payer
from cortensor.epochs.runs import Runs
from cortensor.epochs.sending import Sending
from cortensor.epochs.sources import notes_on
from cortensor.epochs.sweeping import Sweeper
from cortensor.errors import Unavailable
from cortensor.rewards.epoch import compute_epoch
from cortensor.rewards.words import HALF

if TYPE_CHECKING:
    from cortensor.chain.rewards import Posted
    from cortensor.epochs.job import Job
    from cortensor.epochs.tree_challenges import Challenge

log = logging.getLogger(__name__)

LATE, PAID, SWEPT = "late", "paid", "swept"
GONE = "gone"
POSTED_FIRST, OVERTHROWN = "somebody else posted first", "overthrown"
WAITS, STAYS = "waits", "stays"


class Look(Struct, frozen=True):
    """Where an epoch is: its state, how long its root can still be challenged, and whose it is.

    `left_s` is 0 once it can be made final; `posting` tells roots apart.
    """

    state: int
    left_s: int = 0
    proposer: str = ""
    posting: str = ""

    def is_of_another(self, address: str) -> bool:
        """Return whether somebody else than a lower-case address posted a root that stands."""
        return self.state == POSTED and self.proposer.lower() != address


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
        self._sending = Sending(self.chain, job)
        self.address = self._sending.address
        self._computed_again: set[int] = set()
        self._dispute = RewardDispute(self.chain.web3, self.chain.parts.dispute)
        runs = Runs(job, self.chain)
        self.funder = Funder(self.chain, self._sending)
        self.payer = Payer(job, self.chain, runs, self._sending)
        self.sweeper = Sweeper(self.chain, runs, self._sending)

    # Which epochs there are

    def due(self) -> list[int]:
        """Return the epochs to work on: the last final one, the one in flight, or the next.

        Of a final one whose time is over nobody is paid any more: it is swept.
        """
        rewards = self.chain.rewards
        flight, now = rewards.flight(), self.chain.times.now()
        last = rewards.last_final()
        is_paid = last and not self.sweeper.is_over(rewards.epoch(last).finalised_at)
        found = [last] if is_paid else []
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
        self._sending.send(f"open/{epoch}", rewards.address, rewards.data("open", epoch))
        if rewards.epoch(epoch).state == NONE:
            raise Unavailable(f"epoch {epoch} is not opened", code="not_done")
        return "open"

    def compute(self, epoch: int, checked: str) -> str:
        """Write an epoch's folder.

        What waits here for receipts may meanwhile be final by others' work, or posted by others:
        that is to be checked, with or without receipts, while it can be challenged.

        Args:
            epoch: which.
            checked: the posting that was checked already; empty for none.

        Returns:
            A line of report; GONE if it is not open any more, POSTED_FIRST if there is another
            posting than the checked one, of somebody else: of neither the folder is written.
        """
        look = self.look(epoch)
        if look.state == NONE:
            return GONE
        if look.state >= FINAL:
            return "it is final already"
        if look.is_of_another(self.address) and look.posting != checked:
            return POSTED_FIRST
        return self._write(epoch)

    def _write(self, epoch: int) -> str:
        """Compute an epoch's folder; returns a line of report."""
        folder = self.job.folder / str(epoch)
        inputs, sources = gather(self.chain, epoch, self.job.settings, self.job.folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        result = files.write_epoch(folder, inputs, sources)
        for note in notes_on(sources.left_out, sources.left_out_before):
            log.warning("epoch %d: %s", epoch, note)
        paid = sum(1 for leaf in result.leaves if leaf.sums & HALF)
        return (
            f"{len(inputs.receipts)} receipts, {len(result.leaves)} nodes, {paid} paid, "
            f"{result.sums.amount} of {inputs.budget} wei; {folder / files.PAGE}"
        )

    def post(self, epoch: int) -> Look:
        """Post one's own root, unless one is posted; returns where the epoch then is.

        A root that fell is not posted again. What it was computed from may have been wrong, so
        that is done again once by a service that was started anew.
        """
        look = self.look(epoch)
        if look.state != OPEN:
            return look
        before = self.chain.posted(epoch)
        fell = {each.header.root for each in before if _is_of(each, self.address)}
        own = files.announced(self.job.folder / str(epoch))
        if own.root in fell and epoch not in self._computed_again:
            self._computed_again.add(epoch)
            log.info("epoch %d: one's own root fell; computed again: %s", epoch, self._write(epoch))
            own = files.announced(self.job.folder / str(epoch))
        if own.root in fell:
            raise Unavailable(
                "one's own root was overthrown: it is not posted again", code="own_root_fell"
            )
        fallen = len(before)
        rewards = self.chain.rewards
        data = rewards.data(
            "post", epoch, own.root, own.sums, own.count, own.inputs_hash, self.job.uri(epoch)
        )
        self._sending.send(f"post/{epoch}/{fallen}", rewards.address, data)
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

    def check(self, epoch: int, *, is_computed: bool) -> str:
        """Challenge the posted root if it is provably wrong, and else compare it with one's own.

        Args:
            epoch: which.
            is_computed: whether its folder is written; without it, only proofs are looked for.

        Returns:
            OVERTHROWN, or a line of what else was found.

        Raises:
            Unavailable: a proof that holds is not mined yet; the node or the last final tree.
        """
        if self.look(epoch).state != POSTED:
            return "nothing is posted"
        posted = self._newest(epoch)
        rules = rules_of(self.chain, epoch, self.job.settings, self.job.folder)
        proofs = prove(posted, rules, self.job.settings)
        if proofs.challenges:
            self._overthrow(posted, proofs.challenges)
            return OVERTHROWN
        who = posted.header.proposer
        if not is_computed:
            return f"nothing can be proven against the root of {who}; receipts are not read yet"
        inputs = files.read_inputs(files.read_files(self.job.folder / str(epoch)))
        verdict = compare(posted, proofs, inputs, compute_epoch(inputs))
        if verdict.outcome == "right":
            return "the posted root is right"
        if verdict.outcome == "inputs":
            log.warning("epoch %d: the root of %s is right, and %s", epoch, who, verdict.reason)
            return f"the posted root is right, and {verdict.reason}"
        # If nobody announces that veto in time, nothing stops the root any more. Then it is made
        # final as any other: the next epoch can be opened only after it.
        log.error(
            "epoch %d: the root of %s is wrong, and only the guardian's veto stops it; if none is "
            "announced in its window, it is made final and paid as any other: %s",
            epoch,
            who,
            verdict.reason,
        )
        return f"only a veto stops the root of {who}: {verdict.reason}"

    def _overthrow(self, posted: Posted, challenges: list[Challenge]) -> None:
        """Send proofs until the root has fallen. Raises Unavailable while none is taken."""
        epoch, who = posted.epoch, posted.header.proposer
        for number, challenge in enumerate(challenges):
            data = self._dispute.data(challenge.name, epoch, posted.header, challenge.arguments)
            action = f"challenge/{epoch}/{posted.tx_hash}/{number}"
            self._sending.send(action, self._dispute.address, data)
            if self.look(epoch).state != POSTED or self._newest(epoch) != posted:
                log.warning("epoch %d: the root of %s %s", epoch, who, challenge.reason)
                return
        raise Unavailable(
            f"no proof against the root of {who} was taken: {challenges[0].reason}",
            code="not_done",
        )

    def finalise(self, epoch: int) -> Look:
        """Make a root that stood its window final."""
        look = self.look(epoch)
        if look.state == POSTED and look.left_s == 0:
            header = self._newest(epoch).header
            rewards = self.chain.rewards
            data = rewards.data("finalise", epoch, header.abi_tuple())
            self._sending.send(f"finalise/{epoch}", rewards.address, data)
            look = self.look(epoch)
            if look.state == POSTED and look.left_s == 0:
                raise Unavailable(f"epoch {epoch} is not final", code="not_done")
        return look

    def mark(self, epoch: int, ending: str) -> Mark:
        """Return the latest block, if all is done in it that an ending says."""
        head = self.chain.observer.head()
        if ending == LATE:
            is_done = self.chain.rewards.epoch(epoch, head.number).state in {NONE, OPEN}
        elif ending == SWEPT:
            is_done = self.sweeper.is_done(epoch, head.number)
        else:
            is_done = self.payer.is_done(epoch, head.number)
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
        self._sending.finish()
        return STAYS

    # Parts

    def _newest(self, epoch: int) -> Posted:
        found = self.chain.posted(epoch)
        if not found:
            raise Unavailable(f"no posting of epoch {epoch} is found", code="not_done")
        return found[-1]


def _is_of(posted: Posted, proposer: str) -> bool:
    return posted.header.proposer.lower() == proposer
