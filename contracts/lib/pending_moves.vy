# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
"""
@title Digests of what sessions moved
@custom:contract-name pending_moves
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice A batch's moves are words, session u160 << 96 | moved wei u96, hashed
        into a chain in the batch's order. A bucket's digest chains the hashes of
        its batches. So the moves of one batch, the digest before it and the
        hashes of the batches after it prove what a session has in a bucket.
"""


@internal
@pure
def _with_move(batch: bytes32, word: uint256) -> bytes32:
    """
    @dev Adds a session's move to its batch's hash.
    @param batch The hash so far; zero for none.
    @param word The move.
    @return bytes32 The hash with it.
    """
    return keccak256(abi_encode(batch, word))


@internal
@pure
def _with_batch(digest: uint256, batch: bytes32) -> uint256:
    """
    @dev Adds a batch to its bucket's digest.
    @param digest The digest so far, uint160; zero for none.
    @param batch The hash of the batch's moves.
    @return uint256 The digest with it, uint160.
    """
    return convert(keccak256(abi_encode(digest, batch)), uint256) >> 96
