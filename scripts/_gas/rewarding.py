# SPDX-License-Identifier: Apache-2.0
"""Reward epochs: posted, challenged, final and paid, with the contracts that takes.

The tree has 2**17 leaves of which one run exists; what stands beside its path is made up, as large
as it would be.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
from eth_utils import keccak, to_checksum_address

from cortensor.rewards import (
    STAKED,
    Facts,
    Leaf,
    Proof,
    Sums,
    Tally,
    amount_of,
    lead_to,
    load_reward_card,
    next_level,
    run_entry,
    score_of,
)
from scripts._deploy.compiler import ROOT
from scripts._gas.bench import DAY_SECONDS, Bench, Used
from scripts._gas.scenario import Scenario

CARD = load_reward_card(ROOT / "config" / "reward-card.toml")
CARD_DELAY_SECONDS = 7 * DAY_SECONDS
EPOCH_SECONDS = 7 * DAY_SECONDS
# post, window, veto delay, veto, expiry, cool-down, forced inclusion
WINDOWS = (*(DAY_SECONDS * days for days in (7, 6, 2, 1, 1, 365, 7)), 900)
EXPIRY_SECONDS = 365 * DAY_SECONDS
REJOIN_SECONDS = 14 * DAY_SECONDS
ROOT_BOND_WEI = 10**21
BURN_ADDRESS = "0x000000000000000000000000000000000000dEaD"
DEPTH, HEIGHT = 17, 7
RUN = 1 << HEIGHT
#: The leaf of the run that is wrong, or paid alone.
WRONG = 5
#: The run with an index in the middle of the row.
PLACE = 341
COUNT = 100_000
WORK = 2_500_000
#: What a leaf of the epoch gets and scores when all did about the same.
TOTAL_SCORE = COUNT * 3 * WORK
URI = "https://proposer.example/epochs/2922/tree.parquet"


@dataclass(frozen=True)
class Stage:
    """The contracts of rewards on the bench."""

    fund: Any
    reward: Any
    dispute: Any


@dataclass(frozen=True)
class Tree:
    """A run of leaves, and the path from it to the top."""

    leaves: list[Leaf]
    path: Proof
    entry: bytes

    @property
    def header(self) -> tuple[bytes, int, int, bytes]:
        """What is posted of it."""
        return (
            self.entry[:32],
            int.from_bytes(self.entry[32:], "big"),
            COUNT,
            keccak(text="cortensor bench inputs"),
        )

    def proof(self, index: int) -> list[tuple[bytes, int]]:
        """Return the whole proof of a leaf of the run."""
        pairs = []
        for height in range(HEIGHT):
            sibling = (index >> height) ^ 1
            size = 1 << height
            entry = run_entry(self.leaves[sibling * size :][:size], height)
            pairs.append((entry[:32], int.from_bytes(entry[32:], "big")))
        return [*pairs, *self.path.pairs()]


def run_rewards(bench: Bench) -> Iterator[Scenario]:
    """Run an epoch for the first time, and one as they all are afterwards."""
    with bench.aside():
        yield from _run(bench)


def _run(bench: Bench) -> Iterator[Scenario]:
    actors = bench.actors
    watcher = actors.anchorer
    stage = _staged(bench)
    for name in ("RewardTable", "NodeReward", "RewardDispute"):
        yield Scenario(f"deploy.{name}", bench.deployed.pop(name), 1, "constructor included")
    reward, dispute = stage.reward.functions, stage.dispute.functions
    used = bench.send(reward.deposit_bond(ROOT_BOND_WEI), actors.settler)
    yield Scenario("epoch.bond", used, 1, "a proposer's first bond, the contract's first deposit")
    bench.send(bench.cor.functions.transfer(BURN_ADDRESS, 1), actors.owner)
    tree = _tree()
    epoch, opened = _opened(bench, stage)
    yield Scenario("epoch.open.first", opened, 1, "the first epoch, its budget drawn from the fund")
    used = _post(bench, stage, epoch, tree)
    yield Scenario("epoch.post.first", used, 1, "the first root")
    used = _finalise(bench, stage, epoch, tree)
    yield Scenario("epoch.finalise.first", used, 1, "the first, with a part of its budget left")
    for leaf in tree.leaves:
        payee = to_checksum_address(leaf.operator.to_bytes(20, "big"))
        bench.send(bench.cor.functions.transfer(payee, 1), actors.owner)
    epoch, opened = _opened(bench, stage)
    yield Scenario("epoch.open", opened, 1, "its budget drawn from the fund")
    with bench.aside():
        wrong = _tree(more_wei=1)
        _post(bench, stage, epoch, wrong)
        call = dispute.challenge_formula(epoch, _header(bench, wrong), _place(wrong, WRONG))
        used = bench.send(call, watcher)
        note = f"a leaf with a wei too much, depth {DEPTH}; half of the bond burnt, half paid"
        yield Scenario("epoch.challenge.formula", used, 1, note)
    used = _post(bench, stage, epoch, tree)
    yield Scenario("epoch.post.steady", used, 1, f"a root of {COUNT:,} leaves")
    used = _finalise(bench, stage, epoch, tree)
    yield Scenario("epoch.finalise", used, 1, "with a part of its budget left")
    start = PLACE * RUN
    dues = [(leaf.operator, leaf.detail(), leaf.sums) for leaf in tree.leaves]
    with bench.aside():
        used = bench.send(reward.pay(epoch, start, dues, tree.path.pairs()), watcher)
        note = f"a run of as many operators, who hold COR, proven at depth {DEPTH}; a fresh word"
        yield Scenario(f"reward.pay.{RUN}", used, RUN, note)
    with bench.aside():
        call = reward.pay_one(epoch, start + WRONG, dues[WRONG], tree.proof(WRONG))
        used = bench.send(call, watcher)
        note = "one leaf, whose operator holds COR; the first of its 256"
        yield Scenario(f"reward.pay.1.d{DEPTH}", used, 1, note)
        call = reward.pay_one(epoch, start + 6, dues[6], tree.proof(6))
        used = bench.send(call, watcher)
        yield Scenario(f"reward.pay.1.d{DEPTH}.again", used, 1, "the second of its 256")
    with bench.aside():
        bench.wait(EXPIRY_SECONDS + 1)
        used = bench.send(reward.expire(epoch), watcher)
        yield Scenario("epoch.expire", used, 1, "after its time")
        used = bench.send(reward.sweep(epoch, start, dues, tree.path.pairs()), watcher)
        yield Scenario(f"reward.sweep.{RUN}", used, RUN, "a run of which nothing was paid")


def _staged(bench: Bench) -> Stage:
    actors, cor = bench.actors, bench.cor
    reputation = bench.deploy(
        "NodeReputation",
        actors.owner,
        bench.pool.address,
        actors.guardian,
        REJOIN_SECONDS,
        *(2 * DAY_SECONDS,) * 2,
    )
    fund = bench.deploy("RewardFund", actors.owner, cor.address)
    for name in ("NodeReputation", "RewardFund"):
        bench.deployed.pop(name)
    table = bench.deploy("RewardTable", actors.owner, CARD_DELAY_SECONDS, CARD.abi_tuple())
    reward = bench.deploy(
        "NodeReward",
        actors.owner,
        actors.guardian,
        actors.treasury,
        fund.address,
        reputation.address,
        table.address,
        WINDOWS,
        ROOT_BOND_WEI,
    )
    dispute = bench.deploy("RewardDispute", reward.address)
    bench.send(fund.functions.bind(reward.address), actors.owner)
    bench.send(reputation.functions.bind(reward.address), actors.owner)
    bench.send(reward.functions.bind(dispute.address), actors.owner)
    bench.send(cor.functions.approve(reward.address, ROOT_BOND_WEI * 10), actors.settler)
    bench.send(cor.functions.transfer(fund.address, 3 * CARD.budget_cap_wei), actors.owner)
    return Stage(fund, reward, dispute)


def _opened(bench: Bench, stage: Stage) -> tuple[int, Used]:
    """Let the running epoch end and open it."""
    epoch = bench.now() // EPOCH_SECONDS
    if epoch <= stage.reward.functions.flight().call()[0]:
        epoch += 1
    bench.wait((epoch + 1) * EPOCH_SECONDS - bench.now())
    return epoch, bench.send(stage.reward.functions.open(epoch), bench.actors.anchorer)


def _post(bench: Bench, stage: Stage, epoch: int, tree: Tree) -> Used:
    call = stage.reward.functions.post(epoch, *tree.header, URI)
    return bench.send(call, bench.actors.settler)


def _finalise(bench: Bench, stage: Stage, epoch: int, tree: Tree) -> Used:
    bench.wait(WINDOWS[2] + 1)
    call = stage.reward.functions.finalise(epoch, _header(bench, tree))
    return bench.send(call, bench.actors.anchorer)


def _header(bench: Bench, tree: Tree) -> tuple[Any, ...]:
    return (*tree.header, bench.actors.settler)


def _place(tree: Tree, index: int) -> tuple[Any, ...]:
    """Return a leaf as a challenge takes it."""
    leaf = tree.leaves[index]
    addresses = [to_checksum_address(word.to_bytes(20, "big")) for word in leaf[:2]]
    return ((*addresses, *leaf[2:]), PLACE * RUN + index, tree.proof(index))


@functools.cache
def _tree(more_wei: int = 0) -> Tree:
    """Return a run of the leaves that follow from good work, one with so many wei too many."""
    leaves = []
    for number in range(RUN):
        facts = Facts(
            level_before=4,
            level_after=5,
            flags=STAKED,
            models=3,
            tasks=900,
            streak_before=31,
            streak_after=87,
            rate_bps=9_412,
            agreement_bps=9_655,
            consistency_bps=9_787,
            answered_bps=9_931,
            uptime_bps=9_978,
        )
        work = WORK + 1_000 * number
        score = score_of(CARD, facts, work)
        tally = Tally(work=work, operator_score=score)
        facts = msgspec.structs.replace(facts, level_after=next_level(CARD, facts))
        amount = amount_of(CARD, CARD.budget_cap_wei, score, score, TOTAL_SCORE)
        sums = Sums(amount=amount + (more_wei if number == WRONG else 0), score=score)
        operator = (
            (0x40 << 152)
            + (number << 144)
            + int.from_bytes(keccak(number.to_bytes(2, "big"))[:18], "big")
        )
        node = int.from_bytes(keccak(text=f"cortensor bench node {number}")[:20], "big")
        leaves.append(Leaf(operator, node, facts.pack(), tally.pack(), sums.pack()))
    siblings = []
    for height in range(HEIGHT, DEPTH):
        hashed = keccak(text=f"cortensor bench sibling {height}")
        sums = Sums.unpack(leaves[1].sums)
        many = 1 << height
        # The last of the row are empty: a third of the largest.
        if height == DEPTH - 1:
            many = COUNT - many
        beside = Sums(amount=sums.amount * many * 4 // 5, score=sums.score * many * 9 // 10)
        siblings.append(hashed + beside.pack().to_bytes(32, "big"))
    path = Proof(PLACE, tuple(siblings))
    return Tree(leaves, path, lead_to(run_entry(leaves, HEIGHT), path))
