# SPDX-License-Identifier: Apache-2.0
"""Rewards with every contract they need, nodes that are registered, and trees that are posted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import boa
from eth_utils import to_checksum_address

from tests.contracts.protocol import COR, START, U96, deploy_pool, deployer_of, word
from tests.contracts.reward_cards import CARD, CARD_DELAY_SECONDS
from tests.contracts.signing import account, sign
from tests.model.reward_tree_model import U128, Facts, Leaf, Tree, Work, priced

if TYPE_CHECKING:
    from cortensor.rewards import RewardCard

DAY = 86_400
NODE_STAKE = 10_000 * COR
BOND_WEI = 1_000 * COR + 1
BURN_ADDRESS = "0x000000000000000000000000000000000000dEaD"
NONE, OPEN, POSTED, FINAL, EXPIRED = range(5)
URI = "https://proposer.example/epochs/1"
#: A twentieth of an epoch for each operator, so that a cap is met with few of them.
GRANT = 4_000 * COR


class Windows(NamedTuple):
    """The contract's struct of that name."""

    epoch_seconds: int = 7 * DAY
    post_seconds: int = 6 * DAY
    window_seconds: int = 2 * DAY
    veto_delay_seconds: int = DAY
    veto_seconds: int = DAY
    expiry_seconds: int = 180 * DAY
    cooldown_seconds: int = 5 * DAY
    forced_inclusion_seconds: int = 900


class Header(NamedTuple):
    """The contract's struct of that name."""

    root: bytes
    sums: int
    count: int
    inputs_hash: bytes
    proposer: str


WINDOWS = Windows()
INPUTS = word(7)


