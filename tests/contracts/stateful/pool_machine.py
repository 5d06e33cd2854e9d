# SPDX-License-Identifier: Apache-2.0
"""The steps of stakers, routers and slashers at random, on chain and in the model."""

from __future__ import annotations

from typing import Any

import boa
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    invariant,
    precondition,
    rule,
)

from tests.contracts.protocol import ZERO_ADDRESS, Protocol, travel
from tests.contracts.stateful.pool_draws import (
    AMOUNTS,
    DAY,
    OWNERS,
    PARTS,
    PICKS,
    RARELY,
    WAITS,
    part,
)
from tests.contracts.stateful.running import CountingMachine
from tests.model.pool_model import PoolModel, Refused, Rules

PURSE = 10**12
RULES = Rules(
    cooldown=10 * DAY,
    node_stake=1_000,
    min_bond=500,
    cover_bps=15_001,
    cap_bps=2_500,
    appeal=3 * DAY,
    resolve=2 * DAY,
)


class PoolMachine(CountingMachine):
    """Two owners of nodes and bonds, a slasher, a dispute contract and an owner use one pool.

    `protocol` and `pool` are given by the test.
    """

    protocol: Protocol
    pool: Any
    refusals = (Refused,)

    def __init__(self) -> None:
        super().__init__()
        chain = self.protocol
        self.cor = chain.cor
        self.model = PoolModel(
            RULES,
            boa.env.timestamp,
            chain.owner,
            chain.slasher,
            chain.treasury,
            chain.dispute,
            {1: chain.payer, 2: chain.other_payer},
        )
        self.purses = {who: self.cor.balanceOf(who) for who in self._accounts()}
        self.held = self.cor.balanceOf(self.pool)

    def _accounts(self) -> list[str]:
        chain = self.protocol
        return [chain.payer, chain.other_payer, chain.treasury, chain.stranger, chain.validators]

    # Taking a step twice.

    def pick(self, number: int) -> int:
        """Return the number of a position, now and then of one that nobody opened."""
        keys = list(self.model.positions)
        return 99 if not keys or number % 16 == 0 else keys[number % len(keys)]

    def sender_for(self, key: int, *, is_other: bool) -> str:
        """Return a position's owner, or somebody else."""
        position = self.model.positions.get(key)
        return self.protocol.stranger if is_other or position is None else position.owner

    def _wait(self, seconds: int) -> None:
        travel(seconds)
        self.model.now += seconds

    # Stake.

    @initialize(amounts=st.lists(st.integers(600, 5_000), min_size=2, max_size=4))
    def open_some(self, amounts):
        for i, amount in enumerate(amounts):
            if i < 2:
                self.open_bond(i + 1, amount, is_other=False)
            else:
                self.open_node(("payer", "other_payer")[i % 2], i, amount)

    @rule(owner=OWNERS, node=st.integers(1, 3), amount=AMOUNTS)
    def open_node(self, owner, node, amount):
        account = getattr(self.protocol, owner)
        address = "0x" + node.to_bytes(20, "big").hex()
        key = self.pool.node_position(account, address)
        assert key >= 2**255
        self.both(
            "open_node",
            lambda: self.pool.open_node(address, amount, sender=account),
            lambda: self.model.open_node(key, amount, account),
        )
        assert self.pool.is_staked(account, address) == self.model.is_staked(key)

    @rule(router=st.integers(1, 3), amount=AMOUNTS, is_other=RARELY)
    def open_bond(self, router, amount, is_other):
        """A cold wallet owns the second router's bond: the first's settler."""
        sender = self.model.settlers.get(router, self.protocol.stranger)
        if is_other:
            sender = self.protocol.payer if router == 2 else self.protocol.other_payer
        owner = self.protocol.payer
        self.both(
            "open_bond",
            lambda: self.pool.open_bond(router, owner, amount, sender=sender),
            lambda: self.model.open_bond(router, owner, amount, sender),
        )

    @rule(number=PICKS, amount=AMOUNTS, sender=OWNERS)
    def stake(self, number, amount, sender):
        key, account = self.pick(number), getattr(self.protocol, sender)
        self.both(
            "stake",
            lambda: self.pool.stake(key, amount, sender=account),
            lambda: self.model.stake(key, amount, account),
        )

    @rule(number=PICKS, kind=PARTS, is_other=RARELY)
    def request_unstake(self, number, kind, is_other):
        key = self.pick(number)
        sender = self.sender_for(key, is_other=is_other)
        position = self.model.positions.get(key)
        amount = part(position.amount if position else 5, kind)
        self.both(
            "request_unstake",
            lambda: self.pool.request_unstake(key, amount, sender=sender),
            lambda: self.model.request_unstake(key, amount, sender),
        )

    @rule(number=PICKS)
    def withdraw(self, number):
        key = self.pick(number)
        self.both(
            "withdraw",
            lambda: self.pool.withdraw(key, sender=self.protocol.stranger),
            lambda: self.model.withdraw(key),
        )

    @precondition(lambda self: any(p.leaving for p in self.model.positions.values()))
    @rule(number=PICKS, is_early=RARELY)
    def wait_and_withdraw(self, number, is_early):
        """Wait for the end of a cool-down, to the second."""
        keys = [key for key, p in self.model.positions.items() if p.leaving]
        key = keys[number % len(keys)]
        at = self.model.positions[key].withdrawable_at - is_early
        self._wait(max(at - self.model.now, 0))
        self.both(
            "withdraw",
            lambda: self.pool.withdraw(key, sender=self.protocol.stranger),
            lambda: self.model.withdraw(key),
        )

    # Slashing.

    @rule(number=PICKS, router=st.integers(1, 3), kind=PARTS, is_other=RARELY, is_any=RARELY)
    def slash_bond(self, number, router, kind, is_other, is_any):
        key = self.pick(number) if is_any else router
        position = self.model.positions.get(key)
        wanted = part(position.amount + position.leaving if position else 5, kind)
        sender = self.protocol.slasher if is_other else self.protocol.dispute
        to = self.protocol.validators
        taken = self.both(
            "slash_bond",
            lambda: self.pool.slash_bond(key, wanted, to, sender=sender),
            lambda: self.model.slash_bond(key, wanted, to, sender),
        )
        self.successes["slash_bond (took)"] += bool(taken)

    @rule(number=PICKS, kind=PARTS, is_other=RARELY)
    def propose_slash(self, number, kind, is_other):
        key = self.pick(number)
        position = self.model.positions.get(key)
        there = position.amount + position.leaving if position else 5
        amount = part(there * RULES.cap_bps // 10_000, kind)
        sender = self.protocol.owner if is_other else self.protocol.slasher
        self.both(
            "propose_slash",
            lambda: self.pool.propose_slash(key, amount, "for a reason", sender=sender),
            lambda: self.model.propose_slash(key, amount, sender),
        )

    @rule(number=PICKS, kind=st.sampled_from(("one", "most", "all")), then=st.integers(0, 3))
    def propose_and_go_on(self, number, kind, then):
        """Propose, and take it further at once, or else most runs end at the proposal."""
        self.propose_slash(number, kind, is_other=False)
        if then >= 1:
            self.appeal_slash(number, is_other=False, is_late=False)
        if then >= 2:
            self.resolve_slash(number, is_upheld=then == 2, is_other=False)

    def proposed(self, number: int) -> int:
        """Return the number of a position with a proposal, where there is one."""
        keys = list(self.model.proposals)
        return keys[number % len(keys)] if keys and number % 8 else self.pick(number)

    @precondition(lambda self: self.model.proposals)
    @rule(number=PICKS, is_other=RARELY, is_late=RARELY)
    def appeal_slash(self, number, is_other, is_late):
        key = self.proposed(number)
        if is_late and key in self.model.proposals:
            self._wait(max(self.model.proposals[key].executable_at - self.model.now, 0))
        sender = self.sender_for(key, is_other=is_other)
        self.both(
            "appeal_slash",
            lambda: self.pool.appeal_slash(key, sender=sender),
            lambda: self.model.appeal_slash(key, sender),
        )

    @precondition(lambda self: self.model.proposals)
    @rule(number=PICKS, is_upheld=st.booleans(), is_other=RARELY)
    def resolve_slash(self, number, is_upheld, is_other):
        appealed = [k for k, p in self.model.proposals.items() if p.lapses_at is not None]
        key = appealed[number % len(appealed)] if appealed else self.proposed(number)
        sender = self.protocol.slasher if is_other else self.protocol.owner
        was = self.model.proposals.get(key)
        self.both(
            "resolve_slash",
            lambda: self.pool.resolve_slash(key, is_upheld, sender=sender),
            lambda: self.model.resolve_slash(key, is_upheld=is_upheld, sender=sender),
        )
        if was is not None and key not in self.model.proposals:
            self.successes["resolve_slash (upheld)"] += is_upheld

    @precondition(lambda self: self.model.proposals)
    @rule(number=PICKS)
    def execute_slash(self, number):
        self._execute(self.proposed(number))

    @precondition(lambda self: self.model.proposals)
    @rule(number=PICKS, is_early=RARELY)
    def wait_and_execute(self, number, is_early):
        """Wait until a proposal can be executed, or its appeal lapses, to the second."""
        keys = list(self.model.proposals)
        key = keys[number % len(keys)]
        proposal = self.model.proposals[key]
        at = proposal.executable_at if proposal.lapses_at is None else proposal.lapses_at
        self._wait(max(at - is_early - self.model.now, 0))
        self._execute(key)

    def _execute(self, key: int) -> None:
        was = self.model.proposals.get(key)
        taken = self.both(
            "execute_slash",
            lambda: self.pool.execute_slash(key, sender=self.protocol.stranger),
            lambda: self.model.execute_slash(key),
        )
        if taken is not None:
            self.successes["execute_slash (took)"] += bool(taken)
            self.successes["execute_slash (lapsed)"] += was.lapses_at is not None

    @precondition(lambda self: self.model.ended)
    @rule(number=PICKS, is_early=RARELY)
    def wait_and_propose_again(self, number, is_early):
        """INV-S4: the next proposal waits for the end of the last one and a while longer."""
        keys = list(self.model.ended)
        key = keys[number % len(keys)]
        at = self.model.ended[key] + RULES.appeal - is_early
        if key not in self.model.proposals:
            self._wait(max(at - self.model.now, 0))
        position = self.model.positions[key]
        amount = (position.amount + position.leaving) * RULES.cap_bps // 10_000
        self.both(
            "propose_slash",
            lambda: self.pool.propose_slash(key, amount, "", sender=self.protocol.slasher),
            lambda: self.model.propose_slash(key, amount, self.protocol.slasher),
        )

    # The owner, and anyone.

    @rule(is_gone=RARELY)
    def set_slasher(self, is_gone):
        new = ZERO_ADDRESS if is_gone else self.protocol.slasher
        self.pool.set_slasher(new, sender=self.protocol.owner)
        self.model.slasher = new
        self.successes["set_slasher"] += 1

    @rule(amount=st.integers(1, 1_000))
    def send_tokens_unasked(self, amount):
        self.cor.transfer(self.pool, amount, sender=self.protocol.deployer)
        self.model.unasked += amount
        self.successes["send_tokens_unasked"] += 1

    @rule(seconds=WAITS)
    def wait(self, seconds):
        self._wait(seconds)

    # What holds after every step.

    @invariant()
    def inv_s1_the_pool_has_what_it_owes(self):
        assert self.cor.balanceOf(self.pool) == self.held + self.model.balance()

    @invariant()
    def inv_s2_every_wei_of_a_position_is_accounted_for(self):
        for position in self.model.positions.values():
            gone = position.withdrawn + position.slashed
            assert position.amount + position.leaving == position.put_in - gone

    @invariant()
    def positions_are_as_the_model_says(self):
        for key in (*self.model.positions, 3, 99):
            facts = self.pool.position(key)
            position = self.model.positions.get(key)
            if position is None:
                assert facts == (ZERO_ADDRESS, 0, 0, 0)
            else:
                assert facts == (
                    position.owner,
                    position.amount,
                    position.leaving,
                    position.withdrawable_at,
                )
            # INV-S7
            assert self.pool.cover(key) == self.model.cover(key)

    @invariant()
    def proposals_are_as_the_model_says(self):
        for key in (*self.model.positions, 99):
            proposal = self.model.proposals.get(key)
            facts = self.pool.slash(key)
            if proposal is None:
                assert facts == (0, 0, False, 0)
            else:
                is_appealed = proposal.lapses_at is not None
                lapses_at = proposal.lapses_at or 0
                assert facts == (proposal.amount, proposal.executable_at, is_appealed, lapses_at)

    @invariant()
    def accounts_have_what_they_were_paid(self):
        for who, before in self.purses.items():
            paid = self.model.received[who] - self.model.spent[who]
            assert self.cor.balanceOf(who) == before + paid

    def everybody_leaves(self) -> None:
        """INV-S3: with the owner, the slasher and the dispute contract gone, all leave whole."""
        for key, position in self.model.positions.items():
            if position.amount:
                self.request_unstake_all(key)
        self._wait(RULES.cooldown)
        for key, position in self.model.positions.items():
            if key in self.model.proposals:
                # Nobody needs to be there for it: a stranger clears or executes it.
                self._execute(key)
            if position.leaving:
                there = position.leaving
                assert self.pool.withdraw(key, sender=self.protocol.stranger) == there
                self.model.withdraw(key)
                self.successes["left with all"] += 1
        assert self.model.balance() == self.model.unasked
        self.inv_s1_the_pool_has_what_it_owes()
        self.accounts_have_what_they_were_paid()

    def request_unstake_all(self, key: int) -> None:
        """Ask all of a position back."""
        position = self.model.positions[key]
        self.pool.request_unstake(key, position.amount, sender=position.owner)
        self.model.request_unstake(key, position.amount, position.owner)
