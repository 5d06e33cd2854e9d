# SPDX-License-Identifier: Apache-2.0
"""Long texts are beside a router's bundle, by hash, and whoever verifies fetches them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from cortensor.cli import main
from cortensor.client import Client, Consensus
from cortensor.errors import VerificationFailed
from cortensor.receipts import Bundle, keccak256, to_hex, verify
from cortensor.router import proofs
from cortensor.router.proofs import INLINE_BYTES
from tests.python.client.clients import TRUST, escrow
from tests.python.router.fake_model import Script
from tests.python.router.harness import PAYER, STRANGER_KEY, session_number, token

if TYPE_CHECKING:
    from tests.python.router.fake_node import FakeNode
    from tests.python.router.harness import Router

LONG = "\ufeffan answer of two-byte letters: " + "é" * (INLINE_BYTES // 2)
ASKED = "A" * (INLINE_BYTES + 1)


def asked(router: Router, session: str, answer: str, objective: str = "Say") -> str:
    """The path of a receipt whose three replicas gave an answer."""
    router.model.default = Script(answer)
    body = {"session_id": session, "objective": objective, "consensus": {"replicas": 3}}
    given = router.post("delegate", body)
    assert given.status_code == 200, given.text
    return f"/api/v4/receipt/{given.json()['receipt_id']}"


def name_of(text: str) -> str:
    return to_hex(keccak256(text.encode()))


def verified(router: Router, session: str, path: str) -> tuple[int, dict[str, Any]]:
    line = ["receipt", "verify", router.url + path, "--grant", token(session), "--json"]
    done = CliRunner().invoke(main, line)
    (found,) = json.loads(done.output)
    return done.exit_code, found


def test_short_texts_are_in_the_bundle_of_format_1(router: Router, session: str) -> None:
    path = asked(router, session, "e" * INLINE_BYTES)
    bundle = router.get(f"{path}?bundle=1", auth=token(session)).json()
    assert bundle["format"] == "cortensor-bundle/1"
    assert bundle["evidence"][0]["replica"]["output"] == "e" * INLINE_BYTES


def test_long_texts_are_beside_it_for_the_holder_of_the_grant(
    router: Router, node: FakeNode, session: str
) -> None:
    path, auth = asked(router, session, LONG, ASKED), token(session)
    raw = router.get(f"{path}?bundle=1", auth=auth).content
    assert len(raw) < INLINE_BYTES
    bundle = Bundle.load(raw)
    request = bundle.detached()[-1]
    assert bundle.detached() == (*[name_of(LONG)] * 3, request)
    assert verify(bundle).verdict == "consistent"

    answer = router.get(f"{path}/text/{name_of(LONG)}", auth=auth)
    assert answer.content.decode() == LONG
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    sent = router.get(f"{path}/text/{request}", auth=auth).text
    assert json.loads(sent)["request"]["objective"] == ASKED
    for name in (name_of("another text"), "0x12", name_of(LONG).upper()):
        missing = router.get(f"{path}/text/{name}", auth=auth)
        assert (missing.status_code, missing.json()["code"]) == (404, "unknown_text")

    node.open(session_number(2), PAYER, 1)
    other = f"0x{session_number(2):040x}"
    for wrong in (None, token(session, STRANGER_KEY), token(other)):
        refused = router.get(f"{path}/text/{request}", auth=wrong)
        assert refused.status_code == 401, wrong
    unknown = f"/api/v4/receipt/0x{'0' * 64}/text/{request}"
    assert router.get(unknown, auth=auth).json()["code"] == "unknown_receipt"


def test_verify_and_the_client_fetch_them(
    router: Router, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = asked(router, session, LONG, ASKED)
    code, found = verified(router, session, path)
    status = {check["name"]: check["status"] for check in found["checks"]}
    assert (code, found["withheld"]) == (3, [])
    assert (status["evidence"], status["grouping"], status["request"]) == ("proven",) * 3

    client = Client(router.url, escrow(session), trust=TRUST)
    done = client.delegate(ASKED, consensus=Consensus(replicas=3))
    assert done.bundle is not None
    assert done.bundle.detached() == ()
    assert done.bundle.outputs() == dict.fromkeys(range(3), LONG)
    assert client.bundle(done.receipt_id) == done.bundle

    monkeypatch.setattr(proofs, "_text", lambda *_: "another text")
    with pytest.raises(VerificationFailed, match="another hash"):
        client.bundle(done.receipt_id)
    client.close()
    code, found = verified(router, session, path)
    assert (code, found["error"]["detail"]) == (2, "has another hash than its name")


def test_a_text_that_the_router_keeps_back_is_not_verified_without(
    router: Router, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = asked(router, session, LONG)
    monkeypatch.setattr(proofs, "name_of", lambda _: "0x")
    code, found = verified(router, session, path)
    assert (code, found["ok"]) == (4, False)
    assert f"/text/{name_of(LONG)[:20]}" in found["error"]["detail"]
    assert found["error"]["detail"].endswith(": status 404")
