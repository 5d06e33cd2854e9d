# SPDX-License-Identifier: Apache-2.0
"""INV-S1 to INV-S8: the pool of stake against its reference model, at random."""

from __future__ import annotations

import pytest

from tests.contracts.protocol import Protocol, deployer_of
from tests.contracts.stateful.pool_machine import PURSE, RULES, PoolMachine
from tests.contracts.stateful.running import run_machine

# Successes in a run of CI: well below what a healthy machine has, far above what one has whose
# steps are mostly refused.
FLOORS = {
    "open_node": 20,
    "open_bond": 30,
    "stake": 6,
    "request_unstake": 10,
    "withdraw": 4,
    "slash_bond": 15,
    "slash_bond (took)": 9,
    "propose_slash": 25,
    "appeal_slash": 14,
    "resolve_slash": 6,
    "resolve_slash (upheld)": 3,
    "execute_slash": 12,
    "execute_slash (took)": 8,
    "execute_slash (lapsed)": 2,
    "set_slasher": 10,
    "send_tokens_unasked": 20,
    "left with all": 40,
}


def pool_of(protocol: Protocol):
    """Deploy a pool with the machine's rules, bound to the protocol's escrow, for its payers."""
    pool = deployer_of("StakePool").deploy(
        protocol.owner,
        protocol.cor,
        protocol.treasury,
        protocol.slasher,
        RULES.cooldown,
        RULES.node_stake,
        RULES.min_bond,
        RULES.cover_bps,
        RULES.cap_bps,
        RULES.appeal,
        RULES.resolve,
    )
    pool.bind(protocol.payment, protocol.dispute, sender=protocol.owner)
    settlers = protocol.settler, protocol.other_settler
    payers = protocol.payer, protocol.other_payer
    for router_id, (old, new) in enumerate(zip(settlers, payers, strict=True), start=1):
        protocol.payment.set_settler(router_id, new, sender=old)
        protocol.cor.approve(pool, PURSE, sender=new)
    return pool


@pytest.mark.stateful
@pytest.mark.slow
@pytest.mark.timeout(3_000)
def test_inv_s1_to_s8(protocol, capsys):
    run_machine(
        PoolMachine,
        capsys,
        in_ci=60,
        steps=40,
        floors=FLOORS,
        protocol=protocol,
        pool=pool_of(protocol),
    )
