# SPDX-License-Identifier: Apache-2.0
"""INV-P1 to INV-P7, INV-A1 to INV-A3, INV-S1, INV-Q1 to INV-Q7: all money at random.

Escrow, stake pool, stake quota, table and token, used by many payers, users and routers, against
reference models that were written from the pages.
"""

from __future__ import annotations

import pytest

from tests.contracts.stateful.running import run_machine
from tests.contracts.stateful.stake_steps import MoneyMachine

# Successes in a run of CI: well below what a healthy machine has, far above what one has whose
# steps are mostly refused.
# What is rare at random has none: that pots are paid and stake is withdrawn happens at the end of
# every example, when everybody leaves.
FLOORS = {
    "open": 180,
    "open (vouchers)": 48,
    "open (stake)": 150,
    "top_up": 18,
    "settle": 90,
    "settle (moved)": 15,
    "settle_vouchers (moved)": 12,
    "settle_stake (moved)": 36,
    "settle_stake (overage)": 12,
    "resend": 12,
    "resend_stake": 15,
    "request_close": 72,
    "withdraw": 24,
    "release": 15,
    "hold (something)": 9,
    "unhold": 16,
    "refund (something)": 4,
    "refund_stake (something)": 7,
    "credit": 3,
    "publish": 24,
    "adopt_card": 180,
    "set_settler": 12,
    "set_pause": 90,
    "set_permission": 48,
    "send_tokens_unasked": 36,
    "slash_bond": 36,
    "add_bond": 36,
    "leave_bond": 54,
    "withdraw_bond": 6,
    "add_stake": 210,
    "leave_stake": 42,
    "sweep": 108,
    "tell_batch": 100,
}


@pytest.mark.stateful
@pytest.mark.slow
@pytest.mark.timeout(3_000)
def test_inv_p1_to_p7_and_a1_to_a3(protocol, capsys):
    run_machine(MoneyMachine, capsys, in_ci=200, steps=50, floors=FLOORS, protocol=protocol)
