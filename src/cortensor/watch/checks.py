# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a leaf, seen beside the leaves that are known of its session.

Each of the first five kinds is provable on chain by the challenge of its name. `unsigned` and
`unrequested` are not: such a leaf is demanded, and its router cannot answer without the signature.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from cortensor.errors import VerificationFailed
from cortensor.pricing import format_cor
from cortensor.receipts.sign import recover
from cortensor.watch.requested import is_chosen, request_fault

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence

    from cortensor.receipts.typed import Domain, ReceiptStruct
    from cortensor.watch.leaves import Leaf

CHARGE, SIGNED, INDEX, DUPLICATE, TOTAL = "charge", "signed", "index", "duplicate", "total"
PROVABLE = (CHARGE, SIGNED, INDEX, DUPLICATE, TOTAL)
UNSIGNED, UNREQUESTED, SPOT_CHECK = "unsigned", "unrequested", "spot_check"
MISSING, NO_TOTAL = "missing", "no_total"
SHOWN_BY_ANSWER = (UNSIGNED, UNREQUESTED, SPOT_CHECK)
"""Settled by an answer, which the contract takes only with the signatures that are missed."""
DEMANDABLE = (*SHOWN_BY_ANSWER, MISSING, NO_TOTAL)
UNAVAILABLE, FOREIGN, STALE_EPOCH = "unavailable", "foreign", "stale_epoch"


class Finding(Struct, frozen=True):
    """Something wrong.

    `excess` is wei that a proof gives back, or a demand that nobody answers. `leaves` are the
    leaves it takes, in the order the challenge wants them. `index` is 0 where a total has no leaf,
    and for a whole batch. `signed` is what a caller holds: the struct and the router's signature.
    """

    kind: str
    session: int
    index: int
    detail: str
    excess: int = 0
    leaves: tuple[Leaf, ...] = ()
    root: str | None = None
    signed: tuple[ReceiptStruct, bytes] | None = None

    @property
    def is_only_noted(self) -> bool:
        """Whether nothing can be done about it on chain."""
        return self.kind in (FOREIGN, STALE_EPOCH)

    @property
    def key(self) -> str:
        """What the finding is about; found again, it is the same."""
        about = self.root if self.root is not None else f"{self.session:040x}"
        return f"{self.kind}:{about}:{self.index}"


class Known(Protocol):
    """The leaves known so far; see `cortensor.watch.state.State`."""

    def at(self, session: int, index: int) -> Sequence[Leaf]:
        """Return the different leaves at an index of a session."""

    def repeats(self, leaf: Leaf) -> Sequence[Leaf]:
        """Return leaves of its session at other indexes with its receipt id or commitment.

        Lowest index first; one is enough.
        """


def check_leaf(
    leaf: Leaf, rightful: int, settlers: Container[str], known: Known
) -> Iterator[Finding]:
    """Yield what is wrong with a leaf.

    Args:
        leaf: a leaf of a batch that was anchored by one of `settlers` while it was that.
        rightful: wei, as `rightful_charge` says.
        settlers: lower-case addresses that settle or ever settled for the session's router.
        known: leaves seen before; may contain the leaf itself.
    """
    charge = leaf.receipt.charge
    if charge > rightful:
        yield Finding(
            CHARGE,
            leaf.session,
            leaf.index,
            f"charges {format_cor(charge)} COR, the quote is {format_cor(rightful)} COR",
            charge - rightful,
            (leaf,),
        )
    yield from _check_index(leaf, known)
    yield from _check_totals(leaf, known)
    yield from _check_repeats(leaf, known)
    if not is_signed(leaf, settlers):
        detail = "the router's signature is missing or another's"
        yield Finding(UNSIGNED, leaf.session, leaf.index, detail, leaves=(leaf,))


def check_request(
    leaf: Leaf, key: str, domain: Domain, *, spot_check_bps: int, secret: bytes
) -> Finding | None:
    """Return a finding if a leaf's request signature is wrong, or is to be asked for.

    Args:
        leaf: a leaf of a session with a key.
        key: that key, lower-case 0x hex.
        domain: where signatures count.
        spot_check_bps: how many of 10,000 leaves without a published one are asked for.
        secret: 32 random bytes of the watcher's own, so that nobody foresees which.
    """
    if leaf.request is not None:
        fault = request_fault(leaf.receipt, leaf.request, key, domain)
        if fault is None:
            return None
        return Finding(UNREQUESTED, leaf.session, leaf.index, fault, leaves=(leaf,))
    if not is_chosen(leaf.hashed, spot_check_bps, secret):
        return None
    detail = "no request signature is published with it"
    return Finding(SPOT_CHECK, leaf.session, leaf.index, detail, leaves=(leaf,))


