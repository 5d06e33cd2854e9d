# SPDX-License-Identifier: Apache-2.0
"""Rewards without a node, and rewards with five registered nodes of three operators, once a run."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.rewards import Rewarded


@pytest.fixture(scope="session")
def once():
    """One of each kind, and the time at which it was ready."""
    made: dict[str, tuple[Rewarded, int]] = {}

    def ready(name: str, **arguments: object) -> Rewarded:
        if name not in made:
            kit = Rewarded(**arguments)
            if name == "peopled":
                kit.people(2, 2, 1)
            kit.end_epoch()
            made[name] = kit, boa.env.timestamp
        kit, boa.env.timestamp = made[name]
        return kit

    for name in ("own", "peopled"):
        ready(name)
    return ready


@pytest.fixture
def own(once):
    """Rewards without a node, in the first epoch that counts."""
    return once("own")


@pytest.fixture
def peopled(once):
    """Rewards in the first epoch that all of five nodes were there in."""
    return once("peopled")
