# SPDX-License-Identifier: Apache-2.0
"""Streamed answers: in pieces, whole, checked and charged once, whatever breaks."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from cortensor.client import (
    BillRefused,
    Consensus,
    PaymentRequired,
    StreamCut,
    UpstreamFailed,
    chat,
    completion,
    completion_v2,
    delegate_v3,
)
from cortensor.client.events import Events
from cortensor.client.preparing import CHAT_PATH
from cortensor.errors import InvalidInput
from cortensor.errors import UpstreamFailed as RootUpstreamFailed
from cortensor.receipts.checks import PROVEN
from tests.python.client.clients import escrow, keyed, voucher
from tests.python.client.flaky_proxy import (
    Answer,
    CutReply,
    LoseReply,
    LoseRequest,
    Pass,
    rewritten,
)
from tests.python.router.fake_model import Script

if TYPE_CHECKING:
    from collections.abc import Callable

    from cortensor.client import Ask
    from tests.python.client.flaky_proxy import FlakyProxy
    from tests.python.router.fake_model import FakeModel
    from tests.python.router.harness import Router

    Connect = Callable[..., Any]

TEXT = "an answer of several words"
CHAT = [{"role": "user", "content": "Say something"}]


def talk(**options: Any) -> Ask[Any]:
    return chat(CHAT, **options)


def text(**options: Any) -> Ask[Any]:
    return completion("Say something", **options)


def text_v2(**options: Any) -> Ask[Any]:
    return completion_v2("Say something", **options)


MADE = [talk, text, text_v2]


@pytest.mark.parametrize("pays", [escrow, keyed])
@pytest.mark.parametrize("make", MADE)
def test_an_answer_comes_in_pieces_and_ends_with_its_checked_receipt(
    router: Router,
    session: str,
    keyed_session: str,
    connect: Connect,
    model: FakeModel,
    make: Any,
    pays: Any,
) -> None:
    model.default = Script(TEXT)
    paying = session if pays is escrow else keyed_session
    client = connect(router.url, pays(paying))
    *pieces, last = client.stream(make())
    assert [piece.text for piece in pieces] == ["an ", "answer ", "of ", "several ", "words"]
    assert all(piece.paid is None for piece in pieces)
    assert last.text == ""
    paid = last.paid
    assert paid.answer.text == TEXT
    assert paid.verification.status_of("signature") == PROVEN
    assert not paid.replayed
    assert router.ledger()[paying] == (paid.charge_wei, 0)
    assert paid.total_wei == paid.charge_wei
    whole = client.run(make(idempotency_key=paid.idempotency_key))
    assert (whole.replayed, whole.receipt_id) == (True, paid.receipt_id)
    assert whole.answer.usage == paid.answer.usage
    assert whole.answer.choices[0] == paid.answer.choices[0]


def test_pieces_come_while_the_answer_is_made(
    router: Router, session: str, connect: Connect, model: FakeModel
) -> None:
    model.default = Script(TEXT, drip_s=0.2)
    client = connect(router.url, escrow(session))
    times = [time.monotonic() for _ in client.stream(talk())]
    assert times[-1] - times[0] > 0.6


def test_what_others_must_agree_with_comes_in_one_piece(
    router: Router, session: str, connect: Connect, model: FakeModel
) -> None:
    model.default = Script(TEXT)
    client = connect(router.url, escrow(session))
    first, last = client.stream(talk(consensus=Consensus(replicas=3)))
    assert first.text == last.paid.answer.text == TEXT
    assert last.paid.answer.cortensor.consensus.replicas == 3


@pytest.mark.parametrize("make", MADE)
def test_before_the_first_piece_it_is_sent_again(
    router: Router, proxy: FlakyProxy, session: str, connect: Connect, make: Any
) -> None:
    client = connect(proxy.url, escrow(session))
    proxy.faults = [LoseRequest(), Answer(502), CutReply(0), LoseReply()]
    *pieces, last = client.stream(make())
    assert "".join(piece.text for piece in pieces) == last.paid.answer.text == "an answer"
    assert last.paid.replayed
    assert router.ledger()[session] == (last.paid.charge_wei, 0)
    assert len({(headers["Idempotency-Key"], body) for _, headers, body in proxy.seen}) == 1


@pytest.mark.parametrize("make", MADE)
def test_a_cut_stream_says_how_to_get_the_whole_which_is_charged_once(
    router: Router,
    proxy: FlakyProxy,
    session: str,
    connect: Connect,
    model: FakeModel,
    make: Any,
) -> None:
    model.default = Script(TEXT)
    client = connect(proxy.url, escrow(session))
    proxy.faults = [CutReply(0.9)]
    stream = client.stream(make())
    assert next(stream).text == "an "
    with pytest.raises(StreamCut) as cut:
        list(stream)
    assert cut.value.text == TEXT
    key = cut.value.idempotency_key
    assert key in str(cut.value)
    *_, last = client.stream(make(idempotency_key=key))
    assert last.paid.answer.text == TEXT
    assert router.ledger()[session] == (last.paid.charge_wei, 0)
    assert len(model.requests) == 1


@pytest.mark.parametrize("make", MADE)
def test_an_answer_that_breaks_off_at_the_router_costs_nothing(
    router: Router, session: str, connect: Connect, model: FakeModel, make: Any
) -> None:
    model.default = Script(TEXT, cut_after=2)
    client = connect(router.url, escrow(session))
    stream = client.stream(make())
    assert next(stream).text == "an "
    with pytest.raises(UpstreamFailed) as broken:
        list(stream)
    assert (broken.value.status, broken.value.code) == (502, "all_replicas_failed")
    assert broken.value.replica_results
    assert router.ledger()[session] == (0, 0)


def test_refusals_come_before_the_first_piece(
    router: Router, session: str, connect: Connect
) -> None:
    client = connect(router.url, escrow(session))
    with pytest.raises(PaymentRequired) as refused:
        list(client.stream(talk(budget_wei=1)))
    assert refused.value.quote is not None
    with pytest.raises(InvalidInput, match="only completions and chats"):
        list(client.stream(delegate_v3("x")))
    with pytest.raises(InvalidInput, match="stream"):
        client.run(talk(extra={"stream": True}))


@pytest.mark.parametrize("make", MADE)
def test_a_streamed_answer_that_is_not_the_receipts_is_refused(
    router: Router, proxy: FlakyProxy, session: str, connect: Connect, make: Any
) -> None:
    client = connect(proxy.url, escrow(session))
    proxy.faults = [Pass(rewritten(lambda found: found.replace("answer", "advert", 1)))]
    with pytest.raises(BillRefused, match="text"):
        list(client.stream(make()))


def test_a_stream_in_a_voucher_session_moves_its_total(
    router: Router, proxy: FlakyProxy, lent: str, connect: Connect
) -> None:
    client = connect(proxy.url, voucher(lent))
    *_, first = client.stream(talk())
    assert client.total_wei == first.paid.charge_wei
    proxy.faults = [CutReply(0.9)]
    with pytest.raises(StreamCut) as cut:
        list(client.stream(text()))
    assert client.finish_open() == 1
    charged = router.ledger()[lent][0]
    assert client.total_wei == charged > first.paid.charge_wei
    *_, again = client.stream(text(idempotency_key=cut.value.idempotency_key))
    assert again.paid.replayed
    assert client.total_wei == router.ledger()[lent][0] == charged


def test_a_stream_that_is_left_is_finished_before_the_next_call(
    router: Router, lent: str, connect: Connect, model: FakeModel
) -> None:
    model.default = Script(TEXT)
    client = connect(router.url, voucher(lent))
    stream = client.stream(talk())
    assert next(stream).text == "an "
    stream.close()
    done = client.delegate("Say something")
    assert client.total_wei == router.ledger()[lent][0] > done.charge_wei


def test_events_in_any_slices_make_the_same_answer() -> None:
    block = {"receipt_id": "r", "charge_wei": "1", "total_wei": "5"}
    events = [
        {"choices": [{"delta": {"role": "assistant", "content": "é "}}]},
        {"choices": [{"delta": {"content": "x"}}]},
        {"choices": [{"delta": {}, "finish_reason": "stop"}], "cortensor": block},
        {"choices": [], "usage": {"total_tokens": 3}, "cortensor": {"receipt_id": "r"}},
    ]
    data = b": hello\r\n\r\n" + b"".join(
        b"data: " + json.dumps(each).encode() + b"\n\n" for each in events
    )
    data += b"data: [DONE]\n\n"
    for size in (1, 2, 7, len(data)):
        found = Events(CHAT_PATH)
        for start in range(0, len(data), size):
            found.feed(data[start : start + size])
        assert found.text == "é x"
        whole = found.reply({})
        assert whole is not None
        assert whole.headers["x-cortensor-total"] == "5"
        assert json.loads(whole.body)["usage"] == {"total_tokens": 3}
    with pytest.raises(RootUpstreamFailed):
        Events(CHAT_PATH).feed(b"data: {\n")
    early = Events(CHAT_PATH)
    early.feed(b"data: [DONE]\n\n")  # a polite end of a part is none
    assert early.reply({}) is None
