# SPDX-License-Identifier: Apache-2.0
"""INV-W1, INV-W2, INV-W4, INV-W7 to INV-W9, INV-W12: rewards against their money, at random."""

from __future__ import annotations

import pytest

from tests.contracts.rewards import Rewarded
from tests.contracts.stateful.reward_machine import RewardMachine
from tests.contracts.stateful.running import run_machine

FLOORS = {
    "open": 3,
    "open (lapsed)": 2,
    "post": 4,
    "finalise": 1,
    "pay": 1,
    "left with all": 7,
}


@pytest.mark.stateful
@pytest.mark.slow
@pytest.mark.timeout(3_000)
def test_inv_w_of_money(capsys):
    run_machine(
        RewardMachine,
        capsys,
        in_ci=8,
        steps=30,
        floors=FLOORS,
        own=Rewarded(token="mocks/MockBlockingToken"),
    )
