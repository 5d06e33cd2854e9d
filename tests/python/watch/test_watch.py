# SPDX-License-Identifier: Apache-2.0
"""Whole passes against a node: what is found, what is sent, and what a kill leaves."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from cortensor.errors import Conflict, Unavailable
from cortensor.receipts.sign import address_of
from cortensor.watch.leaves import Leaf
from cortensor.watch.report import PassReport, lines
from cortensor.watch.service import run_for_ever, run_once
from cortensor.watch.state import State
from tests.python.watch.making import (
    DOMAIN,
    SESSION,
    SETTLER_KEY,
    STRANGER_KEY,
    chain,
    leaf,
    published,
    receipt,
    rooted,
)
from tests.python.watch.watched_chain import DISPUTE, GENESIS, NOBODY, WatchedChain
from tests.python.watch.watching import Shelf, Watch, anchored

CHALLENGER = address_of(STRANGER_KEY)


@pytest.fixture
def node() -> Iterator[WatchedChain]:
    fake = WatchedChain()
    yield fake
    fake.close()


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    fake = Shelf()
    yield fake
    fake.close()


@pytest.fixture
def watch(node: WatchedChain, shelf: Shelf, tmp_path: Path) -> Watch:
    return Watch(node, shelf, tmp_path)


def over_charged() -> list[Leaf]:
    structs = [receipt(i) for i in range(3)]
    structs[1] = msgspec.structs.replace(structs[1], charge=structs[1].charge + 5)
    return chain(structs)


def test_an_honest_batch_is_clean(watch: Watch) -> None:
    watch.batch(chain([receipt(i) for i in range(3)]), 5)
    report = watch.look()
    assert report.is_clean
    assert (report.leaves, report.actions, watch.node.mined) == (3, [], {})
    assert watch.look().leaves == 3


def test_an_over_charge_is_challenged_once(watch: Watch) -> None:
    made = watch.batch(over_charged(), 5)
    report = watch.look()
    assert watch.found(report) == [("charge", 2)]
    (call,) = watch.node.sent_to("challenge_charge")
    expected = watch.node.client.challenge_charge_data(anchored(made, 1))
    assert "0x" + bytes(call["data"]).hex() == expected
    (action,) = report.actions
    assert (action.result, action.reward_wei) == ("mined", str(10 * 10**18))
    assert "earns 10 COR" in "\n".join(lines(report))
    assert watch.look().is_clean
    assert len(watch.node.mined) == 1


def test_unconfirmed_blocks_wait(watch: Watch) -> None:
    watch.batch(over_charged(), 9)
    watch.node.head = 10
    assert watch.look().is_clean
    watch.node.head = 11
    assert not watch.look().is_clean


def test_without_a_key_or_in_a_dry_run_nothing_is_sent(watch: Watch) -> None:
    watch.batch(over_charged(), 5)
    for key, changes, result in ((None, {}, "no_key"), (STRANGER_KEY, {"is_dry": True}, "dry_run")):
        report = watch.look(key, **changes)
        assert watch.found(report) == [("charge", 2)]
        assert [action.result for action in report.actions] == [result]
    assert watch.node.mined == {}


def test_what_does_not_pay_is_left_when_a_price_is_given(watch: Watch) -> None:
    watch.batch(over_charged(), 5)
    report = watch.look(cor_wei_per_coin=10**40)
    assert [action.result for action in report.actions] == ["unprofitable"]
    report = watch.look(cor_wei_per_coin=1)
    assert [action.result for action in report.actions] == ["mined"]


def test_a_transaction_that_was_signed_is_sent_again_and_no_other(watch: Watch) -> None:
    watch.batch(over_charged(), 5)
    watch.node.drop = True
    assert [action.result for action in watch.look().actions] == ["waiting"]
    watch.node.drop = False
    assert [action.result for action in watch.look().actions] == ["mined"]
    assert len(set(watch.node.sent)) == 1


def test_what_the_contract_refuses_is_closed(watch: Watch) -> None:
    watch.batch(over_charged(), 5)
    watch.node.revert = "dispute: already proven"
    report = watch.look()
    assert [(action.result, action.reason) for action in report.actions] == [
        ("refused", "dispute: already proven")
    ]
    watch.node.revert = None
    assert watch.look().is_clean


def test_a_refusal_for_the_moment_is_tried_again(watch: Watch) -> None:
    watch.batch(over_charged(), 5)
    watch.node.revert = "dispute: too little gas"
    assert [action.result for action in watch.look().actions] == ["refused"]
    watch.node.revert = None
    assert [action.result for action in watch.look().actions] == ["mined"]


def test_a_hidden_batch_is_demanded_after_patience(watch: Watch) -> None:
    watch.batch(chain([receipt(i) for i in range(3)]), 5, is_shown=False)
    report = watch.look()
    assert watch.found(report) == [("no_total", 0), ("unavailable", 0)]
    assert report.actions == []
    watch.node.head += 10
    watch.node.allowance = 2**256 - 1
    report = watch.look()
    assert [(a.action, a.index, a.result) for a in report.actions] == [("demand", 0, "mined")]
    assert len(watch.node.sent_to("demand")) == 1
    # It is demanded once, whatever the router does.
    watch.node.head += 100
    assert watch.look().actions == []


def test_a_demand_refused_for_the_moment_is_made_later(watch: Watch) -> None:
    watch.batch(chain([receipt(i) for i in range(3)]), 5, is_shown=False)
    watch.node.allowance = 2**256 - 1
    watch.node.revert = "dispute: nothing is settled"
    assert [action.result for action in watch.look(patience_s=0).actions] == ["refused"]
    watch.node.revert = None
    assert [action.result for action in watch.look(patience_s=0).actions] == ["mined"]


def test_the_allowance_is_given_first(watch: Watch) -> None:
    watch.batch(chain([receipt(1)]), 5, is_shown=False)
    watch.look(patience_s=0)
    targets = ["0x" + bytes(fields["to"]).hex() for fields in watch.node.mined.values()]
    assert targets == ["0x" + "77" * 20, DISPUTE]


def test_a_batch_that_comes_late_resolves_its_findings(watch: Watch) -> None:
    made = watch.batch(chain([receipt(i) for i in range(3)]), 5, is_shown=False)
    assert not watch.look().is_clean
    watch.shelf.shown[f"/{made[0].root}"] = published(made)
    assert watch.look().is_clean


def test_a_file_that_is_not_the_batch_is_no_batch(watch: Watch) -> None:
    made = watch.batch(chain([receipt(i) for i in range(3)]), 5)
    other = rooted(chain([receipt(i) for i in range(10, 13)]))
    watch.shelf.shown[f"/{made[0].root}"] = published(other)
    assert watch.found(watch.look()) == [("no_total", 0), ("unavailable", 0)]


def test_a_mirror_serves_what_the_router_hides(watch: Watch) -> None:
    made = watch.batch(chain([receipt(i) for i in range(3)]), 5, is_shown=False)
    watch.shelf.shown[f"/mirror/{made[0].root}"] = published(made)
    assert watch.look(mirror=f"{watch.shelf.url}mirror/").is_clean


def test_an_answer_is_taken_in_and_checked(watch: Watch) -> None:
    made = watch.batch(over_charged(), 5, is_shown=False)
    watch.look()
    watch.node.demand(SESSION, 2, NOBODY, 11, GENESIS + 5000)
    shown, total = anchored(made, 1), made[2].cumulative
    data = watch.node.client.answer_data(SESSION, 2, total, shown, made[1].signature)
    watch.node.show(SESSION, 2, made[1].hashed, data, 12)
    watch.node.head = 14
    report = watch.look()
    assert ("charge", 2) in watch.found(report)
    (call,) = watch.node.sent_to("challenge_charge")
    assert "0x" + bytes(call["data"]).hex() == watch.node.client.challenge_charge_data(shown)


def test_an_answer_of_the_total_shows_what_is_still_missing(watch: Watch) -> None:
    made = watch.batch(chain([receipt(i) for i in range(3)]), 5, is_shown=False)
    watch.node.demand(SESSION, 0, NOBODY, 6, GENESIS + 5000)
    last = made[2]
    data = watch.node.client.answer_data(
        SESSION, 0, last.cumulative, anchored(made, 2), last.signature
    )
    watch.node.show(SESSION, 0, made[2].hashed, data, 7)
    report = watch.look()
    assert watch.found(report) == [("missing", 1), ("missing", 2), ("unavailable", 0)]


def test_an_own_demand_without_an_answer_is_closed(watch: Watch) -> None:
    watch.batch(chain([receipt(1)]), 5, is_shown=False)
    watch.node.demand(SESSION, 0, CHALLENGER, 6, GENESIS + 200)
    watch.node.head = 20
    assert watch.look(max_deposits=0).actions == []
    watch.node.head = 21
    report = watch.look(max_deposits=0)
    assert [(a.action, a.result) for a in report.actions] == [("close_demand", "mined")]


def test_deposits_at_risk_are_bounded(watch: Watch) -> None:
    for number in range(3):
        session = SESSION + 10 + number
        watch.node.pins[session] = watch.node.pins[SESSION]
        struct = receipt(number, session, charge=7)
        watch.batch([leaf(struct, 1, 7)], 5 + number, is_shown=False)
    watch.node.allowance = 2**256 - 1
    report = watch.look(patience_s=0, max_deposits=2)
    results = [action.result for action in report.actions]
    assert results == ["mined", "mined", "no_room"]


def test_a_leaf_of_a_session_that_was_never_opened_is_noted(watch: Watch) -> None:
    session = SESSION + 99
    made = rooted([leaf(receipt(1, session, charge=7), 1, 7)])
    watch.shelf.shown[f"/{made[0].root}"] = published(made)
    watch.node.anchor(made[0].root, 1, f"{watch.shelf.url}{made[0].root}", 5)
    assert watch.found(watch.look()) == [("foreign", 1)]
    assert watch.look().is_clean


def test_batches_of_strangers_are_not_even_fetched(watch: Watch) -> None:
    watch.node.anchor("0x" + "12" * 32, 1, "http://127.0.0.1:1/", 5, anchorer=CHALLENGER)
    report = watch.look()
    assert (report.is_clean, report.waiting_batches) == (True, 0)


def test_only_the_routers_asked_for_are_watched(watch: Watch) -> None:
    watch.batch(over_charged(), 5)
    assert watch.look(routers=(99,)).is_clean


def test_a_receipt_that_a_caller_holds_is_compared(watch: Watch, tmp_path: Path) -> None:
    signed = receipt(1)
    dear = msgspec.structs.replace(signed, charge=signed.charge - 1)
    watch.batch([leaf(dear, 1, dear.charge)], 5)
    folder = tmp_path / "held"
    folder.mkdir()
    word = "0x" + leaf(signed, 1, 0, key=SETTLER_KEY).signature.hex()
    shown = {"charge": signed.to_json(), "signature": word, "more": 1}
    (folder / "a.json").write_bytes(msgspec.json.encode(shown))
    (folder / "b.json").write_text("nonsense")
    assert watch.found(watch.look(receipts=folder)) == [("signed", 1)]
    assert len(watch.node.sent_to("challenge_signed")) == 1


def test_a_reorganisation_is_undone(watch: Watch) -> None:
    watch.batch(over_charged(), 8)
    watch.node.head = 10
    assert watch.found(watch.look(None)) == [("charge", 2)]
    watch.node.events.clear()
    watch.node.settled.clear()
    watch.node.forked_at, watch.node.fork = 6, 1
    watch.node.head = 12
    report = watch.look(None)
    assert (report.is_clean, report.leaves) == (True, 0)


def test_a_node_that_is_behind_is_no_reorganisation(watch: Watch) -> None:
    watch.batch(over_charged(), 8)
    watch.look(None)
    watch.node.head = 4
    with pytest.raises(Unavailable, match="has not reached"):
        watch.look(None)
    watch.node.head = 10
    assert watch.found(watch.look(None)) == [("charge", 2)]


def test_a_node_that_limits_ranges_is_asked_for_less(watch: Watch) -> None:
    watch.batch(over_charged(), 5)
    watch.node.log_limit = 3
    watch.node.head = 40
    assert watch.found(watch.look(None)) == [("charge", 2)]


def test_one_watcher_a_state_and_one_contract_a_state(watch: Watch) -> None:
    watch.look()
    other = msgspec.structs.replace(DOMAIN, chain_id=1)
    with pytest.raises(Conflict, match="is about chain_id 31337"):
        State(watch.state, other)
    with pytest.raises(Conflict, match="chain 31337"):
        run_once(msgspec.structs.replace(watch.job(), chain_id=5))


def test_before_there_is_a_dispute_contract_it_only_looks(watch: Watch) -> None:
    watch.node.dispute_address = NOBODY
    watch.batch(over_charged(), 5)
    report = watch.look()
    assert watch.found(report) == [("charge", 2)]
    assert report.actions == []


def test_the_service_goes_on_after_a_failure_and_stops_when_told(watch: Watch) -> None:
    stop = threading.Event()
    seen: list[PassReport] = []

    def show(report: PassReport) -> None:
        seen.append(report)
        if len(seen) == 1:
            watch.node.down = True
            threading.Timer(0.3, setattr, (watch.node, "down", False)).start()
        else:
            stop.set()

    run_for_ever(watch.job(), 0.05, stop, show)
    assert len(seen) == 2


def test_a_stopped_pass_goes_on_later(watch: Watch) -> None:
    watch.batch(over_charged(), 5)
    assert run_once(watch.job(), lambda: True).leaves == 0
    assert watch.found(watch.look()) == [("charge", 2)]
