# SPDX-License-Identifier: Apache-2.0
"""SessionPayment.settle_vouchers: totals that the session's key signed."""

from __future__ import annotations

import boa
import pytest
from eth_keys.constants import SECPK1_N

from tests.contracts.events import assert_event, events
from tests.contracts.protocol import BUCKET_SECONDS, COR, ZERO_ADDRESS, VoucherBatch, item, travel
from tests.contracts.signing import account, compact

KEY = account("session key")


@pytest.fixture
def session(protocol):
    return protocol.open(funding=1, session_key=KEY.address)


def voucher(payment, session: int, cumulative: int, signer=KEY):
    digest = payment.hash_voucher(session, cumulative)
    return (item(session, cumulative), *compact(signer, digest))


def settle(protocol, *vouchers, sender=None, **changes):
    batch = VoucherBatch(1, 1, protocol.unique(), 1, "", list(vouchers))._replace(**changes)
    moved = protocol.payment.settle_vouchers(batch, sender=sender or protocol.settler)
    return moved, batch


def reasons(payment) -> list[str]:
    return [event["reason"] for event in events(payment, "SettlementSkipped")]


def test_a_signed_total_moves(protocol, payment, anchor, session):
    moved, batch = settle(protocol, voucher(payment, session, 3 * COR), count=9, uri="ipfs://v")
    assert moved == 3 * COR
    assert_event(
        payment,
        "VouchersSettled",
        router_id=1,
        root=batch.root,
        version=1,
        bucket=boa.env.timestamp // BUCKET_SECONDS,
        total=3 * COR,
        items=[item(session, 3 * COR)],
    )
    assert payment.session(session).settled == 3 * COR
    assert payment.router(1)[1] == 3 * COR
    assert anchor.batch(protocol.settler, batch.root)[1] == 9


def test_a_total_that_the_key_did_not_sign_is_skipped(protocol, payment, session):
    _, r, vs = voucher(payment, session, COR)
    moved, _ = settle(protocol, (item(session, 2 * COR), r, vs))
    assert moved == 0
    assert reasons(payment) == ["wrong voucher signer"]
    assert events(payment, "VouchersSettled") == []


def test_the_payers_own_signature_is_not_the_keys(protocol, payment, session):
    moved, _ = settle(protocol, voucher(payment, session, COR, account("payer")))
    assert moved == 0
    assert reasons(payment) == ["wrong voucher signer"]


def test_a_signature_that_recovers_to_nobody_is_skipped(protocol, payment, session):
    moved, _ = settle(protocol, (item(session, COR), bytes(32), bytes(32)))
    assert moved == 0
    assert reasons(payment) == ["wrong voucher signer"]


def test_a_bad_voucher_does_not_stop_the_others(protocol, payment, session):
    other = protocol.open(funding=1, session_key=KEY.address)
    wrong = voucher(payment, other, COR, account("stranger"))
    moved, _ = settle(protocol, wrong, voucher(payment, session, COR))
    assert moved == COR
    assert payment.session(other).settled == 0


def test_the_other_half_of_the_curve_signs_the_same_total_once(protocol, payment, session):
    word, r, vs = voucher(payment, session, COR)
    settle(protocol, (word, r, vs))
    top = int.from_bytes(vs, "big")
    v, s = top >> 255, top & (2**255 - 1)
    high = SECPK1_N - s
    # 255 bits cannot hold it, so EIP-2098 has no such form.
    assert high >> 255 == 1 or v in (0, 1)
    moved, _ = settle(protocol, (word, r, vs))
    assert moved == 0


def test_a_batch_again_moves_nothing(protocol, payment, session):
    one = voucher(payment, session, COR)
    _, batch = settle(protocol, one)
    assert payment.settle_vouchers(batch, sender=protocol.settler) == 0
    assert events(payment, "BatchAnchored") == []


def test_a_stale_voucher_moves_nothing(protocol, payment, session):
    settle(protocol, voucher(payment, session, 5))
    for total in (0, 3, 5):
        moved, _ = settle(protocol, voucher(payment, session, total))
        assert moved == 0
        assert reasons(payment) == []
    assert payment.session(session).settled == 5


def test_escrow_and_vouchers_are_settled_apart(protocol, payment, session):
    escrow = protocol.open(session_key=KEY.address)
    moved, _ = settle(protocol, voucher(payment, escrow, COR))
    assert moved == 0
    assert reasons(payment) == ["other funding"]
    assert protocol.settle((session, COR)) == 0
    assert reasons(payment) == ["other funding"]


def test_skips_what_settle_skips(protocol, payment, session):
    unknown = session ^ 1
    settle(protocol, voucher(payment, unknown, COR))
    assert reasons(payment) == ["unknown session"]
    settle(protocol, voucher(payment, session, 101 * COR))
    assert reasons(payment) == ["total exceeds deposit"]
    settle(protocol, voucher(payment, session, COR), version=2)
    assert reasons(payment) == ["other card version"]
    travel(payment.withdrawable_at(session) - boa.env.timestamp)
    settle(protocol, voucher(payment, session, COR))
    assert reasons(payment) == ["settle window over"]
    payment.withdraw(session, sender=protocol.payer)
    settle(protocol, voucher(payment, session, COR))
    assert reasons(payment) == ["session closed"]


def test_refuses_other_routers_sessions_and_senders(protocol, payment, session):
    theirs = protocol.open(funding=1, session_key=KEY.address, router_id=2)
    with boa.reverts("payment: other router's session"):
        settle(protocol, voucher(payment, theirs, COR))
    with boa.reverts("router: caller is not settler"):
        settle(protocol, voucher(payment, session, COR), sender=protocol.stranger)
    payment.set_pause(False, True, sender=protocol.guardian)
    with boa.reverts("payment: settlement paused"):
        settle(protocol, voucher(payment, session, COR))


def test_a_voucher_of_another_escrow_is_worth_nothing(protocol, payment, session):
    domain = payment.hash_voucher(session, COR)
    with boa.env.anchor():
        boa.env.evm.patch.chain_id = 1
        assert payment.hash_voucher(session, COR) != domain
        boa.env.evm.patch.chain_id = 421_614


def test_vouchers_need_a_key(protocol):
    with boa.reverts("session: vouchers need a key"):
        protocol.open(funding=1, session_key=ZERO_ADDRESS)


def test_a_batch_of_128(protocol, payment):
    sessions = [protocol.open(funding=1, session_key=KEY.address, amount=COR) for _ in range(128)]
    moved, _ = settle(protocol, *[voucher(payment, one, 7) for one in sessions])
    assert moved == 128 * 7
