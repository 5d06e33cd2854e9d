# SPDX-License-Identifier: Apache-2.0
"""INV-S1 to INV-S8: the pool of stake against its reference model, at random."""

from __future__ import annotations

import sys
from collections import Counter

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.contracts.profile import examples
from tests.contracts.protocol import Protocol, deployer_of
from tests.contracts.stateful.pool_machine import PURSE, RULES, PoolMachine

CI_EXAMPLES = 60
STEPS = 40
MOST_EXAMPLES = 2_000

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
def test_inv_s1_to_s8(protocol, capsys):
    class Machine(PoolMachine):
        pass

    Machine.protocol = protocol
    Machine.pool = pool_of(protocol)
    Machine.successes = Counter()
    Machine.attempts = Counter()
    count = min(examples(CI_EXAMPLES), MOST_EXAMPLES)
    steps = max(STEPS, settings.default.stateful_step_count if count > CI_EXAMPLES else STEPS)
    run_state_machine_as_test(
        Machine, settings=settings(max_examples=count, stateful_step_count=steps)
    )
    report = [f"pool machine, {count} examples of at most {steps} steps:"]
    for name, successes in sorted(Machine.successes.items()):
        tried = Machine.attempts.get(name)
        report.append(f"  {name:22} {successes:6}" + (f" of {tried}" if tried else ""))
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(report) + "\n")
    if count < CI_EXAMPLES:
        return  # too few to judge the mix by
    for name, floor in FLOORS.items():
        least = floor * count // CI_EXAMPLES
        assert Machine.successes[name] >= least, f"{name} succeeded too rarely to mean anything"