def check_epoch(leaf: Leaf, replaced_at: int | None, max_task_s: int) -> Finding | None:
    """Return a finding if a leaf was priced at a surcharge that was over when its work began.

    No proof: both the epoch and the time are the router's own words. A payer who was there knows
    whether the time is true.

    Args:
        leaf: the leaf.
        replaced_at: when the epoch after its own was posted, in unix seconds; None if none was.
        max_task_s: how long work takes at most, from its reservation to its receipt.
    """
    if replaced_at is None or leaf.receipt.issued_at <= replaced_at + max_task_s:
        return None
    epoch, late_s = leaf.receipt.surcharge_epoch, leaf.receipt.issued_at - replaced_at
    detail = f"priced at surcharge epoch {epoch}, {late_s} seconds after it was replaced"
    return Finding(STALE_EPOCH, leaf.session, leaf.index, detail, leaves=(leaf,))


def is_signed(leaf: Leaf, settlers: Container[str]) -> bool:
    """Return whether a settler of the router signed the leaf's struct."""
    return _is_by(leaf.digest, leaf.signature, settlers)


def _is_by(digest: bytes, signature: bytes, settlers: Container[str]) -> bool:
    try:
        return recover(digest, signature) in settlers
    except VerificationFailed:
        return False


def check_signed(
    leaf: Leaf, signed: ReceiptStruct, signature: bytes, settlers: Container[str], domain: Domain
) -> Finding | None:
    """Return a finding if a leaf is not the struct that its router signed for its receipt.

    Args:
        leaf: the anchored leaf.
        signed: what the caller was given.
        signature: the router's over it.
        settlers: as for `check_leaf`.
        domain: where signatures count.
    """
    if signed.session != leaf.session or signed.receipt_id != leaf.receipt.receipt_id:
        return None
    digest = signed.digest(domain)
    if digest == leaf.digest or not _is_by(digest, signature, settlers):
        return None
    return Finding(
        SIGNED,
        leaf.session,
        leaf.index,
        f"anchored with a charge of {format_cor(leaf.receipt.charge)} COR, signed with "
        f"{format_cor(signed.charge)} COR, or otherwise another struct",
        max(0, leaf.receipt.charge - signed.charge),
        (leaf,),
        signed=(signed, signature),
    )


def _check_index(leaf: Leaf, known: Known) -> Iterator[Finding]:
    for other in known.at(leaf.session, leaf.index):
        if other.hashed != leaf.hashed:
            excess = min(other.receipt.charge, leaf.receipt.charge)
            detail = "two different leaves have this index"
            yield Finding(INDEX, leaf.session, leaf.index, detail, excess, (other, leaf))
            return


def _check_totals(leaf: Leaf, known: Known) -> Iterator[Finding]:
    if leaf.index == 1:
        if leaf.cumulative != leaf.receipt.charge:
            yield _total(leaf, leaf, 0)
    elif leaf.index > 1:
        for earlier in known.at(leaf.session, leaf.index - 1):
            if earlier.cumulative + leaf.receipt.charge != leaf.cumulative:
                yield _total(earlier, leaf, earlier.cumulative)
                break
    if leaf.index == 0:
        return  # the contract asks nothing to precede index 1
    for later in known.at(leaf.session, leaf.index + 1):
        if leaf.cumulative + later.receipt.charge != later.cumulative:
            yield _total(leaf, later, leaf.cumulative)
            break


def _total(earlier: Leaf, later: Leaf, before: int) -> Finding:
    follows = before + later.receipt.charge
    return Finding(
        TOTAL,
        later.session,
        later.index,
        f"says a total of {format_cor(later.cumulative)} COR, {format_cor(follows)} COR follows",
        max(0, later.cumulative - follows),
        (earlier, later),
    )


def _check_repeats(leaf: Leaf, known: Known) -> Iterator[Finding]:
    others = known.repeats(leaf)
    if not others:
        return
    lowest = others[0]
    first, second = (lowest, leaf) if lowest.index < leaf.index else (leaf, lowest)
    what = "receipt" if first.receipt.receipt_id == second.receipt.receipt_id else "request"
    yield Finding(
        DUPLICATE,
        second.session,
        second.index,
        f"is the same {what} as index {first.index}",
        second.receipt.charge,
        (first, second),
    )
