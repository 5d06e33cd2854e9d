# SPDX-License-Identifier: Apache-2.0
"""A token with a fee, or one that returns False: what it does to an escrow that trusts it."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.protocol import COR, Protocol, travel_to


def test_a_token_with_a_fee_shorts_the_last_to_leave_and_nobody_gains():
    """Why COR's own code is looked at before a deployment: no contract can tell beforehand."""
    own = Protocol(token="mocks/MockFeeToken")
    sessions = [own.open(payer, amount=100 * COR) for payer in (own.payer, own.other_payer)]
    own.cor.set_fee(100)
    sessions.append(own.open(amount=100 * COR))
    assert own.cor.balanceOf(own.payment) == 299 * COR
    travel_to(own.payment.withdrawable_at(sessions[-1]))
    own.cor.set_fee(0)
    for session in sessions[:2]:
        assert own.payment.withdraw(session, sender=own.stranger) == 100 * COR
    # The third deposit came in one coin short: its own session is the one that waits.
    with boa.reverts():
        own.payment.withdraw(sessions[2], sender=own.stranger)
    own.cor.transfer(own.payment, COR, sender=own.deployer)
    assert own.payment.withdraw(sessions[2], sender=own.stranger) == 100 * COR


@pytest.mark.parametrize("call", ["open", "permit", "top_up", "bond", "stake"])
def test_a_token_that_returns_false_gives_nothing(call):
    own = Protocol(token="mocks/MockHostileToken")
    session = own.open(amount=COR)
    own.cor.refuse(True)
    calls = {
        "open": lambda: own.open(amount=COR),
        "permit": lambda: own.payment.open_with_permit(
            own.request(amount=COR), 0, 27, bytes(32), bytes(32), sender=own.payer
        ),
        "top_up": lambda: own.payment.top_up(session, 1, sender=own.payer),
        "bond": lambda: own.pool.stake(1, COR, sender=own.payer),
        "stake": lambda: own.pool.open_node(own.stranger, COR, sender=own.payer),
    }
    with boa.reverts():
        calls[call]()
    assert own.cor.balanceOf(own.payment) == COR
