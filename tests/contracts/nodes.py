# SPDX-License-Identifier: Apache-2.0
"""Nodes with keys, their consent, and epochs whose leaves NodeReputation can be shown."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import boa
from eth_account.messages import _hash_eip191_message, encode_typed_data
from eth_account.signers.local import LocalAccount
from eth_utils import keccak

from cortensor.rewards import Facts, Leaf, Sums, SumTree, Tally
from tests.contracts.protocol import APPEAL_SECONDS, CHAIN_ID, ZERO_ADDRESS, Protocol, deployer_of
from tests.contracts.signing import account, sign

REJOIN_SECONDS = 2 * 86_400
RESOLVE_SECONDS = 86_400
EPOCH_SECONDS = 3_600
MODELS = keccak(text="a list of models")
EVIDENCE = keccak(text="what the node did")

TYPES = {
    "Register": [
        {"name": "node", "type": "address"},
        {"name": "operator", "type": "address"},
        {"name": "stay", "type": "uint256"},
        {"name": "deadline", "type": "uint256"},
    ]
}


def consent(
    reputation, node: str, operator: str, stay: int, deadline: int, **domain: object
) -> bytes:
    """Return what a node signs, hashed by a wallet's library and not as the contract does it."""
    plain = {
        "name": "Cortensor NodeReputation",
        "version": "1",
        "chainId": CHAIN_ID,
        "verifyingContract": reputation.address,
    }
    message = {"node": node, "operator": operator, "stay": stay, "deadline": deadline}
    return bytes(_hash_eip191_message(encode_typed_data(plain | domain, TYPES, message)))


@functools.cache
def node_key(name: str) -> LocalAccount:
    """Return a node's account."""
    return account(f"node {name}")


class Register:
    """A register on a protocol's pool, with two operators, a steward and a double of NodeReward.

    The payers are the operators: they hold COR and let the pool take it.
    """

    def __init__(self, protocol: Protocol, **changes: object) -> None:
        self.protocol = protocol
        self.pool = protocol.pool
        self.operator, self.other = protocol.payer, protocol.other_payer
        self.steward = boa.env.generate_address("steward")
        parts = {
            "owner": protocol.owner,
            "pool": protocol.pool,
            "steward": self.steward,
            "rejoin_seconds": REJOIN_SECONDS,
            "appeal_seconds": APPEAL_SECONDS,
            "resolve_seconds": RESOLVE_SECONDS,
        }
        self.reputation = deployer_of("NodeReputation").deploy(*(parts | changes).values())
        self.reward = deployer_of("mocks/MockReward").deploy(
            ZERO_ADDRESS, self.reputation, EPOCH_SECONDS
        )

    def bind(self) -> None:
        """Let the register believe the double's roots."""
        self.reputation.bind(self.reward, sender=self.protocol.owner)

    def stake(self, node: str, operator: str | None = None, amount: int | None = None) -> int:
        """Stake for a node, just enough unless told otherwise; return the position."""
        wei = self.pool.NODE_STAKE_WEI() if amount is None else amount
        return self.pool.open_node(node, wei, sender=operator or self.operator)

    def signature(self, key: LocalAccount, operator: str, deadline: int) -> bytes:
        """Return a node's consent to its next stay."""
        stay = self.reputation.node(key.address).stays + 1
        return sign(key, consent(self.reputation, key.address, operator, stay, deadline))

    def register(self, key: LocalAccount, operator: str | None = None) -> None:
        """Register a node that is staked for."""
        who = operator or self.operator
        deadline = boa.env.timestamp + 60
        signature = self.signature(key, who, deadline)
        self.reputation.register(key.address, MODELS, 3, deadline, signature, sender=who)

    def accuse(self, node: str) -> None:
        """Accuse a node."""
        self.reputation.accuse(node, EVIDENCE, sender=self.steward)


class Proven(NamedTuple):
    """A leaf as NodeReputation takes it."""

    leaf: tuple[str, str, int, int, int]
    index: int
    proof: list[tuple[bytes, int]]


class ProvenRun(NamedTuple):
    """Leaves side by side as NodeReputation takes them."""

    start: int
    leaves: list[tuple[str, str, int, int, int]]
    proof: list[tuple[bytes, int]]


class EpochTree:
    """A tree over leaves of nodes, and its seal."""

    def __init__(self, entries: list[tuple[str, str, Facts]]) -> None:
        found = []
        for number, (operator, node, facts) in enumerate(entries, start=1):
            tally = Tally(work=number, operator_score=number)
            sums = Sums(amount=number, score=2 * number)
            found.append(
                Leaf(int(operator, 16), int(node, 16), facts.pack(), tally.pack(), sums.pack())
            )
        self.leaves = sorted(found, key=Leaf.key)
        self.tree = SumTree(self.leaves)
        words = self.tree.sums.to_bytes(32, "big") + self.tree.depth.to_bytes(32, "big")
        self.seal = keccak(self.tree.root + words)

    def show(self, node: str) -> Proven:
        """Return a node's leaf with its proof."""
        number = int(node, 16)
        (index,) = [i for i, leaf in enumerate(self.leaves) if leaf.node == number]
        return Proven(row_of(self.leaves[index]), index, self.tree.proof(index).pairs())

    def run(self, start: int, size: int) -> ProvenRun:
        """Return a run with its proof: the least that holds so many leaves, or all there are."""
        leaves = self.leaves[start : start + size]
        height = (len(leaves) - 1).bit_length()
        proof = self.tree.proof(start >> height, height)
        return ProvenRun(start, [row_of(leaf) for leaf in leaves], proof.pairs())


def row_of(leaf: Leaf) -> tuple[str, str, int, int, int]:
    """Return a leaf as the contract takes it."""
    addresses = [value.to_bytes(20, "big") for value in (leaf.operator, leaf.node)]
    operator, node = (boa_address(raw) for raw in addresses)
    return operator, node, leaf.facts, leaf.tally, leaf.sums


def boa_address(raw: bytes) -> Any:
    """Return an address in the form that titanoboa takes."""
    return "0x" + raw.hex()
