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
    "acquit": 10,
    "announce": 50,
    "cancel (guardian)": 4,
    "cancel (owner)": 2,
    "claim": 15,
    "come back": 8,
    "convict (late)": 3,
    **{f"convict of {kind}": 3 for kind in KINDS.known},
    "deposit": 100,
    "expire": 8,
    "finalise": 60,
    "finalise (unsound)": 8,
    "finalise (wrong)": 16,
    "grant": 60,
    "leave": 40,
    "left with all": 40,
    "open": 80,
    "open (lapsed)": 20,
    "open (unfunded)": 2,
    "pay": 80,
    "pay (credited)": 30,
    "pay (not in the tree)": 16,
    "post": 150,
    "request": 40,
    "sweep": 12,
    "veto": 10,
    "veto (after the window)": 4,
    "wait": 30,
    "withdraw": 15,
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
