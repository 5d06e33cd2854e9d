# SPDX-License-Identifier: Apache-2.0
"""INV-W1 to INV-W12: reward epochs against their reference model and every proof, at random."""

from __future__ import annotations

import pytest

from tests.contracts.stateful.reward_cheats import KINDS
from tests.contracts.stateful.reward_comparison import reward_world
from tests.contracts.stateful.reward_machine import RewardMachine
from tests.contracts.stateful.running import run_machine

# Successes in a run of CI: well below what a healthy machine has, far above what one has whose
# steps are mostly refused.
FLOORS = {
    "acquit": 8,
    "announce": 40,
    "cancel (guardian)": 2,
    "cancel (owner)": 2,
    "claim": 12,
    "come back": 6,
    "convict (late)": 15,
    **{f"convict of {kind}": 2 for kind in KINDS.known},
    "deposit": 80,
    "expire": 4,
    "finalise": 80,
    "finalise (unsound)": 8,
    "finalise (wrong)": 14,
    "forget (owner)": 3,
    "grant": 80,
    "leave": 40,
    "left with all": 40,
    "mind": 8,
    "open": 100,
    "open (lapsed)": 20,
    "open (unfunded)": 2,
    "pay": 80,
    "pay (credited)": 40,
    "pay (not in the tree)": 8,
    "post": 150,
    "request": 25,
    "slash (credited)": 10,
    "sweep": 5,
    "veto": 8,
    "veto (after the window)": 3,
    "wait": 12,
    "withdraw": 5,
}


@pytest.mark.stateful
@pytest.mark.slow
@pytest.mark.timeout(3_000)
def test_inv_w1_to_w12(capsys):
    run_machine(
        RewardMachine,
        capsys,
        in_ci=40,
        steps=40,
        floors=FLOORS,
        own=reward_world(),
    )
