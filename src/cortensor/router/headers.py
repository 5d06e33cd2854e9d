# SPDX-License-Identifier: Apache-2.0
"""The headers of a paid call and of its answer; docs/spec/router.md says what each holds."""

from __future__ import annotations

IDEMPOTENCY_HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotent-Replayed"
SALT_HEADER = "X-Cortensor-Request-Salt"
MAX_CHARGE_HEADER = "X-Cortensor-Max-Charge"
SIGNATURE_HEADER = "X-Cortensor-Request-Signature"
VOUCHER_HEADER = "X-Cortensor-Voucher"
TOTAL_HEADER = "X-Cortensor-Total"
