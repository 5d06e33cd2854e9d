# SPDX-License-Identifier: Apache-2.0
"""Reward epochs as docs/spec/node-reward.md states them: states, windows, bonds and money.

No packed words, no hashes and no proofs: whether a root is wrong is for the caller to know. Written
from the page, so that a step of the contract can be compared with what the page promises, refusals
and their reasons included.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

NONE, OPEN, POSTED, FINAL, EXPIRED = range(5)
U128 = 2**128 - 1
BURN_ADDRESS = "0x000000000000000000000000000000000000dEaD"


class Refused(Exception):  # noqa: N818 - a refusal is an answer of the model, no fault in it
    """The step is refused; the message is the contract's reason."""


@dataclass
class Flight:
    """The epoch opened last; `header` is what is posted of it."""

    epoch: int
    state: int = NONE
    budget: int = 0
    header: Any = None
    until: int = 0
    veto_at: int = 0
    is_veto_used: bool = False

    @property
    def allotted(self) -> int:
        """What the posted root pays in all."""
        return self.header.sums & U128


@dataclass
class Final:
    """An epoch that is paid or swept; `spent` of what it allots, for the leaves in `done`."""

    budget: int
    allotted: int
    finalised_at: int
    is_expired: bool = False
    spent: int = 0
    done: set[int] = field(default_factory=set)


@dataclass
class Bond:
    """What stands for a proposer's root; `withdrawable_at` is 0 unless it was asked back."""

    amount: int
    withdrawable_at: int = 0


