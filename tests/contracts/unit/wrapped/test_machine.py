# SPDX-License-Identifier: Apache-2.0
"""INV-W1 to INV-W4: wrapped COR against a model of who has what, at random."""

from __future__ import annotations

import boa
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from tests.contracts.fresh import deploy_fresh
from tests.contracts.protocol import CHAIN_ID, START, U96, word
from tests.contracts.signing import account
from tests.contracts.stateful.running import CountingMachine, run_machine
from tests.contracts.token_signing import Authorization, signed

COIN = 10_000
WINDOW_SECONDS = 12

# Successes in a run of CI, well below what a healthy machine has.
FLOORS = {
    "deposit": 15,
    "withdraw": 60,
    "transfer": 15,
    "transfer_from": 4,
    "authorize": 40,
    "use": 6,
    "use (refused)": 20,
    "force": 30,
}

PEOPLE = st.integers(0, 3)
# How much of what there is.
PARTS = st.sampled_from((40, 25, 60, 10, 100, 1, 0))


class WrappedMachine(CountingMachine):
    """Four people wrap, unwrap, pay each other and sign, at random."""

    def __init__(self) -> None:
        super().__init__()
        boa.env.timestamp = START
        boa.env.evm.patch.chain_id = CHAIN_ID
        self.token = deploy_fresh("WrappedCOR")
        self.people = [account(f"person {number}") for number in range(4)]
        for person in self.people:
            boa.env.set_balance(person.address, COIN)
            self.token.deposit(value=COIN // 2, sender=person.address)
        self.coin = [COIN // 2] * 4
        self.tokens = [COIN // 2] * 4
        self.allowed: dict[tuple[int, int], int] = {}
        self.forced = 0
        self.signed: list[tuple[str, int, int, Authorization, tuple]] = []
        self.spent: set[tuple[str, bytes]] = set()

    def address(self, person: int) -> str:
        return self.people[person].address

    def did(self, name: str) -> None:
        self.successes[name] += 1

    @rule(person=PEOPLE, to=PEOPLE, part=PARTS)
    def deposit(self, person, to, part):
        amount = self.coin[person] * part // 100
        if amount == 0:
            return
        if person == to:
            self.token.deposit(value=amount, sender=self.address(person))
        else:
            self.token.deposit_to(self.address(to), value=amount, sender=self.address(person))
        self.coin[person] -= amount
        self.tokens[to] += amount
        self.did("deposit")

    @rule(person=PEOPLE, to=PEOPLE, part=PARTS)
    def withdraw(self, person, to, part):
        amount = self.tokens[person] * part // 100
        if amount == 0:
            return
        if person == to:
            self.token.withdraw(amount, sender=self.address(person))
        else:
            self.token.withdraw_to(self.address(to), amount, sender=self.address(person))
        self.tokens[person] -= amount
        self.coin[to] += amount
        self.did("withdraw")

    @rule(person=PEOPLE, to=PEOPLE, part=PARTS)
    def transfer(self, person, to, part):
        amount = self.tokens[person] * part // 100
        self.token.transfer(self.address(to), amount, sender=self.address(person))
        self.move(person, to, amount)
        if amount:
            self.did("transfer")

    @rule(person=PEOPLE, spender=PEOPLE, amount=st.sampled_from((COIN, COIN // 4, 100, 0)))
    def approve(self, person, spender, amount):
        self.token.approve(self.address(spender), amount, sender=self.address(person))
        self.allowed[person, spender] = amount

    @precondition(lambda self: any(self.allowed.values()))
    @rule(pick=st.integers(0, 15), to=PEOPLE, part=PARTS)
    def transfer_from(self, pick, to, part):
        pairs = sorted(pair for pair, amount in self.allowed.items() if amount)
        person, spender = pairs[pick % len(pairs)]
        amount = min(self.tokens[person], self.allowed[person, spender]) * part // 100
        self.token.transferFrom(
            self.address(person), self.address(to), amount, sender=self.address(spender)
        )
        self.allowed[person, spender] -= amount
        self.move(person, to, amount)
        if amount:
            self.did("transfer_from")

    @rule(
        kind=st.sampled_from(("TransferWithAuthorization", "ReceiveWithAuthorization")),
        person=PEOPLE,
        to=PEOPLE,
        amount=st.sampled_from((COIN // 100, COIN // 10, COIN, 1, 0)),
        start=st.sampled_from((-1, -1, -1, -2, 0, 3, -WINDOW_SECONDS)),
        nonce=st.integers(0, 12),
    )
    def authorize(self, kind, person, to, amount, start, nonce):
        first = boa.env.timestamp + start
        terms = Authorization(
            self.address(person),
            self.address(to),
            amount,
            first,
            first + WINDOW_SECONDS,
            word(nonce),
        )
        signature = signed(self.token, kind, self.people[person], *terms)
        self.signed.append((kind, person, to, terms, signature))
        self.did("authorize")

    @precondition(lambda self: self.signed)
    @rule(pick=st.integers(0, 7), sender=PEOPLE, seconds=st.sampled_from((0, 0, 1, 5)))
    def use(self, pick, sender, seconds):
        """INV-W3: whether it works is what the model says, whoever sends it whenever."""
        boa.env.time_travel(seconds=seconds)
        kind, person, to, terms, signature = self.signed[-1 - pick % len(self.signed)]
        is_receiving = kind == "ReceiveWithAuthorization"
        call = (
            self.token.receiveWithAuthorization
            if is_receiving
            else self.token.transferWithAuthorization
        )
        key = (terms.owner, terms.nonce)
        is_good = (
            terms.valid_after < boa.env.timestamp < terms.valid_before
            and key not in self.spent
            and (sender == to or not is_receiving)
            and self.tokens[person] >= terms.amount
        )
        assert self.token.authorizationState(*key) == (key in self.spent)
        if not is_good:
            with boa.reverts():
                call(*terms, *signature, sender=self.address(sender))
            self.did("use (refused)")
            return
        call(*terms, *signature, sender=self.address(sender))
        self.spent.add(key)
        self.move(person, to, terms.amount)
        self.did("use")

    @rule(wei=st.integers(1, 50))
    def force(self, wei):
        """Coin can be forced into any contract, without a call of it."""
        self.forced += wei
        held = boa.env.get_balance(self.token.address)
        boa.env.set_balance(self.token.address, held + wei)
        self.did("force")

    def move(self, person: int, to: int, amount: int) -> None:
        self.tokens[person] -= amount
        self.tokens[to] += amount

    @invariant()
    def everybody_has_what_the_model_says(self):
        """INV-W1, INV-W2, INV-W4."""
        balances = [self.token.balanceOf(person.address) for person in self.people]
        assert balances == self.tokens
        supply = self.token.totalSupply()
        assert supply == sum(balances) <= U96
        assert boa.env.get_balance(self.token.address) == supply + self.forced
        assert [boa.env.get_balance(person.address) for person in self.people] == self.coin

    def everybody_leaves(self) -> None:
        """Unwrap all; only forced coin stays."""
        for person in range(4):
            self.withdraw(person, person, 100)
        assert self.token.totalSupply() == 0
        assert boa.env.get_balance(self.token.address) == self.forced
        assert sum(self.coin) == 4 * COIN


@pytest.mark.stateful
@pytest.mark.slow
def test_inv_w1_to_w4(capsys):
    run_machine(WrappedMachine, capsys, in_ci=40, steps=40, floors=FLOORS)
