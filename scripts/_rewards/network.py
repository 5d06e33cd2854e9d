# SPDX-License-Identifier: Apache-2.0
"""The reward contracts beside those of the demo's chain, and the operators with their nodes."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3 import Web3

from cortensor.errors import Conflict
from cortensor.rewards.card import RewardCard, load_reward_card
from scripts._demo.chain import COR, DAY_SECONDS, GAS_MONEY_WEI, ROOT, Chain
from scripts._deploy.compiler import compile_contract

CARD = ROOT / "config" / "reward-card.toml"
HOUR = 3600
NODE_STAKE_WEI = 10_000 * COR
BOND_WEI = 1_000 * COR
BUDGET_WEI = 600 * COR
NODE_POT = 0
CARD_DELAY_SECONDS = DAY_SECONDS
REJOIN_SECONDS, APPEAL_SECONDS, RESOLVE_SECONDS = 2 * HOUR, HOUR, HOUR
WINDOWS = (HOUR, 50 * 60, 10 * 60, 60, 10 * 60, 90 * DAY_SECONDS, HOUR, 60)
"""Of a chain of one's own: epochs of an hour; real ones are a week. The contract's order."""
NODES_EACH = 4
"""Nodes of an operator."""


def run_card(min_tasks: int) -> RewardCard:
    """Return the committed card with what a small network needs: fewer tasks, a wider cap."""
    return msgspec.structs.replace(
        load_reward_card(CARD), min_tasks=min_tasks, cap_bps=3_000, budget_cap_wei=BUDGET_WEI
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
    """The reward contracts of a chain, deployed, bound and recorded.

    Args:
        chain: the demo's chain.
        card: the first card.
    """

    def __init__(self, chain: Chain, card: RewardCard) -> None:
        self.chain = chain
        self.card = card
        self.cast = Cast()
        for account in vars(self.cast).values():
            if isinstance(account, LocalAccount):
                self.give_gas(account)
        owner = chain.people.deployer.address
        self.fund = self._deploy("RewardFund", owner, chain.cor.address)
        self.table = self._deploy("RewardTable", owner, CARD_DELAY_SECONDS, card.abi_tuple())
        self.register = self._deploy(
            "NodeReputation",
            owner,
            chain.pool.address,
            owner,
            REJOIN_SECONDS,
            APPEAL_SECONDS,
            RESOLVE_SECONDS,
        )
        self.reward = self._deploy(
            "NodeReward",
            owner,
            self.cast.guardian.address,
            self.cast.treasury.address,
            self.fund.address,
            self.register.address,
            self.table.address,
            WINDOWS,
            BOND_WEI,
        )
        self.dispute = self._deploy("RewardDispute", self.reward.address)
        deployer = chain.people.deployer
        for part in (self.fund, self.register):
            chain.send(deployer, part.functions.bind(self.reward.address))
        chain.send(deployer, self.reward.functions.bind(self.dispute.address))
        # What sessions pay for nodes fills the fund.
        payment = chain.payment.functions
        chain.send(deployer, payment.set_pot_recipient(NODE_POT, self.fund.address))
        self._allow(deployer, self.fund.address)

    def give_gas(self, account: LocalAccount) -> None:
        """Give an account coins of the chain."""
        self.chain._rpc("anvil_setBalance", account.address, hex(GAS_MONEY_WEI))  # noqa: SLF001

    def bond(self, account: LocalAccount) -> None:
        """Give an account what a whole bond lacks, and deposit it."""
        held, _ = self.reward.functions.bond(account.address).call()
        if held < BOND_WEI:
            chain = self.chain
            grant = chain.cor.functions.transfer(account.address, BOND_WEI - held)
            chain.send(chain.people.deployer, grant)
            self._allow(account, self.reward.address)
            chain.send(account, self.reward.functions.deposit_bond(BOND_WEI - held))

    def grant(self, amount_wei: int) -> None:
        """Fill the fund."""
        self.chain.send(self.chain.people.deployer, self.fund.functions.grant(amount_wei))

    def settle_in(self, nodes: int) -> None:
        """Register nodes with their operators, each staked for and consenting."""
        chain, cast = self.chain, self.cast
        for place in range(nodes):
            if place % NODES_EACH == 0:
                operator = Account.create()
                self.give_gas(operator)
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
        return self.chain.now() // WINDOWS[0]

    def end_epoch(self) -> int:
        """Go to the first second after the running epoch, and return that epoch."""
        epoch = self.epoch_now()
        self.chain.pass_time((epoch + 1) * WINDOWS[0] - self.chain.now())
        return epoch

    def _allow(self, owner: LocalAccount, spender: str) -> None:
        self.chain.send(owner, self.chain.cor.functions.approve(spender, 2**256 - 1))

    def _deploy(self, name: str, *arguments: Any) -> Any:
        chain, artifact = self.chain, compile_contract(name)
        web3: Web3 = chain.web3
        factory = web3.eth.contract(abi=artifact.abi, bytecode=artifact.creation_code)
        receipt = chain.send(chain.people.deployer, factory.constructor(*arguments))
        address = receipt["contractAddress"]
        if address is None:
            raise Conflict(f"{name} was not deployed")
        record = {
            "contract": name,
            "address": address,
            "chain_id": chain.deployment.chain_id,
            "block_number": receipt["blockNumber"],
        }
        (chain.records / f"{name}.json").write_text(json.dumps(record, indent=1), "utf-8")
        return web3.eth.contract(address, abi=artifact.abi)


def hex_key(account: LocalAccount) -> str:
    """Return an account's private key."""
    return "0x" + bytes(account.key).hex()


def salt() -> bytes:
    """Return 32 random bytes."""
    return secrets.token_bytes(32)


def records_of(chain: Chain) -> Path:
    """Return the folder of deployment records."""
    return chain.records
