# SPDX-License-Identifier: Apache-2.0
"""What a receipt says was paid for a transaction's bytes, beside what they cost by the formula."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from msgspec import Struct

from cortensor.chain.arbos_reader import read_arbos
from cortensor.chain.rpc import node_errors
from cortensor.errors import InvalidInput, NotFound
from cortensor.gas.arbitrum import pays_poster, poster_gas, poster_units
from cortensor.gas.rebuilding import envelope_of
from cortensor.receipts.keccak import keccak256

if TYPE_CHECKING:
    from web3 import Web3
    from web3.types import RPCEndpoint


class Checked(Struct, frozen=True):
    """One receipt. Gas; `price_per_unit` and `base_fee` in wei. `told` is the receipt's."""

    tx_hash: str
    block: int
    raw_bytes: int
    units: int
    brotli_level: int
    price_per_unit: int
    base_fee: int
    computed: int
    told: int

    @property
    def is_equal(self) -> bool:
        """Whether the chain charged what the formula says."""
        return self.computed == self.told


def check_receipt(web3: Web3, tx_hash: str) -> Checked:
    """Return a receipt's `gasUsedForL1`, and the same computed.

    Args:
        web3: a node of an Arbitrum chain that has the state of the block before.
        tx_hash: the transaction's, 0x-hex.

    Raises:
        InvalidInput: ArbOS' own transaction, no Arbitrum receipt, or a hash that does not hold.
        NotFound: the node knows no such transaction in a block (`unknown_transaction`).
        Unavailable: the node does not answer.
    """
    shown = _ask(web3, "eth_getTransactionByHash", tx_hash)
    receipt = _ask(web3, "eth_getTransactionReceipt", tx_hash) if shown else None
    if shown is None or receipt is None:
        raise NotFound("the node has it in no block", field="tx_hash", code="unknown_transaction")
    if "gasUsedForL1" not in receipt:
        raise InvalidInput(
            "its receipt has no gasUsedForL1: the node is of no Arbitrum chain",
            field="rpc",
            code="no_arbos",
        )
    raw = _raw(web3, shown)
    block = _ask(web3, "eth_getBlockByHash", receipt["blockHash"], False)
    number = int(receipt["blockNumber"], 16)
    state = read_arbos(web3, number - 1).state
    base_fee = int(block["baseFeePerGas"], 16)
    pays = pays_poster(int(shown["type"], 16), block["miner"], base_fee)
    units = poster_units(raw, state.brotli_level) if pays else 0
    return Checked(
        tx_hash=tx_hash,
        block=number,
        raw_bytes=len(raw),
        units=units,
        brotli_level=state.brotli_level,
        price_per_unit=state.price_per_unit,
        base_fee=base_fee,
        computed=poster_gas(units, state.price_per_unit, base_fee),
        told=int(receipt["gasUsedForL1"], 16),
    )


def _raw(web3: Web3, shown: dict[str, Any]) -> bytes:
    """Return the envelope: rebuilt, or the node's own where that does not hold."""
    try:
        return envelope_of(shown)
    except InvalidInput as error:
        # Of ArbOS' own types no node is asked: Anvil would end.
        if error.code != "other_hash":
            raise
        given = web3.provider.make_request(
            cast("RPCEndpoint", "debug_getRawTransaction"), [shown["hash"]]
        )
        raw = bytes.fromhex(str(given.get("result") or "").removeprefix("0x"))
        if "0x" + keccak256(raw).hex() != shown["hash"]:
            raise
        return raw


def _ask(web3: Web3, method: str, *parameters: Any) -> Any:
    with node_errors(method):
        answer = web3.provider.make_request(cast("RPCEndpoint", method), list(parameters))
        if answer.get("error"):
            raise ValueError(str(answer["error"]))
        return answer.get("result")
