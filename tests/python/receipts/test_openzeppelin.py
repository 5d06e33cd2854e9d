# SPDX-License-Identifier: Apache-2.0
"""Roots and proofs of large batches are those of OpenZeppelin's own library, run in Node.

It hashes 100,000 leaves for half a minute, so a usual run has a tenth of that; the deep profile and
`python -m benchmarks.receipts` have them all.
"""

from __future__ import annotations

import pytest
from hypothesis import settings

from benchmarks.receipts.openzeppelin import batch_leaves, library_tree
from cortensor.receipts import StandardMerkleTree, to_hex

LEAVES = 100_000 if settings.get_current_profile_name() == "deep" else 10_001
FEWEST_PROOFS = 1_000


@pytest.mark.fuzz
@pytest.mark.slow
def test_a_large_batch_has_the_librarys_root_and_proofs() -> None:
    chosen = sorted({*range(0, LEAVES, LEAVES // FEWEST_PROOFS), LEAVES - 1})
    assert len(chosen) > FEWEST_PROOFS
    theirs = library_tree(LEAVES, chosen)
    ours = StandardMerkleTree(batch_leaves(LEAVES))
    assert to_hex(ours.root) == theirs.root
    proofs = [[to_hex(node) for node in ours.proof(index)] for index in chosen]
    assert proofs == theirs.proofs
    assert {len(proof) for proof in proofs} == {LEAVES.bit_length(), LEAVES.bit_length() - 1}
