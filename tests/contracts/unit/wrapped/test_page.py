# SPDX-License-Identifier: Apache-2.0
"""docs/spec/wrapped-cor.md says what the contract does."""

from __future__ import annotations

import boa

from tests.contracts.fresh import deploy_fresh
from tests.contracts.protocol import word
from tests.contracts.test_spec_examples import rows
from tests.contracts.token_signing import Authorization, signed


def test_the_steps_of_the_page(holder, other):
    token = deploy_fresh("WrappedCOR")
    boa.env.set_balance(holder.address, 10_000)
    now = boa.env.timestamp

    def authorization(amount: int) -> None:
        terms = Authorization(holder.address, other, amount, now - 1, now + 1, word(1))
        signature = signed(token, "TransferWithAuthorization", holder, *terms)
        token.transferWithAuthorization(*terms, *signature)

    def force(amount: int) -> None:
        boa.env.set_balance(token.address, boa.env.get_balance(token.address) + amount)

    steps = {
        "deposit": lambda amount: token.deposit(value=amount, sender=holder.address),
        "transfer": lambda amount: token.transfer(other, amount, sender=holder.address),
        "force": force,
        "authorization": authorization,
        "withdraw": lambda amount: token.withdraw(amount, sender=holder.address),
    }
    table = rows("wrapped-cor", "Worked example")
    assert [row[0] for row in table] == list(steps)
    for step, *cells in table:
        amount, *expected = map(int, cells)
        steps[step](amount)
        assert [
            token.totalSupply(),
            token.balanceOf(holder.address),
            token.balanceOf(other),
            boa.env.get_balance(token.address),
        ] == expected, step
