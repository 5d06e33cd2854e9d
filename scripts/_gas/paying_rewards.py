# SPDX-License-Identifier: Apache-2.0
"""Payment of a final epoch's leaves: in runs, alone, and what the token refuses."""

from __future__ import annotations

from collections.abc import Iterator

from eth_utils import to_checksum_address

from scripts._gas.bench import SUPPLY_WEI, Bench
from scripts._gas.reward_stage import (
    ROOT_BOND_WEI,
    WINDOWS,
    Stage,
    finalise,
    opened,
    post,
    staged,
)
from scripts._gas.reward_trees import (
    DEPTH,
    RUN,
    Tree,
    good_leaf,
    good_leaves,
    tree_ending_with,
    tree_of,
)
from scripts._gas.scenario import Scenario
from scripts._gas.senders import keyed

#: The leaves of the run that are paid alone.
ALONE, AGAIN = 5, 6
SIZES = (10, 100)
REVERTS = 1
EXPIRY_SECONDS = WINDOWS[5]


def run_payments(bench: Bench, stage: Stage, epoch: int) -> Iterator[Scenario]:
    """Pay leaves of an epoch that is open, in runs of several sizes and one by one."""
    watcher, reward = bench.actors.anchorer, stage.reward.functions
    for size in SIZES:
        with bench.aside():
            tree = tree_ending_with(good_leaves()[:size])
            _final(bench, stage, epoch, tree)
            call = reward.pay(epoch, tree.start, tree.dues, tree.path.pairs())
            used = bench.send(call, watcher)
            note = "the epoch's last run, of as many operators, who hold COR; a fresh word"
            yield Scenario(f"reward.pay.{size}", used, size, note)
    with bench.aside():
        tree = tree_of(good_leaves())
        _final(bench, stage, epoch, tree)
        dues, start = tree.dues, tree.start
        with bench.aside():
            used = bench.send(reward.pay(epoch, start, dues, tree.path.pairs()), watcher)
            note = (
                f"a run of as many operators, who hold COR, proven at depth {DEPTH}; a fresh word"
            )
            yield Scenario(f"reward.pay.{RUN}", used, RUN, note)
        call = reward.pay_one(epoch, start + ALONE, dues[ALONE], tree.proof(ALONE))
        used = bench.send(call, watcher)
        note = "one leaf, whose operator holds COR; the first of its 256"
        yield Scenario(f"reward.pay.1.d{DEPTH}", used, 1, note)
        call = reward.pay_one(epoch, start + AGAIN, dues[AGAIN], tree.proof(AGAIN))
        used = bench.send(call, watcher)
        yield Scenario(f"reward.pay.1.d{DEPTH}.again", used, 1, "the second of its 256")


def run_sweeps(bench: Bench, stage: Stage, epoch: int) -> Iterator[Scenario]:
    """Tell what an expired epoch owed to the last of its leaves, in runs of several sizes."""
    watcher, reward = bench.actors.anchorer, stage.reward.functions
    for size in (1, *SIZES):
        with bench.aside():
            tree = tree_ending_with(good_leaves()[:size])
            _final(bench, stage, epoch, tree)
            bench.wait(EXPIRY_SECONDS + 1)
            bench.send(reward.expire(epoch), watcher)
            call = reward.sweep(epoch, tree.start, tree.dues, tree.path.pairs())
            used = bench.send(call, watcher)
            note = "the epoch's last run, of which nothing was paid"
            yield Scenario(f"reward.sweep.{size}", used, size, note)


def run_refusal(bench: Bench) -> Iterator[Scenario]:
    """Pay an operator whom a token refuses, and let him claim it once it does not."""
    actors = bench.actors
    token = bench.deploy("MockBlockingToken", SUPPLY_WEI)
    stage = staged(bench, token)
    reward = stage.reward.functions
    bench.send(token.functions.transfer(actors.settler, ROOT_BOND_WEI), actors.owner)
    bench.send(reward.deposit_bond(ROOT_BOND_WEI), actors.settler)
    epoch, _ = opened(bench, stage)
    operator = keyed("refused operator")
    bench.admit(operator)
    leaves = list(good_leaves())
    leaves[ALONE] = good_leaf(int(operator.address, 16), leaves[ALONE].node)
    tree = tree_of(leaves)
    _final(bench, stage, epoch, tree)
    bench.send(token.functions.set_way(operator.address, REVERTS), actors.owner)
    other = to_checksum_address(leaves[AGAIN].operator.to_bytes(20, "big"))
    bench.send(token.functions.transfer(other, 1), actors.owner)
    call = reward.pay_one(epoch, tree.start + ALONE, tree.dues[ALONE], tree.proof(ALONE))
    used = bench.send(call, actors.anchorer)
    note = "one leaf, whose operator the token refuses: it is credited, for the first time"
    yield Scenario(f"reward.pay.1.d{DEPTH}.refused", used, 1, note)
    used = bench.send(reward.claim_credit(other), operator.address)
    note = "a credit, to another account that holds COR; the token is a mock that refuses some"
    yield Scenario("reward.claim", used, 1, note)


def _final(bench: Bench, stage: Stage, epoch: int, tree: Tree) -> None:
    post(bench, stage, epoch, tree)
    finalise(bench, stage, epoch, tree)
