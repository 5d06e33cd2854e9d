# SPDX-License-Identifier: Apache-2.0
"""What demands have frozen for longer than they could take is let go for one's own router."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.python.watch.making import SESSION, chain, receipt, rooted
from tests.python.watch.test_answering import LATE, look, settled, write_ledger
from tests.python.watch.watched_chain import (
    ANSWER_SECONDS,
    BUCKET_SECONDS,
    CHALLENGE_SECONDS,
    DISPUTE,
    GENESIS,
    GRACE_SECONDS,
    NOBODY,
    WatchedChain,
)

NOW = GENESIS + 10 * 10
ROUNDS = 2 * (ANSWER_SECONDS + GRACE_SECONDS)
#: The newest bucket whose money can be let go at block 10.
LAPSED = (NOW - CHALLENGE_SECONDS - ROUNDS) // BUCKET_SECONDS - 1


@pytest.fixture
def node() -> Iterator[WatchedChain]:
    fake = WatchedChain()
    yield fake
    fake.close()


def ask(node: WatchedChain, folder: Path, *, is_answered: bool) -> None:
    """Have the total's leaf demanded, and answered at block 7."""
    made = rooted(chain([receipt(i) for i in range(2)]))
    write_ledger(folder / "router.db", made)
    settled(node, made)
    node.demand(SESSION, 0, NOBODY, 5, LATE)
    if is_answered:
        about = {"session": SESSION, "index": 0, "settled": made[-1].cumulative}
        until = {"leaf": made[-1].hashed, "challengeable_until": 2**32}
        node.inputs[node.emit(DISPUTE, "SettlementDispute", "Answered", 7, **about, **until)] = (
            NOBODY,
            b"",
        )


def test_what_has_lapsed_is_let_go(node: WatchedChain, tmp_path: Path) -> None:
    ask(node, tmp_path, is_answered=True)
    node.claims[SESSION] = [(LAPSED - 1, 0, 0), (LAPSED, 5, 5), (LAPSED + 1, 5, 5)]
    report = look(node, tmp_path)
    assert [(a.action, a.result) for a in report.actions] == [("thaw", "mined")]
    assert [node.arguments(call) for call in node.sent_to("thaw")] == [(SESSION,)]


@pytest.mark.parametrize("claim", [(LAPSED, 5, 0), (LAPSED + 1, 5, 5)])
def test_nothing_else_is(node: WatchedChain, tmp_path: Path, claim: tuple[int, int, int]) -> None:
    ask(node, tmp_path, is_answered=True)
    node.claims[SESSION] = [claim]
    assert look(node, tmp_path).actions == []


def test_answers_come_first(node: WatchedChain, tmp_path: Path) -> None:
    ask(node, tmp_path, is_answered=False)
    node.claims[SESSION] = [(LAPSED, 5, 5)]
    assert [a.action for a in look(node, tmp_path).actions] == ["answer"]


def test_without_a_key_it_is_told(node: WatchedChain, tmp_path: Path) -> None:
    ask(node, tmp_path, is_answered=True)
    node.claims[SESSION] = [(LAPSED, 5, 5)]
    report = look(node, tmp_path, key=None)
    assert [(a.action, a.result) for a in report.actions] == [("thaw", "no_key")]
