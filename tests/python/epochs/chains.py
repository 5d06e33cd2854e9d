# SPDX-License-Identifier: Apache-2.0
"""What a chain says of a few epochs of one router, whose batches are read over HTTP."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from msgspec import structs

from cortensor.chain.rewards import FINAL, OPEN, POSTED, Header
from cortensor.epochs.batches import Batch, Reading
from cortensor.epochs.observing import Budget, Span, Work
from cortensor.epochs.settings import ObserveSettings
from cortensor.rewards.extract import collect
from cortensor.rewards.roster import Node, Roster
from cortensor.rewards.sum_tree import SumTree
from tests.python.epochs.publishing import DOMAIN, LIMITS, REAL
from tests.python.rewards.strategies import CARD

SECONDS = 86_400
ROSTER = Roster(
    Node(9, int(miner, 16), True)
    for miner in sorted({each["miner"] for each in REAL["replicas"] if each["miner"]})
)


class Chain:
    """Says of each epoch which batches it has; `asked` are the epochs whose receipts were read."""

    chain_id = DOMAIN.chain_id

    def __init__(self, batches: dict[int, list[Batch]]) -> None:
        self.batches = batches
        self.finals: list[int] = []
        self.asked: list[int] = []
        self.not_given: set[bytes] = set()
        watched = SimpleNamespace(session_payment=DOMAIN.session_payment)
        self.observer = SimpleNamespace(
            watched=watched, anchor=SimpleNamespace(ended=lambda *_: [])
        )
        self.seals: dict[int, bytes] = {}
        self.posts: dict[int, list[Header]] = {}
        self.rewards = SimpleNamespace(
            address="0x" + "11" * 20,
            epoch=lambda epoch: SimpleNamespace(state=self._state(epoch)),
            root=lambda epoch: self.seals.get(epoch, bytes(32)),
        )

    def span(self, epoch: int) -> Span:
        return Span(epoch, epoch * SECONDS, (epoch + 1) * SECONDS, 10 * epoch, 10 * epoch + 9)

    def budget(self, _span: Span) -> Budget:
        return Budget(1, 10**18, CARD, True)

    def require_sure(self, *_: object) -> None:
        pass

    def final_before(self, epoch: int, most: int) -> list[int]:
        return [each for each in self.finals if each < epoch][-most:]

    def prior_epoch(self, epoch: int) -> int:
        return max(self.final_before(epoch, 1), default=0)

    def posted(self, epoch: int) -> list[Any]:
        return [SimpleNamespace(header=header) for header in self.posts[epoch]]

    def _state(self, epoch: int) -> int:
        if epoch in self.seals:
            return FINAL
        return POSTED if epoch in self.posts else OPEN

    def final_tree(self, *_: object) -> Any:
        return SumTree([])

    def work(self, span: Span, settings: ObserveSettings) -> Work:
        self.asked.append(span.epoch)
        batches = [
            structs.replace(each, left_out=each.root in settings.left_out)
            for each in self.batches[span.epoch]
        ]
        reading = self.reading(batches, settings, span.last_block)
        return Work(ROSTER, batches, collect(reading, ROSTER), reading.missing)

    def reading(self, batches: list[Batch], settings: ObserveSettings, last_block: int) -> Any:
        observer: Any = self.observer
        return Reading(
            batches, observer, DOMAIN, settings.limits, settings.mirror, last_block, None
        )


def settings(*left_out: str) -> ObserveSettings:
    return ObserveSettings(left_out=left_out, limits=LIMITS)
