# SPDX-License-Identifier: Apache-2.0
"""Whether a contract says that it signed: ERC-1271, and ERC-6492 for one yet to be deployed.

Nothing is deployed: the factory's call and the question go to the node as one `eth_call` of code
that makes both and returns the answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from web3 import Web3
from web3.exceptions import ContractLogicError

from cortensor.chain.rpc import node_errors

if TYPE_CHECKING:
    from web3.types import TxParams

IS_VALID_SIGNATURE = bytes.fromhex("1626ba7e")
"""Selector of `isValidSignature(bytes32,bytes)`, and what it returns for yes."""
WRAPPED = bytes.fromhex("6492" * 16)
"""The last 32 bytes of a signature that names its contract's factory."""

_WORD = 32
_PUSH1, _PUSH4, _PUSH20 = b"\x60", b"\x63", b"\x73"
_MUL, _MLOAD, _MSTORE, _GAS, _POP = b"\x02", b"\x51", b"\x52", b"\x5a", b"\x50"
_CODECOPY, _CALL, _STATICCALL, _RETURN = b"\x39", b"\xf1", b"\xfa", b"\xf3"


def is_signed(web3: Web3, signer: str, digest: bytes, signature: bytes) -> bool:
    """Return whether the contract at `signer` takes a signature of a digest for its own.

    Raises:
        Unavailable: the node cannot be reached.
    """
    address = Web3.to_checksum_address(signer)
    wrapped = _unwrap(signature)
    with node_errors("contract signature"):
        has_code = len(web3.eth.get_code(address)) > 0
        if has_code:
            asked = _question(digest, signature if wrapped is None else wrapped[2])
            if _says_yes(web3, {"to": address, "data": Web3.to_hex(asked)}):
                return True
        if wrapped is None:
            return False
        factory, deployment, inner = wrapped
        code = both_calls(factory, deployment, signer, _question(digest, inner))
        return _says_yes(web3, {"data": Web3.to_hex(code)})


def _says_yes(web3: Web3, call: TxParams) -> bool:
    try:
        answer = bytes(web3.eth.call(call))
    except ContractLogicError:
        return False  # it refuses, which is a no
    return answer == IS_VALID_SIGNATURE.ljust(_WORD, b"\0")


def _question(digest: bytes, signature: bytes) -> bytes:
    return IS_VALID_SIGNATURE + encode(["bytes32", "bytes"], [digest, signature])


def _unwrap(signature: bytes) -> tuple[str, bytes, bytes] | None:
    """Return factory, its calldata and the signature proper of a wrapped signature; else None."""
    if not signature.endswith(WRAPPED):
        return None
    try:
        factory, deployment, inner = decode(
            ["address", "bytes", "bytes"], signature[: -len(WRAPPED)]
        )
    except DecodingError:
        return None
    return factory, deployment, inner


def both_calls(factory: str, deployment: bytes, signer: str, question: bytes) -> bytes:
    """Return code that calls a factory, then asks a signer, and returns its answer or zero.

    The answer goes behind the question in memory, to a word set to zero: a signer without code, or
    one that returns too little, must not pass for one that repeats the selector it was asked by.
    What a refusing call returns is multiplied by its success, zero.
    """
    answer_at = -(-len(question) // _WORD) * _WORD
    start = 0
    while True:  # the offsets of what follows the code are in the code, all of one width
        code = _code(factory, deployment, signer, question, answer_at, start)
        if len(code) == start:
            return code + deployment + question
        start = len(code)


def _code(
    factory: str, deployment: bytes, signer: str, question: bytes, answer_at: int, start: int
) -> bytes:
    question_at = start + len(deployment)
    none = _PUSH1 + b"\0"
    return b"".join(
        [
            # The factory's calldata to memory, its call without value, its success dropped.
            *(_push(len(deployment)), _push(start), none, _CODECOPY),
            *(none, none, _push(len(deployment)), none, none, _address(factory), _GAS),
            *(_CALL, _POP),
            *(_push(len(question)), _push(question_at), none, _CODECOPY),
            # A zero for the answer: the factory's calldata may have been longer than the question.
            *(none, _push(answer_at), _MSTORE),
            # The question is asked, with one word of room for the answer.
            *(_push(_WORD), _push(answer_at), _push(len(question)), none, _address(signer), _GAS),
            _STATICCALL,
            # Success times answer is what is returned.
            *(_push(answer_at), _MLOAD, _MUL, _push(answer_at), _MSTORE),
            *(_push(_WORD), _push(answer_at), _RETURN),
        ]
    )


def _push(number: int) -> bytes:
    return _PUSH4 + number.to_bytes(4, "big")


def _address(text: str) -> bytes:
    return _PUSH20 + bytes.fromhex(text.removeprefix("0x"))
