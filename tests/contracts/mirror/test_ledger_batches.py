# SPDX-License-Identifier: Apache-2.0
"""Batches as a router's ledger makes them, sent to the contract as its settler sends them."""

from __future__ import annotations

import boa
import pytest
from web3 import Web3

from cortensor.chain.settlement import Settlement
from cortensor.store.choosing import MAX_ITEMS
from cortensor.store.records import ESCROW, STAKE, VOUCHER, BatchRecord
from cortensor.store.store import Store
from tests.contracts.protocol import BUCKET_SECONDS, COR, ZERO_ADDRESS, travel
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


def execute(protocol, data: str):
    """Send calldata as the settler. Returns the computation, also of a refusal."""
    return boa.env.execute_code(
        to_address=protocol.payment.address,
        sender=protocol.settler,
        data=bytes.fromhex(data.removeprefix("0x")),
    )


def send(protocol, data: str):
    """Send calldata as the settler. Returns the computation."""
    done = execute(protocol, data)
    assert done.is_success
    return done


def receipt(done) -> dict[str, object]:
    """Return what a node would tell of a computation."""
    place = {
        "blockNumber": 1,
        "blockHash": b"",
        "transactionHash": b"",
        "transactionIndex": 0,
        "logIndex": 0,
    }
    logs = [
        {
            "address": Web3.to_checksum_address(address),
            "topics": [topic.to_bytes(32, "big") for topic in topics],
            "data": data,
            **place,
        }
        for _, address, topics, data in done.get_raw_log_entries()
    ]
    return {"logs": logs}


def confirm(store, calls, batch, told) -> None:
    store.outbox.confirm(
        batch.root,
        tx_hash="0x1",
        block=1,
        gas_used=1,
        gas_price=1,
        now=1,
        bucket=calls.bucket(told),
        skipped=calls.skipped(told),
    )


@pytest.mark.parametrize("funding", [ESCROW, VOUCHER])
def test_a_deposit_is_settled_to_a_leafs_total(protocol, payment, store, calls, funding):
    key = KEY.address if funding == VOUCHER else None
    session = protocol.open(funding=funding, session_key=key or ZERO_ADDRESS)
    name = f"0x{session:040x}"
    store.ledger.refresh(facts(name, deposit=100 * COR, funding=funding, session_key=key))
    charge(store, 1, COR, name)
    charge(store, 2, COR // 2, name)
    if funding == VOUCHER:
        signed = KEY.unsafe_sign_hash(payment.hash_voucher(session, COR)).signature
        store.vouchers.accept(name, COR, "0x" + bytes(signed).hex(), 1)
    batch = store.outbox.build("https://router.example/", 1)
    data = calls.data(1, batch)
    told = receipt(send(protocol, data))
    assert (calls.skipped(told), calls.bucket(told)) == ([], boa.env.timestamp // BUCKET_SECONDS)
    assert payment.session(session).settled == (COR if funding == VOUCHER else COR * 3 // 2)
    again = receipt(send(protocol, data))
    assert (calls.skipped(again), calls.bucket(again)) == ([], None)


@pytest.fixture
def staked(protocol):
    """Two stake sessions whose stake counts, and a pool that pays."""
    quota, found = protocol.quota, []
    for bucket in (0, 1):
        session = protocol.open(funding=STAKE, amount=0, salt=bucket.to_bytes(32, "big"))
        quota.enrol(protocol.payer, 1, bucket, False, sender=protocol.stranger)
        quota.stake(session, 1_000 * COR, sender=protocol.payer)
        found.append(session)
    protocol.cor.approve(quota, 2**256 - 1, sender=protocol.deployer)
    quota.fund_pool(1_000 * COR, sender=protocol.deployer)
    travel(DAY)
    return found


def test_a_draw_that_is_passed_over_is_told_and_holds_up_nobody(
    protocol, payment, store, calls, staked
):
    now = boa.env.timestamp
    good, poor = (f"0x{session:040x}" for session in staked)
    for name in (good, poor):
        store.ledger.refresh(facts(name, deposit=100 * COR, funding=STAKE, profile=0))
    work(store, 1, COR + 1, good, now)
    work(store, 2, 90 * COR, poor, now)  # more than any quota
    batch = store.outbox.build(None, now)
    told = receipt(send(protocol, calls.data(1, batch)))
    [skip] = calls.skipped(told)
    assert (skip.session, skip.cumulative, skip.reason) == (poor, 90 * COR, "quota exceeded")
    confirm(store, calls, batch, told)
    settled = payment.session(staked[0]).settled
    assert settled == COR + MICRO
    store.ledger.refresh(facts(good, deposit=100 * COR, funding=STAKE, profile=0, settled=settled))
    work(store, 3, COR, good, now)
    second = store.outbox.build(None, now)
    assert (second.count, len(second.items)) == (1, 1)
    again = receipt(send(protocol, calls.data(1, second)))
    assert calls.skipped(again) == []
    assert payment.session(staked[0]).settled == 2 * COR + MICRO
    [(version, bucket)] = store.outbox.pending_buckets()
    travel(40 * DAY)
    send(protocol, calls.release_data(1, version, bucket))
    assert payment.pending(1, version, bucket) == 0


def test_the_contract_takes_as_many_sessions_as_a_batch_has(protocol, payment, calls):
    for funding in (ESCROW, STAKE):
        most = MAX_ITEMS[funding]
        strangers = [1 << 224 | number << 96 | 1 for number in range(most + 1)]
        fits, exceeds = (
            BatchRecord(
                number=1,
                root=f"0x{funding + 10 * len(items):064x}",
                version=1,
                count=1,
                uri="",
                items=items,
                total=0,
                state="built",
                created_at=1,
                tx_hash=None,
                block_number=None,
                gas_used=None,
                gas_price=None,
                funding=funding,
                work_at=1,
            )
            for items in (strangers[:-1], strangers)
        )
        told = receipt(send(protocol, calls.data(1, fits)))
        assert len(calls.skipped(told)) == most
        assert not execute(protocol, calls.data(1, exceeds)).is_success
