# SPDX-License-Identifier: Apache-2.0
"""Reads and calls of NodeReward. Roots and seals are 32 bytes, money is wei, times unix seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct
from web3 import Web3

from cortensor.chain.call_many import call_many
from cortensor.chain.calldata import checksummed, named
from cortensor.chain.logs import EventSource
from cortensor.chain.rpc import contract, node_errors

if TYPE_CHECKING:
    from collections.abc import Sequence

CONTRACT = "NodeReward"
NONE, OPEN, POSTED, FINAL, EXPIRED = range(5)
STATES = ("none", "open", "posted", "final", "expired")
"""Names of an epoch's states, by the contract's number."""


class EpochState(Struct, frozen=True):
    """What the contract knows of an epoch; `root` is its seal, zero unless final or expired."""

    state: int
    version: int
    budget: int
    finalised_at: int
    root: bytes


class Flight(Struct, frozen=True):
    """The epoch that was opened last; `posted` is its header's hash, zero unless posted."""

    epoch: int
    state: int
    version: int
    budget: int
    posted: bytes
    challengeable_until: int
    veto_at: int


class Header(Struct, frozen=True):
    """What is posted of a tree; `proposer` is checksummed."""

    root: bytes
    sums: int
    count: int
    inputs_hash: bytes
    proposer: str

    def abi_tuple(self) -> tuple[bytes, int, int, bytes, str]:
        """Return the contract's struct."""
        return (self.root, self.sums, self.count, self.inputs_hash, self.proposer)


class Posted(Struct, frozen=True):
    """A root as its event tells it."""

    epoch: int
    header: Header
    challengeable_until: int
    uri: str
    block: int
    tx_hash: str


class Overthrown(Struct, frozen=True):
    """A root that was proven wrong, or vetoed; `slashed` is wei."""

    epoch: int
    proposer: str
    challenger: str
    kind: str
    slashed: int


class Parts(Struct, frozen=True):
    """The contracts that NodeReward works with; addresses are checksummed."""

    fund: str
    reputation: str
    table: str
    dispute: str
    token: str


class NodeRewards:
    """NodeReward at an address."""

    def __init__(self, web3: Web3, address: str) -> None:
        self._web3 = web3
        self._contract = contract(web3, CONTRACT, address)

    @property
    def address(self) -> str:
        """The checksummed address."""
        return str(self._contract.address)

    def parts(self) -> Parts:
        """Return the contracts it is bound to."""
        call = self._contract.functions
        with node_errors("parts of NodeReward"):
            return Parts(
                fund=str(call.FUND().call()),
                reputation=str(call.REPUTATION().call()),
                table=str(call.TABLE().call()),
                dispute=str(call.dispute().call()),
                token=str(call.TOKEN().call()),
            )

    def bounds(self, epoch: int) -> tuple[int, int]:
        """Return an epoch's first second, and the next one's."""
        with node_errors("epoch bounds"):
            start, end = self._contract.functions.epoch_bounds(epoch).call()
        return int(start), int(end)

    def seconds(self, name: str) -> int:
        """Return a window that was fixed at deployment, such as `POST_SECONDS`."""
        with node_errors(name):
            return int(self._contract.functions[name]().call())

    def epoch(self, epoch: int, block: int | None = None) -> EpochState:
        """Return what is known of an epoch, at the end of a block or now.

        All of it is zero if the epoch was not opened, or lapsed.
        """
        return EpochState(**self._struct("epoch", epoch, block=block))

    def epochs(self, epochs: Sequence[int], block: int) -> list[EpochState]:
        """Return what is known of each epoch, at the end of a block."""
        asked = [(epoch,) for epoch in epochs]
        return [
            EpochState(**named(values, EpochState.__struct_fields__))
            for values in call_many(self._web3, self._contract, "epoch", asked, block)
        ]

    def flight(self) -> Flight:
        """Return the epoch that was opened last, with what is posted of it."""
        return Flight(**self._struct("flight"))

    def root(self, epoch: int) -> bytes:
        """Return a final epoch's seal; zero for any other."""
        with node_errors("root"):
            return bytes(self._contract.functions.root(epoch).call())

    def last_final(self) -> int:
        """Return the newest final epoch; 0 for none."""
        with node_errors("last final epoch"):
            return int(self._contract.functions.last_final_epoch().call())

    def forgotten_since(self, epoch: int) -> int:
        """Return from which epoch on nothing follows from a final one's tree; 0 for never."""
        with node_errors("forgotten epoch"):
            return int(self._contract.functions.forgotten_since(epoch).call())

    def can_post(self, proposer: str) -> bool:
        """Return whether somebody's bond is whole and stays."""
        with node_errors("bond"):
            return bool(
                self._contract.functions.can_post(Web3.to_checksum_address(proposer)).call()
            )

    def are_paid(self, epoch: int, leaves: Sequence[int], block: int) -> list[bool]:
        """Return of each leaf whether it was paid or swept, at the end of a block."""
        asked = [(epoch, index) for index in leaves]
        return [
            bool(each) for each in call_many(self._web3, self._contract, "is_paid", asked, block)
        ]

    def hash_header(self, header: Header) -> bytes:
        """Return what the contract stores of a header."""
        with node_errors("hash of a header"):
            return bytes(self._contract.functions.hash_header(header.abi_tuple()).call())

    def opened_in(self, epoch: int, first_block: int, last_block: int) -> int | None:
        """Return the block an epoch was opened in; None for none of these."""
        found = self._events("EpochOpened", epoch, first_block, last_block)
        return int(found[-1]["blockNumber"]) if found else None

    def posted(self, epoch: int, first_block: int, last_block: int) -> list[Posted]:
        """Return every root that was posted for an epoch, oldest first."""
        return [
            _posted(event) for event in self._events("RootPosted", epoch, first_block, last_block)
        ]

    def overthrown(self, epoch: int, first_block: int, last_block: int) -> list[Overthrown]:
        """Return every root of an epoch that fell, oldest first."""
        return [
            Overthrown(
                epoch,
                str(event["args"]["proposer"]),
                str(event["args"]["challenger"]),
                str(event["args"]["kind"]),
                int(event["args"]["slashed"]),
            )
            for event in self._events("RootOverthrown", epoch, first_block, last_block)
        ]

    def data(self, name: str, *arguments: Any) -> str:
        """Return the calldata of a function."""
        return str(self._contract.encode_abi(name, args=checksummed(arguments)))

    def _events(self, name: str, epoch: int, first: int, last: int) -> Sequence[Any]:
        topic = "0x" + epoch.to_bytes(32, "big").hex()
        source = EventSource(self._web3, [(self._contract, [name])], first_topic=topic)
        return list(source.between(first, last))

    def _struct(self, name: str, *arguments: int, block: int | None = None) -> dict[str, Any]:
        call = self._contract.functions[name](*arguments)
        with node_errors(name):
            values = call.call(block_identifier="latest" if block is None else block)
        names = [part["name"] for part in call.abi["outputs"][0]["components"]]
        return named(values, names)


def _posted(event: Any) -> Posted:
    args = event["args"]
    header = Header(
        root=bytes(args["root"]),
        sums=int(args["sums"]),
        count=int(args["count"]),
        inputs_hash=bytes(args["inputs_hash"]),
        proposer=str(args["proposer"]),
    )
    return Posted(
        epoch=int(args["epoch"]),
        header=header,
        challengeable_until=int(args["challengeable_until"]),
        uri=str(args["uri"]),
        block=int(event["blockNumber"]),
        tx_hash="0x" + bytes(event["transactionHash"]).hex(),
    )
