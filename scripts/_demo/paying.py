# SPDX-License-Identifier: Apache-2.0
"""How each payment session of the demo pays, for the package's client."""

from __future__ import annotations

from cortensor.client import Payment, VoucherMemory
from cortensor.receipts.typed import Domain
from scripts._demo.sessions import TASK_CAP_WEI, PaymentSession


def payment_of(session: PaymentSession, domain: Domain) -> Payment:
    """Return what a session's payer gives its client.

    Args:
        session: the session.
        domain: the EIP-712 domain of everything signed.
    """
    return Payment(
        session=session.session_id,
        domain=domain,
        payer=session.payer,
        session_key=session.key,
        vouchers=VoucherMemory() if session.funding == "voucher" else None,
        max_charge_wei=TASK_CAP_WEI,
    )
