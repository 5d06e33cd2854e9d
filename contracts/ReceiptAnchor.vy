# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Receipt batches, anchored
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice One Merkle root proves thousands of receipts. Every anchorer has a log
        of its own; nobody, the deployer included, can write in another's.
@dev    A head chains over everything a batch event says:
        head = n << 208 | keccak256(abi.encode(previous head, root, count,
        timestamp, keccak256(uri))) mod 2**208. The genesis head binds chain,
        contract and anchorer, so a log cannot be passed off as another's.
@custom:security No owner, no funds, no external calls.
@custom:kill Nothing to switch off: an anchorer stops by not anchoring, and
             stops a contract by `authorise(contract, False)`.
@custom:invariants
        INV-A1 A root that was anchored stays anchored.
        INV-A2 A head moves only when a new root is appended (or its genesis is
        written), and its number then grows by exactly one.
        INV-A3 Only the anchorer, or whom it authorised, writes its log.
"""

from contracts.interfaces import IReceiptAnchor
from snekmate.utils import merkle_proof_verification as merkle

implements: IReceiptAnchor

_TIME_MASK: constant(uint256) = 2**64 - 1
_COUNT_MASK: constant(uint256) = 2**64 - 1
_HEAD_HASH_BITS: constant(uint256) = 208
_HEAD_HASH_MASK: constant(uint256) = 2**208 - 1


# @dev anchorer -> head of its log: number u48 | hash u208.
_heads: HashMap[address, uint256]

# @dev anchorer -> root -> anchored_at u64 | count u64 << 64 | number u64 << 128.
_batches: HashMap[address, HashMap[bytes32, uint256]]

# @dev anchorer -> caller -> may it anchor for the anchorer.
_is_authorised: HashMap[address, HashMap[address, bool]]

# @dev anchorer -> receipt id -> revoked_at.
_revoked_at: HashMap[address, HashMap[bytes32, uint256]]

# @dev anchorer -> receipt id -> the receipt that replaces it.
_successors: HashMap[address, HashMap[bytes32, bytes32]]


@deploy
def __init__():
    pass


# ---------------------------------------------------------------------------
# Anchorers
# ---------------------------------------------------------------------------


@external
def authorise(caller: address, is_allowed: bool):
    assert caller != empty(address), "anchor: zero caller"
    self._is_authorised[msg.sender][caller] = is_allowed
    # Writing the genesis head here takes the cost of a fresh slot off the first batch.
    if self._heads[msg.sender] == 0:
        self._heads[msg.sender] = self._genesis(msg.sender)
    log IReceiptAnchor.CallerAuthorised(anchorer=msg.sender, caller=caller, is_allowed=is_allowed)


@external
def anchor(root: bytes32, count: uint256, uri: String[128]) -> bytes32:
    assert self._batches[msg.sender][root] == 0, "anchor: root already anchored"
    return self._append(msg.sender, root, count, uri)


@external
def revoke(receipt_id: bytes32, successor: bytes32):
    assert receipt_id != empty(bytes32), "anchor: zero receipt id"
    assert successor != receipt_id, "anchor: successor is itself"
    assert self._revoked_at[msg.sender][receipt_id] == 0, "anchor: already revoked"
    self._revoked_at[msg.sender][receipt_id] = block.timestamp
    if successor != empty(bytes32):
        self._successors[msg.sender][receipt_id] = successor
    log IReceiptAnchor.ReceiptRevoked(
        anchorer=msg.sender, receipt_id=receipt_id, successor=successor
    )


# ---------------------------------------------------------------------------
# Contracts that an anchorer authorised
# ---------------------------------------------------------------------------


@external
def anchor_for(anchorer: address, root: bytes32, count: uint256, uri: String[128]) -> bool:
    assert self._is_authorised[anchorer][msg.sender], "anchor: caller not authorised"
    if self._batches[anchorer][root] != 0:
        return False
    self._append(anchorer, root, count, uri)
    return True


# ---------------------------------------------------------------------------
# Views
# ---------------------------------------------------------------------------


@external
@view
def is_anchored(
    anchorer: address, leaf: bytes32, proof: DynArray[bytes32, 64], root: bytes32
) -> bool:
    if self._batches[anchorer][root] == 0:
        return False
    node: bytes32 = leaf
    for sibling: bytes32 in proof:
        node = merkle._hash_pair(node, sibling)
    return node == root


@external
@view
def head(anchorer: address) -> bytes32:
    return convert(self._heads[anchorer], bytes32)


@external
@view
def batch(anchorer: address, root: bytes32) -> (uint256, uint256, uint256):
    word: uint256 = self._batches[anchorer][root]
    return (word & _TIME_MASK, (word >> 64) & _COUNT_MASK, word >> 128)


@external
@view
def revocation(anchorer: address, receipt_id: bytes32) -> (uint256, bytes32):
    return (self._revoked_at[anchorer][receipt_id], self._successors[anchorer][receipt_id])


@external
@view
def is_authorised(anchorer: address, caller: address) -> bool:
    return self._is_authorised[anchorer][caller]


# ---------------------------------------------------------------------------
# Internal
# ---------------------------------------------------------------------------


@internal
def _append(anchorer: address, root: bytes32, count: uint256, uri: String[128]) -> bytes32:
    """
    @dev Appends a root that is not in the log yet.
    @param anchorer Whose log.
    @param root The batch's root.
    @param count How many leaves it has.
    @param uri Where the batch can be fetched.
    @return bytes32 The new head.
    """
    assert root != empty(bytes32), "anchor: zero root"
    assert count != 0, "anchor: empty batch"
    assert count <= _COUNT_MASK, "anchor: count exceeds uint64"
    old_head: uint256 = self._heads[anchorer]
    if old_head == 0:
        old_head = self._genesis(anchorer)
    number: uint256 = (old_head >> _HEAD_HASH_BITS) + 1
    digest: uint256 = convert(
        keccak256(abi_encode(old_head, root, count, block.timestamp, keccak256(uri))), uint256
    )
    new_head: uint256 = number << _HEAD_HASH_BITS | digest & _HEAD_HASH_MASK
    self._heads[anchorer] = new_head
    self._batches[anchorer][root] = block.timestamp | count << 64 | number << 128
    log IReceiptAnchor.BatchAnchored(
        anchorer=anchorer, root=root, head=convert(new_head, bytes32), count=count, uri=uri
    )
    return convert(new_head, bytes32)


@internal
@view
def _genesis(anchorer: address) -> uint256:
    """
    @dev The head of an empty log; its number is 0.
    @param anchorer Whose log.
    @return uint256 The head.
    """
    return convert(keccak256(abi_encode(chain.id, self, anchorer)), uint256) & _HEAD_HASH_MASK