class Rewarded:
    """Register, fund, table, rewards and challenges, bound to each other.

    Every role is an address: owner, guardian, treasury, steward, proposer and other_proposer (both
    have a bond), challenger, stranger, deployer (holds the other COR).
    """

    def __init__(
        self,
        card: RewardCard = CARD,
        windows: Windows = WINDOWS,
        token: str = "mocks/MockCOR",
        grant: int = GRANT,
        bond: int = BOND_WEI,
    ) -> None:
        address = boa.env.generate_address
        self.deployer = address("deployer")
        self.owner = address("owner")
        self.guardian = address("guardian")
        self.treasury = address("treasury")
        self.steward = address("steward")
        self.proposer = address("proposer")
        self.other_proposer = address("other_proposer")
        self.challenger = address("challenger")
        self.stranger = address("stranger")
        self.card, self.windows = card, windows
        boa.env.timestamp = START
        with boa.env.prank(self.deployer):
            self.cor = deployer_of(token).deploy(10**9 * COR)
            self.pool = deploy_pool(self.owner, self.cor, self.treasury, self.steward)
            self.reputation = deployer_of("NodeReputation").deploy(
                self.owner, self.pool, self.steward, 14 * DAY, 2 * DAY, 2 * DAY
            )
            self.fund = deployer_of("RewardFund").deploy(self.owner, self.cor)
            self.table = deployer_of("RewardTable").deploy(
                self.owner, CARD_DELAY_SECONDS, card.abi_tuple()
            )
            self.reward = self.deploy_reward(bond_wei=bond)
            self.dispute = deployer_of("RewardDispute").deploy(self.reward)
        for part in (self.reputation, self.fund):
            part.bind(self.reward, sender=self.owner)
        self.reward.bind(self.dispute, sender=self.owner)
        for proposer in (self.proposer, self.other_proposer):
            self.give(proposer, 10 * BOND_WEI)
            self.reward.deposit_bond(bond, sender=proposer)
        #: Who was registered by `people`.
        self.pairs: list[tuple[str, str]] = []
        if grant:
            self.grant(grant)

    def deploy_reward(self, windows: Windows | None = None, **changes: object):
        """Deploy rewards on these parts, with changes."""
        arguments = {
            "owner": self.owner,
            "guardian": self.guardian,
            "treasury": self.treasury,
            "fund": self.fund,
            "reputation": self.reputation,
            "table": self.table,
            "windows": windows or self.windows,
            "bond_wei": BOND_WEI,
            **changes,
        }
        return deployer_of("NodeReward").deploy(*arguments.values())

    def give(self, who: str, amount: int) -> None:
        """Give somebody COR and let the contracts take it."""
        self.cor.transfer(who, amount, sender=self.deployer)
        for spender in (self.reward, self.pool, self.fund):
            self.cor.approve(spender, U96, sender=who)

    def grant(self, amount: int) -> None:
        """Fill the fund."""
        self.give(self.deployer, amount)
        self.fund.grant(amount, sender=self.deployer)

    def register(self, operator: str, name: str) -> str:
        """Stake for a node, register it, and return its address."""
        self.give(operator, NODE_STAKE)
        self.pool.open_node(account(name).address, NODE_STAKE, sender=operator)
        return self.join(operator, name)

    def join(self, operator: str, name: str) -> str:
        """Register a node that has its stake, and return its address."""
        node = account(name)
        deadline = boa.env.timestamp + DAY
        digest = self.reputation.consent_digest(node.address, operator, deadline)
        signature = sign(node, digest)
        self.reputation.register(node.address, bytes(32), 0, deadline, signature, sender=operator)
        return node.address

    def people(self, *sizes: int) -> None:
        """Register as many operators as there are sizes, with so many nodes each."""
        for size in sizes:
            operator = boa.env.generate_address()
            for _ in range(size):
                node = self.register(operator, f"node {len(self.pairs)}")
                self.pairs.append((operator, node))

    def works(self, *facts: Facts) -> list[Work]:
        """Return what each registered node did, with the facts given for the first ones."""
        given = [*facts, *[Facts()] * len(self.pairs)]
        return [
            Work(operator, node, given[number], 1_000 + 7 * number)
            for number, (operator, node) in enumerate(self.pairs)
        ]

    def wait(self, seconds: int) -> None:
        """Let time pass."""
        boa.env.timestamp += seconds

    @property
    def running(self) -> int:
        """The epoch that runs now."""
        return boa.env.timestamp // self.windows.epoch_seconds

    def end_epoch(self) -> int:
        """Go to the first second after the running epoch, and return that epoch."""
        epoch = self.running
        boa.env.timestamp = (epoch + 1) * self.windows.epoch_seconds
        return epoch

    def opened(self) -> int:
        """Let the running epoch end, open it, and return it."""
        epoch = self.end_epoch()
        self.reward.open(epoch, sender=self.stranger)
        return epoch

    def priced(self, works: list[Work], budget: int | None = None) -> list[Leaf]:
        """Return the leaves that follow from works under the card and the budget in flight."""
        if budget is None:
            budget = self.reward.flight().budget
        return priced(self.card, budget, works)

    def post(self, tree: Tree, proposer: str | None = None, **changes: object) -> Header:
        """Post a tree, with changes of its header; return that."""
        proposer = proposer or self.proposer
        header = Header(tree.top.hashed, tree.top.sums, len(tree.leaves), INPUTS, proposer)
        header = header._replace(**changes)
        epoch = self.reward.flight().epoch
        self.reward.post(epoch, *header[:4], URI, sender=proposer)
        return header

    def finalise(self, header: Header) -> int:
        """Let the window of a posted root pass, make it final, and return its epoch."""
        flight = self.reward.flight()
        boa.env.timestamp = flight.challengeable_until + 1
        self.reward.finalise(flight.epoch, header, sender=self.stranger)
        return flight.epoch

    def final(self, tree: Tree) -> int:
        """Open the epoch that ends next, with a tree of leaves made for any budget, to the end."""
        self.opened()
        return self.finalise(self.post(tree))

    def pay(self, epoch: int, tree: Tree, start: int, size: int, act: str = "pay") -> int:
        """Pay or sweep a run of leaves."""
        dues = [due(leaf) for leaf in tree.leaves[start:][:size]]
        # The least run that holds them.
        height = (len(dues) - 1).bit_length()
        proof = tree.proof(start >> height, height)
        return getattr(self.reward, act)(epoch, start, dues, proof, sender=self.stranger)

    def holdings(self, *who: str) -> list[int]:
        """Return balances."""
        return [self.cor.balanceOf(one) for one in who]


def due(leaf: Leaf) -> tuple[int, bytes, int]:
    """Return what a payment needs of a leaf."""
    return int(leaf.operator, 16), leaf.detail(), leaf.sums


def address_of(number: int) -> str:
    """Return an address that rises with its number."""
    return to_checksum_address((0xA0 << 152 | number << 96 | 1).to_bytes(20, "big"))


def changed(leaf: Leaf, **changes: int) -> Leaf:
    """Return a leaf with amount or score changed, or a whole word."""
    amount = changes.pop("amount", leaf.sums & U128)
    score = changes.pop("score", leaf.sums >> 128)
    return leaf._replace(sums=amount | score << 128)._replace(**changes)


def plain_works(count: int, operators: int = 0) -> list[Work]:
    """Return works of that many nodes, of as many operators or fewer."""
    operators = operators or count
    return [
        Work(
            address_of(1 + number % operators),
            address_of(1_000 + number),
            replace(Facts(), models=1 + number % 5),
            1_000 * (number + 1),
        )
        for number in range(count)
    ]
