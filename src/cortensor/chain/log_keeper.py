# SPDX-License-Identifier: Apache-2.0
"""Keeps an anchorer's transparency log: a batch becomes an entry once its block is final.

Entries are read from the chain and nowhere else, so the log cannot say anything that is not
anchored, and is the same whoever keeps it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cortensor.chain.book import ANCHOR
from cortensor.chain.logs import EventSource
from cortensor.chain.rpc import contract, node_errors
from cortensor.errors import Error
from cortensor.store.log_entries import Logged
from cortensor.tlog.entry import HASH_BITS, Entry, LogName, check_entry, read_entry

if TYPE_CHECKING:
    from web3 import Web3

    from cortensor.chain.finality import Follower
    from cortensor.store.store import Store


class LogKeeper:
    """Adds to one anchorer's log.

    Args:
        web3: the node.
        follower: knows what is final.
        anchor: the address of ReceiptAnchor.
        anchorer: whose log.
        store: where it is kept, and the batches of this ledger.
        first_block: in which the contract was deployed, or an earlier one.
    """

    def __init__(
        self,
        web3: Web3,
        follower: Follower,
        anchor: str,
        anchorer: str,
        store: Store,
        first_block: int,
    ) -> None:
        self._web3 = web3
        self._follower = follower
        self._anchor, self._anchorer = anchor.lower(), anchorer.lower()
        self._events = EventSource(
            web3, [(contract(web3, ANCHOR, anchor), ["BatchAnchored", "BatchTold"])]
        )
        self._entries, self._batches = store.log_entries, store.anchored
        self._first_block = first_block
        self._looked_to = -1  # nothing more is to be found up to this block

    def extend(self) -> int:
        """Add what has become final, and return how many entries that are.

        Raises:
            Unavailable: the node; what was read is kept.
            Error: the events do not lead to their heads (`log_unsound`).
        """
        with node_errors("chain id"):
            name = LogName(int(self._web3.eth.chain_id), self._anchor, self._anchorer)
        last = self._entries.last(name.line)
        known = self._batches.first_block() if last is None else last.block
        if known is None:
            return 0  # nothing was ever anchored from this ledger
        final = self._follower.horizon().final
        first = max(self._looked_to + 1, known)
        number = 0 if last is None else last.number
        head = name.genesis() if last is None else int(read_entry(last.entry).head, 16)
        entries = self._read(first, final)
        if last is None and entries and entries[0][0].number > 1:
            entries = self._read(self._first_block, final)  # another ledger began the log
        found = []
        for entry, block in entries:
            if entry.number <= number:
                continue
            try:
                head = check_entry(entry, head)
            except Error as error:
                raise Error(f"the log of {self._anchorer}: {error}", code="log_unsound") from error
            number = entry.number
            found.append(Logged(number, entry.encode(), block))
        self._entries.add(name.line, found)
        self._looked_to = max(final, self._looked_to)
        return len(found)

    def _read(self, first: int, last: int) -> list[tuple[Entry, int]]:
        """Return the anchorer's entries of some blocks, and in which block each is."""
        found = ((self._entry(event), event) for event in self._events.between(first, last))
        return [(entry, int(event["blockNumber"])) for entry, event in found if entry is not None]

    def _entry(self, event: Any) -> Entry | None:
        """Return an event as an entry; None for another anchorer's."""
        args = event["args"]
        if args["anchorer"].lower() != self._anchorer:
            return None
        head = bytes(args["head"])
        with node_errors("block"):
            block = self._web3.eth.get_block(event["blockNumber"])
        return Entry(
            count=int(args["count"]),
            head="0x" + head.hex(),
            number=int.from_bytes(head, "big") >> HASH_BITS,
            root="0x" + bytes(args["root"]).hex(),
            time=int(block["timestamp"]),
            uri=str(args["uri"]),
        )
