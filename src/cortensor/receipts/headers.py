# SPDX-License-Identifier: Apache-2.0
"""The headers of a paid call that refusals name, those of the ledger included.

`cortensor.router.headers` has the others beside them; docs/spec/router.md says what each holds.
"""

from __future__ import annotations

IDEMPOTENCY_HEADER = "Idempotency-Key"
SALT_HEADER = "X-Cortensor-Request-Salt"
VOUCHER_HEADER = "X-Cortensor-Voucher"
