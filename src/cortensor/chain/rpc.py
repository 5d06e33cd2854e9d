# SPDX-License-Identifier: Apache-2.0
"""A node's RPC: one way to connect, one way to fail. Works with web3.py 7.16 and 8.

Calls block; async code runs them in threads.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from importlib.resources import files
from json import JSONDecodeError
from typing import TYPE_CHECKING, Any

import eth_account  # noqa: F401 -- before the recursion limit is set back
import msgspec
import requests
from eth_abi.codec import ABICodec
from eth_abi.decoding import StringDecoder
from eth_abi.registry import BaseEquals
from web3 import Web3
from web3._utils.abi import build_strict_registry
from web3.exceptions import (
    BadFunctionCallOutput,
    ContractLogicError,
    Web3Exception,
)
from web3.middleware import ExtraDataToPOAMiddleware

from cortensor.chain.custom_errors import readable
from cortensor.chain.failover import (
    RPC_TIMEOUT_S,
    WRONG_CHAIN,
    FailoverProvider,
    http_provider,
    name_of,
)
from cortensor.errors import Conflict, NotFound, Unavailable
from cortensor.unanswered import nobody_answers, origin_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from web3.contract import Contract

RECURSION_LIMIT = 1000

# py_ecc, which web3 imports, sets 100,000: deep JSON from outside would then overflow the C stack
# and end the process instead of raising. This is Python's own default again.
sys.setrecursionlimit(RECURSION_LIMIT)


def connect(rpc_url: str | Sequence[str], chain_id: int | None = None) -> Web3:
    """Return a client for a node. Nothing is sent yet.

    Args:
        rpc_url: an http(s) JSON-RPC endpoint; or several of one chain, the preferred first.
        chain_id: which chain several endpoints must be on; None for that of the first to answer.

    Raises:
        InvalidInput: one is no http(s) URL.
    """
    urls = [rpc_url] if isinstance(rpc_url, str) else list(rpc_url)
    for url in urls:
        name_of(url)
    web3 = Web3(
        http_provider(urls[0], RPC_TIMEOUT_S)
        if len(urls) == 1
        else FailoverProvider(urls, chain_id)
    )
    # Chains with signatures in the block's extra data (many test networks) would not decode.
    web3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
    web3.codec = _codec()
    return web3


class _Text(StringDecoder):
    """A contract's string, in which what is no UTF-8 becomes U+FFFD.

    Contracts take any bytes for text: whoever puts such into an event stops nobody who reads it.
    """

    def __init__(self) -> None:
        super().__init__("replace")  # type: ignore[no-untyped-call]  # eth_abi's


def _codec() -> ABICodec:
    registry = build_strict_registry()
    registry.unregister_decoder("string")
    is_text = BaseEquals("string")  # type: ignore[no-untyped-call]  # eth_abi's
    registry.register_decoder(is_text, _Text, label="string")
    return ABICodec(registry)


@contextmanager
def node_errors(doing: str) -> Iterator[None]:
    """Turn what web3 and its transport raise into this package's errors.

    Raises:
        Conflict: the contract refused; the reason is the contract's own.
        NotFound: no such contract at the address.
        Unavailable: the node cannot be reached or answers nonsense.
    """
    try:
        yield
    except ContractLogicError as error:
        raise Conflict(f"{doing}: {_revert(error)}", code="contract_refused") from error
    except BadFunctionCallOutput as error:
        raise NotFound(f"{doing}: no such contract there", code="unknown_contract") from error
    except (Web3Exception, requests.RequestException, ConnectionError, ValueError) as error:
        raise Unavailable(f"{doing}: {why_failed(error)}", code="chain_unavailable") from error


def why_failed(error: Exception) -> str:
    """Return why a node gave no answer, by what web3 or its transport raised.

    An endpoint is named by scheme, host and port: the rest of its URL may be a key.
    """
    if isinstance(error, JSONDecodeError):
        return "what answers is no node: no JSON"
    if not isinstance(error, OSError):
        return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
    url: str | None = getattr(getattr(error, "request", None), "url", None)
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is not None and url is not None:
        return f"{origin_of(url)} answers HTTP {status}"
    return nobody_answers(url, error)


def chain_of(web3: Web3, wanted: int | None = None, field: str = "rpc") -> int:
    """Return the id of the chain that a node is on.

    Args:
        web3: the node, or several endpoints as one.
        wanted: the chain it must be on; None for any.
        field: what named the node.

    Raises:
        Conflict: it is on another chain (`wrong_chain`).
        Unavailable: the node.
    """
    try:
        with node_errors("chain id"):
            found = int(web3.eth.chain_id)
    except Unavailable as error:
        if error.code != WRONG_CHAIN:
            raise
        raise Conflict(error.reason, field=field, code=WRONG_CHAIN) from error
    if wanted not in (None, found):
        raise Conflict(
            f"the node is on chain {found}, the deployment on {wanted}",
            field=field,
            code=WRONG_CHAIN,
        )
    return found


def _revert(error: ContractLogicError) -> str:
    reason = readable(error.message or str(error))
    return reason.removeprefix("execution reverted").lstrip(": ") or "reverted without a reason"


def latest_block(web3: Web3) -> int:
    """Return the number of the latest block. Raises Unavailable."""
    with node_errors("block number"):
        return int(web3.eth.block_number)


def load_abi(name: str) -> list[dict[str, Any]]:
    """Return the committed ABI of a contract."""
    text = files("cortensor.chain").joinpath("abi", f"{name}.json").read_bytes()
    data = msgspec.json.decode(text)
    found: list[dict[str, Any]] = data["abi"] if isinstance(data, dict) else data
    return found


def contract(web3: Web3, name: str, address: str) -> Contract:
    """Return a contract by its committed ABI."""
    checksummed = Web3.to_checksum_address(address)
    bound: Contract = web3.eth.contract(address=checksummed, abi=load_abi(name))
    return bound
