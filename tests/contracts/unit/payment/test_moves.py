# SPDX-License-Identifier: Apache-2.0
"""SessionPayment.moves_digest: who moved what into a bucket, in one word."""

from __future__ import annotations

import boa
from eth_utils import keccak

from tests.contracts.protocol import BUCKET_SECONDS, VoucherBatch, item, release_all, travel, word
from tests.contracts.signing import account, compact

KEY = account("session key of the payer")


def digest_of(*batches: list[tuple[int, int]]) -> int:
    """Return the digest of a bucket's batches of (session, moved wei), from the page's words."""
    digest = 0
    for batch in batches:
        hashed = bytes(32)
        for session, moved in batch:
            hashed = keccak(hashed + word(session << 96 | moved))
        digest = int.from_bytes(keccak(word(digest) + hashed)[:20])
    return digest


def digest_now(protocol, version: int = 1) -> int:
    return protocol.payment.moves_digest(1, version, boa.env.timestamp // BUCKET_SECONDS)


def test_inv_p9_the_digest_chains_batches_and_their_moves(protocol):
    a, b = protocol.open(), protocol.open(protocol.other_payer)
    assert digest_now(protocol) == 0
    protocol.settle((a, 5), (b, 7))
    first = [(a, 5), (b, 7)]
    assert digest_now(protocol) == digest_of(first)
    protocol.settle((b, 9))
    assert digest_now(protocol) == digest_of(first, [(b, 2)])
    # Moves, not totals; only those that moved, each time they did, in order.
    protocol.settle((a, 5), (a, 6), (12_345 | 1 << 128, 4), (b, 8), (a, 9))
    assert digest_now(protocol) == digest_of(first, [(b, 2)], [(a, 1), (a, 3)])


def test_a_batch_that_moves_nothing_leaves_no_trace(protocol):
    session = protocol.open()
    protocol.settle((session, 5))
    before = digest_now(protocol)
    protocol.settle((session, 5))
    assert digest_now(protocol) == before == digest_of([(session, 5)])


def test_vouchers_move_in_the_same_bucket(protocol):
    escrow = protocol.open()
    session = protocol.open(funding=1, session_key=KEY.address)
    protocol.settle((escrow, 3))
    signature = compact(KEY, protocol.payment.hash_voucher(session, 8))
    vouchers = [(item(session, 8), *signature)]
    batch = VoucherBatch(1, 1, protocol.unique(), 1, "", vouchers)
    assert protocol.payment.settle_vouchers(batch, sender=protocol.settler) == 8
    assert digest_now(protocol) == digest_of([(escrow, 3)], [(session, 8)])


def test_a_new_bucket_begins_anew_and_a_released_one_has_none(protocol):
    session = protocol.open()
    protocol.settle((session, 5))
    travel(BUCKET_SECONDS)
    protocol.settle((session, 6))
    assert digest_now(protocol) == digest_of([(session, 1)])
    release_all(protocol)
    assert protocol.payment.moves_digest(1, 1, 0) == 0
    assert digest_now(protocol) == 0


def test_the_amount_beside_it_is_its_own(protocol):
    """INV-P6: a bucket's amount is the sum of its moves, whatever the digest is."""
    session = protocol.open()
    protocol.settle((session, 5))
    protocol.settle((session, 11))
    assert protocol.payment.pending(1, 1, boa.env.timestamp // BUCKET_SECONDS) == 11
