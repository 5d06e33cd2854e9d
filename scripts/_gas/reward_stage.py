# SPDX-License-Identifier: Apache-2.0
"""The contracts of rewards on the bench, and an epoch's steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eth_utils import keccak, to_checksum_address

from scripts._gas.bench import DAY_SECONDS, NODE_STAKE_WEI, Bench
from scripts._gas.reward_trees import CARD, Tree
from scripts._gas.senders import keyed
from scripts._gas.used import Used

CARD_DELAY_SECONDS = 7 * DAY_SECONDS
EPOCH_SECONDS = 7 * DAY_SECONDS
VETO_DELAY_SECONDS = DAY_SECONDS
COOLDOWN_SECONDS = 7 * DAY_SECONDS
# post, window, veto delay, veto, expiry, cool-down, forced inclusion
WINDOWS = (*(DAY_SECONDS * days for days in (7, 6, 2, 1, 1, 365, 7)), 900)
REJOIN_SECONDS = 14 * DAY_SECONDS
ROOT_BOND_WEI = 10**21
URI = "https://proposer.example/epochs/2922/tree.parquet"


@dataclass(frozen=True)
class Stage:
    """The contracts of rewards on the bench, and the token that they pay."""

    token: Any
    fund: Any
    table: Any
    reputation: Any
    reward: Any
    dispute: Any


def staged(bench: Bench, token: Any) -> Stage:
    """Deploy them, bound to each other, with a fund for three epochs."""
    actors = bench.actors
    reputation = bench.deploy(
        "NodeReputation",
        actors.owner,
        bench.pool.address,
        actors.guardian,
        REJOIN_SECONDS,
        *(2 * DAY_SECONDS,) * 2,
    )
    fund = bench.deploy("RewardFund", actors.owner, token.address)
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
    for name, call in (
        ("RewardFund", fund.functions.bind(reward.address)),
        ("NodeReputation", reputation.functions.bind(reward.address)),
        ("NodeReward", reward.functions.bind(dispute.address)),
    ):
        bench.bound[name] = bench.send(call, actors.owner)
    bench.send(token.functions.approve(reward.address, ROOT_BOND_WEI * 10), actors.settler)
    bench.send(token.functions.transfer(fund.address, 3 * CARD.budget_cap_wei), actors.owner)
    return Stage(token, fund, table, reputation, reward, dispute)


def opened(bench: Bench, stage: Stage) -> tuple[int, Used]:
    """Let the running epoch end and open it."""
    epoch = bench.now() // EPOCH_SECONDS
    if epoch <= stage.reward.functions.flight().call()[0]:
        epoch += 1
    bench.wait((epoch + 1) * EPOCH_SECONDS - bench.now())
    return epoch, bench.send(stage.reward.functions.open(epoch), bench.actors.anchorer)


def post(bench: Bench, stage: Stage, epoch: int, tree: Tree) -> Used:
    """Post a tree's root."""
    call = stage.reward.functions.post(epoch, *tree.header, URI)
    return bench.send(call, bench.actors.settler)


def finalise(bench: Bench, stage: Stage, epoch: int, tree: Tree) -> Used:
    """Let the window of a posted root pass, and make it final."""
    bench.wait(WINDOWS[2] + 1)
    call = stage.reward.functions.finalise(epoch, header_of(bench, tree))
    return bench.send(call, bench.actors.anchorer)


def header_of(bench: Bench, tree: Tree) -> tuple[Any, ...]:
    """Return a tree's header as it was posted."""
    return (*tree.header, bench.actors.settler)


def registered(bench: Bench, stage: Stage, name: str) -> tuple[str, str]:
    """Stake for a node of an operator's and register it; return both."""
    operator, node = keyed(name), keyed(f"node of {name}")
    bench.admit(operator)
    bench.fund(operator.address)
    bench.send(bench.pool.functions.open_node(node.address, NODE_STAKE_WEI), operator.address)
    deadline = bench.now() + DAY_SECONDS
    register = stage.reputation.functions
    digest = register.consent_digest(node.address, operator.address, deadline).call()
    signature = bytes(node.unsafe_sign_hash(digest).signature)
    call = register.register(node.address, keccak(text="models"), 4, deadline, signature)
    bench.send(call, operator.address)
    return operator.address, node.address


def hold(bench: Bench, token: Any, tree: Tree) -> None:
    """Let every operator of a tree's run hold some of a token."""
    for leaf in tree.leaves:
        payee = to_checksum_address(leaf.operator.to_bytes(20, "big"))
        bench.send(token.functions.transfer(payee, 1), bench.actors.owner)
