# SPDX-License-Identifier: Apache-2.0
"""Final epochs from the oldest on: the ones are paid, the others swept, and each is done once."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from cortensor.epochs import workflow
from cortensor.epochs.backlog import Backlog
from cortensor.epochs.sweeping import Oldest

FIRST = 10


class Chain:
    """Epochs by number: whether the time of a final one is over."""

    def __init__(self, finals: dict[int, bool], treeless: int = 0) -> None:
        self.finals = finals
        self.treeless = treeless
        self.runs: dict[tuple[int, bool], bool] = {}
        self.started: list[tuple[int, bool]] = []

    def first(self) -> int:
        return FIRST

    def oldest(self, first: int) -> Oldest:
        epoch = min((each for each in self.finals if each >= first), default=None)
        return Oldest(first, None) if epoch is None else Oldest(epoch, self.finals[epoch])

    def has_tree(self, epoch: int) -> bool:
        return epoch != self.treeless

    def start(self, _flow: object, _actor: object, epoch: int, *, is_sweep: bool) -> None:
        self.started.append((epoch, is_sweep))
        self.runs[epoch, is_sweep] = True

    def is_running(self, _actor: object, epoch: int, *, is_sweep: bool) -> bool | None:
        return self.runs.get((epoch, is_sweep))

    def end_all(self) -> None:
        self.runs = dict.fromkeys(self.runs, False)


def backlog_of(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> Backlog:
    monkeypatch.setattr(workflow, "start", chain.start)
    monkeypatch.setattr(workflow, "is_running", chain.is_running)
    return Backlog(None, SimpleNamespace(sweeper=chain))  # type: ignore[arg-type]


def look(backlog: Backlog, chain: Chain, times: int = 8) -> None:
    for _ in range(times):
        backlog.go_on()
        chain.end_all()


def test_old_ones_are_swept_and_the_others_paid(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = Chain({10: True, 12: True, 15: False, 17: False})
    look(backlog_of(chain, monkeypatch), chain)
    assert sorted(chain.started) == [(10, True), (12, True), (15, False), (17, False)]


def test_one_is_done_before_the_next_of_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = Chain({10: True, 12: True})
    backlog = backlog_of(chain, monkeypatch)
    for _ in range(5):
        backlog.go_on()
    assert chain.started == [(10, True)]
    look(backlog, chain)
    assert chain.started == [(10, True), (12, True)]


def test_a_service_that_starts_again_starts_nothing_again(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = Chain({10: True, 15: False})
    look(backlog_of(chain, monkeypatch), chain)
    look(backlog_of(chain, monkeypatch), chain)
    assert len(chain.started) == 2


def test_what_is_paid_is_swept_when_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = Chain({15: False})
    backlog = backlog_of(chain, monkeypatch)
    look(backlog, chain)
    chain.finals[15] = True
    look(backlog, chain)
    assert chain.started == [(15, False), (15, True)]


def test_a_tree_that_nobody_has_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = Chain({10: True, 12: True}, treeless=10)
    look(backlog_of(chain, monkeypatch), chain)
    assert chain.started == [(12, True)]
