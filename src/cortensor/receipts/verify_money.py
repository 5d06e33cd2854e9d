# SPDX-License-Identifier: Apache-2.0
"""Checks of what was signed and charged, from the bundle alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cortensor.pricing import (
    CONSENSUS_METHODS,
    DISAGREEMENT_POLICIES,
    LINE_NAMES,
    SLA_TIERS,
    Terms,
    Usage,
    format_cor,
    quote,
)
from cortensor.receipts.build import usage_of
from cortensor.receipts.bundle import CONTRACT
from cortensor.receipts.checks import differ, judge, not_checked
from cortensor.receipts.keccak import to_hex
from cortensor.receipts.merkle import process_proof, receipt_leaf
from cortensor.receipts.sign import recover
from cortensor.receipts.tiers import is_free, sla_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from cortensor.receipts.anchor_view import AnchorView
    from cortensor.receipts.body import BillBlock, Body
    from cortensor.receipts.bundle import Bundle
    from cortensor.receipts.checks import Check

_ROUTER_SHIFT = 128
_UNUSED_TERMS = ("execution_depth", "tool_depth", "validator_depth", "route_hint")
"""What API v4 cannot ask for: one call a replica, no tools, no validators over the result."""


def check_id(bundle: Bundle, own_id: Callable[[], str]) -> Check:
    """The id is the hash of the body's canonical bytes."""
    return judge(
        "id",
        differ("receipt_id", bundle.receipt_id, own_id(), "the body hashes to"),
        f"keccak256 of the canonical body is {bundle.receipt_id}",
    )


def check_struct(bundle: Bundle, own_id: Callable[[], str]) -> Check:
    """The signed struct says what the body says, field by field."""
    stated, expected = bundle.struct(), bundle.receipt.struct(own_id())
    problems: list[str] = []
    if stated != expected:
        told = stated.to_json()
        for name, value in expected.to_json().items():
            problems += differ(f"charge.{name}", told[name], value, "the body gives")
    return judge("struct", problems, "the signed struct restates the body")


def check_signature(bundle: Bundle, view: AnchorView | None) -> Check:
    """The signer named in the body signed the struct: with its key, or as a contract."""
    digest = bundle.struct().digest(bundle.receipt.domain())
    if bundle.signed_by == CONTRACT:
        return _check_contract_signature(bundle, digest, view)
    signer = recover(digest, bytes.fromhex(bundle.signature[2:]))
    return judge(
        "signature",
        differ("router.signer", bundle.receipt.router.signer, signer, "the signature is by"),
        f"signed by {signer}",
    )


def _check_contract_signature(bundle: Bundle, digest: bytes, view: AnchorView | None) -> Check:
    stated = bundle.receipt.router.signer
    if view is None:
        return not_checked("signature", f"no chain was asked whether contract {stated} signed")
    is_signed = view.is_signed(stated, to_hex(digest), bundle.signature)
    problems = [] if is_signed else [f"{stated} does not say that it signed this"]
    return judge("signature", problems, f"contract {stated} says that it signed")


def check_session(body: Body) -> Check:
    """The payment session belongs to the router named."""
    router_id = body.session() >> _ROUTER_SHIFT
    return judge(
        "session",
        differ("router.router_id", body.router.router_id, router_id, "the session id gives"),
        f"the session was opened with router {router_id}",
    )


def check_terms(body: Body) -> Check:
    """The priced terms are those of the consensus and policy blocks, and no others are priced."""
    terms = Terms.unpack(int(body.bill.terms, 16))
    block = body.consensus
    problems = differ("terms.replicas", terms.replicas, block.replicas_requested, "consensus says")
    problems += differ(
        "terms.consensus_method",
        _name(CONSENSUS_METHODS, terms.consensus_method),
        block.strategy,
        "consensus says",
    )
    problems += differ(
        "terms.disagreement_policy",
        _name(DISAGREEMENT_POLICIES, terms.disagreement_policy),
        block.disagreement_policy,
        "consensus says",
    )
    problems += differ(
        "terms.agreement_threshold_bps",
        terms.agreement_threshold_bps,
        block.agreement_threshold_bps,
        "consensus says",
    )
    problems += differ(
        "terms.sla_tier",
        _name(SLA_TIERS, terms.sla_tier),
        sla_of(body.policy.tier),
        "policy says",
    )
    for name in _UNUSED_TERMS:
        problems += differ(f"terms.{name}", getattr(terms, name), 0, f"{body.api_version} has")
    return judge("terms", problems, f"{terms.replicas} replica(s), {block.strategy}")


