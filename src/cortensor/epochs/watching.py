# SPDX-License-Identifier: Apache-2.0
"""Somebody else's look at posted roots, with an RPC and the published receipts alone."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Literal, NamedTuple
from weakref import finalize

from msgspec import Struct

from cortensor.chain.caller import Caller
from cortensor.chain.reward_dispute import RewardDispute
from cortensor.chain.rewards import POSTED
from cortensor.epochs import files
from cortensor.epochs.gathering import gather
from cortensor.epochs.judging import compare, prove, rules_of
from cortensor.epochs.observing import RewardChain
from cortensor.errors import Conflict, Unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortensor.chain.rewards import Posted
    from cortensor.epochs.judging import Proofs, Verdict
    from cortensor.epochs.place import RewardPlace
    from cortensor.epochs.settings import ObserveSettings
    from cortensor.epochs.tree_challenges import Challenge

log = logging.getLogger(__name__)


class Seen(Struct, frozen=True):
    """What a look found.

    Attributes:
        epoch: the epoch in flight.
        outcome: `nothing` posted; `right`; `inputs`: right, with another hash of the inputs;
            `wrong` and provable; `overthrown`, by us; `veto`: wrong in what no contract can tell.
        proposer: who posted; empty for nothing.
        reason: what is wrong; of a right root, why it pays nobody.
        proof: the contract's function that proves it, or did.
    """

    epoch: int
    outcome: Literal["nothing", "right", "inputs", "wrong", "overthrown", "veto"]
    proposer: str = ""
    reason: str = ""
    proof: str = ""

    @property
    def is_clean(self) -> bool:
        """Whether nobody has to do anything."""
        return self.outcome in {"nothing", "right"}

    def line(self) -> str:
        """Return it in words."""
        what = {
            "nothing": "no root is posted",
            "right": f"the root of {self.proposer} is right"
            + (f", and pays nobody: {self.reason}" if self.reason else ""),
            "inputs": f"the root of {self.proposer} is right, and {self.reason}",
            "wrong": f"WRONG: the root of {self.proposer} {self.reason} ({self.proof} proves it)",
            "overthrown": f"overthrown by {self.proof}: the root of {self.proposer} {self.reason}",
            "veto": f"WRONG, AND ONLY THE GUARDIAN'S VETO STOPS IT: the root of {self.proposer}: "
            f"{self.reason}",
        }
        return f"epoch {self.epoch}: {what[self.outcome]}"


class _Known(NamedTuple):
    """What was found of a posting; `is_hidden` if its tree can still tell more once it is there."""

    posted: Posted
    seen: Seen
    is_hidden: bool


class RewardWatcher:
    """Looks at the epoch in flight.

    Args:
        rpc_url: an http(s) JSON-RPC endpoint, or several of one chain.
        place: the contracts.
        settings: what counts.
        folder: where epochs that were computed are kept; None to keep them as long as this watches.
        key: challenges with this key; None only reports.
    """

    def __init__(
        self,
        rpc_url: Sequence[str],
        place: RewardPlace,
        settings: ObserveSettings,
        folder: Path | None,
        key: str | None,
    ) -> None:
        self.chain = RewardChain(rpc_url, place)
        self._settings = settings
        if folder is None:
            folder = Path(mkdtemp(prefix="cortensor-epochs-"))
            finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self._folder = folder
        self._caller = None if key is None else Caller(self.chain.web3, key)
        self._known: _Known | None = None

    def look(self) -> Seen:
        """Judge the posted root once, and challenge it if it is provably wrong.

        Proofs come first: they take no receipts, which may not be there.

        Raises:
            Unavailable: the node, the last final tree, or, of a root against which there is no
                proof, receipts that the epoch counts.
        """
        flight = self.chain.rewards.flight()
        if flight.state != POSTED:
            return Seen(flight.epoch, "nothing")
        postings = self.chain.posted(flight.epoch)
        if not postings:  # re-organised away between two questions
            raise Unavailable(f"no posting of epoch {flight.epoch} is found", code="not_done")
        posted = postings[-1]
        known = self._known if self._known is not None and self._known.posted == posted else None
        if known is not None and not known.is_hidden:
            return known.seen  # what cannot change was said
        rules = rules_of(self.chain, flight.epoch, self._settings, self._folder)
        proofs = prove(posted, rules, self._settings)
        who = posted.header.proposer
        if proofs.challenges:
            taken = self._challenge(posted, proofs.challenges)
            shown = taken or proofs.challenges[0]
            outcome: Literal["wrong", "overthrown"] = "overthrown" if taken else "wrong"
            seen = Seen(flight.epoch, outcome, who, shown.reason, shown.name)
        elif known is not None and proofs.tree is None:
            return known.seen
        else:
            verdict = self._compared(posted, proofs)
            seen = Seen(flight.epoch, verdict.outcome, who, verdict.reason)
        # A challenge can be re-organised away, and is then sent again.
        if seen.outcome not in {"wrong", "overthrown"} or self._caller is None:
            is_hidden = proofs.tree is None and seen.outcome == "veto"
            self._known = _Known(posted, seen, is_hidden)
        return seen

    def _challenge(self, posted: Posted, challenges: Sequence[Challenge]) -> Challenge | None:
        """Send proofs until one is taken; return it, None if none is or there is no key."""
        if self._caller is None:
            return None
        dispute = RewardDispute(self.chain.web3, self.chain.parts.dispute)
        for each in challenges:
            data = dispute.data(each.name, posted.epoch, posted.header, each.arguments)
            try:
                self._caller.call(dispute.address, data)
            except Conflict as error:
                log.warning("%s is refused: %s", each.name, error.reason)
                continue
            return each
        return None

    def _compared(self, posted: Posted, proofs: Proofs) -> Verdict:
        """Compute the epoch, and hold the root against that."""
        try:
            inputs, sources = gather(self.chain, posted.epoch, self._settings, self._folder)
        except Unavailable as error:
            raise Unavailable(
                f"nothing can be proven against the root of {posted.header.proposer}, and whether"
                f" it is right is not known: {error.reason}",
                field=error.field,
                code=error.code,
            ) from error
        self._folder.mkdir(parents=True, exist_ok=True)
        result = files.write_epoch(self._folder / str(posted.epoch), inputs, sources)
        return compare(posted, proofs, inputs, result)
