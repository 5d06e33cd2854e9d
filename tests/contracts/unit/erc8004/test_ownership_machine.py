# SPDX-License-Identifier: Apache-2.0
"""INV-E1 to INV-E3: whose agents and wallets are whose, against a model, at random."""

from __future__ import annotations

from collections import Counter

import boa
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from tests.contracts.fresh import deploy_fresh
from tests.contracts.protocol import CHAIN_ID, START
from tests.contracts.signing import sign
from tests.contracts.stateful.running import run_machine
from tests.contracts.unit.erc8004.agents_machine import (
    ACTORS,
    COUNT,
    PEOPLE,
    PICKS,
    Agent,
    AgentsMachine,
    people,
)
from tests.contracts.unit.erc8004.test_wallet import consent

MOST_AGENTS = 4

# Successes in a run of CI, well below what a healthy machine has.
FLOORS = {"approve": 5, "transfer": 12, "wallet": 10, "unset": 4}


class OwnershipMachine(AgentsMachine):
    """Four people register, entrust, sell, and set wallets."""

    @precondition(lambda self: len(self.agents) < MOST_AGENTS)
    @rule(person=PEOPLE)
    def register(self, person):
        """INV-E1."""
        assert self.identity.register(sender=self.address(person)) == len(self.agents)
        self.agents.append(Agent(person))

    @rule(pick=PICKS, actor=ACTORS, to=PEOPLE, operator=st.sampled_from((None, True, False)))
    def entrust(self, pick, actor, to, operator):
        """INV-E2: an account with one agent, or an operator with all that an owner has."""
        agent = pick % len(self.agents)
        owner = self.agents[agent].owner
        if operator is not None:
            self.identity.setApprovalForAll(self.address(to), operator, sender=self.address(owner))
            change = self.operators.add if operator else self.operators.discard
            change((owner, to))
            return
        person = self.insider(agent, actor)
        is_allowed = person == owner or (owner, person) in self.operators
        reason = None if is_allowed else ""
        arguments = (self.address(to), agent)
        if self.step("approve", reason, self.identity.approve, *arguments, sender=person):
            self.agents[agent].approved = to

    @rule(pick=PICKS, actor=ACTORS, to=PEOPLE)
    def transfer(self, pick, actor, to):
        """INV-E2, INV-E3."""
        agent = pick % len(self.agents)
        known, person = self.agents[agent], self.insider(agent, actor)
        reason = None if self.may_act(person, agent) else ""
        arguments = (self.address(known.owner), self.address(to), agent)
        if self.step("transfer", reason, self.identity.transferFrom, *arguments, sender=person):
            known.owner, known.wallet, known.approved = to, None, None

    @rule(
        pick=PICKS,
        actor=ACTORS,
        wallet=PEOPLE,
        signer=st.sampled_from((None,) * 8 + (0, 1)),
        ahead=st.sampled_from((60, 0, 300, 1, 299, 150, 30, 240, 120, 90, -1, 301)),
    )
    def set_wallet(self, pick, actor, wallet, signer, ahead):
        """INV-E3: the wallet itself signed for this agent and this owner, for now."""
        agent = pick % len(self.agents)
        known, person = self.agents[agent], self.insider(agent, actor)
        deadline = boa.env.timestamp + ahead
        signer = wallet if signer is None else signer
        terms = (self.address(wallet), self.address(known.owner), deadline)
        signature = sign(self.people[signer], consent(self.identity, agent, *terms))
        reason = None
        if not self.may_act(person, agent):
            reason = "Not authorized"
        elif ahead < 0:
            reason = "expired"
        elif ahead > 300:
            reason = "deadline too far"
        elif signer != wallet:
            reason = "invalid wallet sig"
        arguments = (agent, self.address(wallet), deadline, signature)
        if self.step("wallet", reason, self.identity.setAgentWallet, *arguments, sender=person):
            known.wallet = wallet

    @rule(pick=PICKS, actor=ACTORS)
    def unset_wallet(self, pick, actor):
        agent = pick % len(self.agents)
        person = self.insider(agent, actor)
        reason = None if self.may_act(person, agent) else "Not authorized"
        if self.step("unset", reason, self.identity.unsetAgentWallet, agent, sender=person):
            self.agents[agent].wallet = None

    @invariant()
    def agents_are_whose_the_model_says(self):
        """INV-E1, INV-E3."""
        owned = Counter(agent.owner for agent in self.agents)
        balances = [self.identity.balanceOf(self.address(person)) for person in range(COUNT)]
        assert balances == [owned[person] for person in range(COUNT)]
        for number, agent in enumerate(self.agents):
            assert self.identity.ownerOf(number) == self.address(agent.owner)
            assert self.identity.getAgentWallet(number) == self.address(agent.wallet)

    def everybody_leaves(self) -> None:
        """Who may act at the end is who the model says."""
        for number in range(len(self.agents)):
            for person in range(COUNT):
                found = self.identity.isAuthorizedOrOwner(self.address(person), number)
                assert found == self.may_act(person, number)


@pytest.mark.stateful
@pytest.mark.slow
def test_inv_e1_to_e3(capsys):
    boa.env.timestamp = START
    boa.env.evm.patch.chain_id = CHAIN_ID
    run_machine(
        OwnershipMachine,
        capsys,
        in_ci=8,
        steps=30,
        floors=FLOORS,
        identity=deploy_fresh("erc8004/IdentityRegistry"),
        people=people(),
    )
