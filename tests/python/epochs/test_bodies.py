# SPDX-License-Identifier: Apache-2.0
"""A router's published bodies, page by page, as whoever computes an epoch reads them."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from cortensor.epochs.bodies import bodies_of, fetch_bodies
from cortensor.errors import Error, Unavailable, VerificationFailed
from cortensor.receipts.keccak import keccak256, to_hex
from cortensor.receipts.sign import address_of, sign
from cortensor.router import body_routes
from cortensor.router.body_routes import BodyDesk
from cortensor.store.calls import IN_THREADS
from cortensor.watch.leaves import Leaf, make_leaf
from tests.python.epochs.publishing import DOMAIN, KEY, LIMITS, REAL, Answers, body, leaf


def test_pages_are_read_to_the_last_and_each_body_is_its_leafs(answers: Answers) -> None:
    answers.page(0, 2, [0, 1])
    answers.page(2, None, [2])
    found = fetch_bodies(answers.url, [leaf(number) for number in (2, 0, 1)], LIMITS)
    assert [each.issued_at - REAL["issued_at"] for _, each in found] == [2, 0, 1]
    assert all(identifier == each.receipt_id() for identifier, each in found)


def test_what_its_router_did_not_sign_is_passed_over(answers: Answers) -> None:
    answers.page(0, None, [0, 1])
    leaves = [leaf(0, "0x" + "b2" * 32), leaf(1)]
    assert [
        each.issued_at - REAL["issued_at"] for _, each in fetch_bodies(answers.url, leaves, LIMITS)
    ] == [1]


def test_a_missing_body_is_never_silently_less(answers: Answers) -> None:
    answers.page(0, None, [0])
    with pytest.raises(VerificationFailed, match="no body of 0x"):
        fetch_bodies(answers.url, [leaf(0), leaf(1)], LIMITS)


def test_a_router_that_does_not_publish_is_named(answers: Answers) -> None:
    with pytest.raises(Unavailable, match=r"/batch/receipts\?first=0: status 404"):
        fetch_bodies(answers.url, [leaf(0)], LIMITS)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"next": null}', b"[" * 5000, b'{"bodies": 1}'])
def test_garbage_is_one_clear_error(answers: Answers, content: bytes) -> None:
    answers.pages["/batch/receipts?first=0"] = content
    with pytest.raises(VerificationFailed, match="cannot be read"):
        fetch_bodies(answers.url, [leaf(0)], LIMITS)


def test_pages_that_go_back_end(answers: Answers) -> None:
    answers.page(0, 0, [0])
    with pytest.raises(Error, match="do not end"):
        fetch_bodies(answers.url, [leaf(0)], LIMITS)


def spelled(raw: bytes) -> Leaf:
    """A leaf of a receipt whose body is these bytes."""
    struct = body(0).struct(to_hex(keccak256(raw)))
    signature = sign(KEY, struct.digest(DOMAIN))
    return make_leaf(struct, 1, 10**18, signature, DOMAIN, ("0x" + "44" * 32, address_of(KEY)))


def test_a_body_spelled_otherwise_says_the_same() -> None:
    raw = json.dumps(body(0).to_json(), indent=1).encode()
    assert raw != body(0).canonical()
    ((_, found),) = bodies_of([spelled(raw)], [raw])
    assert found == body(0)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"api_version":"v4"', b'"api_version":"v4","api_version":"v4"'),
        (b'"issued_at":1', b'"issued_at":1.0'),
        (b'"api_version":"v4"', b'"api_version":"v4","more":1'),
        (b'"format":"cortensor-receipt/1"', b'"format":"cortensor-receipt/4"'),
    ],
    ids=["key twice", "a float", "unknown field", "lacks a field"],
)
def test_a_body_with_two_meanings_is_refused(old: bytes, new: bytes) -> None:
    raw = body(0).canonical()
    assert raw.count(old) == 1
    changed = raw.replace(old, new)
    with pytest.raises(VerificationFailed, match="cannot be read"):
        bodies_of([spelled(changed)], [changed])


def client(count: int, *, is_public: bool = True) -> TestClient:
    leaves = [SimpleNamespace(receipt_id=str(number)) for number in range(count)]
    outbox = SimpleNamespace(leaves=lambda root: leaves if root == "0xab" else [])
    ledger = SimpleNamespace(
        receipt=lambda name: SimpleNamespace(body=json.dumps({"number": int(name)}).encode())
    )
    desk = BodyDesk(ledger, outbox, IN_THREADS, is_public=is_public)  # type: ignore[arg-type]
    return TestClient(Starlette(routes=desk.routes()))


def test_a_batch_is_given_in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_routes, "PAGE", 4)
    asked, numbers = client(9), []
    first: int | None = 0
    while first is not None:
        page = asked.get(f"/api/v4/batch/0xAB/receipts?first={first}").json()
        assert (page["count"], page["first"]) == (9, first)
        numbers += [each["number"] for each in page["bodies"]]
        first = page["next"]
    assert numbers == list(range(9))


@pytest.mark.parametrize("first", ["-1", "x", "1e3", "9" * 10, "٣"])
def test_a_place_that_is_no_number_is_refused(first: str) -> None:
    with pytest.raises(Error, match="must be a leaf's number"):
        client(1).get("/api/v4/batch/0xab/receipts", params={"first": first})


@pytest.mark.parametrize(
    ("is_public", "root", "code"),
    [(False, "0xab", "bodies_not_published"), (True, "0xcd", "unknown_batch")],
)
def test_what_is_not_there_is_said(is_public: bool, root: str, code: str) -> None:
    with pytest.raises(Error) as refused:
        client(1, is_public=is_public).get(f"/api/v4/batch/{root}/receipts")
    assert refused.value.code == code
