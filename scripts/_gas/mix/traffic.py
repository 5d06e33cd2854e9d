# SPDX-License-Identifier: Apache-2.0
"""The mix on chain: sessions open, are settled in batches by the hour, are checked, and end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from cortensor.gas.allotment import Allotment, Bearer
from cortensor.pricing.attribution import attribute, split
from cortensor.receipts.merkle import StandardMerkleTree
from scripts._gas.bench import BUCKET_SECONDS, CARD_VERSION, Bench
from scripts._gas.mix import entering, world
from scripts._gas.mix.costs import CostOf
from scripts._gas.mix.live import Live, Settled
from scripts._gas.mix.plan import Planned
from scripts._gas.mix.weights import ATTESTED, ESCROW, VOUCHER
from scripts._gas.progress import Step
from scripts._gas.used import Used

POTS = ("nodes", "validators", "treasury")


class Traffic:
    """A mix while it runs.

    Args:
        bench: whose contracts, on a fresh chain.
        allotment: what it takes, and who bears it; filled here.
        cost_of: what a transaction costs, in the allotment's measures.

    Attributes:
        moves: bucket -> words of its batches that moved sessions' own money, in order.
    """

    def __init__(self, bench: Bench, allotment: Allotment, cost_of: CostOf) -> None:
        self.bench = bench
        self.allotment = allotment
        self.moves: dict[int, list[list[int]]] = {}
        self._cost_of = cost_of
        self._charged: dict[int, dict[Bearer, int]] = {}
        self.payers = world.prepare(bench)

    def note(self, kind: str, used: Used, live: Live) -> None:
        """Note a transaction of one session."""
        self.allotment.bear(kind, self._cost_of(used), [live.bearer])

    def open(self, plans: Sequence[Planned], step: Step) -> list[Live]:
        """Open sessions, one after the other, and call `step` after each."""
        found = []
        for plan in plans:
            live, steps = entering.enter(self.bench, plan, self.payers)
            self.allotment.ask(live.bearer, plan.requests)
            for kind, used in steps:
                self.note(kind, used, live)
            found.append(live)
            step(f"{plan.route} session")
        return found

    def settle(self, hour: int, sessions: Sequence[Live]) -> None:
        """Let an hour's requests be answered, and settle them: a batch for each way to pay."""
        self.bench.next_bucket()
        funded: dict[str, list[Live]] = {}
        for live in sessions:
            if hour in live.plan.hours:
                funded.setdefault("stake" if live.plan.is_stake else live.plan.route, []).append(
                    live
                )
        for kind, batch in sorted(funded.items()):
            self._settle(kind, hour, batch)

    def _settle(self, kind: str, hour: int, batch: Sequence[Live]) -> None:
        bench = self.bench
        leaves: list[bytes] = []
        bearers: list[Bearer] = []
        last, moved = [], []
        for live in batch:
            before = live.total
            is_last = hour == max(live.plan.hours)
            if is_last and live.plan.path == ATTESTED:
                live.asked = bench.word(), bench.word()
            leaves += live.serve(bench, live.plan.hours[hour], is_last=is_last)
            last.append(len(leaves) - 1)
            moved.append(live.total - before)
            bearers += [live.bearer] * len(live.plan.hours[hour])
        tree = StandardMerkleTree(leaves)
        settle = {ESCROW: bench.settle, VOUCHER: bench.settle_vouchers}.get(
            kind, bench.settle_stake
        )
        used = settle({live.number: live.total for live in batch}, tree.root)
        bucket = bench.now() // BUCKET_SECONDS
        if kind in (ESCROW, VOUCHER):
            words = [live.number << 96 | wei for live, wei in zip(batch, moved, strict=True)]
            self.moves.setdefault(bucket, []).append(words)
        place = len(self.moves.get(bucket, [])) - 1
        charged = self._charged.setdefault(bucket, {})
        for live, leaf, wei in zip(batch, last, moved, strict=True):
            live.settled = Settled(tree, leaf, bucket, place)
            charged[live.bearer] = charged.get(live.bearer, 0) + wei
        # By receipts, as the router's own records have it: so a session's part is the same.
        self.allotment.bear(
            f"settle.{kind}",
            self._cost_of(used),
            bearers,
            lambda amount: attribute(amount, bearers),
        )

    def release(self) -> None:
        """Release every bucket, and pay the pots."""
        bench, payment = self.bench, self.bench.payment.functions
        for bucket, charged in sorted(self._charged.items()):
            used = bench.send(payment.release(1, CARD_VERSION, bucket), bench.actors.owner)
            self._share("release", used, charged)
        whole: dict[Bearer, int] = {}
        for charged in self._charged.values():
            for bearer, wei in charged.items():
                whole[bearer] = whole.get(bearer, 0) + wei
        if not whole:
            return
        for pot, name in enumerate(POTS):
            used = bench.send(payment.pay_pot(pot), bench.actors.owner)
            self._share(f"pot.{name}", used, whole)

    def _share(self, kind: str, used: Used, charged: Mapping[Bearer, int]) -> None:
        weights = list(charged.values())
        self.allotment.bear(
            kind, self._cost_of(used), list(charged), partial(split, weights=weights)
        )

    def send(self, kind: str, call: Any, sender: str, live: Live) -> None:
        """Send a transaction of one session."""
        self.note(kind, self.bench.send(call, sender), live)
