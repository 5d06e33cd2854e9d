# SPDX-License-Identifier: Apache-2.0
"""A router per test, and sessions with money in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.python.databases import config_of
from tests.python.router.fake_model import FakeModel
from tests.python.router.harness import COR, PAYER, Router, make_config, make_node, session_number
from tests.python.router.victims import Nursery

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from cortensor.store.address import DatabaseAddress
    from tests.python.router.fake_node import FakeNode

    Start = Callable[..., Router]


@pytest.fixture
def node() -> Iterator[FakeNode]:
    fake = make_node()
    yield fake
    fake.close()


@pytest.fixture
def model() -> Iterator[FakeModel]:
    fake = FakeModel()
    yield fake
    fake.close()


@pytest.fixture
def ledger_at(tmp_path: Path) -> DatabaseAddress:
    """A file; a module whose tests are about money says `database`, and gets both kinds."""
    return tmp_path / "router.db"


@pytest.fixture
def start(
    tmp_path: Path, node: FakeNode, model: FakeModel, ledger_at: DatabaseAddress
) -> Iterator[Start]:
    started: list[Router] = []

    def begin(**changes: Any) -> Router:
        changes.setdefault("database", config_of(ledger_at))
        router = Router(make_config(tmp_path, node, model, **changes), node, model).start()
        started.append(router)
        return router

    yield begin
    for router in started:
        router.stop()


@pytest.fixture
def router(start: Start) -> Router:
    return start()


@pytest.fixture
def session(node: FakeNode) -> str:
    return node.open(session_number(1), PAYER, COR)


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Where routers come from that are killed."""
    found = Nursery()
    yield found
    found.close()
