# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title The task queue as in Phase #2: acknowledge, precommit, commit, a transaction each
@license AGPL-3.0-only
@notice Measured as a baseline, never deployed. The `end...` calls of each stage happen with its last
    miner here, which saves three transactions a task. A result is a URN, as with off-chain payloads.
"""


interface Payment:
    def allocateNodePayments(
        sessionId: uint256, nodes: DynArray[address, 8], amount: uint256
    ): nonpayable


event TaskQueued:
    sessionId: uint256
    taskId: uint256
    globalId: uint256
    taskData: String[4096]


event TaskAssigned:
    sessionId: uint256
    taskId: uint256
    miners: DynArray[address, 8]


event TaskAcked:
    sessionId: uint256
    taskId: uint256
    miner: address


event TaskPrecommitted:
    sessionId: uint256
    taskId: uint256
    miner: address


event TaskAllPrecommitted:
    sessionId: uint256
    taskId: uint256
    miners: DynArray[address, 8]


event TaskCommitted:
    sessionId: uint256
    taskId: uint256
    miner: address


event TaskAllCommitted:
    sessionId: uint256
    taskId: uint256
    miners: DynArray[address, 8]


event TaskEnded:
    sessionId: uint256
    taskId: uint256
    miners: DynArray[address, 8]


struct Task:
    gid: uint256
    data: String[4096]
    assignedMiners: DynArray[address, 8]
    status: uint256
    createdAt: uint256
    lastPrecommitAt: uint256
    lastCommitAt: uint256
    finishedAt: uint256


struct Result:
    ackedAt: uint256
    precommittedAt: uint256
    committedAt: uint256
    hash: bytes32
    result: String[4096]


QUEUED: constant(uint256) = 1
ASSIGNED: constant(uint256) = 2
PRECOMMITTED: constant(uint256) = 3
COMMITTED: constant(uint256) = 4
ENDED: constant(uint256) = 5

PAYMENT: immutable(Payment)
admin: public(address)
session_contract: address
nodePrice: public(uint256)
globalCount: public(uint256)
taskCount: public(HashMap[uint256, uint256])
tasks: HashMap[uint256, HashMap[uint256, Task]]
results: HashMap[uint256, HashMap[uint256, HashMap[address, Result]]]
precommits: HashMap[uint256, HashMap[uint256, uint256]]
commits: HashMap[uint256, HashMap[uint256, uint256]]


@deploy
def __init__(payment: Payment, node_price: uint256):
    PAYMENT = payment
    self.admin = msg.sender
    self.nodePrice = node_price


@external
def setSession(session: address):
    assert msg.sender == self.admin, "phase2: not the admin"
    self.session_contract = session


@external
def enqueueTask(
    sessionId: uint256,
    taskData: String[4096],
    promptType: uint256,
    promptTemplate: String[1024],
    llmParams: DynArray[uint256, 8],
    requestParams: DynArray[uint256, 8],
) -> uint256:
    assert msg.sender == self.session_contract, "phase2: not the session contract"
    taskId: uint256 = self.taskCount[sessionId]
    self.taskCount[sessionId] = taskId + 1
    gid: uint256 = self.globalCount
    self.globalCount = gid + 1
    self.tasks[sessionId][taskId].gid = gid
    self.tasks[sessionId][taskId].data = taskData
    self.tasks[sessionId][taskId].status = QUEUED
    self.tasks[sessionId][taskId].createdAt = block.timestamp
    log TaskQueued(sessionId=sessionId, taskId=taskId, globalId=gid, taskData=taskData)
    return taskId


@external
def assignTask(
    sessionId: uint256, taskId: uint256, miners: DynArray[address, 8], modelIdentifier: uint256
):
    assert msg.sender == self.admin, "phase2: not the admin"
    assert self.tasks[sessionId][taskId].status == QUEUED, "phase2: not queued"
    self.tasks[sessionId][taskId].assignedMiners = miners
    self.tasks[sessionId][taskId].status = ASSIGNED
    log TaskAssigned(sessionId=sessionId, taskId=taskId, miners=miners)


@external
def ack(sessionId: uint256, taskId: uint256):
    assert self.tasks[sessionId][taskId].status == ASSIGNED, "phase2: not assigned"
    assert msg.sender in self.tasks[sessionId][taskId].assignedMiners, "phase2: not assigned"
    self.results[sessionId][taskId][msg.sender].ackedAt = block.timestamp
    log TaskAcked(sessionId=sessionId, taskId=taskId, miner=msg.sender)


@external
def precommit(sessionId: uint256, taskId: uint256, hash: bytes32, data: String[128]):
    assert self.tasks[sessionId][taskId].status == ASSIGNED, "phase2: not assigned"
    assert self.results[sessionId][taskId][msg.sender].ackedAt != 0, "phase2: not acknowledged"
    self.results[sessionId][taskId][msg.sender].hash = hash
    self.results[sessionId][taskId][msg.sender].precommittedAt = block.timestamp
    self.tasks[sessionId][taskId].lastPrecommitAt = block.timestamp
    log TaskPrecommitted(sessionId=sessionId, taskId=taskId, miner=msg.sender)
    count: uint256 = self.precommits[sessionId][taskId] + 1
    self.precommits[sessionId][taskId] = count
    miners: DynArray[address, 8] = self.tasks[sessionId][taskId].assignedMiners
    if count == len(miners):
        self.tasks[sessionId][taskId].status = PRECOMMITTED
        log TaskAllPrecommitted(sessionId=sessionId, taskId=taskId, miners=miners)


@external
def commit(sessionId: uint256, taskId: uint256, result: String[4096]):
    assert self.tasks[sessionId][taskId].status == PRECOMMITTED, "phase2: not precommitted"
    assert self.results[sessionId][taskId][msg.sender].hash == keccak256(
        result
    ), "phase2: not what was precommitted"
    self.results[sessionId][taskId][msg.sender].result = result
    self.results[sessionId][taskId][msg.sender].committedAt = block.timestamp
    self.tasks[sessionId][taskId].lastCommitAt = block.timestamp
    log TaskCommitted(sessionId=sessionId, taskId=taskId, miner=msg.sender)
    count: uint256 = self.commits[sessionId][taskId] + 1
    self.commits[sessionId][taskId] = count
    miners: DynArray[address, 8] = self.tasks[sessionId][taskId].assignedMiners
    if count == len(miners):
        self.tasks[sessionId][taskId].status = COMMITTED
        log TaskAllCommitted(sessionId=sessionId, taskId=taskId, miners=miners)


@external
def end(sessionId: uint256, taskId: uint256, validators: DynArray[address, 4]):
    assert msg.sender == self.admin, "phase2: not the admin"
    assert self.tasks[sessionId][taskId].status == COMMITTED, "phase2: not committed"
    self.tasks[sessionId][taskId].status = ENDED
    self.tasks[sessionId][taskId].finishedAt = block.timestamp
    miners: DynArray[address, 8] = self.tasks[sessionId][taskId].assignedMiners
    paid: DynArray[address, 8] = miners
    for validator: address in validators:
        paid.append(validator)
    extcall PAYMENT.allocateNodePayments(sessionId, paid, self.nodePrice)
    log TaskEnded(sessionId=sessionId, taskId=taskId, miners=miners)
