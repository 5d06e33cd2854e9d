# SPDX-License-Identifier: Apache-2.0
"""The EIP-712 structs: receipts that routers sign, and what payers and session keys sign.

All live in the domain of SessionPayment, which recomputes all but the grant's digest on chain.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from cortensor.errors import InvalidInput
from cortensor.receipts.keccak import WORD_BYTES, ZERO_WORD, from_hex, keccak256, to_hex, word

if TYPE_CHECKING:
    from collections.abc import Mapping

DOMAIN_NAME = "Cortensor SessionPayment"
DOMAIN_VERSION = "1"
TASK_ID_BYTES = 16

_DOMAIN_TYPE = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
RECEIPT_TYPE = (
    "Receipt(bytes32 receipt_id,uint256 session,uint16 version,uint32 surcharge_epoch,"
    "uint256 terms,uint256 usage,uint96 charge,bytes32 request_commitment,bytes32 subject,"
    "uint8 outcome,uint16 confidence_bps,uint64 issued_at)"
)
ACCESS_TYPE = "AccessGrant(uint256 session,uint64 expires)"
REQUEST_TYPE = "Request(uint256 session,bytes32 request_commitment,uint96 max_charge)"
VOUCHER_TYPE = "Voucher(uint256 session,uint96 cumulative)"
REPLICA_TYPE = (
    "Replica(uint256 session,bytes32 request_commitment,string compute_session,bytes16 task_id,"
    "bytes32 output_hash,string model,uint64 input_units,uint64 output_units)"
)
REVOCATION_TYPE = "Revocation(bytes32 receipt_id,bytes32 successor,uint64 revoked_at)"

_DOMAIN_TYPE_HASH = keccak256(_DOMAIN_TYPE)
_NAME_HASH = keccak256(DOMAIN_NAME.encode())
_VERSION_HASH = keccak256(DOMAIN_VERSION.encode())
_RECEIPT_TYPE_HASH = keccak256(RECEIPT_TYPE.encode())
_ACCESS_TYPE_HASH = keccak256(ACCESS_TYPE.encode())
_REQUEST_TYPE_HASH = keccak256(REQUEST_TYPE.encode())
_VOUCHER_TYPE_HASH = keccak256(VOUCHER_TYPE.encode())
_REPLICA_TYPE_HASH = keccak256(REPLICA_TYPE.encode())
_REVOCATION_TYPE_HASH = keccak256(REVOCATION_TYPE.encode())

OUTCOMES = (
    "NO_CONSENSUS",
    "OK",
    "VALID",
    "INVALID",
    "RETRY",
    "NEEDS_SPEC",
    "FAILED",
    "TRUE",
    "FALSE",
    "SELLER_VALID",
    "SELLER_INVALID",
    "INCONCLUSIVE",
)
"""Outcome names by their code in the signed struct."""

_UINTS = {
    "session": 256,
    "version": 16,
    "surcharge_epoch": 32,
    "terms": 256,
    "usage": 256,
    "charge": 96,
    "outcome": 8,
    "confidence_bps": 16,
    "issued_at": 64,
}
_WORDS = ("receipt_id", "request_commitment", "subject")


def outcome_code(name: str) -> int:
    """Return the code of an outcome name. Raises InvalidInput for an unknown one."""
    if name not in OUTCOMES:
        raise InvalidInput(f"must be one of {', '.join(OUTCOMES)}", field="result.outcome")
    return OUTCOMES.index(name)


def uint_word(value: object, bits: int, field: str) -> bytes:
    """Return an unsigned integer as an ABI word. Raises InvalidInput if it exceeds its type."""
    if type(value) is not int or value >> bits:  # a negative one shifts to -1
        raise InvalidInput(f"must fit uint{bits}", field=field)
    return value.to_bytes(WORD_BYTES, "big")


class Domain(msgspec.Struct, frozen=True):
    """Where a signature counts: one SessionPayment on one chain."""

    chain_id: int
    session_payment: str

    def separator(self) -> bytes:
        """Return the EIP-712 domain separator. Raises InvalidInput for a malformed address."""
        return _separator(self.chain_id, self.session_payment)

    def digest(self, struct_hash: bytes) -> bytes:
        """Return what is signed for a struct in this domain."""
        return keccak256(b"\x19\x01" + self.separator() + struct_hash)


@lru_cache(maxsize=64)
def _separator(chain_id: int, session_payment: str) -> bytes:
    address = from_hex(session_payment.lower(), 20, "chain.session_payment")
    return keccak256(
        _DOMAIN_TYPE_HASH
        + _NAME_HASH
        + _VERSION_HASH
        + uint_word(chain_id, 256, "chain.chain_id")
        + address.rjust(WORD_BYTES, b"\0")
    )


class ReceiptStruct(msgspec.Struct, frozen=True, kw_only=True):
    """The struct a router signs for a receipt; the contract's `Receipt`, in its order.

    `charge` is wei of COR, `terms` and `usage` packed words, `outcome` a code of `OUTCOMES`.
    """

    receipt_id: bytes
    session: int
    version: int
    surcharge_epoch: int
    terms: int
    usage: int
    charge: int
    request_commitment: bytes
    subject: bytes = ZERO_WORD
    outcome: int
    confidence_bps: int
    issued_at: int

    def hash_struct(self) -> bytes:
        """Return the EIP-712 struct hash. Raises InvalidInput if a value exceeds its type."""
        encoded = [_RECEIPT_TYPE_HASH]
        for name, value in zip(self.__struct_fields__, self.abi_tuple(), strict=True):
            bits = _UINTS.get(name)
            if bits is None:
                encoded.append(word(value, f"charge.{name}"))
            else:
                encoded.append(uint_word(value, bits, f"charge.{name}"))
        return keccak256(b"".join(encoded))

    def digest(self, domain: Domain) -> bytes:
        """Return the 32 bytes the router signs and the leaf binds."""
        return _digest(self, domain)

    def abi_tuple(self) -> tuple[Any, ...]:
        """Return the fields in the contract's struct order."""
        return msgspec.structs.astuple(self)

    def to_json(self) -> dict[str, str]:
        """Return the fields as text: integers decimal, words 0x-hex."""
        return {
            name: to_hex(value) if isinstance(value, bytes) else str(value)
            for name, value in msgspec.structs.asdict(self).items()
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ReceiptStruct:
        """Read `to_json`'s form.

        Raises:
            InvalidInput: for a missing, unknown or malformed field (`charge.<name>`).
        """
        values: dict[str, Any] = {}
        for name in data:
            if name not in cls.__struct_fields__:
                raise InvalidInput("is not a field of the signed struct", field=f"charge.{name}")
        for name in cls.__struct_fields__:
            field = f"charge.{name}"
            text = data.get(name)
            if not isinstance(text, str):
                raise InvalidInput("must be a string", field=field)
            values[name] = (
                from_hex(text, WORD_BYTES, field)
                if name in _WORDS
                else _read_uint(text, _UINTS[name], field)
            )
        return cls(**values)


@lru_cache(maxsize=64)
def _digest(struct: ReceiptStruct, domain: Domain) -> bytes:
    """Return a receipt's digest; its signature and its leaf are checked one after the other."""
    return domain.digest(struct.hash_struct())


_MAX_DIGITS = len(str(1 << 256))


def _read_uint(text: str, bits: int, field: str) -> int:
    digits = text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS
    if not digits or (text[0] == "0" and text != "0"):
        raise InvalidInput("must be a decimal integer", field=field)
    value = int(text)
    if value >> bits:
        raise InvalidInput(f"must fit uint{bits}", field=field)
    return value


class AccessGrant(msgspec.Struct, frozen=True):
    """A payer's word that whoever holds its signature may use a session until `expires` (unix)."""

    session: int
    expires: int

    def digest(self, domain: Domain) -> bytes:
        """Return the 32 bytes the payer signs. Raises InvalidInput if a value exceeds its type."""
        return domain.digest(
            keccak256(
                _ACCESS_TYPE_HASH
                + uint_word(self.session, 256, "session")
                + uint_word(self.expires, 64, "expires")
            )
        )


class Request(msgspec.Struct, frozen=True):
    """A session key's word on one request: what is asked, and the most it may cost in wei."""

    session: int
    request_commitment: bytes
    max_charge: int

    def digest(self, domain: Domain) -> bytes:
        """Return the 32 bytes the key signs. Raises InvalidInput if a value exceeds its type."""
        return domain.digest(
            keccak256(
                _REQUEST_TYPE_HASH
                + uint_word(self.session, 256, "session")
                + word(self.request_commitment, "request_commitment")
                + uint_word(self.max_charge, 96, "max_charge")
            )
        )


class Voucher(msgspec.Struct, frozen=True):
    """A session key's word that the session owes `cumulative` wei in all."""

    session: int
    cumulative: int

    def digest(self, domain: Domain) -> bytes:
        """Return the 32 bytes the key signs. Raises InvalidInput if a value exceeds its type."""
        return domain.digest(
            keccak256(
                _VOUCHER_TYPE_HASH
                + uint_word(self.session, 256, "session")
                + uint_word(self.cumulative, 96, "cumulative")
            )
        )


class ReplicaStruct(msgspec.Struct, frozen=True, kw_only=True):
    """A miner's word on one run: what it was asked, and what it delivered.

    All of it is in the receipt's body, so it is checked without the answer. The verdict is not in
    it: that is the router's reading of the answer.
    """

    session: int
    request_commitment: bytes
    compute_session: str
    task_id: bytes
    output_hash: bytes
    model: str
    input_units: int
    output_units: int

    def digest(self, domain: Domain) -> bytes:
        """Return the 32 bytes the miner signs. Raises InvalidInput if a value exceeds its type."""
        if len(self.task_id) != TASK_ID_BYTES:
            raise InvalidInput(f"must have {TASK_ID_BYTES} bytes", field="task_id")
        return domain.digest(
            keccak256(
                _REPLICA_TYPE_HASH
                + uint_word(self.session, 256, "session")
                + word(self.request_commitment, "request_commitment")
                + keccak256(self.compute_session.encode())
                + self.task_id.ljust(WORD_BYTES, b"\0")
                + word(self.output_hash, "output_hash")
                + keccak256(self.model.encode())
                + uint_word(self.input_units, 64, "input_units")
                + uint_word(self.output_units, 64, "output_units")
            )
        )


class RevocationStruct(msgspec.Struct, frozen=True, kw_only=True):
    """A signer's word that a receipt no longer stands, and what replaces it (zero: nothing)."""

    receipt_id: bytes
    successor: bytes = ZERO_WORD
    revoked_at: int

    def digest(self, domain: Domain) -> bytes:
        """Return the 32 bytes the signer signs. Raises InvalidInput if a value exceeds its type."""
        return domain.digest(
            keccak256(
                _REVOCATION_TYPE_HASH
                + word(self.receipt_id, "receipt_id")
                + word(self.successor, "successor")
                + uint_word(self.revoked_at, 64, "revoked_at")
            )
        )
