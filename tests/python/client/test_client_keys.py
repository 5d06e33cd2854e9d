# SPDX-License-Identifier: Apache-2.0
"""API keys by the client: made, used, listed, revoked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cortensor.client import NotFound, Payment, PaymentRequired, Unauthorized
from cortensor.errors import InvalidInput
from tests.python.client.clients import escrow
from tests.python.client.flaky_proxy import LoseReply
from tests.python.router.harness import DOMAIN, STRANGER_KEY

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.python.client.flaky_proxy import FlakyProxy
    from tests.python.router.harness import Router

    Connect = Callable[..., Any]


def test_a_key_pays_what_it_may_until_it_is_revoked(
    router: Router, session: str, connect: Connect
) -> None:
    client = connect(router.url, escrow(session))
    made = client.create_key(name="app", per_minute=9, day_budget_wei=5 * 10**15, lasts_s=60)
    assert made.key not in repr(made)
    holder = connect(router.url, Payment(session=session, domain=DOMAIN, grant=made.key))
    done = holder.delegate("Say something")
    assert done.verification is not None
    listed = client.keys()
    assert listed.count == 1
    [shown] = listed.keys
    assert (shown.key_hash, shown.name, shown.per_minute) == (made.grant.key_hash, "app", 9)
    assert shown.charged_wei == str(done.charge_wei)
    with pytest.raises(PaymentRequired):
        holder.delegate("Say something", max_tokens=2048)
    assert client.revoke_key(made.grant.key_hash).revoked_at is not None
    with pytest.raises(Unauthorized):
        holder.delegate("Say something")


def test_a_lost_answer_makes_no_second_key(
    router: Router, proxy: FlakyProxy, session: str, connect: Connect
) -> None:
    client = connect(proxy.url, escrow(session))
    proxy.faults = [LoseReply()]
    made = client.create_key()
    assert [key.key_hash for key in client.keys().keys] == [made.grant.key_hash]
    proxy.faults = [LoseReply()]
    assert client.revoke_key(made.grant.key_hash).revoked_at is not None


def test_only_the_payer_makes_lists_and_revokes(
    router: Router, session: str, connect: Connect
) -> None:
    client = connect(router.url, escrow(session))
    made = client.create_key(scopes=["delegate"])
    holder = connect(router.url, Payment(session=session, domain=DOMAIN, grant=made.key))
    with pytest.raises(InvalidInput, match="payer"):
        holder.create_key()
    with pytest.raises(Unauthorized):
        holder.keys()
    with pytest.raises(Unauthorized):
        holder.revoke_key(made.grant.key_hash)
    stranger = connect(router.url, Payment(session=session, domain=DOMAIN, payer=STRANGER_KEY))
    with pytest.raises(Unauthorized):
        stranger.create_key()
    with pytest.raises(NotFound):
        client.revoke_key("0x" + "00" * 32)
