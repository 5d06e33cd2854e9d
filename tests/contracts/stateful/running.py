# SPDX-License-Identifier: Apache-2.0
"""Runs a state machine as a test, prints what its rules achieved, and refuses an idle one."""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections import Counter
from typing import TYPE_CHECKING, Any, ClassVar

import boa
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from tests.contracts.profile import examples

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pytest

#: However deep the profile: each example deploys nothing, but takes thousands of transactions.
MOST_EXAMPLES = 2_000


class CountingMachine(RuleBasedStateMachine):
    """A machine that counts its steps and leaves the chain as it found it.

    `successes` counts the steps that were not refused, by name, over all examples of a run;
    `attempts` all steps that can be refused. `refusals` are the reference models' exceptions.
    """

    successes: ClassVar[Counter[str]]
    attempts: ClassVar[Counter[str]]
    refusals: ClassVar[tuple[type[Exception], ...]] = ()

    def __init__(self) -> None:
        super().__init__()
        self._undo = boa.env.anchor()
        self._undo.__enter__()

    def both(self, name: str, on_chain: Callable[[], Any], in_model: Callable[[], Any]) -> Any:
        """Take a step on chain and in the model; both give the same value or the same reason."""
        self.attempts[name] += 1
        try:
            expected = in_model()
        except self.refusals as refused:
            with boa.reverts(str(refused)):
                on_chain()
            return None
        assert on_chain() == expected
        self.successes[name] += 1
        return expected

    def teardown(self) -> None:
        """Let everybody leave, then put the chain back."""
        try:
            self.everybody_leaves()
        finally:
            self._undo.__exit__(None, None, None)

    @abstractmethod
    def everybody_leaves(self) -> None:
        """Take out all that is anybody's and check that nothing else is left."""


def run_machine(
    machine: type[CountingMachine],
    capsys: pytest.CaptureFixture[str],
    *,
    in_ci: int,
    steps: int,
    floors: Mapping[str, int],
    **given: Any,
) -> None:
    """Run a machine, print its successes, and require each rule's floor.

    Args:
        machine: The machine; a subclass of it is run, so runs share no counters.
        capsys: To print past pytest's capture.
        in_ci: Examples in the CI profile.
        steps: Steps of an example; the deep profile may ask for more.
        floors: Least successes of a rule in a run of `in_ci` examples. Longer runs need as many
            more; shorter ones, whose mix is less even, half of their share.
        given: What the machine works on, set as its attributes.
    """
    successes: Counter[str] = Counter()
    attempts: Counter[str] = Counter()
    run = type(
        machine.__name__, (machine,), {**given, "successes": successes, "attempts": attempts}
    )
    count = min(examples(in_ci), MOST_EXAMPLES)
    length = max(steps, settings.default.stateful_step_count) if count > in_ci else steps
    run_state_machine_as_test(
        run, settings=settings(max_examples=count, stateful_step_count=length)
    )
    report = [f"{machine.__name__}, {count} examples of at most {length} steps:"]
    for name, times in sorted(successes.items()):
        tried = attempts.get(name)
        report.append(f"  {name:22} {times:6}" + (f" of {tried}" if tried else ""))
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(report) + "\n")
    for name, floor in floors.items():
        least = floor * count // in_ci // (2 if count < in_ci else 1)
        assert successes[name] >= least, f"{name} succeeded too rarely to mean anything"
