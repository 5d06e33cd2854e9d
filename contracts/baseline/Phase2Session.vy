# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Sessions as in Phase #2: a record a session, a transaction a task
@license AGPL-3.0-only
@notice Measured as a baseline, never deployed.
"""


interface Queue:
    def enqueueTask(
        sessionId: uint256,
        taskData: String[4096],
        promptType: uint256,
        promptTemplate: String[1024],
        llmParams: DynArray[uint256, 8],
        requestParams: DynArray[uint256, 8],
    ) -> uint256: nonpayable


interface Payment:
    def payFromSessionToNetwork(sessionId: uint256, amount: uint256): nonpayable


event SessionCreated:
    sessionId: uint256
    sid: bytes32
    owner: address
    miners: DynArray[address, 8]


event TaskSubmitted:
    sessionId: uint256
    taskId: uint256
    taskData: String[4096]
    clientReference: String[128]


struct Session:
    sid: bytes32
    name: String[64]
    metadata: String[256]
    owner: address
    state: uint8
    createdAt: uint64
    updatedAt: uint64
    redundant: uint8
    minNumOfNodes: uint8
    maxNumOfNodes: uint8
    numOfValidatorNodes: uint8
    ephemeralNodes: DynArray[address, 8]


QUEUE: immutable(Queue)
PAYMENT: immutable(Payment)
sessionCount: public(uint256)
sessions: HashMap[uint256, Session]
taskPrice: public(uint256)


@deploy
def __init__(queue: Queue, payment: Payment, task_price: uint256):
    QUEUE = queue
    PAYMENT = payment
    self.taskPrice = task_price


@external
def create(
    name: String[64],
    metadata: String[256],
    minNumOfNodes: uint8,
    maxNumOfNodes: uint8,
    redundant: uint8,
    numOfValidatorNodes: uint8,
    miners: DynArray[address, 8],
):
    sessionId: uint256 = self.sessionCount
    self.sessionCount = sessionId + 1
    sid: bytes32 = keccak256(abi_encode(sessionId, msg.sender))
    self.sessions[sessionId] = Session(
        sid=sid,
        name=name,
        metadata=metadata,
        owner=msg.sender,
        state=1,
        createdAt=convert(block.timestamp, uint64),
        updatedAt=convert(block.timestamp, uint64),
        redundant=redundant,
        minNumOfNodes=minNumOfNodes,
        maxNumOfNodes=maxNumOfNodes,
        numOfValidatorNodes=numOfValidatorNodes,
        ephemeralNodes=miners,
    )
    log SessionCreated(sessionId=sessionId, sid=sid, owner=msg.sender, miners=miners)


@external
def submit(
    sessionId: uint256,
    nodeType: uint256,
    taskData: String[4096],
    promptType: uint256,
    promptTemplate: String[1024],
    llmParams: DynArray[uint256, 8],
    requestParams: DynArray[uint256, 8],
    clientReference: String[128],
):
    assert self.sessions[sessionId].owner == msg.sender, "phase2: not the owner"
    extcall PAYMENT.payFromSessionToNetwork(sessionId, self.taskPrice)
    taskId: uint256 = extcall QUEUE.enqueueTask(
        sessionId, taskData, promptType, promptTemplate, llmParams, requestParams
    )
    log TaskSubmitted(
        sessionId=sessionId, taskId=taskId, taskData=taskData, clientReference=clientReference
    )
