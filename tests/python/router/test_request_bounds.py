# SPDX-License-Identifier: Apache-2.0
"""What a caller may send before it is asked who it is, hints, estimates, and weak secrets."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest

from cortensor.errors import InvalidInput
from cortensor.router.http_server import MAX_HEAD_BYTES
from cortensor.router.weak_keys import check_signer_key
from tests.python.router.fake_model import Script
from tests.python.router.test_attempts import bundle_of
from tests.python.router.test_paid_path import delegate, validate
from tests.python.router.test_refusals import refused

if TYPE_CHECKING:
    from tests.python.router.conftest import Start
    from tests.python.router.fake_model import FakeModel
    from tests.python.router.harness import Router

SEPOLIA = 421614


def connect(router: Router) -> socket.socket:
    host, _, port = router.url.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=10)


def answer_of(raw: socket.socket) -> bytes:
    got = b""
    while chunk := raw.recv(65536):
        got += chunk
    return got


@pytest.mark.parametrize("separator", [b"\r\nX-More: ", b""])
def test_huge_headers_are_refused_while_they_come(router: Router, separator: bytes) -> None:
    sent = 0
    with connect(router) as raw:
        raw.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Big: ")
        try:
            while sent < 64 * MAX_HEAD_BYTES:
                raw.sendall(separator + b"x" * 1000)
                sent += 1000
        except OSError:
            pass  # the router has hung up
        else:
            pytest.fail("all of it was read")
    assert router.get("/healthz").ok
    with connect(router) as raw:
        raw.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Big: " + b"x" * (MAX_HEAD_BYTES + 1))
        got = answer_of(raw)
    assert got.startswith(b"HTTP/1.1 431 ")
    assert json.loads(got.partition(b"\r\n\r\n")[2])["code"] == "head_too_large"


def test_a_head_that_comes_slowly_times_out(start: Start) -> None:
    router = start(limits={"body_timeout_ms": 300})
    with connect(router) as raw:
        raw.sendall(b"GET /healthz HTTP/1.1\r\nHost: ")
        got = answer_of(raw)
    assert got.startswith(b"HTTP/1.1 408 ")
    with connect(router) as raw:  # the next head on a connection that is kept is timed, too
        raw.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert raw.recv(65536).startswith(b"HTTP/1.1 200 ")
        raw.sendall(b"GET /healthz HTTP/1.1\r\nHo")
        assert b"HTTP/1.1 408 " in answer_of(raw)


def test_a_large_head_that_is_allowed_and_a_body_behind_it(router: Router, session: str) -> None:
    more = {"X-Large": "x" * (MAX_HEAD_BYTES - 2000)}
    assert router.post("delegate", delegate(session, input="y" * 200_000), more=more).ok


def test_a_budget_in_the_request_is_kept(router: Router, session: str) -> None:
    most = int(router.post("quote", delegate(session)).json()["max_charge_wei"])
    enough = delegate(session, policy={"budget_wei": str(most)})
    assert router.post("delegate", enough).ok
    before = router.ledger()
    low = delegate(session, policy={"budget_wei": str(most - 1)})
    data = refused(router.post("delegate", low), 402, "over_budget", "policy.budget_wei")
    assert data["quote"]["max_charge_wei"] == str(most)
    assert router.ledger() == before
    for bad in ("-1", "1.5", 5, "01"):
        body = delegate(session, policy={"budget_wei": bad})
        refused(router.post("delegate", body), 422, "invalid_field", "policy.budget_wei")


@pytest.mark.parametrize(
    ("policy", "consensus", "replicas"),
    [
        ({"risk": "low"}, {}, 1),
        ({"risk": "medium"}, {}, 3),
        ({"risk": "medium", "tier": "fast"}, {}, 1),
        ({"risk": "medium"}, {"replicas": 1}, 1),
    ],
)
def test_risk_says_how_many_where_nothing_else_does(
    router: Router,
    session: str,
    model: FakeModel,
    policy: dict[str, str],
    consensus: dict[str, int],
    replicas: int,
) -> None:
    model.default = Script(json.dumps({"verdict": "VALID"}))
    body = {
        "session_id": session,
        "claim": "Water is wet.",
        "policy": policy,
        "consensus": consensus,
    }
    data = router.post("validate", body).json()
    assert data["consensus"]["replicas"] == replicas
    bundle_of(router, session, data)  # the receipt is what the request asks for


def test_low_latency_prefers_the_quickest_session(
    router: Router, session: str, model: FakeModel
) -> None:
    for name, delay_s in (("201", 0.2), ("202", 0.02), ("203", 0.1)):
        model.scripts[name] = Script(delay_s=delay_s)
        body = delegate(session, consensus={"session_pool": [name]})
        assert router.post("delegate", body).ok
    quick = router.post("quote", delegate(session, policy={"latency": "low"})).json()
    assert quick["session_pool"] == ["202"]
    assert router.post("quote", delegate(session)).json()["session_pool"] == ["201"]


def test_a_quote_estimates_cost_and_latency(router: Router, session: str, model: FakeModel) -> None:
    unknown = router.post("quote", delegate(session)).json()["estimate"]
    assert unknown == {"charge_wei": None, "latency_ms": None, "slow_ms": None}
    model.default = Script(json.dumps({"verdict": "VALID"}), delay_s=0.05)
    charges = []
    for _ in range(8):
        data = router.post("validate", validate(session)).json()
        charges.append(int(data["charge_wei"]))
    quoted = router.post("quote", validate(session)).json()
    estimate = quoted["estimate"]
    assert 50 <= estimate["latency_ms"] <= estimate["slow_ms"] < 5000
    assert int(estimate["charge_wei"]) == pytest.approx(charges[-1], rel=0.05)
    assert int(estimate["charge_wei"]) <= int(quoted["max_charge_wei"])


@pytest.mark.parametrize(
    "key",
    [
        "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",  # Anvil's second
        "0x" + "a1" * 32,
        "0x" + "0123" * 16,
        "0x" + "00" * 31 + "01",
        "0x" + "00" * 16 + "0123456789abcdef" * 2,
    ],
)
def test_weak_signing_keys_are_refused_on_a_public_chain(key: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        check_signer_key(key, SEPOLIA)
    assert refusal.value.code == "weak_key"
    assert key[2:] not in str(refusal.value)
    check_signer_key(key, 31337)  # a chain of one's own


def test_a_random_key_is_accepted() -> None:
    strong = "0x" + "8f2a559490c1d7b3e6041f7ac9d2850b6e3f1a947d5c2be8903f61d4a7c8e215"
    check_signer_key(strong, SEPOLIA)