def _name(names: tuple[str, ...], code: int) -> str:
    return names[code] if code < len(names) else f"#{code}"


def check_usage(body: Body) -> Check:
    """The charged usage is the sum over the replicas that delivered."""
    stated = Usage.unpack(int(body.bill.usage, 16))
    requested = body.consensus.replicas_requested
    if len(body.replicas) > requested:
        return judge("usage", [f"{len(body.replicas)} replicas ran, {requested} were asked"], "")
    expected = usage_of(body.replicas, requested)
    problems: list[str] = []
    for name in expected.__struct_fields__:
        problems += differ(
            f"usage.{name}", getattr(stated, name), getattr(expected, name), "the replicas give"
        )
    return judge(
        "usage",
        problems,
        f"{stated.input_units} in, {stated.output_units} out, "
        f"{stated.failed_replicas} failed, {stated.late_replicas} late, "
        f"{stated.missing_replicas} missing",
    )


def check_bill(bundle: Bundle) -> Check:
    """The charge is what the card gives for these terms and this usage."""
    block = bundle.receipt.bill
    if isinstance(bundle.receipt.supersedes, str):
        whose, why = "a receipt that replaces another", "the receipt it replaces has the charge"
        return _check_no_charge(block, whose, why)
    if is_free(bundle.receipt.policy.tier):
        return _check_no_charge(block, "a heartbeat", "heartbeats are free")
    bill = quote(
        bundle.rate_card(),
        bundle.surcharge_bps,
        Terms.unpack(int(block.terms, 16)),
        Usage.unpack(int(block.usage, 16)),
    )
    charged = int(block.charge)
    problems: list[str] = []
    if charged != bill.total:
        problems.append(
            f"charged {format_cor(charged)} COR, the card gives {format_cor(bill.total)} COR"
        )
    for name in LINE_NAMES:
        stated, expected = int(getattr(block.lines, name)), getattr(bill.lines, name)
        if stated != expected:
            problems.append(
                f"line {name} says {format_cor(stated)}, the card gives {format_cor(expected)}"
            )
    return judge("bill", problems, f"{format_cor(charged)} COR is what the card gives")


def _check_no_charge(block: BillBlock, whose: str, why: str) -> Check:
    """Check the bill of a receipt that charges nothing."""
    problems = differ("bill.charge", block.charge, "0", f"{whose} has")
    for name in LINE_NAMES:
        problems += differ(f"line {name}", getattr(block.lines, name), "0", "such a receipt has")
    return judge("bill", problems, f"nothing: {why}")


def check_leaf(bundle: Bundle) -> Check:
    """The anchored leaf binds the signed struct, its index and a cumulative that fits it."""
    anchor = bundle.anchor
    if anchor is None:
        return not_checked("leaf", "the receipt is in no batch yet")
    struct = bundle.struct()
    cumulative = int(anchor.cumulative)
    leaf = receipt_leaf(struct.digest(bundle.receipt.domain()), anchor.index, cumulative)
    problems = differ("anchor.leaf", anchor.leaf, to_hex(leaf), "the signed struct gives")
    if cumulative < struct.charge or (anchor.index == 1 and cumulative != struct.charge):
        problems.append(
            f"anchor.cumulative {cumulative} does not fit a charge of {struct.charge} "
            f"at index {anchor.index}"
        )
    if anchor.anchorer != bundle.receipt.router.signer:
        problems.append("anchor.anchorer is not the signer")
    return judge("leaf", problems, f"index {anchor.index} of its session, total so far fits")


def check_proof(bundle: Bundle) -> Check:
    """The leaf is under the batch's root, at a depth a batch of that size has."""
    anchor = bundle.anchor
    if anchor is None:
        return not_checked("proof", "the receipt is in no batch yet")
    root = process_proof(
        bytes.fromhex(anchor.leaf[2:]), [bytes.fromhex(node[2:]) for node in anchor.proof]
    )
    problems = differ("anchor.root", anchor.root, to_hex(root), "the proof leads to")
    deepest = (anchor.count - 1).bit_length()
    if len(anchor.proof) not in (anchor.count.bit_length() - 1, deepest):
        problems.append(
            f"anchor.proof has {len(anchor.proof)} steps, a batch of {anchor.count} has {deepest}"
        )
    return judge("proof", problems, f"under the root of a batch of {anchor.count}")
