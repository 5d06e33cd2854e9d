# SPDX-License-Identifier: Apache-2.0
"""INV-N1 to INV-N7: the register of nodes against its reference model, at random."""

from __future__ import annotations

import pytest

from tests.contracts.stateful.node_machine import NodeMachine, node_world
from tests.contracts.stateful.running import run_machine

# Successes in a run of CI: well below what a healthy machine has, far above what one has whose
# steps are mostly refused.
FLOORS = {
    "register": 15,
    "retire": 2,
    "move_stake": 10,
    "sync": 5,
    "sync_run": 5,
    "accuse": 12,
    "appeal": 8,
    "resolve": 3,
    "claim (was not)": 2,
    "asked (was)": 4,
    "asked (was not)": 40,
    "left": 10,
}


@pytest.mark.stateful
@pytest.mark.slow
@pytest.mark.timeout(3_000)
def test_inv_n1_to_n7(protocol, capsys):
    run_machine(
        NodeMachine,
        capsys,
        in_ci=12,
        steps=40,
        floors=FLOORS,
        world=node_world(protocol),
    )
