# SPDX-License-Identifier: Apache-2.0
"""A router, a proxy before it, sessions of each funding, and each kind of client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.python.client.clients import KINDS, make_client
from tests.python.client.flaky_proxy import FlakyProxy
from tests.python.router.conftest import ledger_at, model, node, router, session, start
from tests.python.router.harness import COR, KEYED, PAYER, Router, session_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.python.router.fake_node import FakeNode

__all__ = ["ledger_at", "model", "node", "router", "session", "start"]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def proxy(router: Router) -> Iterator[FlakyProxy]:
    made = FlakyProxy(router.url)
    yield made
    made.close()


@pytest.fixture
def connect(kind: str) -> Iterator[Callable[..., Any]]:
    made: list[Any] = []

    def begin(url: str, *args: Any, **options: Any) -> Any:
        made.append(make_client(kind, url, *args, **options))
        return made[-1]

    yield begin
    for client in made:
        client.close()


@pytest.fixture
def lent(node: FakeNode) -> str:
    return node.open(session_number(8), PAYER, COR, KEYED, funding=1)


@pytest.fixture
def keyed_session(node: FakeNode) -> str:
    return node.open(session_number(9), PAYER, COR, KEYED)
