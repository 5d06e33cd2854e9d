# SPDX-License-Identifier: Apache-2.0
"""What a settlement passed over moves by itself once it can, and is given up when it never will."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cortensor.chain.retrying import WINDOW_OVER, WRONG_SIGNER, why_never
from cortensor.chain.session_payment import PaymentSession
from cortensor.receipts.merkle import StandardMerkleTree
from cortensor.store.backoff import FIRST_S
from cortensor.store.records import OpenSkip
from cortensor.store.store import Store
from tests.python.chain.settling_chain import (
    QUOTA,
    SETTLE_S,
    SettlingChain,
    calls,
    sent_call,
    settler,
)
from tests.python.router.fake_node import NOBODY, PAYMENT
from tests.python.router.harness import SESSION_KEY, address_of, voucher
from tests.python.store.test_ledger import OTHER, SESSION, charge, facts

NUMBER = int(SESSION, 16)
DAY = 86_400
LATER = 2**40
POOR = "total exceeds deposit"


def opened(chain: SettlingChain, **more: Any) -> None:
    chain.open(NUMBER, NOBODY, 100, **more)


def passed_over(chain: SettlingChain, store: Store, reason: str = POOR, total: int = 15) -> str:
    """Settle, and have the session's total passed over. Returns the root."""
    opened(chain)
    chain.logs = [(PAYMENT, "SettlementSkipped", [NUMBER], [total, reason])]
    (batch,) = settler(chain, store).settle_all()
    chain.logs = []
    return batch.root


def test_a_total_moves_by_itself_once_it_would(chain: SettlingChain, store: Store) -> None:
    first = passed_over(chain, store)
    assert settler(chain, store).settle_all() == []  # it would not move: nothing is sent
    assert calls(chain) == ["settle"]
    (skip,) = store.skips.all()
    assert (skip.cumulative, skip.tries) == (15, 2)
    chain.moves = 15
    (batch,) = settler(chain, store).settle_all()
    assert (batch.total_wei, batch.sessions, batch.skipped) == ("15", 1, [])
    assert batch.root != first
    name, argument = sent_call(chain)
    assert (name, list(argument[5])) == ("settle", [NUMBER << 96 | 15])
    assert store.skips.all() == []
    assert store.ledger.audit() == []
    assert settler(chain, store).settle_all() == []


def test_a_retry_anchors_the_totals_own_leaf_and_publishes_it(
    chain: SettlingChain, store: Store
) -> None:
    first = passed_over(chain, store)
    last = store.outbox.leaves(first)[-1]
    chain.moves = 15
    (batch,) = settler(chain, store).settle_all()
    leaves = store.outbox.leaves(batch.root)
    assert {leaf.leaf for leaf in leaves} == {last.leaf}
    assert [leaf.position for leaf in leaves] == list(range(batch.receipts))
    tree = StandardMerkleTree([bytes.fromhex(leaf.leaf[2:]) for leaf in leaves])
    assert "0x" + tree.root.hex() == batch.root
    assert list(store.outbox.signed(batch.root)) == [last.receipt_id]
    stays = store.outbox.leaf(last.receipt_id)
    assert stays is not None
    assert stays.batch == first


def test_each_retry_of_the_same_leaves_has_a_root_of_its_own(
    chain: SettlingChain, store: Store
) -> None:
    settler(chain, store).settle_all()
    store.ledger.refresh(facts(OTHER))
    charge(store, 3, 2, OTHER)
    chain.open(int(OTHER, 16), NOBODY, 100)
    chain.logs = [(PAYMENT, "SettlementSkipped", [int(OTHER, 16)], [2, POOR])]
    chain.moves = 2
    roots = [settler(chain, store).settle_all()[0].root for _ in range(4)]
    assert len(set(roots)) == 4  # the first batch had this leaf alone
    assert [len(store.outbox.leaves(root)) for root in roots] == [1, 2, 3, 4]
    (skip,) = store.skips.all()
    assert skip.tries == 4


