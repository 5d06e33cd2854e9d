# SPDX-License-Identifier: Apache-2.0
"""Sessions with a key: each request is signed, bounded, and charged once."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest
from eth_account.messages import encode_typed_data
from eth_utils import keccak

from cortensor.receipts.bundle import Bundle
from cortensor.receipts.typed import Domain, Request, Voucher
from cortensor.receipts.verify import verify_bundle
from cortensor.store.store import Store
from tests.python.router.fake_node import CHAIN_ID, PAYMENT
from tests.python.router.harness import (
    COR,
    DOMAIN,
    KEYED,
    PAYER,
    STRANGER_KEY,
    session_number,
    signed,
    token,
)
from tests.python.router.test_paid_path import delegate, validate
from tests.python.router.test_refusals import free, refused

if TYPE_CHECKING:
    from cortensor.store.address import DatabaseAddress
    from tests.python.router.fake_model import FakeModel
    from tests.python.router.fake_node import FakeNode
    from tests.python.router.harness import Router


@pytest.fixture
def ledger_at(database: DatabaseAddress) -> DatabaseAddress:
    return database


SIGNATURE = "X-Cortensor-Request-Signature"


@pytest.fixture
def keyed(node: FakeNode) -> str:
    return node.open(session_number(5), PAYER, COR, KEYED)


def test_a_signed_request_is_served_and_its_word_kept(router: Router, keyed: str) -> None:
    body = delegate(keyed)
    answer = router.post("delegate", body, more=signed(body, salt=7))
    assert answer.status_code == 200, answer.text
    data = answer.json()
    assert data["request_salt"] == f"0x{7:064x}"
    assert answer.headers["X-Cortensor-Total"] == data["charge_wei"]
    path = f"/api/v4/receipt/{data['receipt_id']}"
    bundle = Bundle.load(router.get(f"{path}?bundle=1", auth=token(keyed)).content)
    assert not verify_bundle(bundle).failures
    with Store(router.config.database_address) as store:
        record = store.ledger.receipt(data["receipt_id"].removeprefix("urn:cortensor:receipt:"))
    assert record is not None
    assert record.authorization is not None
    assert json.loads(record.authorization) == {
        "max_charge": str(COR),
        "signature": signed(body, salt=7)[SIGNATURE],
    }
    assert record.request_commitment == bundle.receipt.request_commitment


@pytest.mark.parametrize("endpoint", ["delegate", "validate"])
def test_the_endpoint_is_part_of_what_is_signed(
    router: Router, keyed: str, model: FakeModel, endpoint: str
) -> None:
    model.default.text = '{"verdict": "VALID"}'
    body = delegate(keyed) if endpoint == "delegate" else validate(keyed, replicas=1)
    other = "validate" if endpoint == "delegate" else "delegate"
    wrong = signed(body, endpoint=other)
    refused(router.post(endpoint, body, more=wrong), 401, "request_not_signed", SIGNATURE)
    assert router.post(endpoint, body, more=signed(body, endpoint=endpoint)).ok


def test_a_request_without_the_keys_word_is_refused(router: Router, keyed: str) -> None:
    body = delegate(keyed)
    good = signed(body)
    cases: list[tuple[dict[str, str], str]] = [
        ({}, "X-Cortensor-Request-Salt"),
        ({"X-Cortensor-Request-Salt": "0x12"}, "X-Cortensor-Request-Salt"),
        ({"X-Cortensor-Max-Charge": "-1"}, "X-Cortensor-Max-Charge"),
        ({"X-Cortensor-Max-Charge": "1e18"}, "X-Cortensor-Max-Charge"),
        ({"X-Cortensor-Max-Charge": str(2**96)}, SIGNATURE),
        ({"X-Cortensor-Max-Charge": str(COR + 1)}, SIGNATURE),
        ({SIGNATURE: "0x" + "00" * 65}, SIGNATURE),
        ({SIGNATURE: good[SIGNATURE][:-2]}, SIGNATURE),
        (signed(body, key=STRANGER_KEY), SIGNATURE),
        (signed(body, domain=Domain(1, DOMAIN.session_payment)), SIGNATURE),
        (signed(delegate(keyed, input="other")), SIGNATURE),
        (signed(body, salt=2) | {"X-Cortensor-Request-Salt": f"0x{3:064x}"}, SIGNATURE),
    ]
    for changes, field in cases:
        more = {**good, **changes} if changes else {}
        refused(router.post("delegate", body, more=more), 401, "request_not_signed", field)
    free(router)


def test_a_signature_for_less_than_the_quote_is_refused_with_it(router: Router, keyed: str) -> None:
    body = delegate(keyed)
    most = int(router.post("quote", body).json()["max_charge_wei"])
    answer = router.post("delegate", body, more=signed(body, most=most - 1))
    data = refused(answer, 402, "max_charge_too_low", "session_id")
    assert data["quote"]["max_charge_wei"] == str(most)
    free(router)
    paid = router.post("delegate", body, more=signed(body, most=most))
    assert int(paid.json()["charge_wei"]) <= most


def test_one_signed_request_is_charged_once(router: Router, keyed: str, node: FakeNode) -> None:
    body = delegate(keyed)
    more = signed(body)
    first = router.post("delegate", body, more=more, key="one")
    assert first.ok
    replayed = router.post("delegate", body, more=more, key="one")
    assert replayed.content == first.content
    assert replayed.headers["Idempotent-Replayed"] == "true"
    assert replayed.headers["X-Cortensor-Total"] == first.headers["X-Cortensor-Total"]
    for key in (None, "two"):
        refused(
            router.post("delegate", body, more=more, key=key),
            409,
            "request_already_charged",
            "X-Cortensor-Request-Salt",
        )
    charge = int(first.json()["charge_wei"])
    assert router.ledger()[keyed] == (charge, 0)
    again = router.post("delegate", body, more=signed(body, salt=2))
    assert int(again.headers["X-Cortensor-Total"]) == charge + int(again.json()["charge_wei"])
    # the same words in another session are another request
    other = node.open(session_number(6), PAYER, COR, KEYED)
    body = delegate(other)
    assert router.post("delegate", body, more=signed(body)).ok


def test_a_signed_request_runs_once_at_a_time(router: Router, keyed: str, model: FakeModel) -> None:
    body = delegate(keyed)
    more = signed(body)
    model.gate = threading.Event()
    answers: list[Any] = []
    caller = threading.Thread(
        target=lambda: answers.append(router.post("delegate", body, more=more))
    )
    caller.start()
    assert model.arrived.acquire(timeout=20)
    refused(
        router.post("delegate", body, more=more), 409, "request_running", "X-Cortensor-Request-Salt"
    )
    model.gate.set()
    caller.join(20)
    assert answers[0].ok


def test_a_signed_request_that_failed_may_be_sent_again(
    router: Router, keyed: str, model: FakeModel
) -> None:
    body = delegate(keyed)
    model.default.status = 500
    refused(router.post("delegate", body, more=signed(body)), 502, "all_replicas_failed")
    model.default.status = 200
    assert router.post("delegate", body, more=signed(body)).ok


def test_without_a_key_the_headers_mean_nothing(router: Router, session: str) -> None:
    body = delegate(session)
    more = signed(body, key=STRANGER_KEY, most=0)
    salts = {router.post("delegate", body, more=more).json()["request_salt"] for _ in range(2)}
    assert len(salts) == 2


def test_what_a_key_signs_is_eip712() -> None:
    domain = {
        "name": "Cortensor SessionPayment",
        "version": "1",
        "chainId": CHAIN_ID,
        "verifyingContract": PAYMENT,
    }
    session, word = {"name": "session", "type": "uint256"}, b"\x07" * 32
    asked = [
        session,
        {"name": "request_commitment", "type": "bytes32"},
        {"name": "max_charge", "type": "uint96"},
    ]
    values = {"session": 5, "request_commitment": word, "max_charge": 9}
    made = encode_typed_data(domain, {"Request": asked}, values)
    expected = keccak(b"\x19" + made.version + made.header + made.body)
    assert Request(5, word, 9).digest(DOMAIN) == expected
    owed = [session, {"name": "cumulative", "type": "uint96"}]
    made = encode_typed_data(domain, {"Voucher": owed}, {"session": 5, "cumulative": 9})
    expected = keccak(b"\x19" + made.version + made.header + made.body)
    assert Voucher(5, 9).digest(DOMAIN) == expected
