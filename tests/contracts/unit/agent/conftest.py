# SPDX-License-Identifier: Apache-2.0
"""One protocol with agents for the tests of the validator."""

from __future__ import annotations

import pytest

from tests.contracts.agents import Agents


@pytest.fixture(scope="package")
def agents():
    return Agents()


@pytest.fixture
def validator(agents):
    return agents.validator