def test_waiting_gets_longer_and_is_kept_to(chain: SettlingChain, store: Store) -> None:
    passed_over(chain, store)
    (skip,) = store.skips.all()
    assert skip.next_at is not None
    assert store.outbox.pending().retry_at == skip.next_at
    chain.moves = 15
    assert settler(chain, store).settle_all(skip.next_at - 1) == []
    chain.moves = 0
    settler(chain, store).settle_all(skip.next_at)
    (again,) = store.skips.all()
    assert again.next_at is not None
    assert again.next_at - skip.next_at >= FIRST_S
    chain.moves = 15
    assert len(settler(chain, store).settle_all(again.next_at)) == 1


def test_new_work_carries_the_total_and_ends_the_retries(
    chain: SettlingChain, store: Store
) -> None:
    passed_over(chain, store)
    charge(store, 3, 4)
    chain.moves = 99
    (batch,) = settler(chain, store).settle_all()
    assert list(sent_call(chain)[1][5]) == [NUMBER << 96 | 19]
    assert batch.receipts == 1
    assert store.skips.all() == []


def test_a_session_in_a_refused_batch_is_not_retried_beside_it(
    chain: SettlingChain, store: Store
) -> None:
    passed_over(chain, store)
    charge(store, 3, 4)
    chain.revert, chain.moves = "payment: odd", 99
    assert settler(chain, store).settle_all() == []
    assert len(store.outbox.refusals()) == 1
    assert store.skips.due(None) == []
    assert len(store.skips.all()) == 1


def test_what_somebody_else_settled_is_done(chain: SettlingChain, store: Store) -> None:
    passed_over(chain, store)
    opened(chain, settled=15)
    chain.moves = 0
    assert settler(chain, store).settle_all() == []
    assert store.skips.all() == []
    assert store.skips.to_alarm() == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"state": 3}, "session closed"),
        ({"expiry": 10}, "settle window over"),
        ({"funding": 1}, "other funding"),
        ({"version": 2}, "other card version"),
    ],
)
def test_a_session_that_can_never_pay_is_given_up(
    chain: SettlingChain, store: Store, change: dict[str, int], reason: str
) -> None:
    passed_over(chain, store)
    opened(chain, **change)
    chain.moves, chain.now = 15, 10 + SETTLE_S + 1
    assert settler(chain, store).settle_all() == []
    (skip,) = store.skips.all()
    assert (skip.next_at, skip.reason) == (None, reason)
    (lost,) = store.skips.to_alarm()
    assert (lost.session, lost.cumulative, lost.reason) == (SESSION, 15, reason)
    assert store.skips.to_alarm() == []
    assert store.outbox.pending().retry_at is None
    asked = len(chain.calls)
    assert settler(chain, store).settle_all() == []
    assert len(chain.calls) == asked


def test_a_refused_retry_is_put_off_with_the_reason(chain: SettlingChain, store: Store) -> None:
    passed_over(chain, store)
    chain.refusals["settle"] = "router: pending exceeds bond"
    assert settler(chain, store).settle_all() == []
    (skip,) = store.skips.all()
    assert (skip.reason, skip.tries) == ("router: pending exceeds bond", 2)
    assert store.outbox.refusals() == []


def test_a_voucher_goes_with_its_total(chain: SettlingChain, store: Store) -> None:
    settler(chain, store).settle_all()
    store.ledger.refresh(facts(OTHER, funding=1, session_key=address_of(SESSION_KEY)))
    charge(store, 3, 7, OTHER)
    signature = voucher(OTHER, 7).partition(":")[2]
    store.vouchers.accept(OTHER, 7, signature, 1)
    chain.open(int(OTHER, 16), NOBODY, 100, funding=1)
    chain.logs = [(PAYMENT, "SettlementSkipped", [int(OTHER, 16)], [7, POOR])]
    settler(chain, store).settle_all()
    chain.logs, chain.moves = [], 7
    settler(chain, store).settle_all()
    name, argument = sent_call(chain)
    ((item, r, _),) = argument[5]
    assert (name, item) == ("settle_vouchers", int(OTHER, 16) << 96 | 7)
    assert r == bytes.fromhex(signature[2:])[:32]


