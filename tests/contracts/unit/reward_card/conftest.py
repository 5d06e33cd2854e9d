# SPDX-License-Identifier: Apache-2.0
"""A holder of the first reward card, owned by the protocol's owner."""

from __future__ import annotations

import pytest

from tests.contracts.reward_cards import deploy_cards


@pytest.fixture
def holder(protocol):
    return deploy_cards(protocol.owner)
