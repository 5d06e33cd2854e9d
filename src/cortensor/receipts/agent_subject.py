# SPDX-License-Identifier: Apache-2.0
"""What a receipt about an ERC-8004 agent is about, and what a self-attestation asks.

The mirror of contracts/lib/agent_hash.vy. A receipt that answers another's request and one by which
an agent attests of itself have subjects of different types: neither serves for the other.
"""

from __future__ import annotations

import msgspec

from cortensor.errors import InvalidInput
from cortensor.receipts.keccak import WORD_BYTES, ZERO_WORD, from_hex, keccak256, word
from cortensor.receipts.typed import uint_word

_WHERE = "uint256 chain_id,address registry,address validator,uint256 agent_id"
SUBJECT_TYPE = f"AgentSubject({_WHERE},bytes32 request_hash)"
SELF_SUBJECT_TYPE = f"AgentSelfSubject({_WHERE},bytes32 request)"
REQUEST_TYPE = f"AgentRequest({_WHERE},bytes32 payload_hash,bytes32 salt)"


class AgentAt(msgspec.Struct, frozen=True):
    """An agent before one AgentValidator.

    Attributes:
        chain_id: the chain.
        registry: the validation registry, 0x-hex.
        validator: the AgentValidator, 0x-hex.
        agent_id: the agent's id, from 0.
    """

    chain_id: int
    registry: str
    validator: str
    agent_id: int

    def subject(self, request_hash: bytes) -> bytes:
        """Return the subject of a receipt that answers a request.

        Args:
            request_hash: the request's key in the registry, 32 bytes.

        Raises:
            InvalidInput: for a malformed address, id or hash.
        """
        return self._hashed(SUBJECT_TYPE, word(request_hash, "request_hash"))

    def self_subject(self, request: bytes) -> bytes:
        """Return the subject of a receipt by which the agent attests of itself.

        Args:
            request: what is asked, as `request` hashes it, 32 bytes.

        Raises:
            InvalidInput: for a malformed address, id or hash.
        """
        return self._hashed(SELF_SUBJECT_TYPE, word(request, "request"))

    def request(self, payload_hash: bytes, salt: bytes) -> bytes:
        """Return what `attest` asks: a hash, and its key in the registry unless that is taken.

        Args:
            payload_hash: the keccak256 of the payload, 32 bytes, not zero.
            salt: 32 random bytes, not zero, that nobody else knows before the transaction is sent.

        Raises:
            InvalidInput: for a malformed address, id, hash or salt.
        """
        return self._hashed(
            REQUEST_TYPE, _named(payload_hash, "payload_hash") + _named(salt, "salt")
        )

    def _hashed(self, kind: str, words: bytes) -> bytes:
        encoded = keccak256(kind.encode()) + uint_word(self.chain_id, 256, "chain_id")
        for address, field in ((self.registry, "registry"), (self.validator, "validator")):
            encoded += from_hex(address.lower(), 20, field).rjust(WORD_BYTES, b"\0")
        return keccak256(encoded + uint_word(self.agent_id, 256, "agent_id") + words)


def _named(value: bytes, field: str) -> bytes:
    if word(value, field) == ZERO_WORD:
        raise InvalidInput("must not be zero", field=field)
    return value