def test_a_draw_is_tried_in_the_window_of_its_work(chain: SettlingChain, store: Store) -> None:
    settler(chain, store).settle_all()
    store.ledger.refresh(facts(OTHER, funding=2, profile=0))
    charge(store, DAY + 50, 3, OTHER)
    chain.open(int(OTHER, 16), NOBODY, 0, funding=2)
    chain.logs = [(QUOTA, "DrawSkipped", [int(OTHER, 16)], [3, "rate limit"])]
    chain.now, chain.moves = DAY + 100, 3
    settler(chain, store).settle_all()
    moments = []
    for chain.now in (DAY + 200, 2 * DAY + 5):
        settler(chain, store).settle_all()
        name, argument = sent_call(chain)
        assert name == "settle_stake"
        moments.append(argument[2])
    assert moments == [DAY + 200, 2 * DAY - 1]
    chain.now = 3 * DAY
    assert settler(chain, store).settle_all() == []
    (lost,) = store.skips.to_alarm()
    assert (lost.session, lost.reason) == (OTHER, "window is over")


def skip(**changes: Any) -> OpenSkip:
    values: dict[str, Any] = {
        "session": SESSION,
        "cumulative": 15,
        "reason": POOR,
        "funding": 0,
        "version": 1,
        "expiry": 100,
        "tries": 1,
        "next_at": 0,
    }
    return OpenSkip(**{**values, **changes})


def session(**changes: Any) -> PaymentSession:
    values: dict[str, Any] = {
        "payer": NOBODY,
        "session_key": NOBODY,
        "deposit": 10,
        "settled": 0,
        "expiry": 100,
        "state": 1,
        "funding": 0,
        "volume_tier": 0,
        "version": 1,
        "surcharge_cap_bps": 0,
        "task_cap_gwei": 0,
    }
    return PaymentSession(**{**values, **changes})


def test_the_last_second_of_the_settle_window_counts() -> None:
    assert why_never(skip(), session(), 100 + SETTLE_S, SETTLE_S) is None
    assert why_never(skip(), session(), 101 + SETTLE_S, SETTLE_S) == "settle window over"


def test_a_session_that_is_unknown_may_be_opened_again_until_it_would_have_ended() -> None:
    gone = session(state=0, expiry=0)
    assert why_never(skip(), gone, 100 + SETTLE_S, SETTLE_S) is None
    assert why_never(skip(), gone, 101 + SETTLE_S, SETTLE_S) == "unknown session"


def test_a_wrong_signature_stays_wrong() -> None:
    wrong = skip(reason="wrong voucher signer", funding=1)
    assert why_never(wrong, session(funding=1), 1, SETTLE_S) == "wrong voucher signer"


@pytest.mark.parametrize(("profile", "window_s"), [(0, DAY), (16, 7 * DAY)])
def test_stake_ends_with_the_window_after_the_works(profile: int, window_s: int) -> None:
    drawn = skip(funding=2, profile=profile, work_at=window_s + 5)
    closed = session(state=3, funding=2)  # a stake session is drawn by StakeQuota, closed or not
    assert why_never(drawn, closed, 3 * window_s - 1, SETTLE_S) is None
    assert why_never(drawn, closed, 3 * window_s, SETTLE_S) == "window is over"


def test_what_ends_a_total_is_said_in_the_contracts_words() -> None:
    contracts = Path(__file__).parents[3] / "contracts"
    escrow = (contracts / "SessionPayment.vy").read_text("utf-8")
    quota = (contracts / "StakeQuota.vy").read_text("utf-8")
    ended = {
        why_never(skip(**of_skip), session(**of_session), now, SETTLE_S)
        for of_skip, of_session, now in (
            ({}, {"state": 0}, 200),
            ({}, {"state": 3}, 1),
            ({}, {"funding": 1}, 1),
            ({}, {"version": 2}, 1),
            ({}, {}, 200),
            ({"reason": WRONG_SIGNER}, {}, 1),
        )
    }
    assert len(ended) == 6
    for reason in ended:
        assert f'"{reason}"' in escrow
    assert f'"{WINDOW_OVER}"' in quota
