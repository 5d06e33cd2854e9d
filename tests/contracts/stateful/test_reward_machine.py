# SPDX-License-Identifier: Apache-2.0
"""INV-W1 to INV-W12: reward epochs against their reference model and every proof, at random."""

from __future__ import annotations

import pytest

from tests.contracts.stateful.reward_comparison import reward_world
from tests.contracts.stateful.reward_machine import RewardMachine
from tests.contracts.stateful.running import run_machine

FLOORS = {
    "open": 1,
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
