# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Session payment as in Phase #2: a balance a session, an allocation a node and task
@license AGPL-3.0-only
@notice Measured as a baseline, never deployed. Names follow the network's published ones; what is not
    published is as frugal as it can be while every published getter can answer.
"""

from ethereum.ercs import IERC20


event DepositToSession:
    sessionId: indexed(uint256)
    sender: indexed(address)
    amount: uint256


event NodePaymentAllocated:
    node: indexed(address)
    sessionId: uint256
    amount: uint256


struct Account:
    owner: address
    paid: uint256
    createdAt: uint256


TOKEN: immutable(IERC20)
admin: public(address)
isSessionContract: public(HashMap[address, bool])
sessions: public(HashMap[uint256, Account])
sessionBalances: public(HashMap[uint256, uint256])
sessionNetworkUsage: public(HashMap[uint256, uint256])
totalNetworkBalance: public(uint256)
nodePendingPayments: public(HashMap[address, uint256])
nodeLastUsedTimestamps: public(HashMap[address, uint256])


@deploy
def __init__(token: IERC20):
    TOKEN = token
    self.admin = msg.sender


@external
def allowSessionContract(caller: address):
    assert msg.sender == self.admin, "phase2: not the admin"
    self.isSessionContract[caller] = True


@external
def depositToSession(sessionId: uint256, amount: uint256):
    account: Account = self.sessions[sessionId]
    if account.owner == empty(address):
        self.sessions[sessionId].owner = msg.sender
        self.sessions[sessionId].createdAt = block.timestamp
    self.sessionBalances[sessionId] += amount
    assert extcall TOKEN.transferFrom(msg.sender, self, amount), "phase2: transfer failed"
    log DepositToSession(sessionId=sessionId, sender=msg.sender, amount=amount)


@external
def payFromSessionToNetwork(sessionId: uint256, amount: uint256):
    assert self.isSessionContract[msg.sender], "phase2: not a session contract"
    self.sessionBalances[sessionId] -= amount
    self.sessionNetworkUsage[sessionId] += amount
    self.totalNetworkBalance += amount


@external
def allocateNodePayments(sessionId: uint256, nodes: DynArray[address, 8], amount: uint256):
    assert self.isSessionContract[msg.sender], "phase2: not a session contract"
    for node: address in nodes:
        self.nodePendingPayments[node] += amount
        self.nodeLastUsedTimestamps[node] = block.timestamp
        log NodePaymentAllocated(node=node, sessionId=sessionId, amount=amount)
    self.totalNetworkBalance -= amount * len(nodes)


@external
def withdrawNodePayment():
    amount: uint256 = self.nodePendingPayments[msg.sender]
    self.nodePendingPayments[msg.sender] = 0
    assert extcall TOKEN.transfer(msg.sender, amount), "phase2: transfer failed"
