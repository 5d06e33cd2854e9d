# SPDX-License-Identifier: Apache-2.0
"""The protocol with its real dispute contract, once a run."""

from __future__ import annotations

import pytest

from tests.contracts.disputes import Disputed


@pytest.fixture(scope="session")
def own():
    return Disputed()


@pytest.fixture(scope="session")
def dispute(own):
    return own.dispute


@pytest.fixture(scope="session")
def payment(own):
    return own.payment


@pytest.fixture(scope="session")
def cor(own):
    return own.cor


@pytest.fixture
def session(own):
    return own.open()
