# SPDX-License-Identifier: Apache-2.0
"""What the state machines of the registries share: four people, and whose agents are whose."""

from __future__ import annotations

import boa
from hypothesis import strategies as st

from tests.contracts.protocol import ZERO_ADDRESS
from tests.contracts.signing import account
from tests.contracts.stateful.running import CountingMachine

COUNT = 4
PEOPLE = st.integers(0, COUNT - 1)
# Who acts: up to OFTEN somebody who may, beyond it anybody; refusals are slow to tell.
OFTEN = 12
ACTORS = st.integers(0, OFTEN + COUNT - 1)
PICKS = st.integers(0, 11)


def people():
    """Return the four, who have keys."""
    return [account(f"person {number} of agents") for number in range(COUNT)]


class Agent:
    """What the model knows of an agent; people by number."""

    def __init__(self, owner: int) -> None:
        self.owner = owner
        self.wallet: int | None = owner
        self.approved: int | None = None


class AgentsMachine(CountingMachine):
    """Two agents, one with an operator, one with an account approved for it.

    `identity` and `people` are set by the run.
    """

    def __init__(self) -> None:
        super().__init__()
        self.agents: list[Agent] = []
        self.operators = {(0, 3)}
        for owner in (0, 1):
            self.identity.register(sender=self.address(owner))
            self.agents.append(Agent(owner))
        self.identity.setApprovalForAll(self.address(3), True, sender=self.address(0))
        self.identity.approve(self.address(2), 1, sender=self.address(1))
        self.agents[1].approved = 2

    def address(self, person: int | None) -> str:
        return ZERO_ADDRESS if person is None else self.people[person].address

    def may_act(self, person: int, agent: int) -> bool:
        known = self.agents[agent]
        return person in (known.owner, known.approved) or (known.owner, person) in self.operators

    def insider(self, agent: int, pick: int) -> int:
        """Return who may act for an agent, mostly."""
        acting = [person for person in range(COUNT) if self.may_act(person, agent)]
        return pick % COUNT if pick >= OFTEN else acting[pick % len(acting)]

    def outsider(self, agent: int, pick: int) -> int:
        """Return who may not act for an agent, mostly."""
        others = [person for person in range(COUNT) if not self.may_act(person, agent)]
        return pick % COUNT if pick >= OFTEN or not others else others[pick % len(others)]

    def step(self, name: str, reason: str | None, call, *arguments: object, sender: int) -> bool:
        """Make a call that the model refuses for a reason, or not; say whether it went through.

        An empty reason stands for a custom error.
        """
        self.attempts[name] += 1
        if reason is None:
            call(*arguments, sender=self.address(sender))
            self.successes[name] += 1
            return True
        with boa.reverts(reason) if reason else boa.reverts():
            call(*arguments, sender=self.address(sender))
        return False
