# SPDX-License-Identifier: Apache-2.0
"""Every fraud of the dispute page is found, and an honest router never is."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortensor.watch.checks import Finding, check_leaf, check_signed, is_signed
from cortensor.watch.leaves import Leaf
from cortensor.watch.memory import PER_PLACE, Beside
from tests.python.watch.making import (
    DOMAIN,
    OLD_SETTLER_KEY,
    SESSION,
    SETTLERS,
    STRANGER_KEY,
    chain,
    histories,
    leaf,
    price,
    receipt,
)


def check(leaves: list[Leaf]) -> list[Finding]:
    """Check leaves one after the other, each beside those before it."""
    beside = Beside()
    found: list[Finding] = []
    for each in leaves:
        found += check_leaf(each, price(each.receipt), SETTLERS, beside)
        beside.add(each)
    return found


def replace(each: Leaf, index: int | None = None, total: int | None = None, **receipt: int) -> Leaf:
    """The leaf as a router would anchor it with something else in it, signed all the same."""
    return leaf(
        msgspec.structs.replace(each.receipt, **receipt),
        each.index if index is None else index,
        each.cumulative if total is None else total,
    )


@pytest.mark.fuzz
@given(histories())
def test_an_honest_router_is_never_found(leaves: list[Leaf]) -> None:
    assert check(leaves) == []
    assert check(leaves + leaves) == []  # the same leaf in two batches is no fraud


def over_charge(leaves: list[Leaf], at: int) -> list[Leaf]:
    """One wei too much, totals following."""
    structs = [each.receipt for each in leaves]
    structs[at] = msgspec.structs.replace(structs[at], charge=structs[at].charge + 1)
    return chain(structs)


def two_at_one_index(leaves: list[Leaf], at: int) -> list[Leaf]:
    struct = receipt(900)
    before = leaves[at].cumulative - leaves[at].receipt.charge
    return [*leaves, leaf(struct, at + 1, before + struct.charge)]


def receipt_twice(leaves: list[Leaf], at: int) -> list[Leaf]:
    structs = [each.receipt for each in leaves]
    return chain([*structs, structs[at]])


def request_twice(leaves: list[Leaf], at: int) -> list[Leaf]:
    structs = [each.receipt for each in leaves]
    again = receipt(901, request_commitment=structs[at].request_commitment)
    return chain([*structs, again])


def total_too_high(leaves: list[Leaf], at: int) -> list[Leaf]:
    return [
        replace(each, total=each.cumulative + 1) if each.index > at else each for each in leaves
    ]


def total_too_low(leaves: list[Leaf], at: int) -> list[Leaf]:
    return [
        replace(each, total=each.cumulative - 1) if each.index == at + 1 else each
        for each in leaves
    ]


FRAUDS: dict[str, tuple[Callable[[list[Leaf], int], list[Leaf]], str]] = {
    "a charge above the quote": (over_charge, "charge"),
    "two leaves at one index": (two_at_one_index, "index"),
    "one receipt at two indexes": (receipt_twice, "duplicate"),
    "one request at two indexes": (request_twice, "duplicate"),
    "a total too high": (total_too_high, "total"),
    "a total too low": (total_too_low, "total"),
}


@pytest.mark.fuzz
@pytest.mark.parametrize("name", FRAUDS)
@given(st.data())
def test_each_fraud_is_found_in_any_order(name: str, data: st.DataObject) -> None:
    falsify, kind = FRAUDS[name]
    length = data.draw(st.integers(1, 5))
    at = data.draw(st.integers(0, length - 1))
    leaves = falsify(chain([receipt(i) for i in range(length)]), at)
    found = check(data.draw(st.permutations(leaves)))
    assert kind in {finding.kind for finding in found}
    # And nothing is made up: what the contract would refuse is not found.
    for finding in found:
        _assert_provable(finding)


def _assert_provable(finding: Finding) -> None:
    """What SettlementDispute demands of a proof, written from its page."""
    leaves = finding.leaves
    assert all(each.session == finding.session for each in leaves)
    if finding.kind == "charge":
        (only,) = leaves
        assert finding.excess == only.receipt.charge - price(only.receipt) > 0
        return
    first, second = leaves
    if finding.kind == "index":
        assert first.index == second.index == finding.index
        assert first.hashed != second.hashed
        assert finding.excess == min(first.receipt.charge, second.receipt.charge)
    elif finding.kind == "duplicate":
        assert first.index < second.index == finding.index
        assert (
            first.receipt.receipt_id == second.receipt.receipt_id
            or first.receipt.request_commitment == second.receipt.request_commitment
        )
        assert finding.excess == second.receipt.charge
    else:
        assert finding.kind == "total"
        before = 0 if second.index == 1 else first.cumulative
        assert second.index in (1, first.index + 1)
        assert second.index == finding.index
        assert second.cumulative != before + second.receipt.charge
        assert finding.excess == max(0, second.cumulative - before - second.receipt.charge)


def test_a_leaf_without_a_settlers_signature_is_found() -> None:
    struct = receipt(1)
    for key, is_found in ((STRANGER_KEY, True), (OLD_SETTLER_KEY, False)):
        each = leaf(struct, 1, struct.charge, key=key)
        assert [finding.kind for finding in check([each])] == (["unsigned"] if is_found else [])
    bare = msgspec.structs.replace(leaf(struct, 1, struct.charge), signature=b"")
    assert [finding.kind for finding in check([bare])] == ["unsigned"]
    assert not is_signed(bare, SETTLERS)


def test_a_leaf_that_is_not_what_the_caller_holds_is_found() -> None:
    signed = receipt(1)
    dear = msgspec.structs.replace(signed, charge=signed.charge + 5)
    anchored = leaf(dear, 1, dear.charge)
    word = leaf(signed, 1, 0).signature
    found = check_signed(anchored, signed, word, SETTLERS, DOMAIN)
    assert found is not None
    assert (found.kind, found.excess, found.signed) == ("signed", 5, (signed, word))
    # A cheaper leaf is another struct all the same, with nothing to give back.
    cheap = msgspec.structs.replace(signed, charge=signed.charge - 5)
    other = check_signed(leaf(cheap, 1, cheap.charge), signed, word, SETTLERS, DOMAIN)
    assert other is not None
    assert other.excess == 0


def test_what_a_caller_holds_must_be_signed_and_of_the_same_receipt() -> None:
    signed = receipt(1)
    dear = msgspec.structs.replace(signed, charge=signed.charge + 5)
    anchored = leaf(dear, 1, dear.charge)
    forged = leaf(signed, 1, 0, key=STRANGER_KEY).signature
    word = leaf(signed, 1, 0).signature
    assert check_signed(anchored, signed, forged, SETTLERS, DOMAIN) is None
    assert check_signed(anchored, dear, anchored.signature, SETTLERS, DOMAIN) is None
    assert check_signed(anchored, receipt(2), word, SETTLERS, DOMAIN) is None
    elsewhere = msgspec.structs.replace(signed, session=SESSION + 7)
    word = leaf(elsewhere, 1, 0).signature
    assert check_signed(anchored, elsewhere, word, SETTLERS, DOMAIN) is None


def test_nothing_must_precede_index_one_and_nothing_follows_index_zero() -> None:
    zero = leaf(receipt(1), 0, 12345)
    one = chain([receipt(2)])
    assert check([zero, *one]) == []
    assert check([*one, zero]) == []


def test_findings_are_told_apart_by_kind_session_and_index() -> None:
    leaves = over_charge(chain([receipt(i) for i in range(3)]), 1)
    (finding,) = check(leaves)
    assert finding.key == f"charge:{SESSION:040x}:2"


def test_a_batch_of_repeats_keeps_few_leaves_in_hand() -> None:
    beside = Beside()
    structs = [receipt(1)] * 50
    for index, struct in enumerate(structs, 1):
        beside.add(leaf(struct, index, struct.charge * index))
    assert [each.index for each in beside.repeats(leaf(structs[0], 60, 0))] == [1, 1, 2, 2]
    for number in range(9):
        beside.add(leaf(receipt(100 + number), 70, 1))
    assert len(beside.at(SESSION, 70)) == PER_PLACE
