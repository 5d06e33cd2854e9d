# SPDX-License-Identifier: Apache-2.0
"""Every call of the client on a real router, with both clients."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from cortensor.client import (
    BillRefused,
    ChatMessage,
    Consensus,
    ConsensusFailed,
    MessageRequest,
    Payment,
    PaymentRequired,
    Refusal,
    Rejected,
    SamplingRequest,
    Unauthorized,
    UpstreamFailed,
    asks,
    chat,
    completion_v2,
    delegate_v2,
    delegate_v3,
    factcheck_v2,
    factcheck_v3,
    validate,
    validate_v2,
    validate_v3,
)
from cortensor.errors import InvalidInput
from cortensor.errors import NotFound as RootNotFound
from cortensor.errors import PaymentRequired as RootPaymentRequired
from cortensor.receipts.access import make_token
from cortensor.receipts.checks import PROVEN
from cortensor.receipts.typed import AccessGrant
from cortensor.router.consensus_schemas import ConsensusRequest
from tests.python.client.clients import escrow, keyed
from tests.python.client.flaky_proxy import Pass, rewritten
from tests.python.router.fake_model import Script
from tests.python.router.harness import COR, DOMAIN, PAYER, PAYER_KEY, STRANGER_KEY, session_number
from tests.python.router.test_api_keys import issue

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.python.client.flaky_proxy import FlakyProxy
    from tests.python.router.fake_model import FakeModel
    from tests.python.router.fake_node import FakeNode
    from tests.python.router.harness import Router

    Connect = Callable[..., Any]

THREE = Consensus(replicas=3)


def verdict(word: str) -> Script:
    return Script(json.dumps({"verdict": word}))


def test_consensus_has_every_setting_of_the_api() -> None:
    ours = set(Consensus.__struct_fields__)
    assert ours == set(ConsensusRequest.__struct_fields__) - {"aggregation"}


def test_a_delegation_comes_with_a_checked_receipt(
    router: Router, session: str, connect: Connect
) -> None:
    client = connect(router.url, escrow(session))
    done = client.delegate("Say something", input={"a": 1.5}, max_tokens=20)
    assert done.answer.result.output == "an answer"
    assert done.charge_wei == int(done.answer.charge_wei) == done.total_wei
    assert not done.replayed
    for name in ("id", "signature", "consensus", "request", "bill", "card", "signer"):
        assert done.verification.status_of(name) == PROVEN
    assert router.ledger()[session] == (done.charge_wei, 0)


def test_what_is_left_out_is_not_sent(
    router: Router, session: str, connect: Connect, model: FakeModel
) -> None:
    model.default = verdict("VALID")
    client = connect(router.url, escrow(session))
    safe = client.validate("Water is wet.", tier="safe")
    assert safe.answer.consensus.replicas == 3
    only = client.validate("Water is wet.", tier="safe", consensus=Consensus(replicas=1))
    assert only.answer.consensus.replicas == 1


def test_hints_of_the_policy(router: Router, session: str, connect: Connect) -> None:
    client = connect(router.url, escrow(session))
    done = client.delegate("x", risk="medium", latency="low", budget_wei=COR)
    assert done.answer.consensus.replicas == 3
    with pytest.raises(PaymentRequired):
        client.delegate("x", budget_wei=1)


def test_an_api_key_pays_too(router: Router, session: str, connect: Connect) -> None:
    key = issue(router, session, scopes=["delegate", "receipts"])
    client = connect(router.url, Payment(session=session, domain=DOMAIN, grant=key))
    assert client.delegate("x").verification.status_of("bill") == PROVEN


def test_verdicts_and_facts(
    router: Router, session: str, connect: Connect, model: FakeModel
) -> None:
    model.default = verdict("INVALID")
    client = connect(router.url, escrow(session))
    assert client.validate("x", context="y", consensus=THREE).answer.result.verdict == "INVALID"
    assert client.factcheck("x", consensus=THREE).answer.result.verdict == "FALSE"
    model.default = verdict("SELLER_VALID")
    ruled = client.validate(
        "x", mode="arbitration", consensus=Consensus(replicas=3, least_confidence_bps=1)
    )
    assert ruled.answer.result.verdict == "SELLER_VALID"


def test_structured_output(
    router: Router, session: str, connect: Connect, model: FakeModel
) -> None:
    model.default = Script('"x"')
    client = connect(router.url, escrow(session))
    schema = {"type": "string"}
    assert client.delegate("Name", output_schema=schema).answer.result.data == "x"
    assert client.run(delegate_v3("Name", output_schema=schema)).answer.result == "x"


def test_conversations_sampling_traces_and_repairs(
    router: Router, session: str, connect: Connect, model: FakeModel
) -> None:
    client = connect(router.url, escrow(session))
    done = client.delegate(
        messages=[
            MessageRequest(role="system", content="Be brief."),
            {"role": "user", "content": "Say something"},
        ],
        sampling=SamplingRequest(temperature_bps=2500, stop=["END"]),
        tool_trace=[{"tool": "search", "seconds": 0.5}],
    )
    assert len(done.answer.tool_traces) == 1
    asked = model.requests[-1]
    assert [each["role"] for each in asked["messages"]] == ["system", "user"]
    assert (asked["temperature"], asked["stop"]) == (0.25, ["END"])
    with pytest.raises(UpstreamFailed):
        client.delegate("Name", output_schema={"type": "integer"}, repair_attempts=0)
    before = len(model.requests)
    model.default = Script("no", then=Script("7"))
    fixed = client.delegate("Name", output_schema={"type": "integer"}, repair_attempts=1)
    assert (fixed.answer.result.data, len(model.requests) - before) == (7, 2)


@pytest.mark.parametrize("pays", [escrow, keyed])
def test_chats(
    router: Router, session: str, keyed_session: str, connect: Connect, model: FakeModel, pays: Any
) -> None:
    client = connect(router.url, pays(session if pays is escrow else keyed_session))
    asked = [ChatMessage(role="user", content="Say something")]
    done = client.chat(asked, temperature=0.5, user="u", tier="safe", top_k=5)
    assert done.answer.text == "an answer"
    assert done.answer.cortensor.consensus.replicas == 3
    assert done.verification.status_of("request") == PROVEN
    one = client.chat(asked, model="202", max_tokens=9)
    assert [each.session_id for each in one.answer.cortensor.consensus.replica_results] == ["202"]
    assert client.quote(chat(asked, model="202")).session_pool == ["202"]
    with pytest.raises(RootNotFound) as unknown:
        client.chat(asked, model="gpt-9")
    assert unknown.value.code == "model_not_found"
    with pytest.raises(InvalidInput) as early:
        client.chat(asked, extra={"tools": [{}]})
    assert (early.value.field, len(model.requests)) == ("tools", 4)
    with pytest.raises(PaymentRequired) as refused:
        client.chat(asked, budget_wei=1)
    assert (refused.value.code, refused.value.status) == ("over_budget", 402)
    assert refused.value.quote is not None


def test_a_charged_refusal_of_a_chat_brings_its_checked_receipt(
    router: Router, session: str, connect: Connect, model: FakeModel
) -> None:
    for name, word in (("201", "a"), ("202", "b"), ("203", "c")):
        model.scripts[name] = Script(word)
    client = connect(router.url, escrow(session))
    with pytest.raises(ConsensusFailed) as caught:
        client.chat(
            [{"role": "user", "content": "x"}],
            consensus=Consensus(replicas=3, disagreement_policy="fail_hard"),
        )
    assert caught.value.paid.verification.status_of("bill") == PROVEN
    assert router.ledger()[session] == (caught.value.paid.charge_wei, 0)
    open_ = client.chat([{"role": "user", "content": "x"}], consensus=THREE)
    assert (open_.answer.text, open_.answer.choices[0].finish_reason) == ("", "no_consensus")


def test_an_empty_text_is_not_believed_where_the_receipt_has_one(
    router: Router, proxy: FlakyProxy, session: str, connect: Connect
) -> None:
    client = connect(proxy.url, escrow(session))
    proxy.faults = [Pass(rewritten(lambda found: found.replace('"text":"an answer"', '"text":""')))]
    with pytest.raises(BillRefused, match="text"):
        client.completions("Say something")


def test_extra_members_are_signed_as_they_are_sent(
    router: Router, keyed_session: str, connect: Connect, model: FakeModel
) -> None:
    client = connect(router.url, keyed(keyed_session))
    text = client.completions("Say", extra={"temperature": 0.25, "precommit_timeout": 1.0})
    assert (model.requests[-1]["temperature"], text.answer.not_applied) == (
        0.25,
        ["precommit_timeout"],
    )
    client.run(delegate_v2("Say", extra={"execution": {"max_tokens": 9}}))
    assert model.requests[-1]["max_tokens"] == 9
    model.default = verdict("VALID")
    client.run(validate_v3("x", extra={"actor": "seller"}))
    client.run(validate_v2("x", actor={"id": 7}))
    with pytest.raises(InvalidInput) as early:
        client.run(delegate_v2("x", extra={"sampling": {}}))
    assert (early.value.code, early.value.field) == ("unknown_field", "sampling")


@pytest.mark.parametrize("pays", [escrow, keyed])
def test_older_versions_are_one_request_with_v4(
    router: Router,
    session: str,
    keyed_session: str,
    connect: Connect,
    model: FakeModel,
    pays: Any,
) -> None:
    client = connect(router.url, pays(session if pays is escrow else keyed_session))
    model.default = Script("an answer")
    options = {"max_tokens": 9, "timeout_ms": 4000, "metadata": {"a": 1}}
    assert client.run(delegate_v2("Say", input="x", **options)).answer.result == "an answer"
    one = client.run(delegate_v2("Say", compute_session="202", tier="fast")).answer
    assert [step.session_id for step in one.evidence.steps] == ["202"]
    three = client.run(delegate_v3("Say", consensus=THREE, **options)).answer
    assert three.consensus.replicas == 3
    text = client.completions("Say", max_tokens=9, timeout_ms=1500, client_reference="r")
    assert text.answer.text == "an answer"
    older = client.run(completion_v2("Say", compute_session="202", top_p=0.5))
    assert (older.answer.text, older.answer.model) == ("an answer", "202")
    assert client.completions("Say", consensus=THREE).answer.consensus.replicas == 3
    model.default = verdict("VALID")
    assert client.run(validate_v2("x", context="c")).answer.verdict == "VALID"
    assert client.run(validate_v3("x", consensus=THREE)).answer.verdict == "VALID"
    assert client.run(factcheck_v2("x")).answer.verdict == "TRUE"
    assert client.run(factcheck_v3("x", consensus=THREE)).answer.verdict == "TRUE"


def test_a_session_key_signs_each_request(
    router: Router, keyed_session: str, connect: Connect
) -> None:
    client = connect(router.url, keyed(keyed_session))
    assert client.delegate("Say something").answer.result.output == "an answer"
    with pytest.raises(PaymentRequired) as caught:
        client.delegate("Say something", max_charge_wei=1)
    assert caught.value.code == "max_charge_too_low"
    assert isinstance(caught.value, RootPaymentRequired)
    assert caught.value.quote is not None
    assert int(caught.value.quote["max_charge_wei"]) > 1


def test_free_calls(router: Router, session: str, connect: Connect) -> None:
    client = connect(router.url, escrow(session))
    most = client.quote(asks.delegate("Say something", consensus=THREE))
    assert (most.replicas, most.available_wei) == (3, str(COR))
    assert client.quote(validate("Say something")).endpoint == "validate"
    sized = client.quote_size(endpoint="delegate", replicas=1, session_pool=["201"], input_bytes=9)
    assert sized.session_pool == ["201"]
    done = client.delegate("Say something")
    assert client.receipt(done.receipt_id).charge["charge"] == str(done.charge_wei)
    assert client.bundle(done.receipt_id) == done.bundle
    assert client.tasks().count == 0
    assert [state.id for state in client.sessions().sessions] == ["201", "202", "203"]
    assert client.hand_in_voucher() is None
    assert client.total_wei is None
    with pytest.raises(Refusal) as caught:
        client.batch("0x" + "00" * 32)
    assert caught.value.code == "unknown_batch"


def test_a_reader_needs_no_session(router: Router, connect: Connect) -> None:
    client = connect(router.url)
    assert client.sessions().count == 3
    with pytest.raises(InvalidInput):
        client.delegate("x")


def test_refusals_are_exceptions_with_code_field_and_members(
    router: Router, node: FakeNode, session: str, connect: Connect, model: FakeModel
) -> None:
    client = connect(router.url, escrow(session))
    with pytest.raises(Rejected) as caught:
        client.delegate("x", consensus=Consensus(replicas=2))
    assert (caught.value.status, caught.value.code) == (422, "invalid_field")
    assert caught.value.field == "consensus.replicas"
    stranger = connect(
        router.url,
        escrow(
            session, grant=make_token(STRANGER_KEY, AccessGrant(int(session, 16), 2**40), DOMAIN)
        ),
    )
    with pytest.raises(Unauthorized):
        stranger.delegate("x")
    poor = connect(router.url, escrow(node.open(session_number(7), PAYER, 5)))
    with pytest.raises(PaymentRequired) as broke:
        poor.delegate("x")
    assert (broke.value.code, broke.value.quote["available_wei"]) == ("over_budget", "5")
    model.default = Script(status=500)
    with pytest.raises(UpstreamFailed) as failed:
        client.delegate("x")
    assert failed.value.replica_results[0]["reason"] == "upstream_error"
    assert router.ledger()[session] == (0, 0)


def test_a_charged_refusal_brings_its_checked_receipt(
    router: Router, session: str, connect: Connect, model: FakeModel
) -> None:
    for name, word in (("201", "VALID"), ("202", "INVALID"), ("203", "?")):
        model.scripts[name] = verdict(word)
    client = connect(router.url, escrow(session))
    with pytest.raises(ConsensusFailed) as caught:
        client.validate("x", consensus=Consensus(replicas=3, disagreement_policy="fail_hard"))
    paid = caught.value.paid
    assert paid.verification.status_of("bill") == PROVEN
    assert router.ledger()[session] == (paid.charge_wei, 0)
    assert len(model.requests) == 3  # a charged answer is not asked for again


def test_a_grant_may_come_from_elsewhere(router: Router, session: str, connect: Connect) -> None:
    token = make_token(PAYER_KEY, AccessGrant(int(session, 16), 2**40), DOMAIN)
    payment = escrow(session, grant=token)
    assert connect(router.url, payment).delegate("x").charge_wei > 0
    with pytest.raises(InvalidInput):
        type(payment)(session=session, domain=DOMAIN)
