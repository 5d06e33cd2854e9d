# SPDX-License-Identifier: Apache-2.0
"""Rewards with five registered nodes of three operators, once a run."""

from __future__ import annotations

import pytest

from tests.contracts.rewards import Rewarded


@pytest.fixture(scope="session")
def own():
    """Rewards without a node, in the first epoch that counts."""
    made = Rewarded()
    made.end_epoch()
    return made


@pytest.fixture(scope="session")
def peopled():
    """Rewards of their own, at the end of an epoch in which five nodes were there."""
    made = Rewarded()
    made.people(2, 2, 1)
    made.end_epoch()
    return made
