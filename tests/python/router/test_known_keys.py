# SPDX-License-Identifier: Apache-2.0
"""A key that is used often is looked up once in a while, and a revoked one ends in time."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from cortensor.receipts.api_key import hash_of
from cortensor.router.known_keys import KNOWN_S, KnownKeys
from cortensor.router.problems import RateLimited
from cortensor.router.rate_limit import RateLimits
from cortensor.store.store import Store
from tests.python.router.harness import token
from tests.python.router.test_api_keys import issue, revoke
from tests.python.router.test_health import Clock
from tests.python.router.test_paid_path import delegate
from tests.python.router.test_refusals import refused

if TYPE_CHECKING:
    from cortensor.store.api_keys import KeyRecord
    from tests.python.router.harness import Router


def test_a_key_is_read_once_in_a_while(router: Router, session: str) -> None:
    key_hash = hash_of(issue(router, session))
    clock, reads = Clock(), 0
    with Store(router.config.database_address) as store:
        find = store.api_keys.find

        def counted(asked: str) -> KeyRecord | None:
            nonlocal reads
            reads += 1
            return find(asked)

        store.api_keys.find = counted  # type: ignore[method-assign]
        known = KnownKeys(store.api_keys, clock)

        async def look(name: str, times: int) -> KeyRecord | None:
            for _ in range(times):
                found = await known.find(name)
            return found

        assert asyncio.run(look(key_hash, 10)) is not None
        assert reads == 1
        clock.now += KNOWN_S
        asyncio.run(look(key_hash, 10))
        assert reads == 2
        assert asyncio.run(look("0x00", 3)) is None  # what is unknown may be handed in any moment
        assert reads == 5
        known.forget(key_hash)
        asyncio.run(look(key_hash, 2))
        assert reads == 6


def test_a_look_that_a_revocation_overtook_is_not_kept(router: Router, session: str) -> None:
    key_hash = hash_of(issue(router, session))
    with Store(router.config.database_address) as store:
        known = KnownKeys(store.api_keys, Clock())
        find = store.api_keys.find

        def overtaken(asked: str) -> KeyRecord | None:
            found = find(asked)
            store.api_keys.revoke(asked, 1)
            known.forget(asked)
            return found

        store.api_keys.find = overtaken  # type: ignore[method-assign]
        before = asyncio.run(known.find(key_hash))
        assert before is not None
        assert before.revoked_at is None
        store.api_keys.find = find  # type: ignore[method-assign]
        after = asyncio.run(known.find(key_hash))
        assert after is not None
        assert after.revoked_at == 1


def test_a_key_revoked_here_ends_at_once(router: Router, session: str) -> None:
    key = issue(router, session, scopes=["receipts"])
    assert router.get("/api/v4/tasks", auth=key).ok
    assert revoke(router, hash_of(key), token(session)).ok
    refused(router.get("/api/v4/tasks", auth=key), 401, "unauthorized")


def test_a_key_revoked_elsewhere_pays_for_nothing_and_ends_soon(
    router: Router, session: str
) -> None:
    key = issue(router, session, scopes=["delegate", "receipts"])
    assert router.post("delegate", delegate(session), auth=key).ok
    with Store(router.config.database_address) as other:
        other.api_keys.revoke(hash_of(key), 1)
    refused(router.post("delegate", delegate(session), auth=key), 401, "unauthorized")
    time.sleep(KNOWN_S)
    refused(router.get("/api/v4/tasks", auth=key), 401, "unauthorized")


@pytest.mark.parametrize(("routers", "allowed"), [(1, 60), (2, 30), (7, 8), (100, 1)])
def test_a_router_allows_its_part_of_a_rate(routers: int, allowed: int) -> None:
    limits = RateLimits(Clock(), lambda: routers)
    for _ in range(allowed):
        limits.take("a", 60)
    with pytest.raises(RateLimited) as refusal:
        limits.take("a", 60)
    assert refusal.value.retry_after_s <= routers
