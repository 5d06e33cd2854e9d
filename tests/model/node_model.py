# SPDX-License-Identifier: Apache-2.0
"""The register of nodes as docs/spec/node-reputation.md states it, in plain Python.

No packed words, no halving, no signatures: whole histories in lists, looked through from end to
end. Written from the page, so that a step of the contract can be compared with what the page
promises, refusals and their reasons included.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


class Refused(Exception):  # noqa: N818 - a refusal is an answer of the model, no fault in it
    """The step is refused; the message is the contract's reason."""


@dataclass
class Stay:
    """A time that a node was registered; `end` is None while it lasts."""

    operator: str
    start: int
    end: int | None = None


@dataclass
class Accusation:
    """What a node is accused of, until when; `is_over` once it was decided."""

    evidence: bytes
    executable_at: int
    lapses_at: int
    is_appealed: bool = False


@dataclass
class Node:
    """Everything known of a node; `leaf` is the newest that its last stay was shown to have.

    Epoch, level and streak.
    """

    stays: list[Stay] = field(default_factory=list)
    disqualified_at: int | None = None
    accusation: Accusation | None = None
    ended_at: int | None = None
    leaf: tuple[int, int, int] | None = None

    def now(self) -> Stay | None:
        """Return the stay that lasts."""
        return self.stays[-1] if self.stays and self.stays[-1].end is None else None


@dataclass
class NodeModel:
    """Everything that the register knows. `is_staked(operator, node)` is the pool's answer."""

    now: int
    owner: str
    steward: str
    rejoin: int
    appeal_time: int
    resolve_time: int
    epoch_seconds: int
    is_staked: Callable[[str, str], bool]
    nodes: dict[str, Node] = field(default_factory=dict)

    def of(self, node: str) -> Node:
        """Return what is known of a node, which may be nothing."""
        return self.nodes.setdefault(node, Node())

    def register(self, node: str, operator: str, *, has_consent: bool) -> None:
        """Begin a stay."""
        known = self.of(node)
        _refuse(known.disqualified_at is not None, "node: is disqualified")
        if known.stays:
            end = known.stays[-1].end
            _refuse(end is None, "node: already registered")
            _refuse(self.now < end + self.rejoin, "node: too soon to rejoin")
        _refuse(not self.is_staked(operator, node), "node: not staked")
        _refuse(not has_consent, "node: no consent")
        known.stays.append(Stay(operator, self.now))
        known.leaf = None

    def retire(self, node: str, sender: str) -> None:
        """End a stay."""
        stay = self.of(node).now()
        _refuse(stay is None, "node: not registered")
        if sender not in (stay.operator, node):
            _refuse(self.is_staked(stay.operator, node), "node: caller may not retire")
        stay.end = self.now

    def sync(self, node: str, epoch: int, level: int, streak: int) -> None:
        """Take over a proven leaf."""
        _refuse(epoch <= self.level(node)[0], "node: newer epoch is known")
        self.of(node).leaf = (epoch, level, streak)

    def level(self, node: str) -> tuple[int, int, int]:
        """Return epoch, level and streak; without a leaf, of the last epoch begun before the stay.

        The model is of a register that is bound.
        """
        known = self.of(node)
        if known.leaf is not None or not known.stays:
            return known.leaf or (0, 0, 0)
        return ((known.stays[-1].start - 1) // self.epoch_seconds, 0, 0)

    def sync_run(self, epoch: int, said: dict[str, tuple[int, int]]) -> int:
        """Take over proven leaves, by node, but for those of nodes that are newer; how many."""
        behind = [node for node in said if self.level(node)[0] < epoch]
        _refuse(not behind, "node: nothing to sync")
        for node in behind:
            self.sync(node, epoch, *said[node])
        return len(behind)

    def live(self, node: str) -> Accusation | None:
        """Return the accusation that can be acted on."""
        found = self.of(node).accusation
        return found if found is not None and self.now < found.lapses_at else None

    def accuse(self, node: str, evidence: bytes, sender: str) -> None:
        """Accuse."""
        known = self.of(node)
        _refuse(sender != self.steward, "node: caller is not steward")
        _refuse(not known.stays, "node: unknown node")
        _refuse(known.disqualified_at is not None, "node: is disqualified")
        _refuse(self.live(node) is not None, "node: already accused")
        ends = [known.ended_at, known.accusation.lapses_at if known.accusation else None]
        last = max((end for end in ends if end is not None), default=None)
        is_soon = last is not None and self.now < last + self.appeal_time
        _refuse(is_soon, "node: too soon to accuse again")
        executable_at = self.now + self.appeal_time
        known.accusation = Accusation(evidence, executable_at, executable_at + self.resolve_time)

    def _accused(self, node: str) -> Accusation:
        found = self.live(node)
        _refuse(found is None, "node: not accused")
        return found

    def appeal(self, node: str, sender: str) -> None:
        """Appeal."""
        found = self._accused(node)
        _refuse(sender != self.of(node).stays[-1].operator, "node: caller is not operator")
        _refuse(found.is_appealed, "node: already appealed")
        _refuse(self.now >= found.executable_at, "node: appeal window over")
        found.is_appealed = True
        found.lapses_at = self.now + self.resolve_time

    def resolve(self, node: str, *, is_upheld: bool, sender: str) -> None:
        """Decide an appeal."""
        _refuse(sender != self.owner, "ownable: caller is not the owner")
        _refuse(not self._accused(node).is_appealed, "node: not appealed")
        self._end(node, is_guilty=is_upheld)

    def disqualify(self, node: str) -> None:
        """Execute what nobody appealed."""
        found = self._accused(node)
        _refuse(found.is_appealed, "node: appeal is undecided")
        _refuse(self.now < found.executable_at, "node: appeal window open")
        self._end(node, is_guilty=True)

    def _end(self, node: str, *, is_guilty: bool) -> None:
        known = self.of(node)
        known.accusation, known.ended_at = None, self.now
        if is_guilty:
            known.disqualified_at = self.now

    def was_active(self, operator: str, node: str, start: int, end: int) -> bool:
        """Return whether some stay under the operator covers a time that is over."""
        known = self.of(node)
        if known.disqualified_at is not None and known.disqualified_at < end:
            return False
        return any(
            stay.operator == operator
            and stay.start <= start
            and (stay.end is None or stay.end >= end)
            for stay in known.stays
        )

    def is_eligible(self, node: str) -> bool:
        """Return whether a node may be given work now."""
        known = self.of(node)
        stay = known.now()
        if known.disqualified_at is not None or stay is None:
            return False
        return self.is_staked(stay.operator, node)


def _refuse(is_refused: bool, reason: str) -> None:
    if is_refused:
        raise Refused(reason)
