# SPDX-License-Identifier: Apache-2.0
"""A receipt is about what its request names; v2, v3 and the models know nothing of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cortensor.client import Client, Payment
from cortensor.receipts.bundle import Bundle
from cortensor.receipts.verify import verify_bundle
from tests.python.router.fake_model import Script
from tests.python.router.harness import DOMAIN, PAYER_KEY, token
from tests.python.router.test_versions import post, refused

if TYPE_CHECKING:
    from tests.python.router.harness import Router

SUBJECT = "0x" + "5b" * 32
NONE = "0x" + "00" * 32
CALLS = (("v4/delegate", "objective"), ("v4/validate", "claim"), ("v4/factcheck", "claim"))


def bundle_of(router: Router, session: str, receipt_id: str) -> Bundle:
    path = f"/api/v4/receipt/{receipt_id}?bundle=1"
    return Bundle.load(router.get(path, auth=token(session)).content)


@pytest.mark.parametrize(("path", "field"), CALLS)
def test_a_receipt_is_about_what_the_request_names(
    router: Router, session: str, path: str, field: str
) -> None:
    router.model.default = Script("VALID")
    for subject in (SUBJECT, None):
        body: dict[str, Any] = {"session_id": session, field: "Water is wet."}
        body |= {} if subject is None else {"subject": subject}
        data = post(router, session, path, body).json()
        found = bundle_of(router, session, data["receipt_id"])
        assert found.receipt.subject == found.charge["subject"] == (subject or NONE)
        assert verify_bundle(found).failures == ()
    assert all("5b5b" not in str(sent) for sent in router.model.requests)


@pytest.mark.parametrize("wrong", ["0x" + "5B" * 32, "0x5b", "", SUBJECT + "\n", 5])
def test_what_is_no_subject_is_refused(router: Router, session: str, wrong: object) -> None:
    body = {"session_id": session, "claim": "Water is wet.", "subject": wrong}
    refused(post(router, session, "v4/validate", body), 422, "invalid_field", "subject")
    assert router.model.requests == []


@pytest.mark.parametrize("path", ["v2/validate", "v3/validate", "v2/factcheck", "v3/factcheck"])
def test_v2_and_v3_have_none(router: Router, session: str, path: str) -> None:
    body = {"claim": "Water is wet.", "subject": SUBJECT}
    refused(post(router, session, path, body), 422, "unknown_field", "subject")


def test_it_is_part_of_the_request_that_a_key_stands_for(router: Router, session: str) -> None:
    router.model.default = Script("VALID")
    body = {"session_id": session, "claim": "Water is wet.", "subject": SUBJECT}
    first = post(router, session, "v4/validate", body, key="k").json()
    assert post(router, session, "v4/validate", body, key="k").json() == first
    other = {**body, "subject": "0x" + "5c" * 32}
    answer = post(router, session, "v4/validate", other, key="k")
    assert answer.status_code == 409
    assert router.ledger()[session][0] == int(first["charge_wei"])


def test_the_client_names_it_and_checks_its_receipt(router: Router, session: str) -> None:
    router.model.default = Script("VALID")
    payment = Payment(session=session, domain=DOMAIN, payer=PAYER_KEY)
    with Client(router.url, payment) as client:
        done = client.validate("Water is wet.", subject=SUBJECT)
    assert done.bundle is not None
    assert done.bundle.receipt.subject == SUBJECT
