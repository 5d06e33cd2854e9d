# SPDX-License-Identifier: Apache-2.0
"""The calls that cost nothing: quotes, receipts, batches, tasks, sessions, handing a voucher in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypedDict
from urllib.parse import quote as escaped
from urllib.parse import urlencode

import msgspec

from cortensor.client.core import OK, answered, decoded
from cortensor.client.preparing import prepared
from cortensor.client.problems import refusal
from cortensor.errors import InvalidInput, VerificationFailed
from cortensor.receipts.bundle import Bundle
from cortensor.receipts.disclose import attach
from cortensor.router.headers import VOUCHER_HEADER
from cortensor.router.schemas import (
    BatchResponse,
    QuoteResponse,
    ReceiptResponse,
    SessionsResponse,
    TasksResponse,
    VoucherRequest,
    VoucherResponse,
)

if TYPE_CHECKING:
    from cortensor.client.asks import Ask
    from cortensor.client.core import Core
    from cortensor.client.flow import Flow
    from cortensor.client.preparing import Prepared
    from cortensor.router.consensus_schemas import Policy, Strategy, Tier, WeightBy


class SizeOptions(TypedDict, total=False):
    """What a quote by size may say; `input_bytes` is the UTF-8 size of all text sent."""

    endpoint: Literal["delegate", "validate"]
    replicas: int
    min_replicas: int
    max_tokens: int
    input_bytes: int
    session_pool: list[str]
    strategy: Strategy
    weight_by: WeightBy
    disagreement_policy: Policy
    agreement_threshold_bps: int
    tier: Tier


def quote(core: Core, ask: Ask[Any]) -> Flow[QuoteResponse]:
    """Ask what this very call can cost at most."""
    until = core.until(ask.deadline_s)
    call = yield from prepared(core, ask, until)
    return (yield from quote_prepared(core, call, until))


def quote_prepared(core: Core, call: Prepared, until: float) -> Flow[QuoteResponse]:
    """Ask what a call that is ready can cost at most."""
    body = msgspec.json.encode(call.body)
    reply = yield from answered(core, "POST", "/api/v4/quote", until, body=body)
    return decoded(reply, QuoteResponse)


def quote_size(core: Core, options: SizeOptions) -> Flow[QuoteResponse]:
    """Ask what a call of a size can cost at most."""
    query: dict[str, Any] = {"session_id": core.paying().session, **options}
    if "session_pool" in options:
        query["session_pool"] = ",".join(options["session_pool"])
    path = f"/api/v4/quote?{urlencode(query)}"
    reply = yield from answered(core, "GET", path, core.until(None))
    return decoded(reply, QuoteResponse)


def receipt(core: Core, receipt_id: str) -> Flow[ReceiptResponse]:
    """Fetch a receipt by URN or 0x id."""
    path = f"/api/v4/receipt/{escaped(receipt_id)}"
    reply = yield from answered(core, "GET", path, core.until(None))
    return decoded(reply, ReceiptResponse)


def bundle(core: Core, receipt_id: str, until: float | None = None, key: str = "") -> Flow[Bundle]:
    """Fetch the verifier's file of a receipt, and the long texts that are beside it.

    `key` is that of the call it belongs to.

    Raises:
        VerificationFailed: it is malformed, or a text is not the one that it refers to.
    """
    path = f"/api/v4/receipt/{escaped(receipt_id)}"
    end = core.until(None) if until is None else until
    found = Bundle.load((yield from _body_of(core, f"{path}?bundle=1", end, key)))
    texts = {}
    for name in dict.fromkeys(found.detached()):  # replicas that agree may have one text
        data = yield from _body_of(core, f"{path}/text/{name}", end, key)
        texts[name] = data.decode(errors="replace")
    try:
        return attach(found, texts)
    except InvalidInput as error:
        raise VerificationFailed(error.reason, field=error.field) from error


def _body_of(core: Core, path: str, until: float, key: str) -> Flow[bytes]:
    reply = yield from answered(core, "GET", path, until, key=key)
    if reply.status != OK:
        raise refusal(reply)
    return reply.body


def batch(core: Core, root: str) -> Flow[BatchResponse]:
    """Fetch a settlement batch with all its leaves."""
    reply = yield from answered(core, "GET", f"/api/v4/batch/{escaped(root)}", core.until(None))
    return decoded(reply, BatchResponse)


def tasks(core: Core) -> Flow[TasksResponse]:
    """Fetch what runs now in the payment session."""
    reply = yield from answered(core, "GET", "/api/v4/tasks", core.until(None))
    return decoded(reply, TasksResponse)


def sessions(core: Core) -> Flow[SessionsResponse]:
    """Fetch the router's compute sessions."""
    reply = yield from answered(core, "GET", "/api/v4/sessions", core.until(None))
    return decoded(reply, SessionsResponse)


def hand_in_voucher(core: Core) -> Flow[VoucherResponse | None]:
    """Give the router the last signed total; None where none was signed yet."""
    header = core.tally.header() if core.tally else None
    if header is None:
        return None
    total, _, signature = header.partition(":")
    body = msgspec.json.encode(VoucherRequest(core.paying().session, total, signature))
    reply = yield from answered(core, "POST", "/api/v4/voucher", core.until(None), body=body)
    return decoded(reply, VoucherResponse)


def voucher_header(core: Core) -> dict[str, str]:
    """Return the header of the last signed total, if there is one."""
    header = core.tally.header() if core.tally else None
    return {} if header is None else {VOUCHER_HEADER: header}
