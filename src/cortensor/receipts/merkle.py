# SPDX-License-Identifier: Apache-2.0
"""OpenZeppelin's StandardMerkleTree: the same roots and proofs, from already hashed leaves.

Leaves are hashed twice (so no inner node passes for a leaf), sorted, and laid from the end of an
array of 2n - 1 nodes whose element 0 is the root; a pair hashes in sorted order, so a proof needs
no directions. Contracts check proofs with OpenZeppelin's or snekmate's library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sha3 import keccak_256

from cortensor.errors import InvalidInput
from cortensor.receipts.keccak import WORD_BYTES, keccak256, word

if TYPE_CHECKING:
    from collections.abc import Sequence

_OFFSET_OF_BYTES = (2 * WORD_BYTES).to_bytes(WORD_BYTES, "big")


def double_hash(encoded: bytes) -> bytes:
    """Return the leaf hash of ABI-encoded values."""
    return keccak256(keccak256(encoded))


def hash_pair(left: bytes, right: bytes) -> bytes:
    """Return the commutative hash of two nodes."""
    return keccak256(left + right if left < right else right + left)


def receipt_leaf(digest: bytes, index: int, cumulative: int) -> bytes:
    """Return the anchored leaf of types [bytes32, uint64, uint96].

    Args:
        digest: the EIP-712 digest of the receipt's struct.
        index: the receipt's number in its session, from 1.
        cumulative: wei charged in the session up to and with this receipt.

    Raises:
        InvalidInput: if a value does not fit its type.
    """
    # Written out: it runs for every receipt of a batch.
    if index < 0 or index >> 64:
        raise InvalidInput("must fit uint64", field="index")
    if cumulative < 0 or cumulative >> 96:
        raise InvalidInput("must fit uint96", field="cumulative")
    return double_hash(
        word(digest, "digest")
        + index.to_bytes(WORD_BYTES, "big")
        + cumulative.to_bytes(WORD_BYTES, "big")
    )


def evidence_leaf(salt: bytes, replica_json: bytes) -> bytes:
    """Return the evidence leaf of types [bytes32, bytes]: a salt and a replica's canonical JSON."""
    padding = -len(replica_json) % WORD_BYTES
    return double_hash(
        word(salt, "salt")
        + _OFFSET_OF_BYTES
        + len(replica_json).to_bytes(WORD_BYTES, "big")
        + replica_json
        + bytes(padding)
    )


class StandardMerkleTree:
    """A tree over hashed leaves; `proof(i)` speaks of the i-th leaf as given, not as sorted.

    Raises:
        InvalidInput: if there is no leaf, or one has not 32 bytes.
    """

    def __init__(self, leaves: Sequence[bytes]) -> None:
        if not leaves:
            raise InvalidInput("needs at least one leaf", field="leaves")
        if any(len(leaf) != WORD_BYTES for leaf in leaves):
            for i, leaf in enumerate(leaves):
                word(leaf, f"leaves[{i}]")
        count = len(leaves)
        order = sorted(range(count), key=leaves.__getitem__)
        self._position = [0] * count
        tree: list[bytes] = [b""] * (2 * count - 1)
        for rank, original in enumerate(order):
            position = len(tree) - 1 - rank
            tree[position] = leaves[original]
            self._position[original] = position
        keccak = keccak_256  # bound once: this loop runs for every node
        for i in range(count - 2, -1, -1):
            left, right = tree[2 * i + 1], tree[2 * i + 2]
            tree[i] = keccak(left + right if left < right else right + left).digest()
        self._tree = tree

    def __len__(self) -> int:
        return len(self._position)

    @property
    def root(self) -> bytes:
        """The 32-byte root."""
        return self._tree[0]

    def proof(self, leaf_index: int) -> list[bytes]:
        """Return the sibling hashes from the leaf up.

        Raises:
            InvalidInput: if there is no such leaf.
        """
        if not 0 <= leaf_index < len(self._position):
            raise InvalidInput("is not the index of a leaf", field="leaf_index")
        position = self._position[leaf_index]
        proof = []
        while position > 0:
            proof.append(self._tree[position + 1 if position % 2 else position - 1])
            position = (position - 1) // 2
        return proof


def process_proof(leaf: bytes, proof: Sequence[bytes]) -> bytes:
    """Return the root that a leaf and its proof lead to."""
    node = leaf
    for sibling in proof:
        node = hash_pair(node, sibling)
    return node


def verify_proof(root: bytes, leaf: bytes, proof: Sequence[bytes]) -> bool:
    """Return whether `leaf` is under `root`."""
    return process_proof(leaf, proof) == root
