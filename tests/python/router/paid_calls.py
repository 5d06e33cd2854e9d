# SPDX-License-Identifier: Apache-2.0
"""Every kind of paid call, each in a payment session of its own, to be sent and sent again."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import requests

from cortensor.receipts.api_key import new_key
from cortensor.store.records import VOUCHER
from tests.python.router.fake_model import FakeModel, Script
from tests.python.router.fake_node import NOBODY, FakeNode
from tests.python.router.harness import (
    COR,
    KEYED,
    PAYER,
    session_number,
    signed,
    token,
    voucher,
)
from tests.python.router.test_api_keys import given

APART_S, SLOW_S = 0.01, 0.15
FIRSTS = 10**6
"""Added to a call's number: that of the call before it."""
COMPUTE = [
    {"id": name, "model": name, "miner": f"m{name}", "max_concurrency": 8}
    for name in ("201", "202", "203", "301", "302", "401", "402", "403")
]
AGREEING, SLOW, SPLIT = ["201", "202", "203"], ["301", "302"], ["401", "402", "403"]


def script(model: FakeModel) -> None:
    """Make the model answer the calls below: one session in two parts, one late, three unlike."""
    model.scripts["201"] = Script(body_after_s=APART_S, drip_s=APART_S)
    model.scripts["301"] = Script(delay_s=SLOW_S)
    for name, verdict in zip(SPLIT, ("VALID", "INVALID", "VALID"), strict=True):
        model.scripts[name] = Script(f'{{"verdict": "{verdict}"}}')


class Paid(NamedTuple):
    """What an answer says of its receipt."""

    session: str
    receipt: str
    charge: int


class PaidCall(NamedTuple):
    """A call with its key; sent again, it is the same call. `before` was paid to prepare it."""

    session: str
    path: str
    body: dict[str, Any]
    headers: dict[str, str]
    before: tuple[Paid, ...] = ()

    def send(self, url: str, **more: str) -> requests.Response:
        headers = {**self.headers, **more}
        return requests.post(url + self.path, json=self.body, headers=headers, timeout=30)

    @property
    def streams(self) -> bool:
        return bool(self.body.get("stream"))

    def at_once(self) -> PaidCall:
        """The same call, to be answered in one piece."""
        return self._replace(body={**self.body, "stream": False}) if self.streams else self

    def paid(self, content: bytes) -> Paid:
        """What a whole answer says, or the last event of a whole stream."""
        if self.streams:
            *_, content, done = content.replace(b"data: ", b"").split(b"\n\n")[:-1]
            assert done == b"[DONE]"
        data = json.loads(content)
        block = data.get("cortensor", data)
        return Paid(self.session, block["receipt_id"].rpartition(":")[2], int(block["charge_wei"]))


Prepare = Callable[[FakeNode, str, int], PaidCall]


def _opened(node: FakeNode, number: int, key: str = NOBODY, **facts: int) -> str:
    return node.open(session_number(number), PAYER, COR, key, **facts)


def _call(
    session: str,
    number: int,
    body: dict[str, Any],
    *,
    path: str = "/api/v4/delegate",
    auth: str | None = None,
    more: dict[str, str] | None = None,
) -> PaidCall:
    bearer = {"Authorization": f"Bearer {auth or token(session)}"}
    return PaidCall(
        session, path, body, {**bearer, "Idempotency-Key": f"k{number}", **(more or {})}
    )


def _task(
    session: str, pool: list[str] = AGREEING[:1], replicas: int = 1, **more: Any
) -> dict[str, Any]:
    consensus = {"replicas": replicas, "session_pool": pool}
    task = {"session_id": session, "objective": "Say", "max_tokens": 10}
    return {**task, "consensus": consensus, **more}


def signed_for(node: FakeNode, _url: str, number: int) -> PaidCall:
    session = _opened(node, number, KEYED)
    return _call(session, number, _task(session), more=signed(_task(session), salt=number))


def three_replicas(node: FakeNode, _url: str, number: int) -> PaidCall:
    session = _opened(node, number)
    return _call(session, number, _task(session, AGREEING, replicas=3))


def streamed(node: FakeNode, _url: str, number: int) -> PaidCall:
    body = {
        "model": "cortensor",
        "messages": [{"role": "user", "content": "Say"}],
        "stream": True,
        "cortensor": {"consensus": {"session_pool": AGREEING[:1]}},
    }
    return _call(_opened(node, number), number, body, path="/v1/chat/completions")


def escalated(node: FakeNode, _url: str, number: int) -> PaidCall:
    session = _opened(node, number)
    body = {
        "session_id": session,
        "claim": "Water is wet.",
        "policy": {"tier": "adaptive"},
        "consensus": {"replicas": 3, "session_pool": SPLIT},
    }
    return _call(session, number, body, path="/api/v4/validate")


def doubled(node: FakeNode, _url: str, number: int) -> PaidCall:
    session = _opened(node, number)
    return _call(session, number, _task(session, SLOW, policy={"latency": "low"}))


def by_api_key(node: FakeNode, url: str, number: int) -> PaidCall:
    session, key = _opened(node, number), new_key()
    budgets = {"day_budget_wei": str(COR // 2), "total_budget_wei": str(COR)}
    grant = given(session, key, **budgets)
    requests.post(f"{url}/api/v4/keys", json=grant, timeout=30).raise_for_status()
    return _call(session, number, _task(session), auth=key)


def by_voucher(node: FakeNode, url: str, number: int) -> PaidCall:
    """The second call of a session, which brings the voucher for the first."""
    session = _opened(node, number, KEYED, funding=VOUCHER)
    salt = FIRSTS + number
    first = _call(session, salt, _task(session), more=signed(_task(session), salt=salt))
    answer = first.send(url)
    answer.raise_for_status()
    paid = first.paid(answer.content)
    more = signed(_task(session), salt=number)
    more |= {"X-Cortensor-Voucher": voucher(session, paid.charge)}
    return _call(session, number, _task(session), more=more)._replace(before=(paid,))


class Kind(NamedTuple):
    """A kind of call, and functions of which it waits for each, before and after.

    Routers die there even if one died there of a call of another kind: what is written differs.
    """

    prepare: Prepare
    milestones: tuple[str, ...]


# What the points are among: the look at what a key was answered, the reservation, the replica's
# answer, the commit; and what only this kind of call passes. If the path is changed so that one is
# not waited for any more, the test is to be thought over.
KINDS = (
    Kind(signed_for, ("run_once", "Holds.take", "OpenAIBackend.complete", "Service._run")),
    Kind(three_replicas, ("run_replicas",)),
    Kind(streamed, ("Running.piece", "OpenAIBackend._pieces", "Front.__call__")),
    Kind(escalated, ("run_rounds",)),
    Kind(doubled, ("_Runner._hedged", "_Runner._first_of", "_Runner._spare")),
    Kind(by_api_key, ("Holds.take", "Service._run")),
    Kind(by_voucher, ("Service.take_voucher", "Holds.take", "Service._run")),
)
