# SPDX-License-Identifier: Apache-2.0
"""The same work as Phase #2 did it: every step of every task a transaction (contracts/baseline).

Kept frugal where nothing is published: the calls that end a stage cost nothing here, a task pays
its nodes inside its last call, results are URNs, and validators send nothing at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from operator import add
from typing import Any

from eth_utils import keccak

from cortensor.errors import VerificationFailed
from cortensor.gas.measured import WHOLE
from scripts._gas.bench import Bench
from scripts._gas.scenario import Scenario
from scripts._gas.used import Used

SESSION, TASKS, MINERS, VALIDATORS = 1, 100, 3, 1
DEPOSIT_WEI, TASK_WEI, NODE_WEI = 10**21, 10**18, 2 * 10**17
PROMPT = "Is the seller's answer consistent with the order? Reply VALID or INVALID, and one reason."
LLM_PARAMS = [1024, 70, 100, 40, 100, 0, 0]
REQUEST_PARAMS = [90, 0, 0, 0, 0, 0]
REFERENCE = "client-0000000000000001"


def run_phase2(bench: Bench) -> Iterator[Scenario]:
    """Run a session and three of its tasks, and add what a session of 100 tasks takes."""
    with bench.aside():
        flow = _Flow(bench)
        opened = bench.send(flow.create(), flow.payer)
        yield Scenario(
            "phase2.session.create", opened, 1, f"{MINERS} miners, {VALIDATORS} validator"
        )
        paid = bench.send(flow.payment.depositToSession(SESSION, DEPOSIT_WEI), flow.payer)
        yield Scenario("phase2.session.deposit", paid, 1, "a transaction of its own")
        first = _sum(list(flow.task(0).values()))
        yield Scenario("phase2.task.first", first, 1, "all transactions of a session's first task")
        steps = flow.task(1)
        for name, used in steps.items():
            yield Scenario(f"phase2.task.{name}", used, 1, "of the second task")
        steady = _sum(list(steps.values()))
        check_like(steady, _sum(list(flow.task(2).values())))
        yield Scenario(
            "phase2.task", steady, 1, f"all {len(steps)} transactions of the second task"
        )
        taken = _sum([bench.send(flow.payment.withdrawNodePayment(), node) for node in flow.nodes])
        yield Scenario("phase2.withdraw", taken, 1, f"all {len(flow.nodes)} nodes, once")
        whole = _sum([opened, paid, first, *[steady] * (TASKS - 1), taken])
        note = f"create, deposit, first task, {TASKS - 1} times the second, withdrawals"
        yield Scenario(WHOLE, whole, 1, note)


class _Flow:
    """A session on the baseline's contracts, with somebody else's before it."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        actors = bench.actors
        self.payer, self._owner = actors.payer, actors.owner
        self._miners = [actors.nodes, actors.validators, actors.treasury][:MINERS]
        self._validators = [actors.anchorer][:VALIDATORS]
        self.nodes = [*self._miners, *self._validators]
        payment = bench.deploy("Phase2Payment", bench.cor.address)
        queue = bench.deploy("Phase2Queue", payment.address, NODE_WEI)
        session = bench.deploy("Phase2Session", queue.address, payment.address, TASK_WEI)
        self.payment, self._queue, self._session = (
            each.functions for each in (payment, queue, session)
        )
        for caller in (queue, session):
            bench.send(self.payment.allowSessionContract(caller.address), self._owner)
        bench.send(self._queue.setSession(session.address), self._owner)
        bench.send(bench.cor.functions.approve(payment.address, 2**256 - 1), self.payer)
        for node in self.nodes:  # whoever is paid holds COR
            bench.send(bench.cor.functions.transfer(node, 1), self._owner)
        bench.send(self.create(), self.payer)

    def create(self) -> Any:
        """Return the call that creates the payer's next session."""
        return self._session.create(
            "name", "metadata", MINERS, MINERS, MINERS, VALIDATORS, self._miners
        )

    def task(self, number: int) -> dict[str, Used]:
        """Run a task and return its transactions by name."""
        send, queue = self._bench.send, self._queue
        parts = (SESSION, 0, PROMPT, 1, "", LLM_PARAMS, REQUEST_PARAMS, REFERENCE)
        used = {"submit": send(self._session.submit(*parts), self.payer)}
        at = (SESSION, number)
        used["assign"] = send(queue.assignTask(*at, self._miners, 0), self._owner)
        results = [
            f"ipfs://{keccak(text=f'{number} {miner}').hex()[:59]}" for miner in self._miners
        ]
        for place, miner in enumerate(self._miners):
            used[f"ack.{place}"] = send(queue.ack(*at), miner)
        for place, miner in enumerate(self._miners):
            call = queue.precommit(*at, keccak(text=results[place]), "")
            used[f"precommit.{place}"] = send(call, miner)
        for place, miner in enumerate(self._miners):
            used[f"commit.{place}"] = send(queue.commit(*at, results[place]), miner)
        used["end"] = send(queue.end(*at, self._validators), self._owner)
        return used


def check_like(second: Used, third: Used) -> None:
    """Refuse to take the second task for all later ones if the third takes other gas to execute.

    Calldata has hashes, whose bytes are 0 now and then: 12 gas each.
    """
    if second.gas - second.intrinsic != third.gas - third.intrinsic:
        raise VerificationFailed(
            f"its third task takes {third.gas:,} gas, its second {second.gas:,}", field="phase2"
        )


def _sum(parts: list[Used]) -> Used:
    return reduce(add, parts)
