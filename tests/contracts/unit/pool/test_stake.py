# SPDX-License-Identifier: Apache-2.0
"""StakePool.stake: adding to a position."""

from __future__ import annotations

import boa
import pytest
from eth_utils import keccak

from tests.contracts.events import assert_event
from tests.contracts.protocol import BOND, COR, U96, word

from .conftest import STAKE, covered


def test_the_owner_adds(protocol, pool, cor, position):
    before = cor.balanceOf(pool)
    pool.stake(position, COR, sender=protocol.payer)
    assert_event(pool, "Staked", position=position, sender=protocol.payer, amount=COR)
    assert pool.position(position) == (protocol.payer, STAKE + COR, 0, 0)
    assert cor.balanceOf(pool) == before + COR


def test_what_a_stranger_adds_is_the_owners(protocol, pool, position):
    pool.stake(position, COR, sender=protocol.other_payer)
    assert_event(pool, "Staked", position=position, sender=protocol.other_payer, amount=COR)
    assert pool.position(position) == (protocol.payer, STAKE + COR, 0, 0)
    with boa.reverts("pool: caller is not the owner"):
        pool.request_unstake(position, COR, sender=protocol.other_payer)


def test_a_bond_grows_and_covers_more(protocol, pool):
    pool.stake(1, COR, sender=protocol.payer)
    assert pool.cover(1) == covered(BOND + COR)


def test_does_not_touch_what_leaves(protocol, pool, position):
    pool.request_unstake(position, COR, sender=protocol.payer)
    leaving = pool.position(position)
    pool.stake(position, 7, sender=protocol.payer)
    assert pool.position(position) == (
        protocol.payer,
        STAKE - COR + 7,
        COR,
        leaving.withdrawable_at,
    )


def test_one_wei_is_enough(protocol, pool, position):
    pool.stake(position, 1, sender=protocol.payer)
    assert pool.position(position).amount == STAKE + 1


def test_refuses_nothing(protocol, pool, position):
    with boa.reverts("pool: zero amount"):
        pool.stake(position, 0, sender=protocol.payer)


@pytest.mark.parametrize("unknown", [0, 99, 2**32, 2**255])
def test_refuses_a_position_that_nobody_opened(protocol, pool, unknown):
    with boa.reverts("pool: unknown position"):
        pool.stake(unknown, COR, sender=protocol.payer)


def hot_slot(pool, position: int) -> int:
    """Return where a position's hot word lies."""
    layout = pool.compiler_data.storage_layout["storage_layout"]
    return int.from_bytes(keccak(word(layout["_hot"]["slot"]) + word(position)), "big")


def test_refuses_more_than_a_word_holds(protocol, pool, position):
    """A token that made more of itself: no amount may carry into the owner."""
    full = U96 - 5 | int(protocol.payer, 16) << 96
    boa.env.set_storage(pool.address, hot_slot(pool, position), full)
    assert pool.position(position) == (protocol.payer, U96 - 5, 0, 0)
    for amount in (6, 2**96 - 1, 2**96, 2**256 - 1):
        with boa.reverts("pool: stake exceeds words"):
            pool.stake(position, amount, sender=protocol.payer)
    pool.stake(position, 5, sender=protocol.payer)
    assert pool.position(position) == (protocol.payer, U96, 0, 0)


def test_leaving_stake_fits_its_word_too(protocol, pool, position):
    full = U96 | int(protocol.payer, 16) << 96
    pool.request_unstake(position, 1, sender=protocol.payer)
    boa.env.set_storage(pool.address, hot_slot(pool, position), full)
    with boa.reverts("pool: leaving exceeds words"):
        pool.request_unstake(position, U96, sender=protocol.payer)
    pool.request_unstake(position, U96 - 1, sender=protocol.payer)
    assert pool.position(position)[:3] == (protocol.payer, 1, U96)
