# SPDX-License-Identifier: Apache-2.0
"""A client of the router: typed calls, payment, receipts checked. Guide: docs/client.md."""

from cortensor.client.asks import Ask, Consensus, delegate, factcheck, validate
from cortensor.client.asynchronous import AsyncClient
from cortensor.client.checking import Trust
from cortensor.client.older_asks import (
    Completion,
    completion,
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

__all__ = [
    "Ask",
    "AsyncClient",
    "BillRefused",
    "Client",
    "Completion",
    "Conflict",
    "Consensus",
    "ConsensusFailed",
    "Domain",
    "Forbidden",
    "NotFound",
    "Paid",
    "Payment",
    "PaymentRequired",
    "Refusal",
    "Rejected",
    "RouterFailed",
    "TooManyRequests",
    "TotalRefused",
    "Trust",
    "Unauthorized",
    "Unavailable",
    "Unsettled",
    "UpstreamFailed",
    "VoucherFile",
    "VoucherMemory",
    "VoucherStore",
    "completion",
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