@dataclass
class EpochsModel:
    """Everything that NodeReward knows, and what its fund holds.

    `now()` is the clock; `windows` has the contract's times, by their names; `refused` are those
    whom the token does not pay.
    """

    now: Callable[[], int]
    windows: Any
    bond_wei: int
    budget_cap: int
    guardian: str
    owner: str
    treasury: str
    fund: int
    flight: Flight
    bonds: dict[str, Bond]
    finals: dict[int, Final] = field(default_factory=dict)
    forgotten: dict[int, int] = field(default_factory=dict)
    credits: dict[str, int] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)

    def owed(self) -> int:
        """Return bonds, credits, the budget in flight and what final epochs have not paid."""
        unpaid = sum(final.allotted - final.spent for final in self.finals.values())
        bonds = sum(bond.amount for bond in self.bonds.values())
        return bonds + sum(self.credits.values()) + self.flight.budget + unpaid

    # Epochs.

    def end(self, epoch: int) -> int:
        """Return the first second after an epoch."""
        return (epoch + 1) * self.windows.epoch_seconds

    def deadline(self, epoch: int) -> int:
        """Return the last second in which an epoch's root can be posted."""
        return self.end(epoch) + self.windows.post_seconds

    def is_late(self, epoch: int) -> bool:
        """Return whether an epoch's root cannot be posted any more."""
        return self.now() > self.deadline(epoch)

    def open(self, epoch: int) -> int:
        """Draw the budget of an epoch that is over; return it."""
        last = self.flight
        _refuse(epoch <= last.epoch, "reward: not a later epoch")
        _refuse(last.state == POSTED, "reward: one is posted")
        _refuse(self.now() < self.end(epoch), "reward: epoch is not over")
        _refuse(self.is_late(epoch), "reward: too late to post")
        is_passed_over = epoch - 1 != last.epoch and not self.is_late(epoch - 1)
        _refuse(is_passed_over, "reward: an earlier one is due")
        is_running = last.state == OPEN and not self.is_late(last.epoch)
        _refuse(is_running, "reward: one is open")
        self.fund += last.budget
        budget = min(self.fund, self.budget_cap)
        self.fund -= budget
        self.flight = Flight(epoch, OPEN, budget)
        return budget

    def post(self, header: Any) -> None:
        """Let a bond stand for a root."""
        flight = self.flight
        _refuse(flight.state != OPEN, "reward: not open")
        _refuse(self.is_late(flight.epoch), "reward: too late to post")
        _refuse(not self.can_post(header.proposer), "reward: no bond")
        until = self.now() + self.windows.window_seconds
        self.flight = Flight(flight.epoch, POSTED, flight.budget, header, until)

    def challengeable_until(self) -> int:
        """Return the last second of the posted root's window, held open by a veto; 0 for none."""
        flight = self.flight
        lapses_at = flight.veto_at + self.windows.veto_seconds if flight.veto_at else 0
        return max(flight.until, lapses_at)

    def finalise(self) -> None:
        """Keep a root that stood its window; what it does not allot goes back."""
        flight = self.flight
        _refuse(self.now() <= self.challengeable_until(), "reward: still challengeable")
        _refuse(flight.allotted > flight.budget, "reward: over the budget")
        self.fund += flight.budget - flight.allotted
        self.finals[flight.epoch] = Final(flight.budget, flight.allotted, self.now())
        self.flight = Flight(flight.epoch)

    def expire(self, epoch: int) -> None:
        """End an epoch's payment: from now on it is swept."""
        final = self.finals[epoch]
        _refuse(final.is_expired, "reward: epoch is not paid")
        due_at = final.finalised_at + self.windows.expiry_seconds
        _refuse(self.now() <= due_at, "reward: not expired yet")
        final.is_expired = True

    # What levels follow from.

    def forget(self, sender: str) -> None:
        """Let nothing follow from the last final tree, in the epochs after the one that runs."""
        last = max(self.finals, default=0)
        _refuse(sender != self.owner, "ownable: caller is not the owner")
        _refuse(not last, "epoch: none is final")
        _refuse(last in self.forgotten, "epoch: already forgotten")
        self.forgotten[last] = self.now() // self.windows.epoch_seconds + 1

    def prior(self, epoch: int) -> int:
        """Return the final epoch that another one's levels follow from; 0 for none."""
        last = max(self.finals, default=0)
        return 0 if epoch >= self.forgotten.get(last, epoch + 1) else last

    # Roots that fall.

    def overthrow(self, challenger: str) -> int:
        """End a root that is proven wrong; return what its bond loses."""
        is_over_budget = self.flight.allotted > self.flight.budget
        is_late = self.now() > self.challengeable_until()
        _refuse(is_late and not is_over_budget, "reward: window is over")
        return self._slash(challenger)

    def announce_veto(self, sender: str) -> None:
        """Say that a veto will come."""
        flight = self.flight
        _refuse(sender != self.guardian, "reward: caller is not guardian")
        _refuse(flight.is_veto_used, "reward: veto is used")
        _refuse(self.now() > flight.until, "reward: window is over")
        flight.veto_at = self.now() + self.windows.veto_delay_seconds
        flight.is_veto_used = True

    def cancel_veto(self, sender: str) -> None:
        """Take back what was announced."""
        _refuse(sender not in (self.guardian, self.owner), "ownable: caller is not the owner")
        _refuse(self.flight.veto_at == 0, "reward: no veto")
        self.flight.veto_at = 0

    def execute_veto(self, sender: str) -> int:
        """End a root by a veto; return what its bond loses."""
        veto_at = self.flight.veto_at
        _refuse(sender != self.guardian, "reward: caller is not guardian")
        _refuse(veto_at == 0, "reward: no veto")
        _refuse(self.now() < veto_at, "reward: veto waits")
        _refuse(self.now() > veto_at + self.windows.veto_seconds, "reward: veto has lapsed")
        return self._slash(self.treasury)

    def _slash(self, to: str) -> int:
        bond = self.bonds[self.flight.header.proposer]
        taken = min(bond.amount, self.bond_wei)
        bond.amount -= taken
        if not bond.amount:
            bond.withdrawable_at = 0
        self.flight = Flight(self.flight.epoch, OPEN, self.flight.budget)
        self.send(BURN_ADDRESS, taken - taken // 2)
        self.send(to, taken // 2)
        return taken

    # Bonds.

    def can_post(self, proposer: str) -> bool:
        """Return whether a bond is whole and was not asked back."""
        bond = self.bonds[proposer]
        return bond.amount >= self.bond_wei and not bond.withdrawable_at

    def deposit(self, proposer: str, amount: int) -> None:
        """Add to a bond; it stays, then."""
        self.bonds[proposer] = Bond(self.bonds[proposer].amount + amount)

    def request(self, proposer: str) -> None:
        """Ask for a bond back."""
        bond = self.bonds[proposer]
        _refuse(bond.amount == 0, "bond: none")
        _refuse(bond.withdrawable_at != 0, "bond: already requested")
        bond.withdrawable_at = self.now() + self.windows.cooldown_seconds

    def withdraw(self, proposer: str) -> int:
        """Take a bond back; return what it was."""
        bond = self.bonds[proposer]
        _refuse(bond.withdrawable_at == 0, "bond: not requested")
        _refuse(self.now() < bond.withdrawable_at, "bond: cooling down")
        self.bonds[proposer] = Bond(0)
        return bond.amount

    # Payment of leaves that are in the tree.

    def send(self, payee: str, amount: int) -> int:
        """Pay somebody, or credit what the token refuses; return what arrives."""
        if payee not in self.refused:
            return amount
        if amount:
            self.credits[payee] = self.credits.get(payee, 0) + amount
        return 0

    def claim(self, payee: str) -> int:
        """Take what a transfer refused; return it."""
        credit = self.credits.pop(payee, 0)
        _refuse(credit == 0, "credit: none")
        return credit

    def pay(self, epoch: int, amounts: dict[int, int]) -> dict[int, int]:
        """Mark a run as paid, given by place; return what of it was not paid before."""
        _refuse(not self._is_paying(epoch), "payout: epoch is not paid")
        return self._mark(self.finals[epoch], amounts)

    def sweep(self, epoch: int, amounts: dict[int, int]) -> dict[int, int]:
        """Mark a run that the treasury is paid; return what of it was not paid before."""
        is_swept = epoch in self.finals and self.finals[epoch].is_expired
        _refuse(not is_swept, "payout: epoch is not expired")
        return self._mark(self.finals[epoch], amounts)

    def _is_paying(self, epoch: int) -> bool:
        return epoch in self.finals and not self.finals[epoch].is_expired

    def _mark(self, final: Final, amounts: dict[int, int]) -> dict[int, int]:
        new = {place: amount for place, amount in amounts.items() if place not in final.done}
        _refuse(not new, "payout: all are paid")
        final.done |= set(new)
        final.spent += sum(new.values())
        return new


def _refuse(is_wrong: bool, reason: str) -> None:
    if is_wrong:
        raise Refused(reason)
