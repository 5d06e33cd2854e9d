# SPDX-License-Identifier: Apache-2.0
"""Asks a validator about an agent, as whoever acts for the agent does."""

from __future__ import annotations

import base64
import secrets
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from cortensor.agents.payload import Payload, payload_hash
from cortensor.agents.registration import DATA_PREFIX, MAX_URI_BYTES
from cortensor.errors import InvalidInput

if TYPE_CHECKING:
    from cortensor.agents.place import Place
    from cortensor.chain.caller import Caller


class Question(Struct, frozen=True):
    """A payload's bytes, its hash, and where it is."""

    raw: bytes
    uri: str

    @property
    def hash(self) -> bytes:
        """The keccak256 of the payload."""
        return payload_hash(self.raw)


class Made(Struct, frozen=True):
    """A request that was made; `request` is its key."""

    agent_id: int
    request: str
    validator: str
    uri: str
    tx_hash: str


def salted(payload: Payload) -> bytes:
    """Return a payload's bytes, with a random salt where it has none.

    Keys belong to who takes them first, so a key that others can compute could be taken.
    """
    if payload.salt is None:
        payload = msgspec.structs.replace(payload, salt="0x" + secrets.token_hex(32))
    data = msgspec.to_builtins(payload)
    return msgspec.json.encode({name: each for name, each in data.items() if each is not None})


def question_of(raw: bytes, uri: str | None = None) -> Question:
    """Return a question.

    Args:
        raw: the payload's bytes.
        uri: where they are served; None puts them on the chain.

    Raises:
        InvalidInput: they are too many for a registry as a data: URI.
    """
    inline = DATA_PREFIX + base64.b64encode(raw).decode()
    if uri is None and len(inline) > MAX_URI_BYTES:
        raise InvalidInput(
            f"has {len(inline)} bytes as a data: URI, {MAX_URI_BYTES} are taken: serve it",
            field="payload",
        )
    return Question(raw, uri or inline)


def ask(place: Place, caller: Caller, agent_id: int, question: Question) -> Made:
    """Ask our validator; the key is the payload's hash.

    Raises:
        Conflict: the registry refuses: the sender does not act for the agent, or the key is taken.
        Unavailable: the node.
    """
    validator, registry = place.validator(), place.validation()
    key = "0x" + question.hash.hex()
    data = registry.request_data(validator.address, agent_id, question.uri, key)
    mined = caller.call(registry.address, data)
    return Made(agent_id, key, validator.address, question.uri, mined.tx_hash)
