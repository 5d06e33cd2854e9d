# SPDX-License-Identifier: Apache-2.0
"""A batch as its router publishes it, believed only if it is what was anchored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from cortensor.errors import Error, VerificationFailed
from cortensor.nesting import check_nesting
from cortensor.receipts.keccak import from_hex, to_hex
from cortensor.receipts.merkle import StandardMerkleTree, receipt_leaf
from cortensor.receipts.sign import SIGNATURE_BYTES
from cortensor.receipts.typed import ReceiptStruct
from cortensor.watch.requested import read_request_signature

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortensor.receipts.typed import Domain
    from cortensor.watch.requested import RequestSignature

MAX_LEAVES = 65_536
"""A batch of more counts as not published: nobody could be expected to check it."""


class Leaf(Struct, frozen=True):
    """An anchored leaf with the struct it commits to and the router's signature over that.

    `hashed` and `digest` are 32 bytes, `signature` whatever the router gave; `root` and
    `anchorer` are 0x hex. `proof` is kept for a leaf whose batch is not known. `request` is the
    request signature published beside the leaf; None for none.
    """

    receipt: ReceiptStruct
    index: int
    cumulative: int
    signature: bytes
    digest: bytes
    hashed: bytes
    root: str
    anchorer: str
    proof: tuple[bytes, ...] | None = None
    request: RequestSignature | None = None

    @property
    def session(self) -> int:
        """The payment session that was charged."""
        return self.receipt.session


class _PublishedLeaf(Struct):
    """What is read of `BatchLeaf`; the rest follows from it or is not needed."""

    index: int
    cumulative: str
    charge: dict[str, str]
    signature: str
    request: Any = None


class _PublishedBatch(Struct):
    leaves: list[_PublishedLeaf]


def make_leaf(
    receipt: ReceiptStruct,
    index: int,
    cumulative: int,
    signature: bytes,
    domain: Domain,
    anchored: tuple[str, str],
    proof: tuple[bytes, ...] | None = None,
) -> Leaf:
    """Return a leaf with its hashes; `anchored` is (root, anchorer).

    Raises:
        InvalidInput: a value does not fit its type.
    """
    digest = receipt.digest(domain)
    hashed = receipt_leaf(digest, index, cumulative)
    root, anchorer = anchored
    return Leaf(receipt, index, cumulative, signature, digest, hashed, root, anchorer, proof)


def read_batch(data: bytes, *, root: str, anchorer: str, count: int, domain: Domain) -> list[Leaf]:
    """Read a published batch and rebuild its root.

    Nothing that the batch says of itself is believed: digests and leaves are hashed from the
    structs, and their tree must have the anchored root and count. Fields that are not needed are
    passed over, so that a newer router is not taken for a silent one.

    Raises:
        VerificationFailed: it is not what was anchored, or cannot be read.
    """
    if count > MAX_LEAVES:
        raise VerificationFailed(
            f"has {count} leaves, at most {MAX_LEAVES} are read", field="count"
        )
    try:
        check_nesting(data)
        published = msgspec.json.decode(data, type=_PublishedBatch)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, Error) as error:
        raise VerificationFailed(f"cannot be read: {str(error)[:120]}", field="batch") from error
    if len(published.leaves) != count:
        raise VerificationFailed(f"has {len(published.leaves)} leaves, {count} are anchored")
    try:
        leaves = [_read_leaf(item, domain, (root, anchorer)) for item in published.leaves]
    except Error as error:
        raise VerificationFailed(f"cannot be read: {error}", field="batch") from error
    found = to_hex(tree_of([leaf.hashed for leaf in leaves]).root)
    if found != root:
        raise VerificationFailed(f"has the root {found}", field="batch")
    return leaves


def _read_leaf(item: _PublishedLeaf, domain: Domain, anchored: tuple[str, str]) -> Leaf:
    cumulative = item.cumulative
    if not (cumulative.isascii() and cumulative.isdigit() and len(cumulative) <= 29):  # noqa: PLR2004  2**96 has 29 digits
        raise VerificationFailed("must be decimal wei", field="cumulative")
    receipt = ReceiptStruct.from_json(item.charge)
    signature = read_signature(item.signature)
    leaf = make_leaf(receipt, item.index, int(cumulative), signature, domain, anchored)
    if item.request is None:
        return leaf
    return msgspec.structs.replace(leaf, request=read_request_signature(item.request))


def read_signature(text: str) -> bytes:
    """Return a signature's bytes; empty for a malformed one, which nobody signed.

    A leaf is none the less anchored for it, so it is no reason to pass the batch over.
    """
    try:
        return from_hex(text, SIGNATURE_BYTES, "signature")
    except Error:
        return b""


def tree_of(hashes: Sequence[bytes]) -> StandardMerkleTree:
    """Return the tree of a batch's leaves; their order does not matter."""
    return StandardMerkleTree(hashes)
