# SPDX-License-Identifier: Apache-2.0
"""Totals that the contract passed over, as the ledger tries them again on the contract itself."""

from __future__ import annotations

import boa
import pytest
from web3 import Web3

from cortensor.chain.refusals import IN_THE_FUTURE
from cortensor.chain.retrying import why_never
from cortensor.chain.session_payment import PaymentSession
from cortensor.chain.settlement import Settlement
from cortensor.receipts.merkle import StandardMerkleTree
from cortensor.store.records import STAKE, VOUCHER
from cortensor.store.store import Store
from tests.contracts.mirror.test_ledger_batches import confirm, execute, receipt, send
from tests.contracts.protocol import (
    COR,
    LIFE_SECONDS,
    QUOTA_CAP,
    SETTLE_WINDOW_SECONDS,
    ZERO_ADDRESS,
    travel,
)
from tests.contracts.signing import account
from tests.python.store.test_fundings import work
from tests.python.store.test_ledger import charge, facts

KEY = account("session key")
DAY = 86_400
MICRO = 10**12


@pytest.fixture
def calls(protocol, payment):
    return Settlement(Web3(), payment.address, protocol.quota.address)


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "router.db") as opened:
        yield opened
        assert opened.ledger.audit() == []


def settle(protocol, store, calls, batch) -> list[str]:
    """Send a batch and keep what came of it. Returns why sessions were passed over."""
    told = receipt(send(protocol, calls.data(1, batch)))
    confirm(store, calls, batch, told)
    return [skip.reason for skip in calls.skipped(told)]


def retry(protocol, store, calls):
    """Draft the retry of all that waits, and what it would move now."""
    drafted = store.skips.draft(store.skips.due(None), None, boa.env.timestamp)
    with boa.env.anchor():
        done = send(protocol, calls.data(1, drafted.batch))
    return drafted, int.from_bytes(done.output, "big")


def anchored(protocol, store, root: str) -> bool:
    """Whether the batch's leaves prove under its root, in the settler's log."""
    leaves = [bytes.fromhex(leaf.leaf[2:]) for leaf in store.outbox.leaves(root)]
    tree = StandardMerkleTree(leaves)
    assert "0x" + tree.root.hex() == root
    return all(
        protocol.anchor.is_anchored(protocol.settler, leaf, tree.proof(place), tree.root)
        for place, leaf in enumerate(leaves)
    )


def told_facts(payment, session: int) -> PaymentSession:
    """What the contract says of a session, as the settler reads it."""
    found = payment.session(session)
    names = PaymentSession.__struct_fields__
    return PaymentSession(**{name: getattr(found, name) for name in names})


@pytest.mark.parametrize("funding", [0, VOUCHER])
def test_a_total_beyond_the_deposit_moves_after_a_top_up(protocol, payment, store, calls, funding):
    key = KEY.address if funding == VOUCHER else None
    session = protocol.open(funding=funding, session_key=key or ZERO_ADDRESS, amount=COR)
    name = f"0x{session:040x}"
    # A deposit that a reorganisation took away again: the ledger saw it, the chain has less.
    store.ledger.refresh(facts(name, deposit=3 * COR, funding=funding, session_key=key))
    charge(store, 1, COR, name)
    charge(store, 2, COR, name)
    if funding == VOUCHER:
        signed = KEY.unsafe_sign_hash(payment.hash_voucher(session, 2 * COR)).signature
        store.vouchers.accept(name, 2 * COR, "0x" + bytes(signed).hex(), 1)
    first = store.outbox.build(None, boa.env.timestamp)
    assert settle(protocol, store, calls, first) == ["total exceeds deposit"]
    assert payment.session(session).settled == 0
    assert retry(protocol, store, calls)[1] == 0
    payment.top_up(session, COR, sender=protocol.payer)
    drafted, moves = retry(protocol, store, calls)
    assert moves == 2 * COR
    batch = store.skips.keep(drafted)
    assert settle(protocol, store, calls, batch) == []
    assert payment.session(session).settled == 2 * COR
    assert store.skips.all() == []
    assert anchored(protocol, store, first.root)
    assert anchored(protocol, store, batch.root)
    for root in (first, batch):  # neither moves anything again
        assert int.from_bytes(send(protocol, calls.data(1, root)).output, "big") == 0
    assert payment.session(session).settled == 2 * COR


def test_a_leaf_that_was_a_batch_alone_gets_another_root(protocol, payment, store, calls):
    session = protocol.open(amount=COR)
    name = f"0x{session:040x}"
    store.ledger.refresh(facts(name, deposit=3 * COR))
    charge(store, 1, 2 * COR, name)
    first = store.outbox.build(None, boa.env.timestamp)
    settle(protocol, store, calls, first)
    drafted, _ = retry(protocol, store, calls)
    assert (drafted.batch.count, drafted.batch.root != first.root) == (2, True)
    payment.top_up(session, COR, sender=protocol.payer)
    settle(protocol, store, calls, store.skips.keep(drafted))
    assert payment.session(session).settled == 2 * COR
    assert anchored(protocol, store, drafted.batch.root)


