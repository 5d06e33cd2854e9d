# SPDX-License-Identifier: Apache-2.0
"""A view function asked for many arguments, at one block, in few requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eth_utils.abi import get_abi_output_types

from cortensor.chain.calldata import checksummed
from cortensor.chain.rpc import node_errors
from cortensor.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from web3 import Web3
    from web3.contract import Contract
    from web3.types import RPCEndpoint

MOST_CALLS = 100
"""Calls in a request: what public endpoints take."""
CALL: RPCEndpoint = "eth_call"  # type: ignore[assignment]  # a str by another name


def call_many(
    web3: Web3, bound: Contract, name: str, arguments: Sequence[Sequence[Any]], block: int
) -> Iterator[Any]:
    """Give what a function answers for each of many arguments, in their order.

    Args:
        web3: the node.
        bound: the contract.
        name: of a function with one result; a struct comes as a tuple.
        arguments: of each call.
        block: at the end of which all of them are answered.

    Raises:
        Unavailable: the node, or it has not the state of that block any more: then another is
            needed, an archive.
    """
    types = get_abi_output_types(bound.get_function_by_name(name).abi)
    for start in range(0, len(arguments), MOST_CALLS):
        requests = [
            (
                CALL,
                [
                    {"to": bound.address, "data": bound.encode_abi(name, args=checksummed(each))},
                    hex(block),
                ],
            )
            for each in arguments[start : start + MOST_CALLS]
        ]
        doing = f"{name} at block {block}"
        with node_errors(doing):
            answers = web3.provider.make_batch_request(requests)  # type: ignore[attr-defined]  # web3's and ours have it
            for answer in _each(answers, len(requests), doing):
                yield web3.codec.decode(types, answer)[0]


def _each(answers: Any, wanted: int, doing: str) -> Iterator[bytes]:
    """Give the data of each answer of a batch; an endpoint may refuse the whole of it."""
    if not isinstance(answers, list):
        raise Unavailable(f"{doing}: no answer to a batch: {_told(answers)}")
    if len(answers) != wanted:
        raise Unavailable(f"{doing}: {len(answers)} answers to a batch of {wanted}")
    for answer in answers:
        if not isinstance(answer, dict) or not isinstance(answer.get("result"), str):
            raise Unavailable(f"{doing}: {_told(answer)}")
        yield bytes.fromhex(answer["result"].removeprefix("0x"))


def _told(answer: Any) -> str:
    told = answer.get("error", answer) if isinstance(answer, dict) else answer
    return str(told.get("message", told) if isinstance(told, dict) else told)[:200]
