# SPDX-License-Identifier: Apache-2.0
"""The deployed protocol, once a run; titanoboa undoes what each test and example changes."""

from __future__ import annotations

import gc

import boa
import pytest

from tests.contracts.evm.frame import install
from tests.contracts.protocol import Protocol
from tools.boa_imports import follow_imports

# Compiled contracts are millions of objects that stay. Looking for garbage among them at Python's
# usual pace takes a third of the time of a file of tests; of the long state machines little.
gc.set_threshold(200_000, 20, 100)

install()
follow_imports(boa)


def pytest_sessionfinish():
    """Spare pytest's last five searches for garbage: seconds each over compiled contracts."""
    gc.freeze()


def pytest_collection_modifyitems(items):
    """Longest first: a state machine that a worker meets last would keep the other one waiting."""
    order = {"stateful": 0, "fuzz": 1}
    items.sort(key=lambda item: min((order.get(m.name, 2) for m in item.iter_markers()), default=2))


@pytest.fixture(scope="session", autouse=True)
def protocol():
    """First of all in each worker: its addresses never depend on which tests came before."""
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
