# SPDX-License-Identifier: Apache-2.0
"""Slashing of a node's stake: proposed, appealed, resolved or executed."""

from __future__ import annotations

from collections.abc import Iterator

from scripts._gas.bench import APPEAL_SECONDS, NODE_STAKE_WEI, SLASH_CAP_BPS, Bench
from scripts._gas.scenario import Scenario

REASON = "https://slasher.example/cases/2026-01-17"
SLASH_WEI = NODE_STAKE_WEI * SLASH_CAP_BPS // 10_000


def run_slashing(bench: Bench) -> Iterator[Scenario]:
    """Run a proposal against a node of the payer's to each of its ends."""
    actors, pool = bench.actors, bench.pool.functions
    owner, node = actors.payer, actors.nodes
    with bench.aside():
        # Whoever is paid holds COR.
        bench.send(bench.cor.functions.transfer(actors.treasury, 1), actors.owner)
        bench.send(pool.open_node(node, NODE_STAKE_WEI), owner)
        position = pool.node_position(owner, node).call()
        used = bench.send(pool.propose_slash(position, SLASH_WEI, REASON), actors.guardian)
        yield Scenario("stake.slash.propose", used, 1, "the most at once; never proposed before")
        with bench.aside():
            used = bench.send(pool.appeal_slash(position), owner)
            yield Scenario("stake.slash.appeal", used, 1, "by the position's owner")
            used = bench.send(pool.resolve_slash(position, True), actors.owner)
            yield Scenario("stake.slash.resolve", used, 1, "upheld: paid to the treasury")
        bench.wait(APPEAL_SECONDS + 1)
        used = bench.send(pool.execute_slash(position), actors.anchorer)
        yield Scenario("stake.slash.execute", used, 1, "nobody appealed; by anyone")
        bench.wait(APPEAL_SECONDS + 1)
        left = SLASH_WEI * (10_000 - SLASH_CAP_BPS) // 10_000
        used = bench.send(pool.propose_slash(position, left, REASON), actors.guardian)
        yield Scenario("stake.slash.propose.again", used, 1, "the most of the rest, later")
