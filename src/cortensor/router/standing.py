# SPDX-License-Identifier: Apache-2.0
"""What the router knows of the node behind a compute session: is it in good standing?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct

if TYPE_CHECKING:
    from cortensor.chain.node_register import NodeFacts

Status = Literal["registered", "retired", "disqualified", "unregistered"]
BARRED = ("retired", "disqualified")


class NodeStanding(Struct, frozen=True):
    """A node by the register of nodes.

    `source`: `chain` as of the last look; `last_known` since the chain did not answer; `config`
    where nothing was ever read, or that is too old to count, so that the router's own configuration
    decides. `status`, `level` (0 to 10) and `staked` are null then; a disqualification stays.
    `read_at` is unix seconds.
    """

    source: Literal["chain", "last_known", "config"]
    status: Status | None = None
    level: int | None = None
    staked: bool | None = None
    read_at: int | None = None

    @property
    def is_barred(self) -> bool:
        """Whether the node is not to be asked."""
        return self.status in BARRED


def standing_of(facts: NodeFacts, read_at: int) -> NodeStanding:
    """Return a node's standing as the register has it."""
    status: Status = "registered"
    if facts.is_disqualified:
        status = "disqualified"
    elif not facts.is_known:
        status = "unregistered"
    elif facts.is_retired:
        status = "retired"
    return NodeStanding("chain", status, facts.level, facts.is_eligible, read_at)


def preference(standing: NodeStanding | None) -> tuple[bool, int]:
    """Return a sort key: who is staked for first, then the higher level."""
    if standing is None:
        return True, 0
    return not standing.staked, -(standing.level or 0)