@pytest.mark.parametrize(
    ("ends", "reason"),
    [
        (lambda payment, session, payer: payment.request_close(session, sender=payer), None),
        (lambda *_: travel(LIFE_SECONDS + SETTLE_WINDOW_SECONDS), None),
        (lambda *_: travel(LIFE_SECONDS + SETTLE_WINDOW_SECONDS + 1), "settle window over"),
    ],
)
def test_a_total_is_given_up_when_the_contract_would_never_take_it(
    protocol, payment, store, calls, ends, reason
):
    session = protocol.open(amount=COR)
    name = f"0x{session:040x}"
    store.ledger.refresh(facts(name, deposit=3 * COR))
    charge(store, 1, 2 * COR, name)
    settle(protocol, store, calls, store.outbox.build(None, boa.env.timestamp))
    ends(payment, session, protocol.payer)
    [skip] = store.skips.due(None)
    never = why_never(skip, told_facts(payment, session), boa.env.timestamp, SETTLE_WINDOW_SECONDS)
    assert never == reason
    told = settle(protocol, store, calls, store.skips.keep(retry(protocol, store, calls)[0]))
    assert told == ["total exceeds deposit"]  # the first reason that holds


def test_a_closed_session_is_given_up(protocol, payment, store, calls):
    session = protocol.open(amount=COR)
    name = f"0x{session:040x}"
    store.ledger.refresh(facts(name, deposit=3 * COR))
    charge(store, 1, 2 * COR, name)
    settle(protocol, store, calls, store.outbox.build(None, boa.env.timestamp))
    payment.request_close(session, sender=protocol.payer)
    travel(SETTLE_WINDOW_SECONDS + 1)
    payment.withdraw(session, sender=protocol.stranger)
    [skip] = store.skips.due(None)
    now = boa.env.timestamp
    never = why_never(skip, told_facts(payment, session), now, SETTLE_WINDOW_SECONDS)
    assert never == "session closed"
    told = settle(protocol, store, calls, store.skips.keep(retry(protocol, store, calls)[0]))
    assert told == [never]


@pytest.fixture
def staked(protocol):
    """A stake session whose stake counts; nobody funded the pool."""
    session = protocol.open(funding=STAKE, amount=0, salt=bytes(32))
    protocol.quota.enrol(protocol.payer, 1, 0, False, sender=protocol.stranger)
    protocol.quota.stake(session, 1_000 * COR, sender=protocol.payer)
    protocol.cor.approve(protocol.quota, 2**256 - 1, sender=protocol.deployer)
    travel(DAY)
    return session


def drawn(store, session: int, amount: int, at: int) -> None:
    name = f"0x{session:040x}"
    store.ledger.refresh(facts(name, deposit=100 * COR, funding=STAKE, profile=0))
    work(store, 1, amount, name, at)


def test_a_draw_moves_when_the_pool_can_pay_and_never_after_its_window(
    protocol, payment, store, calls, staked
):
    at = boa.env.timestamp
    drawn(store, staked, COR + 1, at)
    first = store.outbox.build(None, at)
    assert settle(protocol, store, calls, first) == ["pool is empty"]
    assert retry(protocol, store, calls)[1] == 0
    travel(DAY)  # the next window, whose quota is not for this work
    protocol.quota.fund_pool(10 * COR, sender=protocol.deployer)
    left = protocol.quota.account(staked).left_now
    drafted, moves = retry(protocol, store, calls)
    assert moves == COR + MICRO
    assert drafted.batch.work_at // DAY == at // DAY
    with boa.env.anchor():
        send(protocol, calls.data(1, drafted.batch))
        assert payment.session(staked).settled == COR + MICRO
        assert protocol.quota.account(staked).left_now == left
    travel(DAY)
    assert retry(protocol, store, calls)[1] == 0


def test_a_rate_limited_draw_moves_later_in_its_window(protocol, payment, store, calls, staked):
    quota = protocol.quota
    quota.fund_pool(10 * COR, sender=protocol.deployer)
    burst = 600
    quota.set_limits((QUOTA_CAP, 10**6 // burst + 1, burst), sender=protocol.owner)
    at = boa.env.timestamp // DAY * DAY + 10
    travel(at + DAY - boa.env.timestamp)
    at += DAY
    drawn(store, staked, COR, at)
    settle(protocol, store, calls, store.outbox.build(None, at))
    name = f"0x{staked:040x}"
    settled = payment.session(staked).settled
    assert settled == COR
    store.ledger.refresh(facts(name, deposit=100 * COR, funding=STAKE, profile=0, settled=settled))
    work(store, 2, COR // 2, name, at + 1)
    travel(2)
    second = store.outbox.build(None, boa.env.timestamp)
    assert settle(protocol, store, calls, second) == ["rate limit"]
    travel(burst * 16 // 4)
    assert retry(protocol, store, calls)[1] == 0
    travel(burst * 16)
    drafted, moves = retry(protocol, store, calls)
    assert (moves, drafted.batch.work_at) == (COR // 2, boa.env.timestamp)


def test_a_moment_that_the_chain_has_not_reached_is_refused_until_it_has(
    protocol, store, calls, staked
):
    """A router's clock ahead of the chain's: in its day the work is dated back, else it waits."""
    protocol.quota.fund_pool(10 * COR, sender=protocol.deployer)
    now = boa.env.timestamp
    drawn(store, staked, COR, now + 30)
    assert (now + 30) // DAY == now // DAY
    batch = store.outbox.build(None, now)
    assert batch.work_at == now
    assert settle(protocol, store, calls, batch) == []
    midnight = (now // DAY + 1) * DAY
    name = f"0x{staked:040x}"
    work(store, 2, COR, name, midnight + 30)
    ahead = store.outbox.build(None, boa.env.timestamp)
    assert ahead.work_at == midnight
    refused = execute(protocol, calls.data(1, ahead))
    assert not refused.is_success
    assert IN_THE_FUTURE.encode() in refused.output
    travel(midnight - boa.env.timestamp)
    assert settle(protocol, store, calls, ahead) == []
