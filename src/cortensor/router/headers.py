# SPDX-License-Identifier: Apache-2.0
"""The headers of a paid call and of its answer; docs/spec/router.md says what each holds."""

from __future__ import annotations

from cortensor.receipts.headers import IDEMPOTENCY_HEADER, SALT_HEADER, VOUCHER_HEADER

REPLAYED_HEADER = "Idempotent-Replayed"
MAX_CHARGE_HEADER = "X-Cortensor-Max-Charge"
SIGNATURE_HEADER = "X-Cortensor-Request-Signature"
TOTAL_HEADER = "X-Cortensor-Total"

__all__ = [
    "IDEMPOTENCY_HEADER",
    "MAX_CHARGE_HEADER",
    "REPLAYED_HEADER",
    "SALT_HEADER",
    "SIGNATURE_HEADER",
    "TOTAL_HEADER",
    "VOUCHER_HEADER",
]
