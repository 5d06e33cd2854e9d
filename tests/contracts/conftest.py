# SPDX-License-Identifier: Apache-2.0
"""The deployed protocol, once a run; titanoboa undoes what each test and example changes."""

from __future__ import annotations

import pytest

from tests.contracts.protocol import Protocol


@pytest.fixture(scope="session")
def protocol():
    return Protocol()


@pytest.fixture(scope="session")
def table(protocol):
    return protocol.table


@pytest.fixture(scope="session")
def payment(protocol):
    return protocol.payment


@pytest.fixture(scope="session")
def anchor(protocol):
    return protocol.anchor


@pytest.fixture(scope="session")
def cor(protocol):
    return protocol.cor
