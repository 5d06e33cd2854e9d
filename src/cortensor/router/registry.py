# SPDX-License-Identifier: Apache-2.0
"""Compute sessions as the configuration lists them, and what the register of nodes adds to that.

Both are adapters of `SessionRegistry`. Which sessions there are is the operator's word alone: the
register knows no endpoint. It says of the nodes behind them who is not to be asked any more, who is
staked for, and at which level.
"""

from __future__ import annotations

import asyncio
import logging
import re
from typing import TYPE_CHECKING

from msgspec import structs

from cortensor.errors import Error
from cortensor.router.standing import NodeStanding, standing_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortensor.router.config import ComputeSession
    from cortensor.router.operations_config import RegistryConfig
    from cortensor.router.ports import Clock, NodesPort

ADDRESS = re.compile("0x[0-9a-fA-F]{40}")
UNREAD = NodeStanding("config")

log = logging.getLogger(__name__)


class ConfiguredSessions:
    """The `[[sessions]]` tables.

    Args:
        given: the tables, checked.
    """

    def __init__(self, given: Sequence[ComputeSession]) -> None:
        self._given = tuple(given)

    def sessions(self) -> Sequence[ComputeSession]:
        """Return them in the file's order."""
        return self._given

    def standing(self, session: str) -> NodeStanding | None:  # noqa: ARG002 -- the port's
        """Return None: no register is read."""
        return None


class RegisteredSessions:
    """The `[[sessions]]` tables, with their nodes' standing on chain.

    When the chain does not answer, what was read last counts until it is `stale_after_s` old, and
    then the configuration alone; but whoever was disqualified stays so, for that cannot be undone.

    Args:
        given: the tables, checked.
        nodes: the register.
        clock: unix time.
        config: how often to look, and how long an answer is good.
    """

    def __init__(
        self,
        given: Sequence[ComputeSession],
        nodes: NodesPort,
        clock: Clock,
        config: RegistryConfig,
    ) -> None:
        self._given = tuple(given)
        self._nodes = nodes
        self._clock = clock
        self._config = config
        self._miners = miners_of(given)
        self._found: dict[str, NodeStanding] = {}
        self.failures = 0
        """Looks in a row that failed."""

    def sessions(self) -> Sequence[ComputeSession]:
        """Return them in the file's order."""
        return self._given

    def standing(self, session: str) -> NodeStanding | None:
        """Return the standing of a session's node; None if its miner is no address."""
        miner = self._miners.get(session)
        if miner is None:
            return None
        found = self._found.get(miner)
        if found is None or found.read_at is None:
            return UNREAD
        if self._clock.unix() - found.read_at <= self._config.stale_after_s:
            return structs.replace(found, source="last_known") if self.failures else found
        status = found.status if found.status == "disqualified" else None
        return NodeStanding("config", status, read_at=found.read_at)

    def levels(self) -> dict[str, int]:
        """Return the level of each session's node, where it is known."""
        standings = {name: self.standing(name) for name in self._miners}
        return {name: found.level for name, found in standings.items() if found and found.level}

    async def refresh(self) -> None:
        """Read the register once for all nodes. What fails is logged, and leaves all as it was."""
        nodes = sorted(set(self._miners.values()))
        try:
            read = await asyncio.to_thread(self._nodes.facts, nodes)
        except Error as error:
            self.failures += 1
            log.warning("the register of nodes stays as it was known: %s", error)
            return
        self.failures = 0
        now = self._clock.unix()
        for node, facts in zip(nodes, read, strict=True):
            found = standing_of(facts, now)
            before = self._found.get(node)
            if found.is_barred and not (before and before.is_barred):
                log.warning("node %s is %s: it is not asked", node, found.status)
            self._found[node] = found

    async def refresh_for_ever(self) -> None:
        """Read the register every `refresh_s` seconds."""
        while True:
            await asyncio.sleep(self._config.refresh_s)
            await self.refresh()


def miners_of(sessions: Sequence[ComputeSession]) -> dict[str, str]:
    """Return the node of each session whose miner is an address, by the session's id."""
    return {
        each.id: each.miner.lower()
        for each in sessions
        if each.miner is not None and ADDRESS.fullmatch(each.miner)
    }
