# SPDX-License-Identifier: Apache-2.0
"""A router with five compute sessions, and a host that serves what tests put on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cortensor.client import Client, Payment
from tests.python.agents.hosting import Host
from tests.python.router.conftest import ledger_at, model, node, session, start
from tests.python.router.harness import DOMAIN, PAYER_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.python.router.conftest import Start
    from tests.python.router.harness import Router

__all__ = ["ledger_at", "model", "node", "session", "start"]

FIVE = ("201", "202", "203", "204", "205")


@pytest.fixture
def router(start: Start) -> Router:
    sessions = [
        {"id": name, "model": name, "seed": number, "miner": f"m{number}", "max_concurrency": 8}
        for number, name in enumerate(FIVE)
    ]
    return start(sessions=sessions)


@pytest.fixture
def client(router: Router, session: str) -> Iterator[Client]:
    payment = Payment(session=session, domain=DOMAIN, payer=PAYER_KEY)
    with Client(router.url, payment) as made:
        yield made


@pytest.fixture
def host() -> Iterator[Host]:
    made = Host()
    yield made
    made.close()
