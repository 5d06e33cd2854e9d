# SPDX-License-Identifier: Apache-2.0
"""Reads and calls of ReceiptAnchor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from web3 import Web3
from web3.exceptions import BlockNotFound, Web3RPCError

from cortensor.chain.book import ANCHOR
from cortensor.chain.logs import EventSource
from cortensor.chain.rpc import chain_of, connect, contract, node_errors
from cortensor.errors import Conflict, InvalidInput, NotFound, Unavailable
from cortensor.receipts.anchor_view import (
    HARD,
    NOT_ANCHORED,
    SAFE,
    SOFT,
    AnchoredBatch,
    Revocation,
)
from cortensor.tlog.entry import LogName

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortensor.receipts.anchor_log import LoggedBatch


class Anchor:
    """The receipt anchor at an address. Roots, leaves, ids are 0x hex of 32 bytes."""

    def __init__(self, web3: Web3, address: str) -> None:
        self._contract = contract(web3, ANCHOR, address)

    @property
    def address(self) -> str:
        """The checksummed address."""
        return str(self._contract.address)

    def batch(
        self, anchorer: str, root: str, block: Literal["latest", "safe", "finalized"] = "latest"
    ) -> AnchoredBatch:
        """Return when a root was anchored (0 if never) and its leaf count, as of a block."""
        with node_errors("batch"):
            call = self._contract.functions.batch(_address(anchorer), _word(root))
            found = call.call(block_identifier=block)
        return AnchoredBatch(int(found[0]), int(found[1]))

    def finality(self, anchorer: str, root: str) -> str:
        """Return how final an anchored root is, as `anchor_view.FINALITIES` has it.

        A node that knows no such block, or not yet the contract in it, has not got that far.
        """
        if self.batch(anchorer, root).anchored_at == 0:
            return NOT_ANCHORED
        reached = SOFT
        tags: tuple[tuple[str, Literal["safe", "finalized"]], ...] = (
            (SAFE, "safe"),
            (HARD, "finalized"),
        )
        for level, tag in tags:
            try:
                there = self.batch(anchorer, root, tag).anchored_at != 0
            except (NotFound, Conflict):
                there = False
            except Unavailable:
                there = self._has_block(tag) and self.batch(anchorer, root, tag).anchored_at != 0
            if not there:
                break
            reached = level
        return reached

    def _has_block(self, tag: Literal["safe", "finalized"]) -> bool:
        """Return whether the node has such a block. Raises Unavailable if it does not answer."""
        with node_errors("block"):
            try:
                self._contract.w3.eth.get_block(tag)
            except (BlockNotFound, Web3RPCError):
                return False
        return True

    def place(self, anchorer: str, root: str) -> tuple[int, int, int]:
        """Return when a root was anchored (0 if never), its leaf count, and its number."""
        with node_errors("batch"):
            found = self._contract.functions.batch(_address(anchorer), _word(root)).call()
        return int(found[0]), int(found[1]), int(found[2])

    def is_anchored(self, anchorer: str, leaf: str, proof: Sequence[str], root: str) -> bool:
        """Return the contract's word on a proof."""
        path = [_word(node) for node in proof]
        with node_errors("is_anchored"):
            call = self._contract.functions.is_anchored(
                _address(anchorer), _word(leaf), path, _word(root)
            )
            return bool(call.call())

    def revocation(self, anchorer: str, receipt_id: str) -> Revocation:
        """Return when a receipt was revoked or superseded (0 if never), and by which."""
        with node_errors("status"):
            call = self._contract.functions.status(_address(anchorer), _word(receipt_id))
            _, ended_at, successor = call.call()
        return Revocation(int(ended_at), "0x" + bytes(successor).hex())

    def ended(self, anchorer: str, first: int, last: int) -> list[str]:
        """Return the ids of receipts that an anchorer revoked or superseded in blocks."""
        names = ["ReceiptRevoked", "ReceiptSuperseded"]
        topic = "0x" + _address(anchorer)[2:].lower().rjust(64, "0")
        source = EventSource(self._contract.w3, [(self._contract, names)], first_topic=topic)
        return [
            "0x" + bytes(event["args"]["receipt_id"]).hex() for event in source.between(first, last)
        ]

    def head(self, anchorer: str) -> bytes:
        """Return the 32 bytes of the head of an anchorer's log, zero if it was never used."""
        with node_errors("head"):
            return bytes(self._contract.functions.head(_address(anchorer)).call())

    def extends(self, anchorer: str, old_head: bytes, batches: Sequence[LoggedBatch]) -> bool:
        """Return the contract's word on whether a log is an older head and these batches."""
        items = [batch.abi_tuple() for batch in batches]
        with node_errors("extends"):
            call = self._contract.functions.extends(_address(anchorer), old_head, items)
            return bool(call.call())

    def is_authorised(self, anchorer: str, caller: str) -> bool:
        """Return whether `caller` may anchor for `anchorer`."""
        with node_errors("is_authorised"):
            call = self._contract.functions.is_authorised(_address(anchorer), _address(caller))
            return bool(call.call())

    def end_data(self, receipt_id: str, successor: str | None) -> str:
        """Return the calldata that revokes a receipt, or supersedes it by another."""
        if successor is None:
            return str(self._contract.encode_abi("revoke", args=[_word(receipt_id)]))
        args = [_word(receipt_id), _word(successor)]
        return str(self._contract.encode_abi("supersede", args=args))

    def authorise_data(self, caller: str) -> str:
        """Return the calldata that lets `caller` anchor for the sender."""
        return str(self._contract.encode_abi("authorise", args=[_address(caller), True]))


def log_of(rpc_url: str | Sequence[str], anchor: str, anchorer: str) -> tuple[LogName, Anchor]:
    """Return the log of an anchorer on a node's chain, and the contract that has it.

    Args:
        rpc_url: an http(s) JSON-RPC endpoint, or several of one chain.
        anchor: the contract's address.
        anchorer: whose log it is, an address.

    Raises:
        InvalidInput: one is no address.
        Unavailable: the node does not answer.
    """
    for field, address in (("anchor", anchor), ("anchorer", anchorer)):
        if not Web3.is_address(address):
            raise InvalidInput("is no address", field=field)
    web3 = connect(rpc_url)
    name = LogName(chain_of(web3), anchor.lower(), anchorer.lower())
    return name, Anchor(web3, anchor)


def _address(text: str) -> str:
    return str(Web3.to_checksum_address(text))


def _word(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
