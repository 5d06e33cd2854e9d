# SPDX-License-Identifier: Apache-2.0
"""A few scenarios that between them create or call every contract, and are soon set up.

For chains on which each scenario takes several times as long as on a plain Anvil.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator
from typing import cast

from scripts._gas.agents import run_agents
from scripts._gas.bench import Bench
from scripts._gas.disputes import run_disputes
from scripts._gas.opening import run_opening
from scripts._gas.registering import run_nodes
from scripts._gas.rewarding import run_rewards
from scripts._gas.scenario import Scenario
from scripts._gas.scenarios import run_anchoring, run_deployments, run_routers
from scripts._gas.setting import run_quota_settings, run_table_settings
from scripts._gas.validating import run_validating
from scripts._gas.wrapping import run_wrapping

Section = Callable[[Bench], Iterator[Scenario]]
STOPS: tuple[tuple[Section, tuple[str, ...]], ...] = (
    (run_deployments, ("deploy.SessionPayment",)),
    (run_routers, ("router.register", "router.authorise", "bond.open", "pot.recipient.set")),
    (run_table_settings, ("table.publish",)),
    (run_quota_settings, ("quota.pool.withdraw",)),
    (run_opening, ("session.open.key", "session.open.permit", "session.open.authorization")),
    (run_anchoring, ("receipt.anchor.batch.first",)),
    (run_nodes, ("node.register",)),
    (run_disputes, ("dispute.charge", "dispute.signed")),
    (run_agents, ("agent.register.first", "agent.feedback.first", "agent.validation.response")),
    (run_validating, ("agent.attest.first",)),
    (run_rewards, ("deploy.RewardDispute", "bind.RewardFund", "epoch.bond", "reward.card.publish")),
    (run_wrapping, ("wrap.deposit.first", "wrap.receive.authorized")),
)
"""By section, in the order of all scenarios; a section runs up to the last that is named."""


def tour_length() -> int:
    """Return how many scenarios it has."""
    return sum(len(names) for _, names in STOPS)


def run_tour(bench: Bench) -> Iterator[Scenario]:
    """Run them, each from the state that it has among all scenarios or one that takes as much."""
    for section, names in STOPS:
        left = set(names)
        running = cast("Generator[Scenario, None, None]", section(bench))
        with contextlib.closing(running):  # which undoes what it did aside
            for scenario in running:
                if scenario.name in left:
                    yield scenario
                    left.remove(scenario.name)
                if not left:
                    break
        if left:
            raise AssertionError(f"no scenario {min(left)}")
