# SPDX-License-Identifier: Apache-2.0
"""What of a signed transaction matters to its fee: its type, chain, gas limit, what it calls."""

from __future__ import annotations

from typing import NamedTuple

import rlp
from rlp.exceptions import RLPException

from cortensor.errors import InvalidInput
from cortensor.gas.intrinsic import Intrinsic, intrinsic

LEGACY, ACCESS_LIST, DYNAMIC_FEE, SET_CODE = 0, 1, 2, 4
FIRST_LIST = 0xC0
EIP155_OFFSET = 35
MOST_REFUND = 5


class _Shape(NamedTuple):
    """How many fields a signed transaction of a type has, and where some of them are."""

    fields: int
    gas: int
    data: int
    chain: int | None


_SHAPES = {
    LEGACY: _Shape(9, 2, 5, None),
    ACCESS_LIST: _Shape(11, 3, 6, 0),
    DYNAMIC_FEE: _Shape(12, 4, 7, 0),
    SET_CODE: _Shape(13, 4, 7, 0),
}


class Envelope(NamedTuple):
    """A signed transaction. `chain_id` is None where its signature is good on any chain.

    `fee_cap` is the most that it pays, in wei a gas. `to` is empty where it creates a contract;
    `value` is in wei. `accounts` and `slots` are counts
    of its access list, `authorities` of its authorization list.
    """

    raw: bytes
    tx_type: int
    chain_id: int | None
    gas_limit: int
    fee_cap: int
    to: bytes
    value: int
    data: bytes
    accounts: int
    slots: int
    authorities: int

    def intrinsic(self) -> Intrinsic:
        """Return what it takes before its first step."""
        return intrinsic(
            self.data,
            is_creation=not self.to,
            accounts=self.accounts,
            slots=self.slots,
            authorities=self.authorities,
        )

    def least_gas(self) -> int:
        """Return the least that it can use on a plain EVM.

        What lists and delegations take up front may be refunded, up to a fifth of all (EIP-3529).
        """
        total = self.intrinsic().total
        return total - (total // MOST_REFUND if self.accounts or self.authorities else 0)


def parse_envelope(raw: bytes) -> Envelope:
    """Return what is in an EIP-2718 envelope.

    Args:
        raw: a signed transaction, as `eth_sendRawTransaction` takes it.

    Raises:
        InvalidInput: it is none; a type that Arbitrum does not take; or not signed.
    """
    if not raw:
        raise InvalidInput("needs a signed transaction", field="raw_tx")
    tx_type, payload = (LEGACY, raw) if raw[0] >= FIRST_LIST else (raw[0], raw[1:])
    shape = _SHAPES.get(tx_type)
    if shape is None:
        raise InvalidInput(
            f"type {tx_type} is none that Arbitrum takes from people (0, 1, 2 or 4)",
            field="raw_tx",
            code="unknown_transaction_type",
        )
    try:
        fields = rlp.decode(payload)
    except RLPException as error:
        raise InvalidInput(f"is no transaction: {error}", field="raw_tx") from error
    if not isinstance(fields, list) or len(fields) != shape.fields:
        raise InvalidInput(
            f"a signed transaction of type {tx_type} has {shape.fields} fields; is it signed?",
            field="raw_tx",
        )
    slots = [] if tx_type == LEGACY else _listed(fields[shape.data + 1])
    return Envelope(
        raw=raw,
        tx_type=tx_type,
        chain_id=_chain_of(fields, shape),
        gas_limit=_number(fields[shape.gas]),
        fee_cap=_number(fields[shape.gas - 1]),
        to=_bytes(fields[shape.gas + 1]),
        value=_number(fields[shape.gas + 2]),
        data=_bytes(fields[shape.data]),
        accounts=len(slots),
        slots=sum(slots),
        authorities=len(_list(fields[shape.data + 2])) if tx_type == SET_CODE else 0,
    )


def with_data(envelope: Envelope, data: bytes) -> bytes:
    """Return a transaction's bytes with other calldata; the signature is left as it was."""
    prefix = b"" if envelope.tx_type == LEGACY else envelope.raw[:1]
    fields = rlp.decode(envelope.raw[len(prefix) :])
    fields[_SHAPES[envelope.tx_type].data] = data
    return prefix + bytes(rlp.encode(fields))


def _chain_of(fields: list[object], shape: _Shape) -> int | None:
    if shape.chain is not None:
        return _number(fields[shape.chain])
    v = _number(fields[-3])
    return (v - EIP155_OFFSET) // 2 if v >= EIP155_OFFSET else None


def _listed(field: object) -> list[int]:
    """Return the number of slots of each account in an access list."""
    counts = []
    for item in _list(field):
        match item:
            case [bytes(), list() as keys]:
                counts.append(len(keys))
            case _:
                raise InvalidInput("has an access list that is none", field="raw_tx")
    return counts


def _number(field: object) -> int:
    return int.from_bytes(_bytes(field), "big")


def _bytes(field: object) -> bytes:
    if not isinstance(field, bytes):
        raise InvalidInput("has a list where a number belongs", field="raw_tx")
    return field


def _list(field: object) -> list[object]:
    if not isinstance(field, list):
        raise InvalidInput("has a number where a list belongs", field="raw_tx")
    return field
