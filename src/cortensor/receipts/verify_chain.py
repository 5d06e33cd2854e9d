# SPDX-License-Identifier: Apache-2.0
"""Checks against what the verifier trusts: a chain, or values it was given by other means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cortensor.pricing import Terms, format_cor
from cortensor.receipts.anchor_view import HARD, NOT_ANCHORED
from cortensor.receipts.bundle import RevocationBlock
from cortensor.receipts.checks import PROVEN, Check, differ, judge, not_checked
from cortensor.receipts.keccak import WORD_BYTES, ZERO_WORD, from_hex, to_hex
from cortensor.receipts.sign import recover
from cortensor.receipts.typed import RevocationStruct

if TYPE_CHECKING:
    from collections.abc import Callable

    from cortensor.pricing import RateCard
    from cortensor.receipts.anchor_view import AnchorView
    from cortensor.receipts.bundle import Bundle

WEI_PER_GWEI = 10**9
CLOCK_SLACK_SECONDS = 300
"""How far a router's clock may be ahead of the chain's: block times lag, and clocks differ. A
receipt dated later than that was dated falsely, since it must exist before its batch does."""
NO_CHAIN = "no chain was asked"
NO_ANCHOR = "the receipt is in no batch yet"
NO_SUCCESSOR = to_hex(ZERO_WORD)
_STATE_NONE = 0


def check_chain(bundle: Bundle, view: AnchorView) -> Check:
    """The chain asked is the one the receipt names."""
    stated = bundle.receipt.chain.chain_id
    return judge(
        "chain",
        differ("chain.chain_id", stated, view.chain_id(), "the chain asked is"),
        f"chain {stated}",
    )


def check_contract(bundle: Bundle, trusted: str | None) -> Check:
    """The SessionPayment named is the one the verifier trusts.

    A router could name a contract of its own, which says what it likes: every answer of a chain
    is worth what this check is worth.
    """
    stated = bundle.receipt.chain.session_payment
    if trusted is None:
        return not_checked("contract", f"is SessionPayment {stated} the one you trust?")
    return judge(
        "contract",
        differ("chain.session_payment", stated, trusted.lower(), "you trust"),
        f"SessionPayment {stated} is the one you trust",
    )


def check_card(bundle: Bundle, view: AnchorView | None, trusted: RateCard | None) -> Check:
    """The card in the bundle is the published one."""
    card = bundle.rate_card()
    if trusted is not None and card != trusted:
        return judge("card", ["the bundle's card is not the one you gave"], "")
    version = bundle.receipt.bill.version
    if view is not None:
        problems = [] if view.card(version) == card else [f"not version {version} on chain"]
        return judge("card", problems, f"is version {version} on chain")
    if trusted is not None:
        return Check("card", PROVEN, "is the card you gave")
    return not_checked("card", f"{NO_CHAIN}: the bill holds if the bundle's card is the real one")


def check_surcharge(bundle: Bundle, view: AnchorView) -> Check:
    """The surcharge in the bundle is the one posted for its epoch."""
    epoch = bundle.receipt.bill.surcharge_epoch
    return judge(
        "surcharge",
        differ("surcharge_bps", bundle.surcharge_bps, view.surcharge_bps(epoch), "the chain has"),
        f"{bundle.surcharge_bps} bps in epoch {epoch}",
    )


def check_signer(bundle: Bundle, view: AnchorView | None, trusted: str | None) -> Check:
    """The signer may settle for the router named."""
    router = bundle.receipt.router
    if trusted is not None:
        # The verifier's word goes first: a router that changed its key has another one today.
        if trusted.lower() != router.signer:
            return judge("signer", [f"signed by {router.signer}, you trust {trusted}"], "")
        return Check("signer", PROVEN, "is the signer you trust")
    if view is None:
        return not_checked("signer", f"{NO_CHAIN}: whether the signer is the router's is open")
    settler = view.router_signer(router.router_id).lower()
    return judge(
        "signer",
        differ("router.signer", router.signer, settler, f"router {router.router_id} has"),
        f"{router.signer} settles for router {router.router_id}",
    )


def check_anchored(bundle: Bundle, view: AnchorView | None, trusted_root: str | None) -> Check:
    """The batch is anchored, with as many leaves as the bundle says, after the receipt was made."""
    anchor = bundle.anchor
    issued_at = bundle.receipt.issued_at
    if issued_at == 0:
        return judge("anchored", ["issued_at is 0"], "")
    if anchor is None:
        if view is None and trusted_root is None:
            return not_checked("anchored", NO_ANCHOR)
        return judge("anchored", [NO_ANCHOR], "")
    if trusted_root is not None and trusted_root.lower() != anchor.root:
        return judge("anchored", [f"the root is {anchor.root}, you trust {trusted_root}"], "")
    if view is None:
        if trusted_root is not None:
            return Check("anchored", PROVEN, "the root is the one you trust")
        return not_checked("anchored", NO_CHAIN)
    batch = view.batch(anchor.anchorer, anchor.root)
    if batch.anchored_at == 0:
        return judge("anchored", [f"{anchor.anchorer} never anchored {anchor.root}"], "")
    problems = differ("anchor.count", anchor.count, batch.leaf_count, "the chain has")
    if not view.is_anchored(anchor.anchorer, anchor.leaf, anchor.proof, anchor.root):
        problems.append("the contract refuses the proof")
    if issued_at > batch.anchored_at + CLOCK_SLACK_SECONDS:
        problems.append(
            f"issued_at is {issued_at}, but the batch was anchored at {batch.anchored_at}"
        )
    return judge("anchored", problems, f"at unix time {batch.anchored_at}", value=batch.anchored_at)


def check_finality(bundle: Bundle, view: AnchorView | None) -> Check:
    """The batch is in a block that the chain's own rules call final."""
    if view is None:
        return not_checked("finality", NO_CHAIN)
    if bundle.anchor is None:
        return not_checked("finality", NO_ANCHOR)
    found = view.finality(bundle.anchor.anchorer, bundle.anchor.root)
    if found == HARD:
        return judge("finality", [], "hard: in a finalized block", value=found)
    if found == NOT_ANCHORED:
        return not_checked("finality", "the root is not anchored", value=found)
    return not_checked("finality", f"{found}: a re-org can still undo the anchor", value=found)


