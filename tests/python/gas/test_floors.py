# SPDX-License-Identifier: Apache-2.0
"""The floors of ERC-8004 operations, added up from what each has to do at least.

Calldata and the events of the interface are those of the scenario; slots are the fewest that the
interface's getters can be answered from. Other floors are of gas/peers.json's source.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from cortensor.gas.kept_profiles import Profiles
from cortensor.gas.reading import read_json
from cortensor.gas.report import Peers

ROWS = {row.scenario: row for row in read_json(Path("gas/peers.json"), Peers).rows}
PROFILES = read_json(Path("gas/profile.json"), Profiles).scenarios
BASE, FRESH, USED, READ, ACCOUNT = 21_000, 22_100, 5_000, 2_100, 2_600
CREATE, CODE_BYTE = 32_000, 200
URI_BYTES = 66
OWNER = ACCOUNT + READ
"""Who owns an agent is in another contract."""
NO_OWN_FEEDBACK = OWNER + 2 * READ
"""Whether a client is the agent's owner, approved for it, or the owner's operator."""
ENTRY = FRESH + USED
"""An entry of a list, and its length."""


class Least(NamedTuple):
    """What an operation has to do: gas of slots and accounts, and events by name."""

    gas: int
    events: tuple[str, ...]


LEAST = {
    "agent.register": Least(
        # Its owner, how many he has, how many there are; the URI as code that begins with STOP.
        FRESH + 2 * USED + CREATE + CODE_BYTE * (URI_BYTES + 1),
        ("Transfer", "Registered"),
    ),
    "agent.uri.set": Least(3 * USED + READ, ("URIUpdated",)),
    "agent.feedback.plain.first": Least(2 * FRESH + ENTRY + NO_OWN_FEEDBACK, ("NewFeedback",)),
    "agent.feedback.first": Least(2 * FRESH + ENTRY + 2 * READ + NO_OWN_FEEDBACK, ("NewFeedback",)),
    "agent.feedback": Least(FRESH + USED + 2 * READ + NO_OWN_FEEDBACK, ("NewFeedback",)),
    "agent.response.first": Least(FRESH + READ, ("ResponseAppended",)),
    "agent.feedback.revoke": Least(USED, ("FeedbackRevoked",)),
    "agent.validation.request": Least(FRESH + 2 * ENTRY + OWNER, ("ValidationRequest",)),
    "agent.validation.response": Least(USED + FRESH + READ, ("ValidationResponse",)),
    "agent.validation.update": Least(2 * USED + READ, ("ValidationResponse",)),
}


@pytest.mark.parametrize("scenario", LEAST)
def test_a_floor_is_the_sum_of_its_parts(scenario: str) -> None:
    kept, least = PROFILES[scenario], LEAST[scenario]
    events = {name.partition(".")[2]: event.gas for name, event in kept.events.items()}
    told = sum(events[name] for name in least.events)
    floor = ROWS[scenario].floor
    assert floor is not None
    assert floor.gas == BASE + kept.classes["l2_calldata"] + told + least.gas
    assert floor.gas < kept.gas_used
