# SPDX-License-Identifier: Apache-2.0
"""Reward epochs: posted, challenged, vetoed, final and paid, with the contracts that takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import msgspec

from scripts._gas.bench import DAY_SECONDS, INFINITE, Bench
from scripts._gas.owning import run_ownership
from scripts._gas.paying_rewards import EXPIRY_SECONDS, run_payments, run_refusal, run_sweeps
from scripts._gas.reward_challenges import run_challenges
from scripts._gas.reward_stage import (
    ROOT_BOND_WEI,
    WINDOWS,
    Stage,
    finalise,
    header_of,
    hold,
    opened,
    post,
    registered,
    staged,
)
from scripts._gas.reward_trees import (
    CARD,
    COUNT,
    LATER_INPUTS,
    RUN,
    Tree,
    good_leaf,
    good_leaves,
    tree_of,
)
from scripts._gas.scenario import Scenario
from scripts._gas.settled_case import BURN_ADDRESS
from scripts._gas.syncing import run_syncs

#: Whose address lies between those of the run.
OPERATOR = "operator 8"
REASON = "https://guardian.example/vetoes/2922"


def run_rewards(bench: Bench) -> Iterator[Scenario]:
    """Run an epoch for the first time, and one as they all are afterwards."""
    with bench.aside():
        yield from _run(bench)
    with bench.aside():
        yield from run_refusal(bench)


def _run(bench: Bench) -> Iterator[Scenario]:
    actors = bench.actors
    stage = staged(bench, bench.cor)
    for name in ("RewardTable", "NodeReward", "RewardDispute"):
        yield Scenario(f"deploy.{name}", bench.deployed[name], 1, "constructor included")
    for name in ("RewardFund", "NodeReputation", "NodeReward"):
        yield Scenario(f"bind.{name}", bench.bound[name], 1, "to those it works with, once")
    reward = stage.reward.functions
    used = bench.send(reward.deposit_bond(ROOT_BOND_WEI), actors.settler)
    yield Scenario("epoch.bond", used, 1, "a proposer's first bond, the contract's first deposit")
    with bench.aside():
        used = bench.send(reward.deposit_bond(ROOT_BOND_WEI), actors.settler)
        yield Scenario("epoch.bond.again", used, 1, "as much again")
    yield from _settings(bench, stage)
    for payee in (BURN_ADDRESS, actors.treasury):  # whoever is paid holds COR
        bench.send(bench.cor.functions.transfer(payee, 1), actors.owner)
    missing = registered(bench, stage, OPERATOR)
    tree = tree_of(good_leaves())
    epoch, used = opened(bench, stage)
    yield Scenario("epoch.open.first", used, 1, "the first epoch, its budget drawn from the fund")
    used = post(bench, stage, epoch, tree)
    yield Scenario("epoch.post.first", used, 1, "the first root")
    used = finalise(bench, stage, epoch, tree)
    yield Scenario("epoch.finalise.first", used, 1, "the first, with a part of its budget left")
    with bench.aside():
        start = tree.start
        call = reward.pay(epoch, start, tree.dues, tree.path.pairs())
        used = bench.send(call, actors.anchorer)
        note = "a run of as many operators, who never held COR; a fresh word"
        yield Scenario(f"reward.pay.{RUN}.first", used, RUN, note)
    hold(bench, bench.cor, tree)
    first = epoch
    epoch, used = opened(bench, stage)
    yield Scenario("epoch.open", used, 1, "its budget drawn from the fund")
    yield from run_challenges(bench, stage, epoch, missing)
    yield from _synced(bench, stage, epoch, missing)
    yield from run_syncs(bench, stage, (first, tree), epoch)
    yield from run_payments(bench, stage, epoch)
    yield from run_sweeps(bench, stage, epoch)
    # Another root than the last, whose hash is there still.
    tree = replace(tree, inputs=LATER_INPUTS)
    used = post(bench, stage, epoch, tree)
    yield Scenario("epoch.post.steady", used, 1, f"a root of {COUNT:,} leaves")
    yield from _vetoes(bench, stage, epoch, tree)
    used = finalise(bench, stage, epoch, tree)
    yield Scenario("epoch.finalise", used, 1, "with a part of its budget left")
    yield from _ended(bench, stage, epoch, tree)


def _ended(bench: Bench, stage: Stage, epoch: int, tree: Tree) -> Iterator[Scenario]:
    """Have a final epoch forgotten, and let its time be over."""
    actors, reward = bench.actors, stage.reward.functions
    with bench.aside():
        used = bench.send(reward.forget_levels(), actors.owner)
        yield Scenario("epoch.forget", used, 1, "nothing follows from the last final tree")
    with bench.aside():
        bench.wait(EXPIRY_SECONDS + 1)
        used = bench.send(reward.expire(epoch), actors.anchorer)
        yield Scenario("epoch.expire", used, 1, "after its time")
        call = reward.sweep(epoch, tree.start, tree.dues, tree.path.pairs())
        used = bench.send(call, actors.anchorer)
        yield Scenario(f"reward.sweep.{RUN}", used, RUN, "a run of which nothing was paid")


def _settings(bench: Bench, stage: Stage) -> Iterator[Scenario]:
    """Run a bond's way back, a gift, the next card, and who has which role."""
    actors, reward = bench.actors, stage.reward.functions
    with bench.aside():
        used = bench.send(reward.request_bond(), actors.settler)
        yield Scenario("epoch.bond.request", used, 1, "all of it")
        bench.wait(WINDOWS[6] + 1)
        used = bench.send(reward.withdraw_bond(), actors.settler)
        yield Scenario("epoch.bond.withdraw", used, 1, "after the cool-down")
        grant = stage.fund.functions.grant(ROOT_BOND_WEI)
        bench.send(bench.cor.functions.approve(stage.fund.address, INFINITE), actors.payer)
        used = bench.send(grant, actors.payer)
        yield Scenario("fund.grant", used, 1, "to a fund that has something")
        card = msgspec.structs.replace(CARD, budget_cap_wei=CARD.budget_cap_wei * 11 // 10)
        bench.wait(7 * DAY_SECONDS)
        used = bench.send(stage.table.functions.publish_card(card.abi_tuple()), actors.owner)
        yield Scenario("reward.card.publish", used, 1, "card 2, with a larger budget")
        used = bench.send(reward.set_guardian(actors.oracle), actors.owner)
        yield Scenario("reward.guardian.set", used, 1, "another")
        used = bench.send(reward.set_treasury(actors.oracle), actors.owner)
        yield Scenario("reward.treasury.set", used, 1, "another")
    yield from run_ownership(bench, "RewardTable", stage.table)
    yield from run_ownership(bench, "NodeReward", stage.reward)


def _synced(bench: Bench, stage: Stage, epoch: int, node: tuple[str, str]) -> Iterator[Scenario]:
    """Tell the register a level that a final epoch gave a node."""
    with bench.aside():
        own = good_leaf(int(node[0], 16), int(node[1], 16))
        leaves = sorted([*good_leaves()[1:], own])
        tree, index = tree_of(leaves), leaves.index(own)
        post(bench, stage, epoch, tree)
        finalise(bench, stage, epoch, tree)
        call = stage.reputation.functions.sync(epoch, *tree.place(index))
        used = bench.send(call, bench.actors.anchorer)
        yield Scenario("node.sync", used, 1, "its level, by its leaf of a final epoch; by anyone")


def _vetoes(bench: Bench, stage: Stage, epoch: int, tree: Tree) -> Iterator[Scenario]:
    guardian, reward = bench.actors.guardian, stage.reward.functions
    with bench.aside():
        used = bench.send(reward.announce_veto(epoch, REASON), guardian)
        yield Scenario("epoch.veto.announce", used, 1, "of a posted root, by the guardian")
        with bench.aside():
            used = bench.send(reward.cancel_veto(epoch), guardian)
            yield Scenario("epoch.veto.cancel", used, 1, "by the guardian")
        bench.wait(WINDOWS[3] + 1)
        used = bench.send(reward.execute_veto(epoch, header_of(bench, tree)), guardian)
        yield Scenario(
            "epoch.veto.execute", used, 1, "half of the bond burnt, half to the treasury"
        )
