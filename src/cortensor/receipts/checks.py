# SPDX-License-Identifier: Apache-2.0
"""What a verification says: named checks, each proven, failed or not checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

PROVEN = "proven"
FAILED = "failed"
NOT_CHECKED = "not_checked"

VERIFIED = "verified"
UNREACHABLE = "unreachable"
REFUSED = "refused"
CONSISTENT = "consistent"
TRUST = ("signature", "contract", "signer", "card", "anchored")
"""The checks that tie a receipt to the world. Anyone can make a receipt that passes all others,
with a key, a card and contracts of their own; so without these proven it is not verified."""


class Check(msgspec.Struct, frozen=True):
    """One statement about a receipt: `status` is proven, failed or not_checked.

    `value` is what was found, for programs: of `anchored` the unix time, of `finality` the level.
    `is_unanswered` says that it failed because a node did not answer.
    """

    name: str
    status: str
    detail: str
    value: int | str | None = None
    is_unanswered: bool = False

    def __str__(self) -> str:
        return f"{self.name}: {self.detail}"


class Ruling(msgspec.Struct, frozen=True):
    """What one rule of a reader's policy says of a receipt."""

    rule: str
    is_met: bool
    reason: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.reason}"


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of verifying one receipt.

    Attributes:
        receipt_id: the id the bundle states.
        checks: every check, in order.
        not_proven: what no receipt can show, in plain words.
        withheld: what the bundle leaves out, such as "request" or "replica:2".
        rulings: what the reader's policy says, empty without one.
    """

    receipt_id: str
    checks: tuple[Check, ...]
    not_proven: tuple[str, ...]
    withheld: tuple[str, ...] = ()
    rulings: tuple[Ruling, ...] = ()

    @property
    def verdict(self) -> str:
        """`failed` if a check failed, `consistent` if trust is open, `verified` otherwise.

        `unreachable` if checks failed only because a node did not answer; `refused` if none
        failed, but a rule of the reader's policy is not met.
        """
        if self.failures:
            is_unanswered = all(check.is_unanswered for check in self.failures)
            return UNREACHABLE if is_unanswered else FAILED
        if not all(ruling.is_met for ruling in self.rulings):
            return REFUSED
        return CONSISTENT if self.trust_open else VERIFIED

    @property
    def ok(self) -> bool:
        """Whether the verdict is `verified`."""
        return self.verdict == VERIFIED

    @property
    def trust_open(self) -> tuple[str, ...]:
        """The names in `TRUST` that are not proven."""
        proven = {check.name for check in self.checks if check.status == PROVEN}
        return tuple(name for name in TRUST if name not in proven)

    @property
    def failures(self) -> tuple[Check, ...]:
        """The failed checks."""
        return tuple(check for check in self.checks if check.status == FAILED)

    def check(self, name: str) -> Check | None:
        """Return a check by name, or None if it was not made."""
        return next((check for check in self.checks if check.name == name), None)

    def status_of(self, name: str) -> str:
        """Return the status of a check by name. Raises KeyError if it was not made."""
        return {check.name: check.status for check in self.checks}[name]

    def to_json(self) -> dict[str, Any]:
        """Return the verification as JSON data."""
        data: dict[str, Any] = msgspec.to_builtins(self)
        for check in data["checks"]:
            del check["is_unanswered"]
        return {"verdict": self.verdict, "ok": self.ok, **data}


def judge(name: str, problems: Sequence[str], proven: str, value: int | str | None = None) -> Check:
    """Return a failed check that lists the problems, or a proven one with what it found."""
    if problems:
        return Check(name, FAILED, "; ".join(problems))
    return Check(name, PROVEN, proven, value)


def not_checked(name: str, reason: str, value: int | str | None = None) -> Check:
    """Return a check that was not made, with the reason."""
    return Check(name, NOT_CHECKED, reason, value)


def differ(field: str, stated: object, expected: object, source: str) -> list[str]:
    """Return the problem that `stated` is not `expected`, or nothing."""
    if stated == expected:
        return []
    return [f"{field} says {stated}, {source} {expected}"]
