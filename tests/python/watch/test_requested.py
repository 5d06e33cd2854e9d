# SPDX-License-Identifier: Apache-2.0
"""A session's key asked for the work, or its router has to show that it did."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from cortensor.receipts.keccak import keccak256
from cortensor.receipts.sign import address_of
from cortensor.watch.checks import check_request
from cortensor.watch.leaves import Leaf, read_batch
from cortensor.watch.requested import (
    UNREADABLE,
    RequestSignature,
    is_chosen,
    read_request_signature,
    request_fault,
)
from tests.python.watch.making import (
    DOMAIN,
    SESSION,
    SESSION_KEY,
    SETTLER,
    STRANGER_KEY,
    chain,
    published,
    receipt,
    requested,
    rooted,
)
from tests.python.watch.watched_chain import COR, GENESIS, NOBODY, WatchedChain
from tests.python.watch.watching import Shelf, Watch, anchored

KEYED = address_of(SESSION_KEY)
CHALLENGER = address_of(STRANGER_KEY)
SECRET = bytes(range(32))
ALL = 10_000


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    """A watcher of a session with a key."""
    node, shelf = WatchedChain(), Shelf()
    node.keys[SESSION] = KEYED
    node.allowance = 2**256 - 1
    yield Watch(node, shelf, tmp_path)
    shelf.close()
    node.close()


def leaves(count: int = 3) -> list[Leaf]:
    return chain([receipt(i) for i in range(count)])


def check(each: Leaf, share: int = 0) -> str | None:
    found = check_request(each, KEYED, DOMAIN, spot_check_bps=share, secret=SECRET)
    return None if found is None else found.kind


def test_what_the_key_signed_is_right() -> None:
    each = leaves(1)[0]
    charge = each.receipt.charge
    assert check(requested(each)) is None
    assert check(requested(each, most=charge + 1), ALL) is None


def test_what_it_did_not_sign_is_found() -> None:
    each, other = leaves(2)
    charge = each.receipt.charge
    good = requested(each).request
    assert good is not None
    cases = [
        requested(each, STRANGER_KEY).request,
        requested(other, most=charge).request,  # another request's
        RequestSignature(charge + 1, good.signature),
        RequestSignature(2**96, good.signature),
        RequestSignature(charge, good.signature[:-1] + b"\x01"),
        UNREADABLE,
    ]
    for wrong in cases:
        assert wrong is not None
        shown = msgspec.structs.replace(each, request=wrong)
        assert check(shown) == check(shown, ALL) == "unrequested"
    low = requested(each, most=charge - 1)
    assert low.request is not None
    fault = request_fault(each.receipt, low.request, KEYED, DOMAIN)
    assert fault is not None
    assert "allows" in fault


def test_a_leaf_without_one_is_asked_for_by_chance_alone() -> None:
    each = leaves(1)[0]
    assert (check(each), check(each, ALL)) == (None, "spot_check")


@pytest.mark.parametrize("share", [1, 100, 5_000, 9_999])
def test_the_share_is_what_it_says(share: int) -> None:
    count = 20_000
    hashes = [keccak256(b"leaf %d" % number) for number in range(count)]
    chosen = [hashed for hashed in hashes if is_chosen(hashed, share, SECRET)]
    expected = count * share / ALL
    assert abs(len(chosen) - expected) < 5 * (expected + 1) ** 0.5
    # Another watcher chooses others: what one passes over, the next may not.
    other = [hashed for hashed in chosen if is_chosen(hashed, share, SECRET[::-1])]
    assert share > 9_000 or len(other) < max(len(chosen), 10) * 0.6


def test_nothing_and_everything_are_exact() -> None:
    for word in (bytes(32), b"\xff" * 32):
        assert not is_chosen(word, 0, SECRET)
        assert is_chosen(word, ALL, SECRET)


@pytest.mark.parametrize(
    "value",
    ["", [], {}, 5, True, {"max_charge": "1"}, {"max_charge": "x", "signature": "0x" + "11" * 65},
     {"max_charge": "1", "signature": "0x12"}, {"max_charge": "-1", "signature": "0x" + "11" * 65},
     {"max_charge": "9" * 5000, "signature": "0x" + "11" * 65}],
)  # fmt: skip
def test_what_cannot_be_read_is_nobodys_and_no_reason_to_pass_a_batch_over(value: object) -> None:
    assert read_request_signature(value) == UNREADABLE
    made = rooted(leaves(2))
    shown = msgspec.json.decode(published(made))
    shown["leaves"][0]["request"] = value
    read = read_batch(
        msgspec.json.encode(shown), root=made[0].root, anchorer=SETTLER, count=2, domain=DOMAIN
    )
    assert [each.request for each in read] == [UNREADABLE, None]


def test_a_wrong_request_signature_is_demanded_and_an_answer_settles_it(watch: Watch) -> None:
    good, bad, other = leaves()
    made = watch.batch([requested(good), requested(bad, STRANGER_KEY), requested(other)], 5)
    report = watch.look()
    assert watch.found(report) == [("unrequested", 2)]
    assert report.actions == []
    watch.node.demand(SESSION, 2, NOBODY, 11, GENESIS + 5000)
    word = requested(made[1]).request
    assert word is not None
    data = watch.node.client.answer_data(
        SESSION,
        2,
        made[2].cumulative,
        anchored(made, 1),
        made[1].signature,
        word.max_charge,
        word.signature,
    )
    watch.node.show(SESSION, 2, made[1].hashed, data, 12)
    watch.node.head = 40
    assert watch.look().is_clean
    # A watcher that begins only now knows it from the start.
    watch.state = watch.state.with_name("later.db")
    report = watch.look(spot_check_bps=ALL)
    assert (report.findings, report.actions) == ([], [])
    assert watch.node.sent_to("demand") == []


def test_a_wrong_request_signature_is_demanded_after_patience(watch: Watch) -> None:
    watch.batch([requested(each, STRANGER_KEY) for each in leaves(1)], 5)
    watch.look()
    watch.node.head += 20
    assert [(a.action, a.index, a.result) for a in watch.look().actions] == [("demand", 1, "mined")]


def test_a_spot_check_is_no_finding(watch: Watch) -> None:
    watch.batch(leaves(), 5)
    report = watch.look(patience_s=0)
    assert (report.findings, report.actions) == ([], [])
    watch.state = watch.state.with_name("other.db")
    report = watch.look(patience_s=0, spot_check_bps=ALL)
    assert report.is_clean
    assert sorted((a.action, a.index, a.result) for a in report.actions) == [
        ("demand", 1, "mined"),
        ("demand", 2, "mined"),
        ("demand", 3, "mined"),
    ]


def test_spot_checks_keep_to_the_days_budget(watch: Watch) -> None:
    watch.batch(leaves(), 5)
    settings = {"patience_s": 0, "spot_check_bps": ALL, "spot_check_budget_wei": 2 * COR}
    report = watch.look(**settings)
    assert [action.result for action in report.actions] == ["mined", "mined", "no_room"]
    for call in watch.node.sent_to("demand"):
        values = watch.node.arguments(call)
        watch.node.demand(*values, CHALLENGER, 11, GENESIS + 3600 + 110)
    watch.node.head = 100
    assert [action.result for action in watch.look(**settings).actions] == ["no_room"]
    watch.node.head = 11 + 8640
    results = [a.result for a in watch.look(**settings).actions if a.action == "demand"]
    assert results == ["mined"]


def test_a_leaf_above_the_settled_total_is_not_demanded_yet(watch: Watch) -> None:
    made = watch.batch([requested(each, STRANGER_KEY) for each in leaves(2)], 5)
    watch.node.settled[SESSION] = made[0].cumulative
    watch.node.settle(made[0].root, 6, **{f"s{SESSION}": made[0].cumulative})
    report = watch.look(patience_s=0)
    assert [(a.index, a.result) for a in report.actions if a.action == "demand"] == [(1, "mined")]
    watch.node.settle(made[0].root, 11, **{f"s{SESSION}": made[1].cumulative})
    watch.node.head = 20
    report = watch.look(patience_s=0)
    assert [(a.index, a.result) for a in report.actions if a.action == "demand"] == [(2, "mined")]


def test_sessions_without_a_key_are_not_asked_about(watch: Watch) -> None:
    watch.node.keys.clear()
    watch.batch([requested(each, STRANGER_KEY) for each in leaves()], 5)
    report = watch.look(patience_s=0, spot_check_bps=ALL)
    assert (report.findings, report.actions) == ([], [])
