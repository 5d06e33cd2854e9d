# SPDX-License-Identifier: Apache-2.0
"""The worked example of docs/spec/stake-pool.md, step by step on chain."""

from __future__ import annotations

from tests.contracts.protocol import APPEAL_SECONDS, COOLDOWN_SECONDS, travel
from tests.contracts.test_spec_examples import numbers, rows


def test_the_bond_of_the_page(protocol, new_router, deployed, cor):
    steps = {
        row[0]: [int(cell) for cell in row[1:]]
        for row in rows("stake-pool", "Worked example")
        if len(row) == 5
    }
    result = numbers("stake-pool", "Worked example")
    pool = deployed(min_bond_wei=1, cover_bps=30_000, slash_cap_bps=2_000)
    pool.bind(protocol.payment, protocol.dispute, sender=protocol.owner)
    settler, owner = protocol.stranger, protocol.other_payer
    cor.approve(pool, steps["open"][0], sender=settler)
    start = cor.balanceOf(owner)

    def check(step: str) -> int:
        wei, amount, leaving, cover = steps[step]
        facts = pool.position(new_router)
        assert (facts.amount, facts.leaving, pool.cover(new_router)) == (amount, leaving, cover)
        return wei

    pool.open_bond(new_router, owner, steps["open"][0], sender=settler)
    check("open")
    pool.request_unstake(new_router, steps["unstake"][0], sender=owner)
    check("unstake")
    assert steps["slash by role"][0] == result["cap"]
    pool.propose_slash(new_router, result["cap"], "", sender=protocol.slasher)
    travel(APPEAL_SECONDS)
    assert pool.execute_slash(new_router, sender=settler) == check("slash by role")
    wanted = steps["slash by dispute"][0]
    pool.slash_bond(new_router, wanted, protocol.validators, sender=protocol.dispute)
    check("slash by dispute")
    travel(COOLDOWN_SECONDS)
    assert pool.withdraw(new_router, sender=settler) == check("withdraw")
    assert cor.balanceOf(protocol.treasury) == result["treasury"]
    assert cor.balanceOf(protocol.validators) == result["dispute"]
    assert cor.balanceOf(owner) - start == result["owner"]
