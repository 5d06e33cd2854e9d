# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title A contract that asks whether a leaf is anchored
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice Test double of whoever relies on receipts: it measures what asking takes.
"""

from contracts.interfaces import IReceiptAnchor

spent: public(uint256)


@external
def ask(
    anchor: address, anchorer: address, leaf: bytes32, proof: DynArray[bytes32, 64], root: bytes32
):
    before: uint256 = msg.gas
    is_there: bool = staticcall IReceiptAnchor(anchor).is_anchored(anchorer, leaf, proof, root)
    self.spent = before - msg.gas
    assert is_there, "reader: not anchored"
