# SPDX-License-Identifier: Apache-2.0
"""INV-P1 to INV-P6 and INV-A1 to INV-A3: the escrow against its reference model, at random."""

from __future__ import annotations

import sys
from collections import Counter

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.contracts.profile import examples
from tests.contracts.stateful.machine import PaymentMachine

CI_EXAMPLES = 60
STEPS = 40
MOST_EXAMPLES = 2_000

# Successes in a run of CI: well below what a healthy machine has, far above what one has whose
# steps are mostly refused.
FLOORS = {
    "open": 60,
    "top_up": 8,
    "settle": 50,
    "settle (moved)": 15,
    "resend": 10,
    "request_close": 15,
    "withdraw": 25,
    "release": 8,
    "pay_pot": 4,
    "publish": 10,
    "adopt_card": 30,
    "set_settler": 5,
    "set_pause": 15,
    "send_tokens_unasked": 8,
}


@pytest.mark.stateful
@pytest.mark.slow
def test_inv_p1_to_p6_and_a1_to_a3(protocol, capsys):
    class Machine(PaymentMachine):
        pass

    Machine.protocol = protocol
    Machine.successes = Counter()
    Machine.attempts = Counter()
    count = min(examples(CI_EXAMPLES), MOST_EXAMPLES)
    steps = max(STEPS, settings.default.stateful_step_count if count > CI_EXAMPLES else STEPS)
    run_state_machine_as_test(
        Machine, settings=settings(max_examples=count, stateful_step_count=steps)
    )
    report = [f"payment machine, {count} examples of at most {steps} steps:"]
    for name, successes in sorted(Machine.successes.items()):
        tried = Machine.attempts.get(name)
        report.append(f"  {name:22} {successes:6}" + (f" of {tried}" if tried else ""))
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(report) + "\n")
    if count < CI_EXAMPLES:
        return  # too few to judge the mix by
    for name, floor in FLOORS.items():
        least = floor * count // CI_EXAMPLES
        assert Machine.successes[name] >= least, f"{name} succeeded too rarely to mean anything"
