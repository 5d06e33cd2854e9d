# SPDX-License-Identifier: Apache-2.0
"""The running total under any order of answers, losses, refusals and crashes."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortensor.client import TotalRefused, VoucherMemory
from cortensor.client.vouchers import OpenCall, Tally
from cortensor.errors import Conflict
from cortensor.receipts.sign import recover
from cortensor.receipts.typed import Voucher
from tests.python.client.clients import voucher
from tests.python.router.harness import DOMAIN, KEYED

SESSION = f"0x{1 << 128 | 8:040x}"
MOST = 100


def call(key: str, most: int = MOST) -> OpenCall:
    return OpenCall(
        key=key, path="/", endpoint="delegate", body="{}", text="{}", headers={}, max_charge=most
    )


def tally(store: VoucherMemory, max_open: int = 9) -> Tally:
    return Tally(voucher(SESSION, store, max_open=max_open))


def signed_total(of: Tally) -> int:
    """What the header says, after its signature was checked."""
    header = of.header()
    if header is None:
        return 0
    total, _, signature = header.partition(":")
    owed = Voucher(int(SESSION, 16), int(total))
    assert recover(owed.digest(DOMAIN), bytes.fromhex(signature[2:])) == KEYED
    return int(total)


@settings(deadline=None)
@given(
    charges=st.lists(st.integers(0, MOST), min_size=1, max_size=6),
    order=st.randoms(use_true_random=False),
    crash_after=st.integers(0, 12),
)
def test_any_order_of_answers_and_a_crash_sign_each_wei_once(
    charges: list[int], order: object, crash_after: int
) -> None:
    store = VoucherMemory()
    mine = tally(store)
    spans, total = {}, 0
    for number, charge in enumerate(charges):
        total += charge
        spans[f"k{number}"] = (charge, total)
        assert mine.begin(call(f"k{number}"))
    keys = list(spans)
    order.shuffle(keys)  # type: ignore[attr-defined]
    answered: set[str] = set()
    for step, key in enumerate(keys):
        if step == crash_after:
            mine = tally(store)
            left = set()
            while (found := mine.claim_left()) is not None:
                left.add(found.key)
            assert left == set(keys) - answered
        mine.accept(key, *spans[key], replayed=False)
        answered.add(key)
        prefix = 0
        for each in spans:  # in the router's order
            if each not in answered:
                break
            prefix = spans[each][1]
        # Calls that cost nothing have no wei to wait for.
        assert signed_total(mine) >= prefix
        known = sum(spans[each][0] for each in answered)
        assert signed_total(mine) <= known
        assert signed_total(tally(store)) == signed_total(mine)
    assert signed_total(mine) == total


@settings(deadline=None)
@given(
    charge=st.integers(1, MOST), off=st.integers(-MOST, MOST).filter(bool), paid=st.integers(0, 50)
)
def test_a_total_that_is_off_is_never_signed(charge: int, off: int, paid: int) -> None:
    mine = tally(VoucherMemory())
    assert mine.begin(call("first"))
    mine.accept("first", paid, paid, replayed=False)
    assert mine.begin(call("second"))
    with pytest.raises(TotalRefused):
        mine.accept("second", charge, paid + charge + off, replayed=False)
    assert signed_total(mine) == paid
    mine.accept("second", charge, paid + charge, replayed=False)
    assert signed_total(mine) == paid + charge


def test_a_gap_that_nothing_open_can_fill_is_refused() -> None:
    mine = tally(VoucherMemory())
    assert mine.begin(call("a", most=5))
    assert mine.begin(call("b", most=100))
    with pytest.raises(TotalRefused, match="nothing accounts for 6 wei"):
        mine.accept("b", 10, 16, replayed=False)
    mine.accept("b", 10, 15, replayed=False)  # `a` may have cost 5
    assert signed_total(mine) == 0
    mine.refused("a")  # it did not
    with pytest.raises(TotalRefused, match="nothing accounts for 5 wei"):
        mine.claim_left()


def test_a_key_is_open_once() -> None:
    mine = tally(VoucherMemory())
    assert mine.begin(call("a"))
    with pytest.raises(Conflict):
        mine.begin(call("a"))


def test_calls_wait_for_room() -> None:
    mine = tally(VoucherMemory(), max_open=1)
    assert mine.begin(call("a"))
    assert not mine.begin(call("b"))
    mine.refused("a")
    assert mine.begin(call("b"))
    capped = Tally(voucher(SESSION, VoucherMemory(), max_open=9, max_unsigned_wei=150))
    assert capped.begin(call("a"))
    assert not capped.begin(call("b"))
    capped.accept("a", 1, 1, replayed=False)
    assert capped.begin(call("b"))


def test_what_is_written_is_enough_to_ask_again() -> None:
    store = VoucherMemory()
    sent = call("a")
    assert tally(store).begin(sent)
    again = tally(store).claim_left()
    assert again == msgspec.structs.replace(sent, lost=True)
