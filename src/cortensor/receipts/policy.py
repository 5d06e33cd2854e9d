# SPDX-License-Identifier: Apache-2.0
"""What a reader wants of a receipt beyond that it verifies: rules, joined with `&` and `|`.

    signed_by("0x…") & operators(2) & agreement(6_667) & younger_than(7 * DAY) & tier("safe")

A rule counts only what the verification proved: what was not checked meets no rule.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple

from cortensor.errors import InvalidInput
from cortensor.receipts.anchor_view import FINALITIES
from cortensor.receipts.checks import PROVEN, VERIFIED, Ruling
from cortensor.receipts.evidence import OK
from cortensor.receipts.parties import count_operators
from cortensor.receipts.tiers import ADAPTIVE, FAST, ORACLE, SAFE, TIERS
from cortensor.receipts.verify_chain import CLOCK_SLACK_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from cortensor.receipts.bundle import Bundle
    from cortensor.receipts.checks import Verification

HOUR = 3_600
DAY = 24 * HOUR
TIER_ORDER = (FAST, SAFE, ORACLE)
"""Policy tiers from least to most. `adaptive` counts as the one whose replicas ran."""


class Case(NamedTuple):
    """A verified receipt before a policy; `now` is unix seconds."""

    bundle: Bundle
    verification: Verification
    now: int

    def is_proven(self, check: str) -> bool:
        """Return whether a check was made and held."""
        found = self.verification.check(check)
        return found is not None and found.status == PROVEN


class Policy(ABC):
    """Rules and how they are joined. Make them with the functions of this module."""

    @abstractmethod
    def judge(self, case: Case) -> tuple[Ruling, ...]:
        """Return what each rule says. Met if all are."""

    def __and__(self, other: Policy) -> Policy:
        return _Both(self, other)

    def __or__(self, other: Policy) -> Policy:
        return _Either(self, other)


class _Rule(Policy):
    """One rule: a name, the check it rests on, and what it finds wrong, or None."""

    def __init__(self, name: str, check: str | None, problem: Callable[[Case], str | None]) -> None:
        self._name, self._check, self._problem = name, check, problem

    def judge(self, case: Case) -> tuple[Ruling, ...]:
        """Return the one ruling."""
        if self._check is not None and not case.is_proven(self._check):
            return (Ruling(self._name, False, f"{self._check} is not proven"),)
        problem = self._problem(case)
        return (Ruling(self._name, problem is None, problem or "holds"),)


class _Both(Policy):
    def __init__(self, left: Policy, right: Policy) -> None:
        self._parts = (left, right)

    def judge(self, case: Case) -> tuple[Ruling, ...]:
        """Return the rulings of both."""
        return tuple(ruling for part in self._parts for ruling in part.judge(case))


class _Either(Policy):
    def __init__(self, left: Policy, right: Policy) -> None:
        self._parts = (left, right)

    def judge(self, case: Case) -> tuple[Ruling, ...]:
        """Return the rulings of the first part that is met, else those of both."""
        found = [part.judge(case) for part in self._parts]
        for rulings in found:
            if all(ruling.is_met for ruling in rulings):
                return rulings
        return tuple(ruling for rulings in found for ruling in rulings)


def signed_by(*addresses: str) -> Policy:
    """One of these addresses signed it, upper or lower case."""
    wanted = {address.lower() for address in addresses}

    def problem(case: Case) -> str | None:
        signer = case.bundle.receipt.router.signer
        return None if signer in wanted else f"signed by {signer}"

    return _Rule("signer", "signature", problem)


def operators(least: int, *, signed: bool = False) -> Policy:
    """At least so many different miners delivered; with `signed`, they signed their answers."""

    def problem(case: Case) -> str | None:
        replicas = case.bundle.receipt.replicas
        if signed:
            replicas = [entry for entry in replicas if isinstance(entry.miner_signature, str)]
        count = count_operators(replicas)
        return None if count >= least else f"{count} of {least} operators"

    return _Rule("operators", "miners" if signed else "replicas", problem)


def agreement(least_bps: int) -> Policy:
    """So large a part of the replicas agrees, in basis points."""
    return _at_least("agreement", "agreement_bps", least_bps)


def confidence(least_bps: int) -> Policy:
    """The confidence is at least so many basis points."""
    return _at_least("confidence", "confidence_bps", least_bps)


def _at_least(name: str, field: str, least_bps: int) -> Policy:
    def problem(case: Case) -> str | None:
        found = getattr(case.bundle.receipt.consensus, field)
        return None if found >= least_bps else f"{found} of {least_bps} bps"

    return _Rule(name, "consensus", problem)


def younger_than(seconds: int) -> Policy:
    """It is no older than this. What the signer says and the block says: the older counts."""

    def problem(case: Case) -> str | None:
        made = case.bundle.receipt.issued_at
        anchored = case.verification.check("anchored")
        if anchored is not None and isinstance(anchored.value, int):
            made = min(made, anchored.value)
        age = case.now - made
        if age < -CLOCK_SLACK_SECONDS:
            return f"{-age} s from the future"
        return None if age <= seconds else f"{age} s old, {seconds} s allowed"

    return _Rule("younger", "signature", problem)


def tier(least: str) -> Policy:
    """The policy tier is this or a higher one, and as many replicas as it has were asked for.

    Raises:
        InvalidInput: for a tier without an order.
    """
    if least not in TIER_ORDER:
        raise InvalidInput(f"must be one of {', '.join(TIER_ORDER)}", field="policy.tier")

    def problem(case: Case) -> str | None:
        body = case.bundle.receipt
        named, replicas = body.policy.tier, body.consensus.replicas_requested
        if named == ADAPTIVE:
            delivered = sum(1 for entry in body.replicas if entry.status == OK)
            ran = [name for name in TIER_ORDER if TIERS[name]["replicas"] <= delivered]
            named, replicas = ran[-1] if ran else None, delivered
        if named not in TIER_ORDER or TIER_ORDER.index(named) < TIER_ORDER.index(least):
            return f"the tier is {body.policy.tier or 'none'}"
        needed = TIERS[least]["replicas"]
        return None if replicas >= needed else f"{replicas} of {needed} replicas"

    return _Rule("tier", "consensus", problem)


def finality(least: str) -> Policy:
    """The anchor is at least so final: soft, safe or hard.

    Raises:
        InvalidInput: for another word.
    """
    if least not in FINALITIES[1:]:
        raise InvalidInput(f"must be one of {', '.join(FINALITIES[1:])}", field="policy.finality")

    def problem(case: Case) -> str | None:
        found = case.verification.check("finality")
        level = FINALITIES[0] if found is None else found.value
        if level in FINALITIES and FINALITIES.index(str(level)) >= FINALITIES.index(least):
            return None
        return f"finality is {level or 'unknown'}"

    return _Rule("finality", "anchored", problem)


def outcome(*names: str) -> Policy:
    """The outcome is one of these."""

    def problem(case: Case) -> str | None:
        found = case.bundle.receipt.result.outcome
        return None if found in names else f"the outcome is {found}"

    return _Rule("outcome", "consensus", problem)


def verified() -> Policy:
    """Its verdict is `verified`: contract, signer, card and anchor are those the reader trusts."""

    def problem(case: Case) -> str | None:
        verdict = case.verification.verdict
        return None if verdict == VERIFIED else f"the verdict is {verdict}"

    return _Rule("verified", None, problem)
