# SPDX-License-Identifier: Apache-2.0
"""The reward contracts of a chain of one's own, and the operators with their nodes."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from eth_account import Account
from eth_account.signers.local import LocalAccount

from cortensor.rewards.card import RewardCard
from scripts._demo.chain import COR, DAY_SECONDS, ROOT, Chain
from scripts._deploy.config import REWARD_FUND, DeployConfig

CARD = ROOT / "config" / "reward-card.toml"
NODE_STAKE_WEI = 10_000 * COR
BUDGET_WEI = 600 * COR
NODE_POT = 0
NODES_EACH = 4
"""Nodes of an operator."""


def run_card(min_tasks: int) -> RewardCard:
    """Return the committed card with what a small network needs: fewer tasks, a wider cap."""
    return msgspec.structs.replace(
        RewardCard.load(CARD), min_tasks=min_tasks, cap_bps=3_000, budget_cap_wei=BUDGET_WEI
    )


@dataclass
class Cast:
    """Everybody with a key in the run."""

    proposer: LocalAccount = field(default_factory=Account.create)
    cheat: LocalAccount = field(default_factory=Account.create)
    watcher: LocalAccount = field(default_factory=Account.create)
    guardian: LocalAccount = field(default_factory=Account.create)
    treasury: LocalAccount = field(default_factory=Account.create)
    operators: list[LocalAccount] = field(default_factory=list)
    nodes: list[LocalAccount] = field(default_factory=list)

    def operator_of(self, place: int) -> LocalAccount:
        """Return who runs a node."""
        return self.operators[place // NODES_EACH]


class Network:
    """The reward contracts of a chain of one's own, as `ape run deploy` deploys and binds them.

    Args:
        rpc_url: the chain's node.
        records: folder for the deployment records.
        min_tasks: what a node must have done in an epoch to be paid.
    """

    def __init__(self, rpc_url: str, records: Path, min_tasks: int) -> None:
        self.cast = Cast()
        self.card = run_card(min_tasks)
        self.chain = chain = Chain(rpc_url, records, self._changed)
        for account in vars(self.cast).values():
            if isinstance(account, LocalAccount):
                chain.give_gas(account)
        self.fund = chain.bind("RewardFund")
        self.table = chain.bind("RewardTable")
        self.register = chain.bind("NodeReputation")
        self.reward = chain.bind("NodeReward")
        self.dispute = chain.bind("RewardDispute")
        self.bond_wei: int = self.reward.functions.BOND_WEI().call()
        self.epoch_s: int = self.reward.functions.EPOCH_SECONDS().call()
        self.veto_delay_s: int = self.reward.functions.VETO_DELAY_SECONDS().call()
        self._allow(chain.people.deployer, self.fund.address)

    def _changed(self, config: DeployConfig) -> DeployConfig:
        roles = msgspec.structs.replace(
            config.roles,
            node_pot=REWARD_FUND,
            treasury=self.cast.treasury.address,
            reward_guardian=self.cast.guardian.address,
        )
        return msgspec.structs.replace(config, roles=roles, reward_card=self.card)

    def bond(self, account: LocalAccount) -> None:
        """Give an account what a whole bond lacks, and deposit it."""
        held, _ = self.reward.functions.bond(account.address).call()
        if held < self.bond_wei:
            chain = self.chain
            grant = chain.cor.functions.transfer(account.address, self.bond_wei - held)
            chain.send(chain.people.deployer, grant)
            self._allow(account, self.reward.address)
            chain.send(account, self.reward.functions.deposit_bond(self.bond_wei - held))

    def grant(self, amount_wei: int) -> None:
        """Fill the fund."""
        self.chain.send(self.chain.people.deployer, self.fund.functions.grant(amount_wei))

    def settle_in(self, nodes: int) -> None:
        """Register nodes with their operators, each staked for and consenting."""
        chain, cast = self.chain, self.cast
        for place in range(nodes):
            if place % NODES_EACH == 0:
                operator = Account.create()
                chain.give_gas(operator)
                cast.operators.append(operator)
                left = min(NODES_EACH, nodes - place)
                grant = chain.cor.functions.transfer(operator.address, left * NODE_STAKE_WEI)
                chain.send(chain.people.deployer, grant)
                self._allow(operator, chain.pool.address)
            node, operator = Account.create(), cast.operator_of(place)
            cast.nodes.append(node)
            chain.send(operator, chain.pool.functions.open_node(node.address, NODE_STAKE_WEI))
            deadline = chain.now() + DAY_SECONDS
            functions = self.register.functions
            digest = functions.consent_digest(node.address, operator.address, deadline).call()
            signed = node.unsafe_sign_hash(digest).signature
            call = functions.register(node.address, bytes(32), 1, deadline, bytes(signed))
            chain.send(operator, call)

    def epoch_now(self) -> int:
        """Return the epoch that runs."""
        return self.chain.now() // self.epoch_s

    def end_epoch(self) -> int:
        """Go to the first second after the running epoch, and return that epoch."""
        epoch = self.epoch_now()
        self.chain.pass_time((epoch + 1) * self.epoch_s - self.chain.now())
        return epoch

    def _allow(self, owner: LocalAccount, spender: str) -> None:
        self.chain.send(owner, self.chain.cor.functions.approve(spender, 2**256 - 1))


def hex_key(account: LocalAccount) -> str:
    """Return an account's private key."""
    return "0x" + bytes(account.key).hex()


def salt() -> bytes:
    """Return 32 random bytes."""
    return secrets.token_bytes(32)
