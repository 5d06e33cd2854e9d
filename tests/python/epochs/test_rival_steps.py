# SPDX-License-Identifier: Apache-2.0
"""Somebody else posts while one's own epoch waits for receipts: it is checked all the same.

Steps are called as functions, without DBOS; the chain is a variable that the test changes.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from dbos import DBOSConfiguredInstance

from cortensor.chain.rewards import FINAL, OPEN, POSTED
from cortensor.epochs import acting
from cortensor.epochs.acting import OVERTHROWN, PAID, Actor, Look
from cortensor.epochs.judging import Proofs, Verdict
from cortensor.epochs.workflow import EpochFlow
from cortensor.errors import Unavailable
from cortensor.rewards.epoch import compute_epoch
from tests.python.epochs.samples import SOURCES, inputs

EPOCH, OTHER = 3, "0x" + "22" * 20
RIVAL, OVER = Look(POSTED, 1, OTHER, "root"), Look(POSTED, 0, OTHER, "root")
UNKNOWN, RIGHT = "not known yet", "right"


class Waiting(Actor):
    """An actor on a chain that is `now`, and whose checks find what `finds` says, in its order."""

    def __init__(self, folder: Path, finds: list[str]) -> None:
        script: Any = SimpleNamespace(
            poll_s=0.001, settings=None, folder=folder, fund=lambda _epoch: ""
        )
        self.address = "0x" + "11" * 20
        self.job = self.chain = self.funder = script
        self.now = Look(OPEN)
        self.finds = finds
        self.checked: list[tuple[str, bool]] = []

    def look(self, epoch: int) -> Look:
        assert epoch == EPOCH
        return self.now

    def check(self, epoch: int, *, is_computed: bool) -> str:
        assert epoch == EPOCH
        found = self.finds.pop(0)
        self.checked.append((found, is_computed))
        if found == OVERTHROWN:
            self.now = Look(OPEN)
        if is_computed:
            self.now = OVER
        return found

    def finalise(self, epoch: int) -> Look:
        assert epoch == EPOCH
        self.now = Look(FINAL)
        return self.now


def run(monkeypatch: pytest.MonkeyPatch, actor: Waiting, after: list[Look]) -> None:
    """Bring the epoch to its end; receipts are missing at first, and the chain changes each time.

    Args:
        monkeypatch: of the test.
        actor: whose steps are done.
        after: what the chain is after each try to have the receipts; the next one has them.
    """

    def gather(*_: object) -> Any:
        if not after:
            return inputs(), SOURCES
        actor.now = after.pop(0)
        raise Unavailable("1 settled batch(es) cannot be read", code="batch_missing")

    monkeypatch.setattr(acting, "gather", gather)
    # One of a name may be known to DBOS in a process.
    monkeypatch.setattr(DBOSConfiguredInstance, "__init__", lambda *_: None)
    assert EpochFlow(actor)._reach_final(EPOCH) == PAID
    assert (after, actor.finds) == ([], [])


def test_a_wrong_root_falls_while_receipts_are_missing_and_again_when_it_is_posted_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    actor = Waiting(tmp_path, [OVERTHROWN, OVERTHROWN])
    run(monkeypatch, actor, [Look(OPEN), RIVAL, Look(OPEN), RIVAL, Look(FINAL)])
    assert actor.checked == [(OVERTHROWN, False)] * 2


def test_what_cannot_be_proven_is_looked_at_once_and_compared_when_receipts_are_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    actor = Waiting(tmp_path, [UNKNOWN, RIGHT])
    run(monkeypatch, actor, [RIVAL, RIVAL, RIVAL])
    assert actor.checked == [(UNKNOWN, False), (RIGHT, True)]
    assert actor.now.state == FINAL
    own = acting.files.announced(tmp_path / str(EPOCH))
    assert own.root == compute_epoch(inputs()).tree.root


def test_a_root_that_cannot_be_compared_is_not_made_final_by_the_service(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    actor = Waiting(tmp_path, [UNKNOWN])
    monkeypatch.setattr(Waiting, "finalise", lambda *_: pytest.fail("it is made final"))
    run(monkeypatch, actor, [RIVAL, OVER, OVER, Look(FINAL)])


def test_of_a_wrong_root_that_nothing_proves_the_log_says_what_becomes_of_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The next epoch can be opened only after it, so it is made final unless it is vetoed."""
    actor = Waiting(tmp_path, [])
    actor.now = RIVAL
    posted = SimpleNamespace(header=SimpleNamespace(proposer=OTHER))
    monkeypatch.setattr(Waiting, "_newest", lambda *_: posted)
    monkeypatch.setattr(acting, "rules_of", lambda *_: None)
    monkeypatch.setattr(acting, "prove", lambda *_: Proofs([], None, "gone"))
    monkeypatch.setattr(acting, "compare", lambda *_: Verdict("veto", "its facts are others"))
    acting.files.write_epoch(tmp_path / str(EPOCH), inputs(), SOURCES)

    assert Actor.check(actor, EPOCH, is_computed=True).startswith("only a veto stops the root of")
    (told,) = [each for each in caplog.records if each.levelname == "ERROR"]
    assert "only the guardian's veto stops it" in told.getMessage()
    assert "it is made final and paid as any other: its facts are others" in told.getMessage()


class Posting(Waiting):
    """Notes the root that it posts; `fell` are those of its own that were overthrown."""

    def __init__(self, folder: Path, fell: list[bytes]) -> None:
        super().__init__(folder, [])
        self.now = Look(OPEN)
        self._computed_again = set()
        self.sent: list[tuple[str, bytes]] = []
        chain: Any = self.chain
        chain.posted = lambda _: [
            SimpleNamespace(header=SimpleNamespace(proposer=self.address, root=root))
            for root in fell
        ]
        chain.rewards = SimpleNamespace(address="", data=lambda *given: given[2])
        chain.uri = lambda _: ""
        sending: Any = SimpleNamespace(send=self._send)
        self._sending = sending

    def _send(self, name: str, _address: str, root: bytes) -> None:
        self.sent.append((name, root))
        self.now = RIVAL


def test_after_its_root_fell_a_service_computes_again_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What its operator mended may give another root."""
    asked: list[int] = []

    def gather(*_: object) -> Any:
        asked.append(1)
        return inputs(), SOURCES

    monkeypatch.setattr(acting, "gather", gather)
    other = acting.files.write_epoch(tmp_path / str(EPOCH), inputs(budget=5), SOURCES).tree.root
    right = compute_epoch(inputs()).tree.root
    assert other != right
    actor = Posting(tmp_path, [other])
    assert actor.post(EPOCH) == RIVAL
    assert actor.sent == [(f"post/{EPOCH}/1", right)]

    actor = Posting(tmp_path, [other, right])
    for _ in range(2):
        with pytest.raises(Unavailable, match="one's own root was overthrown"):
            actor.post(EPOCH)
    assert actor.sent == []
    assert len(asked) == 2
