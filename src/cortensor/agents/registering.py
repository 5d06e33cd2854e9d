# SPDX-License-Identifier: Apache-2.0
"""Puts an agent on a chain as its file says; run again, it changes only what is different."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from cortensor.agents.fetching import read_uri
from cortensor.agents.registration import Registration
from cortensor.errors import Conflict, Error, Forbidden, InvalidInput
from cortensor.receipts.canonical import load_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortensor.agents.fetching import Reach
    from cortensor.agents.place import Place
    from cortensor.chain.caller import Caller


class Wanted(Struct, frozen=True):
    """What a registration is to come to.

    Attributes:
        registration: the file.
        uri: where it is served; None puts the whole file on the chain.
        agent_id: the agent, where it is known; None looks for it.
        is_new: register another agent, whatever there is.
        approves: let our validator attest for the agent.
        anchorers: whose receipts may speak of it.
        from_block: where to look for the sender's agents; None where the records say.
    """

    registration: Registration
    uri: str | None = None
    agent_id: int | None = None
    is_new: bool = False
    approves: bool = False
    anchorers: Sequence[str] = ()
    from_block: int | None = None


class Registered(Struct, frozen=True):
    """What was done, one line each, and what the agent is now."""

    agent_id: int
    registry: str
    uri: str
    owner: str
    done: list[str]


class Registrar:
    """Registers agents of one account.

    Args:
        place: the contracts.
        caller: sends, and owns what is registered.
        reach: what may be fetched to know an agent again.
    """

    def __init__(self, place: Place, caller: Caller, reach: Reach) -> None:
        self._place = place
        self._caller = caller
        self._reach = reach
        self._identity = place.identity

    def register(self, wanted: Wanted) -> Registered:
        """Bring the chain to what is wanted.

        Raises:
            InvalidInput: the file is too long, or it cannot be told which agent is meant.
            Forbidden: the agent is somebody else's.
            Conflict: a contract refuses, or somebody else is approved for it (`other_approved`).
            Unavailable: the node.
        """
        done: list[str] = []
        file = wanted.registration
        agent_id = self._find(wanted)
        if agent_id is None:
            first = wanted.uri or file.data_uri()
            # A file that has no room for its own id would be found out only after it is paid for.
            self._uri(wanted, 2**32)
            mined = self._caller.call(self._identity.address, self._identity.register_data(first))
            agent_id = self._identity.registered_id(mined.receipt)
            done.append(f"registered as {agent_id}: {mined.tx_hash}")
        else:
            done.append(f"already registered as {agent_id}")
        if not self._identity.may_act(self._caller.address, agent_id):
            raise Forbidden(f"{self._caller.address} may not act for it", field="agent_id")
        uri = self._uri(wanted, agent_id)
        if self._identity.uri(agent_id) == uri:
            done.append("its URI is that of the file")
        else:
            self._send(self._identity.set_agent_uri_data(agent_id, uri), "set its URI", done)
        if wanted.approves:
            self._approve(agent_id, done)
        for anchorer in wanted.anchorers:
            self._allow(agent_id, anchorer, done)
        return Registered(
            agent_id=agent_id,
            registry=self._place.registry_name,
            uri=uri,
            owner=self._identity.owner(agent_id),
            done=done,
        )

    def _uri(self, wanted: Wanted, agent_id: int) -> str:
        if wanted.uri is not None:
            return wanted.uri
        return wanted.registration.named(self._place.registry_name, agent_id).data_uri()

    def _find(self, wanted: Wanted) -> int | None:
        """Return the agent that is meant, or None for a new one."""
        if wanted.is_new:
            return None
        if wanted.agent_id is not None:
            return wanted.agent_id
        named = wanted.registration.id_in(self._place.registry_name)
        if named is not None:
            return named
        owner = self._caller.address
        if self._identity.count(owner) == 0:
            return None
        first = self._place.first_block if wanted.from_block is None else wanted.from_block
        if first is None:
            raise InvalidInput(
                f"{owner} has agents already: say --agent-id, --new, or --from-block to look for"
                " one of this name",
                field="agent_id",
            )
        ids = self._identity.registered(owner, first, self._place.head())
        same = [each for each in ids if self._is_same(each, wanted)]
        if len(same) > 1:
            listed = ", ".join(map(str, same))
            raise InvalidInput(f"agents {listed} have this name: say --agent-id", field="agent_id")
        return same[0] if same else None

    def _is_same(self, agent_id: int, wanted: Wanted) -> bool:
        if self._identity.owner(agent_id) != self._caller.address:
            return False
        uri = self._identity.uri(agent_id)
        if wanted.uri is not None and uri == wanted.uri:
            return True
        try:
            there = Registration(load_json(read_uri(uri, self._reach)))
        except Error:
            return False  # nobody can say what it was
        return there.name == wanted.registration.name

    def _approve(self, agent_id: int, done: list[str]) -> None:
        validator = self._place.validator()
        if self._identity.may_act(validator.address, agent_id):
            done.append(f"validator {validator.address} may attest for it already")
            return
        other = self._identity.approved(agent_id)
        if int(other, 16) != 0:
            raise Conflict(
                f"{other} is approved for the agent, and only one can be: take that back first, or"
                " let the validator act for all your agents (setApprovalForAll)",
                field="approve",
                code="other_approved",
            )
        data = self._identity.approve_data(validator.address, agent_id)
        self._send(data, f"approved validator {validator.address}", done)

    def _allow(self, agent_id: int, anchorer: str, done: list[str]) -> None:
        validator = self._place.validator()
        if validator.is_allowed(agent_id, anchorer):
            done.append(f"anchorer {anchorer} is allowed already")
            return
        mined = self._caller.call(validator.address, validator.allow_data(agent_id, anchorer))
        done.append(f"allowed anchorer {anchorer}: {mined.tx_hash}")

    def _send(self, data: str, what: str, done: list[str]) -> None:
        mined = self._caller.call(self._identity.address, data)
        done.append(f"{what}: {mined.tx_hash}")
