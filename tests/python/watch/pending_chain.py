# SPDX-License-Identifier: Apache-2.0
"""A watched node whose settlements leave moves in buckets, which its disputes can be shown."""

from __future__ import annotations

from typing import Any

from eth_abi import decode, encode
from eth_utils import keccak

from tests.python.watch.watched_chain import (
    BUCKET_SECONDS,
    DISPUTE,
    GENESIS,
    NOBODY,
    PAYMENT,
    ROUTERS,
    WatchedChain,
)

CARD = 3
U96 = 2**96 - 1


def bucket_of(block: int) -> int:
    return (GENESIS + 10 * block) // BUCKET_SECONDS


def moves_hash(words: list[int]) -> bytes:
    hashed = bytes(32)
    for word in words:
        hashed = keccak(hashed + word.to_bytes(32, "big"))
    return hashed


def with_batch(digest: int, hashed: bytes) -> int:
    return int.from_bytes(keccak(digest.to_bytes(32, "big") + hashed)[:20])


class PendingChain(WatchedChain):
    """As `WatchedChain`, with what is pending.

    Attributes:
        digests: of buckets, by (card, bucket).
        claims: wei that sessions can claim.
        history: (block, session, wei) of each total that was settled.
        oldest: totals of blocks before this one are not to be had.
        refused: functions that the dispute contract refuses, for whatever reason.
    """

    def __init__(self) -> None:
        self.digests: dict[tuple[int, int], int] = {}
        self.claims: dict[int, int] = {}
        self.history: list[tuple[int, int, int]] = []
        self.oldest = 0
        self.refused: set[str] = set()
        self._shown: set[bytes] = set()
        self._prefixes: set[tuple[int, int]] = set()
        super().__init__()

    def settle(self, root: str, block: int, **totals: int) -> None:
        named = [(int(name[1:]), total) for name, total in totals.items()]
        self.settle_items(root, block, named)

    def settle_items(
        self,
        root: str,
        block: int,
        items: list[tuple[int, int]],
        skip: frozenset[int] = frozenset(),
    ) -> None:
        """Settle (session, total) in order; those at the places `skip` are passed over."""
        moves = []
        for place, (session, total) in enumerate(items):
            before = self.settled.get(session, 0)
            if total <= before:
                continue
            if place in skip:
                self._tell("SettlementSkipped", block, session=session, cumulative=total, reason="")
                continue
            moves.append(session << 96 | total - before)
            self.settled[session] = total
            self.history.append((block, session, total))
        if not moves:
            return
        place = (CARD, bucket_of(block))
        self.digests[place] = with_batch(self.digests.get(place, 0), moves_hash(moves))
        self._tell(
            "BatchSettled",
            block,
            router_id=ROUTERS,
            root=bytes.fromhex(root[2:]),
            version=CARD,
            bucket=place[1],
            total=sum(move & U96 for move in moves),
            items=[session << 96 | total for session, total in items],
        )

    def _tell(self, name: str, block: int, **values: Any) -> None:
        self.emit(PAYMENT, "SessionPayment", name, block, **values)

    # What SettlementDispute does about it

    def _show(self, data: bytes) -> tuple[int, int, bytes]:
        """Return session, wei and place of what a call would show; ValueError if it is refused."""
        _, inputs, _ = self._abis[DISPUTE][data[:4].hex()]
        session, (bucket, before, words, later) = decode(inputs, data[4:])
        digest = with_batch(before, moves_hash(words))
        for hashed in later:
            digest = with_batch(digest, hashed)
        self._check(bucket, digest)
        place = keccak(encode(["uint256"] * 4, [session, CARD, bucket, before]))
        if place in self._shown:
            raise ValueError("execution reverted: own: already shown")
        return session, sum(word & U96 for word in words if word >> 96 == session), place

    def _check(self, bucket: int, digest: int) -> None:
        if (bucket, digest) not in self._prefixes and digest != self.digests.get((CARD, bucket)):
            raise ValueError("execution reverted: own: not pending like that")

    def _prefix(self, data: bytes) -> tuple[int, int]:
        """Return bucket and digest that a call proves; ValueError if it is refused."""
        _, inputs, _ = self._abis[DISPUTE][data[:4].hex()]
        _, bucket, before, later = decode(inputs, data[4:])
        digest = before
        for hashed in later:
            digest = with_batch(digest, hashed)
        self._check(bucket, digest)
        return bucket, before

    def _function(self, to: str, data: bytes) -> str:
        return self._abis[DISPUTE][data[:4].hex()][0] if to.lower() == DISPUTE else ""

    def _eth_estimateGas(self, call: dict[str, Any], *_: Any) -> str:  # noqa: N802 -- the RPC's name
        data = bytes.fromhex(call["data"][2:])
        name = self._function(call["to"], data)
        if name in self.refused:
            raise ValueError("execution reverted: own: refused")
        if self.revert is None and name == "show_pending":
            self._show(data)
        elif self.revert is None and name == "show_prefix":
            self._prefix(data)
        return super()._eth_estimateGas()

    def _eth_sendRawTransaction(self, raw: str) -> str:  # noqa: N802 -- the RPC's name
        tx_hash = super()._eth_sendRawTransaction(raw)
        fields = self.mined.get(tx_hash)
        if fields is not None:
            data = bytes(fields["data"])
            name = self._function("0x" + bytes(fields["to"]).hex(), data)
            if name == "show_prefix":
                self._prefixes.add(self._prefix(data))
            elif name == "show_pending":
                session, moved, place = self._show(data)
                self._shown.add(place)
                self.claims[session] = self.claims.get(session, 0) + moved
        return tx_hash

    def answer(self, call: dict[str, Any]) -> dict[str, Any]:
        answer = super().answer(call)
        error = answer.get("error")
        if error is not None and error["message"].startswith("execution reverted: own:"):
            error["code"] = 3  # as nodes say of what a contract refuses
        return answer

    def _eth_call(self, call: dict[str, Any], block: str = "latest", *_: Any) -> str:
        data = bytes.fromhex((call.get("data") or call["input"])[2:])
        name, inputs, _ = self._abis[call["to"].lower()][data[:4].hex()]
        if name != "session" or block == "latest":
            return "0x" + self._call(call).hex()
        number = int(block, 16)
        if number < self.oldest:
            raise ValueError("missing trie node")
        (session,) = decode(inputs, data[4:])
        now = self.settled.get(session, 0)
        then = [total for at, each, total in self.history if each == session and at <= number]
        self.settled[session] = max(then, default=0)
        try:
            return "0x" + self._call(call).hex()
        finally:
            self.settled[session] = now

    def _values(self, name: str, values: tuple[Any, ...]) -> list[Any]:
        if name == "moves_digest":
            return [self.digests.get(values[1:], 0) if values[0] == ROUTERS else 0]
        if name == "claims":
            wei = self.claims.get(values[0], 0)
            return [[(bucket_of(self.head), wei, 0)] if wei else []]
        return super()._values(name, values)


__all__ = ["CARD", "NOBODY", "PendingChain", "bucket_of"]
