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
        of its own; nobody, the deployer included, can write in another's. A
        batch is stored, so that contracts can look it up, or only told in an
        event, for half the gas; both are in the one chain of heads.
@dev    A head chains over everything a batch event says:
        head = n << 208 | keccak256(abi.encode(previous head, root, count,
        timestamp, keccak256(uri))) mod 2**208. The genesis head binds chain,
        contract and anchorer, so a log cannot be passed off as another's. No
        lock is taken: nothing here calls out.
@custom:security No owner, no funds, no external calls.
@custom:kill Nothing to switch off: an anchorer stops by not anchoring, and
             stops a contract by `authorise(contract, False)`.
@custom:invariants
        INV-A1 A root that was stored stays anchored.
        INV-A2 A head moves only when a batch is appended (or its genesis is
        written), and its number then grows by exactly one.
        INV-A3 Only the anchorer, or whom it authorised, writes its log.
        INV-A4 A receipt stops being active once, for ever, by its anchorer's
        word.
        INV-A5 Successors never lead in a circle.
        INV-A6 A later head is given by an earlier one and exactly the batches
        between, in order.
"""

from contracts.interfaces import IReceiptAnchor

implements: IReceiptAnchor

_TIME_MASK: constant(uint256) = 2**64 - 1
_COUNT_MASK: constant(uint256) = 2**64 - 1
_HEAD_HASH_BITS: constant(uint256) = 208
_HEAD_HASH_MASK: constant(uint256) = 2**208 - 1
_STATE_BITS: constant(uint256) = 64

# @dev States of a receipt; whatever was never ended is active.
_SUPERSEDED: constant(uint256) = 1
_REVOKED: constant(uint256) = 2


# @dev anchorer -> head of its log: number u48 | hash u208.
_heads: HashMap[address, uint256]

# @dev anchorer -> root -> anchored_at u64 | count u64 << 64 | number u64 << 128.
_batches: HashMap[address, HashMap[bytes32, uint256]]

# @dev anchorer -> caller -> may it anchor for the anchorer.
_is_authorised: HashMap[address, HashMap[address, bool]]

# @dev anchorer -> receipt id -> ended_at u64 | state << 64.
_endings: HashMap[address, HashMap[bytes32, uint256]]

# @dev anchorer -> receipt id -> the receipt that replaces it.
_successors: HashMap[address, HashMap[bytes32, bytes32]]


@deploy
def __init__():
    pass


# ---------------------------------------------------------------------------
# Anchorers
# ---------------------------------------------------------------------------


@external
@reentrant
def authorise(caller: address, is_allowed: bool):
    assert caller != empty(address), "anchor: zero caller"
    self._is_authorised[msg.sender][caller] = is_allowed
    # Writing the genesis head here takes the cost of a fresh slot off the first batch.
    if self._heads[msg.sender] == 0:
        self._heads[msg.sender] = self._genesis(msg.sender)
    log IReceiptAnchor.CallerAuthorised(anchorer=msg.sender, caller=caller, is_allowed=is_allowed)


@external
@reentrant
def anchor(root: bytes32, count: uint256, uri: String[128]) -> bytes32:
    assert self._batches[msg.sender][root] == 0, "anchor: root already anchored"
    return self._store(msg.sender, root, count, uri)


@external
@reentrant
def anchor_event(root: bytes32, count: uint256, uri: String[128]) -> bytes32:
    new_head: bytes32 = convert(self._append(msg.sender, root, count, keccak256(uri)), bytes32)
    log IReceiptAnchor.BatchTold(
        anchorer=msg.sender, root=root, head=new_head, count=count, uri=uri
    )
    return new_head


@external
@reentrant
def revoke(receipt_id: bytes32):
    self._end(receipt_id, _REVOKED)
    log IReceiptAnchor.ReceiptRevoked(anchorer=msg.sender, receipt_id=receipt_id)


@external
@reentrant
def supersede(receipt_id: bytes32, successor: bytes32):
    assert successor != empty(bytes32), "anchor: zero successor"
    assert successor != receipt_id, "anchor: successor is itself"
    # INV-A5: whoever leads on was active when it was named, so no circle closes.
    assert self._endings[msg.sender][successor] == 0, "anchor: successor not active"
    self._end(receipt_id, _SUPERSEDED)
    self._successors[msg.sender][receipt_id] = successor
    log IReceiptAnchor.ReceiptSuperseded(
        anchorer=msg.sender, receipt_id=receipt_id, successor=successor
    )


# ---------------------------------------------------------------------------
# Contracts that an anchorer authorised
# ---------------------------------------------------------------------------


@external
@reentrant
def anchor_for(anchorer: address, root: bytes32, count: uint256, uri: String[128]) -> bool:
    assert self._is_authorised[anchorer][msg.sender], "anchor: caller not authorised"
    if self._batches[anchorer][root] != 0:
        return False
    self._store(anchorer, root, count, uri)
    return True


# ---------------------------------------------------------------------------
# Views
# ---------------------------------------------------------------------------


@external
@view
@reentrant
def is_anchored(
    anchorer: address, leaf: bytes32, proof: DynArray[bytes32, 64], root: bytes32
) -> bool:
    if self._batches[anchorer][root] == 0:
        return False
    node: bytes32 = leaf
    # In place: a function for each pair takes half as much gas again.
    for sibling: bytes32 in proof:
        if convert(node, uint256) < convert(sibling, uint256):
            node = keccak256(abi_encode(node, sibling))
        else:
            node = keccak256(abi_encode(sibling, node))
    return node == root


@external
@view
@reentrant
def head(anchorer: address) -> bytes32:
    return convert(self._heads[anchorer], bytes32)


@external
@view
@reentrant
def head_after(
    anchorer: address, old_head: bytes32, batches: DynArray[IReceiptAnchor.Batch, 1024]
) -> bytes32:
    return convert(self._head_after(anchorer, old_head, batches), bytes32)


@external
@view
@reentrant
def extends(
    anchorer: address, old_head: bytes32, batches: DynArray[IReceiptAnchor.Batch, 1024]
) -> bool:
    return self._head_after(anchorer, old_head, batches) == self._head(anchorer)


@external
@view
@reentrant
def batch(anchorer: address, root: bytes32) -> (uint256, uint256, uint256):
    word: uint256 = self._batches[anchorer][root]
    return (word & _TIME_MASK, (word >> 64) & _COUNT_MASK, word >> 128)


@external
@view
@reentrant
def status(anchorer: address, receipt_id: bytes32) -> (uint256, uint256, bytes32):
    word: uint256 = self._endings[anchorer][receipt_id]
    successor: bytes32 = empty(bytes32)
    if word >> _STATE_BITS == _SUPERSEDED:
        successor = self._successors[anchorer][receipt_id]
    return (word >> _STATE_BITS, word & _TIME_MASK, successor)


@external
@view
@reentrant
def is_authorised(anchorer: address, caller: address) -> bool:
    return self._is_authorised[anchorer][caller]


# ---------------------------------------------------------------------------
# Internal
# ---------------------------------------------------------------------------


@internal
def _store(anchorer: address, root: bytes32, count: uint256, uri: String[128]) -> bytes32:
    """
    @dev Appends a root that is not stored in the log yet, and stores it.
    @param anchorer Whose log.
    @param root The batch's root.
    @param count How many leaves it has.
    @param uri Where the batch can be fetched.
    @return bytes32 The new head.
    """
    new_head: uint256 = self._append(anchorer, root, count, keccak256(uri))
    number: uint256 = new_head >> _HEAD_HASH_BITS
    self._batches[anchorer][root] = block.timestamp | count << 64 | number << 128
    log IReceiptAnchor.BatchAnchored(
        anchorer=anchorer, root=root, head=convert(new_head, bytes32), count=count, uri=uri
    )
    return convert(new_head, bytes32)


@internal
def _append(anchorer: address, root: bytes32, count: uint256, uri_hash: bytes32) -> uint256:
    """
    @dev Moves the head of a log on by a batch.
    @param anchorer Whose log.
    @param root The batch's root.
    @param count How many leaves it has.
    @param uri_hash The hash of where the batch can be fetched.
    @return uint256 The new head.
    """
    assert root != empty(bytes32), "anchor: zero root"
    assert count != 0, "anchor: empty batch"
    assert count <= _COUNT_MASK, "anchor: count exceeds uint64"
    new_head: uint256 = self._next(self._head(anchorer), root, count, block.timestamp, uri_hash)
    self._heads[anchorer] = new_head
    return new_head


@internal
def _end(receipt_id: bytes32, state: uint256):
    """
    @dev Ends a receipt of the sender's that is active.
    @param receipt_id The receipt's id.
    @param state What it is from now on.
    """
    assert receipt_id != empty(bytes32), "anchor: zero receipt id"
    assert self._endings[msg.sender][receipt_id] == 0, "anchor: receipt not active"
    self._endings[msg.sender][receipt_id] = block.timestamp | state << _STATE_BITS


@internal
@view
def _head_after(
    anchorer: address, old_head: bytes32, batches: DynArray[IReceiptAnchor.Batch, 1024]
) -> uint256:
    """
    @dev The head that batches lead to.
    @param anchorer Whose log.
    @param old_head A head; zero for the log's genesis.
    @param batches What came after it, in order.
    @return uint256 The head.
    """
    found: uint256 = convert(old_head, uint256)
    if found == 0:
        found = self._genesis(anchorer)
    for item: IReceiptAnchor.Batch in batches:
        found = self._next(found, item.root, item.count, item.anchored_at, item.uri_hash)
    return found


@internal
@view
def _head(anchorer: address) -> uint256:
    """
    @dev The head of a log, its genesis if it was never used.
    @param anchorer Whose log.
    @return uint256 The head.
    """
    found: uint256 = self._heads[anchorer]
    return found if found != 0 else self._genesis(anchorer)


@internal
@pure
def _next(
    old_head: uint256, root: bytes32, count: uint256, timestamp: uint256, uri_hash: bytes32
) -> uint256:
    """
    @dev The head after one more batch.
    @param old_head The head before it.
    @param root The batch's root.
    @param count How many leaves it has.
    @param timestamp When it was anchored, in unix seconds.
    @param uri_hash The hash of where the batch can be fetched.
    @return uint256 The head.
    """
    number: uint256 = (old_head >> _HEAD_HASH_BITS) + 1
    digest: uint256 = convert(
        keccak256(abi_encode(old_head, root, count, timestamp, uri_hash)), uint256
    )
    return number << _HEAD_HASH_BITS | digest & _HEAD_HASH_MASK


@internal
@view
def _genesis(anchorer: address) -> uint256:
    """
    @dev The head of an empty log; its number is 0.
    @param anchorer Whose log.
    @return uint256 The head.
    """
    return convert(keccak256(abi_encode(chain.id, self, anchorer)), uint256) & _HEAD_HASH_MASK
