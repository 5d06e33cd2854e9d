# SPDX-License-Identifier: Apache-2.0
"""A client of the router: typed calls, payment, receipts checked. Guide: docs/client.md."""

from cortensor.client.api_keys import NewKey
from cortensor.client.asks import Ask, Consensus, delegate, factcheck, validate
from cortensor.client.asynchronous import AsyncClient
from cortensor.client.chat_asks import chat
from cortensor.client.checking import Trust
from cortensor.client.completion_asks import completion, completion_v2
from cortensor.client.flow import Chunk
from cortensor.client.older_asks import (
    delegate_v2,
    delegate_v3,
    factcheck_v2,
    factcheck_v3,
    validate_v2,
    validate_v3,
)
from cortensor.client.paying import Paid
from cortensor.client.problems import (
    BillRefused,
    Conflict,
    ConsensusFailed,
    Forbidden,
    NotFound,
    PaymentRequired,
    Refusal,
    Rejected,
    RouterFailed,
    StreamCut,
    TooManyRequests,
    TotalRefused,
    Unauthorized,
    Unavailable,
    Unsettled,
    UpstreamFailed,
)
from cortensor.client.signing import Payment
from cortensor.client.sync import Client
from cortensor.client.voucher_file import VoucherFile, VoucherMemory
from cortensor.client.vouchers import VoucherStore
from cortensor.receipts.typed import Domain
from cortensor.router.chat.schemas import ChatCompletion, ChatMessage
from cortensor.router.messages import FunctionCall, MessageRequest, ToolCall
from cortensor.router.sampling import SamplingRequest
from cortensor.router.schemas import PaidResponse
from cortensor.router.versions.completion_schemas import CompletionV2, CompletionV3

__all__ = [
    "Ask",
    "AsyncClient",
    "BillRefused",
    "ChatCompletion",
    "ChatMessage",
    "Chunk",
    "Client",
    "CompletionV2",
    "CompletionV3",
    "Conflict",
    "Consensus",
    "ConsensusFailed",
    "Domain",
    "Forbidden",
    "FunctionCall",
    "MessageRequest",
    "NewKey",
    "NotFound",
    "Paid",
    "PaidResponse",
    "Payment",
    "PaymentRequired",
    "Refusal",
    "Rejected",
    "RouterFailed",
    "SamplingRequest",
    "StreamCut",
    "TooManyRequests",
    "ToolCall",
    "TotalRefused",
    "Trust",
    "Unauthorized",
    "Unavailable",
    "Unsettled",
    "UpstreamFailed",
    "VoucherFile",
    "VoucherMemory",
    "VoucherStore",
    "chat",
    "completion",
    "completion_v2",
    "delegate",
    "delegate_v2",
    "delegate_v3",
    "factcheck",
    "factcheck_v2",
    "factcheck_v3",
    "validate",
    "validate_v2",
    "validate_v3",
]
