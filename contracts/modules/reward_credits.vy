# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title What the token refuses to pay of rewards
@custom:contract-name reward_credits
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice A transfer that the token refuses is credited to whom it was for, who
        may take it to another address. So nobody whom the token refuses stops
        the payment of others, a proof or a veto.
"""

from contracts.interfaces import IRewardCredits
from contracts.modules import cor

implements: IRewardCredits
uses: cor

_ADDRESS: constant(uint256) = 2**160 - 1


# @dev payee -> wei that a transfer refused.
_credits: HashMap[address, uint256]


@external
def claim_credit(to: address) -> uint256:
    assert to != empty(address), "credit: zero receiver"
    amount: uint256 = self._credits[msg.sender]
    assert amount != 0, "credit: none"
    self._credits[msg.sender] = 0
    log IRewardCredits.CreditClaimed(payee=msg.sender, to=to, amount=amount)
    cor._push(to, amount)
    return amount


@external
@view
def credit(payee: address) -> uint256:
    return self._credits[payee]


@internal
def _send(payee: uint256, amount: uint256):
    """
    @dev Pays somebody, or credits what the token refuses.
    @param payee Whom; an address as a word.
    @param amount Wei of COR; nothing for 0.
    """
    if amount == 0:
        return
    # Who brings too little gas for the transfer has too little for the credit:
    # a transfer that fails for want of gas leaves a sixty-third of what it had.
    is_sent: bool = False
    answer: Bytes[32] = b""
    is_sent, answer = raw_call(
        cor.TOKEN,
        abi_encode(payee, amount, method_id=method_id("transfer(address,uint256)")),
        max_outsize=32,
        revert_on_failure=False,
    )
    if is_sent and (len(answer) == 0 or convert(answer, uint256) == 1):
        return
    # Of a word that is no address, whose high bits a wrong tree set, the rest is
    # credited: it must not stop the payment of those beside it.
    credited: address = convert(convert(payee & _ADDRESS, uint160), address)
    self._credits[credited] += amount
    log IRewardCredits.Credited(payee=credited, amount=amount)