def check_revocation(bundle: Bundle, view: AnchorView | None) -> Check:
    """The router has not taken the receipt back: not on chain, not by a word in the bundle."""
    problems = []
    if isinstance(bundle.revocation, RevocationBlock):
        problems.append(_read_revocation(bundle, bundle.revocation))
    if view is None:
        if problems:
            return judge("revocation", problems, "")
        return not_checked("revocation", NO_CHAIN)
    found = view.revocation(bundle.receipt.router.signer, bundle.receipt_id)
    if found.state == "superseded":
        problems.append(f"superseded at unix time {found.revoked_at}, by {found.successor}")
    elif found.state == "revoked":
        problems.append(f"revoked at unix time {found.revoked_at}")
    return judge("revocation", problems, "not revoked")


def _read_revocation(bundle: Bundle, stated: RevocationBlock) -> str:
    """Return what a revocation in the bundle says, or whose it is if it is not the signer's."""
    signed = RevocationStruct(
        receipt_id=from_hex(bundle.receipt_id, WORD_BYTES, "receipt_id"),
        successor=from_hex(stated.successor or NO_SUCCESSOR, WORD_BYTES, "revocation.successor"),
        revoked_at=stated.revoked_at,
    )
    digest = signed.digest(bundle.receipt.domain())
    signer = recover(digest, bytes.fromhex(stated.signature[2:]))
    if signer != bundle.receipt.router.signer:
        return f"revocation.signature is by {signer}, not by the signer"
    return (
        f"the signer revoked it at unix time {stated.revoked_at}, "
        f"successor {stated.successor or 'none'}"
    )


def check_pinned(bundle: Bundle, view: AnchorView) -> Check:
    """The charge keeps to what the session pinned when it was opened."""
    body = bundle.receipt
    session = view.session(body.session())
    if session.state == _STATE_NONE:
        return judge("pinned", [f"there is no session {body.session_id}"], "")
    terms = Terms.unpack(int(body.bill.terms, 16))
    problems = differ("bill.version", body.bill.version, session.version, "the session pins")
    problems += differ(
        "terms.volume_tier", terms.volume_tier, session.volume_tier, "the session pins"
    )
    if terms.surcharge_cap_bps > session.surcharge_cap_bps:
        problems.append(
            f"terms.surcharge_cap_bps is {terms.surcharge_cap_bps}, "
            f"the session allows {session.surcharge_cap_bps}"
        )
    cap = session.task_cap_gwei * WEI_PER_GWEI
    charge = int(body.bill.charge)
    if charge > cap:
        problems.append(
            f"charged {format_cor(charge)} COR, the session's cap per task is {format_cor(cap)} COR"
        )
    return judge("pinned", problems, "version, volume tier, surcharge cap and task cap hold")


def check_settled(bundle: Bundle, view: AnchorView) -> Check:
    """The chain has settled at least the total up to this receipt."""
    if bundle.anchor is None:
        return not_checked("settled", NO_ANCHOR)
    cumulative = int(bundle.anchor.cumulative)
    settled = view.session(bundle.receipt.session()).settled
    problems = (
        []
        if settled >= cumulative
        else [f"{format_cor(settled)} COR settled, this receipt needs {format_cor(cumulative)} COR"]
    )
    return judge("settled", problems, f"{format_cor(settled)} COR settled in the session")


CHAIN_CHECKS: dict[str, Callable[[Bundle, AnchorView], Check]] = {
    "chain": check_chain,
    "surcharge": check_surcharge,
    "pinned": check_pinned,
    "settled": check_settled,
}
"""Checks that need a chain; the others here can also use values the verifier was given."""
