# SPDX-License-Identifier: Apache-2.0
"""An epoch without a chain: a simulated network's inputs, and where they would come from."""

from __future__ import annotations

from benchmarks.rewards.network import SECONDS, Machine, network_of, run_epoch
from cortensor.epochs.batches import Batch
from cortensor.epochs.sources import Sources
from cortensor.rewards.epoch import EpochInputs
from cortensor.rewards.roster import Prior
from tests.python.rewards.strategies import CARD

EPOCH = 3
NETWORK = network_of([Machine(operator=n // 2, nodes=1 + n % 2) for n in range(6)])


def inputs(**changes: object) -> EpochInputs:
    nodes = NETWORK.roster.nodes
    given = EpochInputs(
        epoch=EPOCH,
        start=EPOCH * SECONDS,
        end=(EPOCH + 1) * SECONDS,
        budget=10**21 + 7,
        card=CARD,
        roster=NETWORK.roster,
        prior={(nodes[0].operator, nodes[0].node): Prior(2, 5, 9_000)},
        records=run_epoch(NETWORK, EPOCH, 300, 1),
        models=["a", "b"],
        receipts=[bytes([n]) * 32 for n in range(4)],
        history=[run_epoch(NETWORK, EPOCH - 1, 60, 2)],
    )
    return given._replace(**changes)


SOURCES = Sources(
    chain_id=31337,
    node_reward="0x" + "11" * 20,
    session_payment="0x" + "22" * 20,
    epoch=EPOCH,
    start=EPOCH * SECONDS,
    end=(EPOCH + 1) * SECONDS,
    first_block=10,
    last_block=20,
    card_version=1,
    is_budget_drawn=True,
    prior_epoch=2,
    batches=[Batch(1, "0x" + "33" * 20, "0x" + "44" * 32, 4, 12, "http://router.example/b")],
    left_out_before=[],
)
