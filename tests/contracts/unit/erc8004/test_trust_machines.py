# SPDX-License-Identifier: Apache-2.0
"""INV-E4 to INV-E9: feedback and validations against models that know only the EIP, at random."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import NamedTuple

import boa
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.contracts.fresh import deploy_fresh
from tests.contracts.protocol import CHAIN_ID, START, word
from tests.contracts.stateful.running import run_machine
from tests.contracts.unit.erc8004.agents_machine import (
    ACTORS,
    COUNT,
    PEOPLE,
    PICKS,
    AgentsMachine,
    people,
)

INT128_MAX = 2**127 - 1
MOST = 10**38
TAGS = st.sampled_from(("", "starred", "uptime", "a tag that is longer than thirty-one bytes"))
VALUES = st.one_of(st.integers(-1000, 1000), st.sampled_from((MOST, -MOST, 10**20, -(10**19))))

# Successes in a run of CI, well below what a healthy machine has.
FEEDBACK_FLOORS = {"feedback": 40, "revoke": 7, "summary": 8}
VALIDATION_FLOORS = {"ask": 15, "answer": 12}


class Given(NamedTuple):
    """A feedback as its client gave it."""

    value: int
    decimals: int
    tag1: str
    tag2: str


def mean_of(given: list[Given]) -> tuple[int, int, int]:
    """Return count, mean and decimals of feedback, in exact fractions."""
    if not given:
        return 0, 0, 0
    exact = sum(Fraction(one.value, 10**one.decimals) for one in given) / len(given)
    counts = Counter(one.decimals for one in given)
    most = max(counts.values())
    decimals = min(key for key, count in counts.items() if count == most)
    while True:
        scaled = exact * 10**decimals
        mean = abs(scaled.numerator) // scaled.denominator * (-1 if scaled < 0 else 1)
        if -INT128_MAX - 1 <= mean <= INT128_MAX:
            return len(given), mean, decimals
        decimals -= 1


class FeedbackMachine(AgentsMachine):
    """People rate two agents and take words back; `reputation` is set by the run."""

    def __init__(self) -> None:
        super().__init__()
        self.feedback: dict[tuple[int, int], list[Given]] = {}
        self.revoked: set[tuple[int, int, int]] = set()

    @rule(
        agent=st.integers(0, 1),
        actor=ACTORS,
        given=st.lists(
            st.builds(Given, VALUES, st.sampled_from((0, 0, 2, 2, 1, 18)), TAGS, TAGS),
            min_size=1,
            max_size=3,
        ),
    )
    def give(self, agent, actor, given):
        """INV-E4, INV-E5."""
        person = self.outsider(agent, actor)
        reason = "Self-feedback not allowed" if self.may_act(person, agent) else None
        for one in given:
            arguments = (agent, *one, "", "", bytes(32))
            call = self.reputation.giveFeedback
            if self.step("feedback", reason, call, *arguments, sender=person):
                self.feedback.setdefault((agent, person), []).append(one)

    @precondition(lambda self: self.feedback)
    @rule(pick=PICKS, index=st.sampled_from((1, 2, 3, 4, 5, 0)))
    def revoke(self, pick, index):
        """INV-E4."""
        agent, person = list(self.feedback)[pick % len(self.feedback)]
        reason = None
        if index == 0:
            reason = "index must be > 0"
        elif index > len(self.feedback[agent, person]):
            reason = "index out of bounds"
        elif (agent, person, index) in self.revoked:
            reason = "Already revoked"
        call = self.reputation.revokeFeedback
        if self.step("revoke", reason, call, agent, index, sender=person):
            self.revoked.add((agent, person, index))

    @precondition(lambda self: self.feedback)
    @rule(
        agent=st.integers(0, 1),
        clients=st.lists(PEOPLE, min_size=1, max_size=5),
        tag1=st.one_of(st.just(""), TAGS),
        tag2=st.one_of(st.just(""), TAGS, st.just("never used")),
    )
    def summary(self, agent, clients, tag1, tag2):
        """INV-E6."""
        counted = [
            given
            for person in clients
            for index, given in enumerate(self.feedback.get((agent, person), ()), start=1)
            if (agent, person, index) not in self.revoked
            and tag1 in ("", given.tag1)
            and tag2 in ("", given.tag2)
        ]
        addresses = [self.address(person) for person in clients]
        assert self.reputation.getSummary(agent, addresses, tag1, tag2) == mean_of(counted)
        self.successes["summary"] += bool(counted)

    def everybody_leaves(self) -> None:
        """Read everything once more: nothing was lost, nothing added."""
        for agent in range(2):
            clients = [person for number, person in self.feedback if number == agent]
            expected = [
                (self.address(person), index, *given, (agent, person, index) in self.revoked)
                for person in clients
                for index, given in enumerate(self.feedback[agent, person], start=1)
            ]
            columns = self.reputation.readAllFeedback(agent, [], "", "", True)
            assert list(zip(*columns, strict=True)) == expected
            assert self.reputation.getClients(agent) == list(map(self.address, clients))


class ValidationMachine(AgentsMachine):
    """People ask for verdicts and give them; `validation` is set by the run."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: dict[int, tuple[int, int]] = {}
        self.answers: dict[int, tuple[int, str]] = {}

    @rule(
        agent=st.integers(0, 1),
        actor=ACTORS,
        validator=PEOPLE,
        again=st.sampled_from((99, 99, 99, 99, 0, 1)),
    )
    def ask(self, agent, actor, validator, again):
        """INV-E7."""
        person, key = self.insider(agent, actor), min(again, len(self.asked))
        reason = None
        if key in self.asked:
            reason = "exists"
        elif not self.may_act(person, agent):
            reason = "Not authorized"
        arguments = (self.address(validator), agent, "", word(key))
        call = self.validation.validationRequest
        if self.step("ask", reason, call, *arguments, sender=person):
            self.asked[key] = (agent, validator)

    @precondition(lambda self: self.asked)
    @rule(
        pick=PICKS,
        fool=st.sampled_from((None, None, None, None, 0, 1)),
        verdict=st.sampled_from((0, 50, 93, 100, 1, 99, 101)),
        tag=TAGS,
    )
    def answer(self, pick, fool, verdict, tag):
        """INV-E8."""
        key = list(self.asked)[pick % len(self.asked)]
        validator = self.asked[key][1]
        person = validator if fool is None else fool
        reason = None
        if person != validator:
            reason = "not validator"
        elif verdict > 100:
            reason = "resp>100"
        arguments = (word(key), verdict, "", word(verdict), tag)
        call = self.validation.validationResponse
        if self.step("answer", reason, call, *arguments, sender=person):
            self.answers[key] = (verdict, tag)

    def everybody_leaves(self) -> None:
        """INV-E7, INV-E8, INV-E9."""
        for agent in range(2):
            keys = [key for key, (number, _) in self.asked.items() if number == agent]
            assert self.validation.getAgentValidations(agent) == list(map(word, keys))
            verdicts = [self.answers[key][0] for key in keys if key in self.answers]
            mean = sum(verdicts) // len(verdicts) if verdicts else 0
            assert self.validation.getSummary(agent, [], "") == (len(verdicts), mean)
        for person in range(COUNT):
            keys = [key for key, (_, validator) in self.asked.items() if validator == person]
            found = self.validation.getValidatorRequests(self.address(person))
            assert found == list(map(word, keys))
        for key, (agent, validator) in self.asked.items():
            verdict, tag = self.answers.get(key, (0, ""))
            expected = (self.address(validator), agent, verdict, word(verdict), tag)
            assert self.validation.getValidationStatus(word(key))[:5] == expected


def run(machine, capsys, name: str, floors: dict[str, int]) -> None:
    """Run a machine on a registry of its own."""
    boa.env.timestamp = START
    boa.env.evm.patch.chain_id = CHAIN_ID
    identity = deploy_fresh("erc8004/IdentityRegistry")
    registry = deploy_fresh(f"erc8004/{name}Registry", identity)
    given = {"identity": identity, name.lower(): registry, "people": people()}
    run_machine(machine, capsys, in_ci=25, steps=20, floors=floors, **given)


@pytest.mark.stateful
@pytest.mark.slow
def test_inv_e4_to_e6(capsys):
    run(FeedbackMachine, capsys, "Reputation", FEEDBACK_FLOORS)


@pytest.mark.stateful
@pytest.mark.slow
def test_inv_e7_to_e9(capsys):
    run(ValidationMachine, capsys, "Validation", VALIDATION_FLOORS)
