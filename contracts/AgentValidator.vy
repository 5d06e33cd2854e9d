# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Receipts posted as ERC-8004 validations
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice Answers validation requests from anchored receipts, and attests for
        agents that approved it. What it says is in the leaf that the settler of
        a registered router anchored; who calls chooses only when.
@dev    The score: lib/verdict.vy. What a receipt must be about:
        lib/agent_hash.vy. Answers are kept by the registry alone; whoever
        replaces one shows the leaf that it was.
@custom:security No owner, no funds, no setting. It is approved for agents, so
                 what it can do to one is what it calls: validationRequest and
                 validationResponse of a fixed registry, and nothing that moves,
                 approves or rewrites a token. Trusted are the registries, the
                 contracts that SessionPayment names, and the settlers that an
                 agent's owner allowed: a settler says what it likes in its own
                 receipts. Accounts of one person that the registry does not
                 connect look like strangers.
@custom:kill Nothing to switch off: an agent's owner takes the approval back, or
             stops an anchorer by `allow(agent, anchorer, False)`.
@custom:invariants
        INV-V1 An answer is the score of a leaf that the settler of its router
        anchored, whose receipt stood, and whose subject is that agent and that
        request.
        INV-V2 Only anchorers that the agent's owner of now allowed are heard.
        INV-V3 An answer changes only when its receipt no longer stands: to
        undecided, or to a receipt that its anchorer named, or, after a
        revocation, another of the same subject.
        INV-V4 A receipt is the answer to one request at most.
        INV-V5 Whoever acts for an agent answers under the tag `self` alone.
        INV-V6 No agent changes hands, approvals, URI or wallet by a call here.
"""

from contracts.interfaces import IAgentValidator
from contracts.interfaces import IIdentityRegistry
from contracts.interfaces import IReceiptAnchor
from contracts.interfaces import IRouters
from contracts.interfaces import ISettlementDispute
from contracts.interfaces import IValidationRegistry
from contracts.lib import agent_hash
from contracts.lib import typed_hash
from contracts.lib import verdict

implements: IAgentValidator


interface IParts:
    def ANCHOR() -> address: view


interface IOwners:
    def ownerOf(token_id: uint256) -> address: view


# @dev States of a receipt, as ReceiptAnchor says them.
_ACTIVE: constant(uint256) = 0
_SUPERSEDED: constant(uint256) = 1
_REVOKED: constant(uint256) = 2

_MAX_SUCCESSORS: constant(uint256) = 16
_MAX_KEYS: constant(uint256) = 8
_ROUTER_BITS: constant(uint256) = 128

_TAG: constant(String[11]) = "receipt/v4:"
_SELF_TAG: constant(String[12]) = ":self"
_THIRD_PARTY_TAG: constant(String[12]) = ":third-party"
_SUPERSEDED_TAG: constant(String[64]) = "receipt/v4:superseded"
_REVOKED_TAG: constant(String[64]) = "receipt/v4:revoked"

PAYMENT: public(immutable(address))
ANCHOR: public(immutable(address))
IDENTITY: public(immutable(address))
VALIDATION: public(immutable(address))

# @dev owner -> agent -> anchorer -> may its receipts speak of the agent. A new
#      owner starts with none.
_allowed: HashMap[address, HashMap[uint256, HashMap[address, bool]]]

# @dev anchorer -> account -> may it respond with the anchorer's receipts.
_responders: HashMap[address, HashMap[address, bool]]


@deploy
def __init__(payment: address, validation: address):
    """
    @notice Deploys the validator of a network.
    @param payment SessionPayment: its routers, its anchor.
    @param validation The validation registry, which names the identity registry.
    """
    assert payment.is_contract, "agent: no payment there"
    assert validation.is_contract, "agent: no registry there"
    PAYMENT = payment
    VALIDATION = validation
    ANCHOR = staticcall IParts(payment).ANCHOR()
    IDENTITY = staticcall IValidationRegistry(validation).getIdentityRegistry()


# ---------------------------------------------------------------------------
# Who acts for an agent
# ---------------------------------------------------------------------------


@external
def allow(agent_id: uint256, anchorer: address, is_allowed: bool):
    assert self._acts_for(msg.sender, agent_id), "agent: caller not authorised"
    owner: address = staticcall IOwners(IDENTITY).ownerOf(agent_id)
    self._allowed[owner][agent_id][anchorer] = is_allowed
    log IAgentValidator.AnchorerAllowed(
        agent_id=agent_id, anchorer=anchorer, owner=owner, is_allowed=is_allowed
    )


@external
def attest(attestation: IAgentValidator.Attestation, leaf: ISettlementDispute.Leaf) -> bytes32:
    agent_id: uint256 = attestation.agent_id
    assert self._acts_for(msg.sender, agent_id), "agent: caller not authorised"
    assert attestation.payload_hash != empty(bytes32), "agent: zero payload hash"
    assert attestation.salt != empty(bytes32), "agent: zero salt"
    request: bytes32 = agent_hash._request(
        VALIDATION, agent_id, attestation.payload_hash, attestation.salt
    )
    self._check_believed(agent_id, agent_hash._self_subject(VALIDATION, agent_id, request), leaf)
    is_asked: bool = False
    request_hash: bytes32 = empty(bytes32)
    is_asked, request_hash = self._key(agent_id, request)
    if not is_asked:
        extcall IValidationRegistry(VALIDATION).validationRequest(
            self, agent_id, attestation.request_uri, request_hash
        )
    self._post(agent_id, request_hash, attestation.response_uri, _SELF_TAG, leaf)
    return request_hash


# ---------------------------------------------------------------------------
# Anchorers
# ---------------------------------------------------------------------------


@external
def authorise(responder: address, is_allowed: bool):
    assert responder != empty(address), "agent: zero responder"
    self._responders[msg.sender][responder] = is_allowed
    log IAgentValidator.ResponderAuthorised(
        anchorer=msg.sender, responder=responder, is_allowed=is_allowed
    )


@external
def respond(
    request_hash: bytes32, response_uri: String[1024], leaf: ISettlementDispute.Leaf
) -> uint8:
    agent_id: uint256 = 0
    receipt_id: bytes32 = empty(bytes32)
    tag: String[64] = ""
    agent_id, receipt_id, tag = self._asked(request_hash)
    assert receipt_id == empty(bytes32), "agent: answered already"
    self._check_believed(agent_id, agent_hash._subject(VALIDATION, agent_id, request_hash), leaf)
    state: String[12] = self._state(agent_id, leaf.anchorer)
    return self._post(agent_id, request_hash, response_uri, state, leaf)


# ---------------------------------------------------------------------------
# Answers whose receipts no longer stand
# ---------------------------------------------------------------------------


@external
def replace(
    request_hash: bytes32,
    response_uri: String[1024],
    leaf: ISettlementDispute.Leaf,
    old: ISettlementDispute.Leaf,
) -> uint8:
    agent_id: uint256 = 0
    receipt_id: bytes32 = empty(bytes32)
    tag: String[64] = ""
    agent_id, receipt_id, tag = self._asked(request_hash)
    self._check_answer(receipt_id, old)
    self._check_replaced(leaf.receipt.receipt_id, old)
    # The old one was checked to be about this request when it was posted.
    subject: bytes32 = old.receipt.subject
    self._check_believed(agent_id, subject, leaf)
    state: String[12] = _SELF_TAG
    if subject == agent_hash._subject(VALIDATION, agent_id, request_hash):
        state = self._state(agent_id, leaf.anchorer)
    else:
        assert self._acts_for(msg.sender, agent_id), "agent: caller not authorised"
    return self._post(agent_id, request_hash, response_uri, state, leaf)


@external
def retract(request_hash: bytes32, old: ISettlementDispute.Leaf):
    agent_id: uint256 = 0
    receipt_id: bytes32 = empty(bytes32)
    old_tag: String[64] = ""
    agent_id, receipt_id, old_tag = self._asked(request_hash)
    self._check_answer(receipt_id, old)
    state: uint256 = 0
    successor: bytes32 = empty(bytes32)
    state, successor = self._status(old.anchorer, receipt_id)
    assert state != _ACTIVE, "agent: answer still stands"
    tag: String[64] = _SUPERSEDED_TAG
    if state == _REVOKED:
        tag = _REVOKED_TAG
    assert old_tag != tag, "agent: already retracted"
    extcall IValidationRegistry(VALIDATION).validationResponse(
        request_hash, verdict.UNDECIDED, "", receipt_id, tag
    )
    log IAgentValidator.AnswerRetracted(
        agent_id=agent_id,
        request_hash=request_hash,
        receipt_id=receipt_id,
        is_superseded=state == _SUPERSEDED,
    )


# ---------------------------------------------------------------------------
# Views
# ---------------------------------------------------------------------------


@external
@view
def subject_of(agent_id: uint256, request_hash: bytes32) -> bytes32:
    return agent_hash._subject(VALIDATION, agent_id, request_hash)


@external
@view
def self_subject_of(agent_id: uint256, request: bytes32) -> bytes32:
    return agent_hash._self_subject(VALIDATION, agent_id, request)


@external
@view
def request_of(agent_id: uint256, payload_hash: bytes32, salt: bytes32) -> bytes32:
    return agent_hash._request(VALIDATION, agent_id, payload_hash, salt)


@external
@pure
def score(outcome: uint8, confidence_bps: uint16) -> uint8:
    return verdict._score(outcome, confidence_bps)


@external
@view
def is_allowed(agent_id: uint256, anchorer: address) -> bool:
    owner: address = staticcall IOwners(IDENTITY).ownerOf(agent_id)
    return self._allowed[owner][agent_id][anchorer]


@external
@view
def is_authorised(anchorer: address, responder: address) -> bool:
    return self._responders[anchorer][responder]


# ---------------------------------------------------------------------------
# Internal
# ---------------------------------------------------------------------------


@internal
@view
def _key(agent_id: uint256, request: bytes32) -> (bool, bytes32):
    """
    @dev The first key for a request that nobody else took: whoever sees it under
         way and takes its key stops nothing.
    @param agent_id The agent.
    @param request What is asked.
    @return bool Whether it was asked, and not answered.
    @return bytes32 The key.
    """
    key: bytes32 = request
    for number: uint256 in range(1, _MAX_KEYS + 1):
        is_there: bool = False
        status: Bytes[128] = b""
        is_there, status = raw_call(
            VALIDATION,
            abi_encode(key, method_id=method_id("getValidationStatus(bytes32)")),
            max_outsize=128,
            is_static_call=True,
            revert_on_failure=False,
        )
        # The registry refuses to speak of what was never asked.
        if not is_there:
            return False, key
        validator: address = empty(address)
        asked_of: uint256 = 0
        given: uint256 = 0
        receipt_id: bytes32 = empty(bytes32)
        validator, asked_of, given, receipt_id = abi_decode(
            status, (address, uint256, uint256, bytes32)
        )
        if validator == self and asked_of == agent_id:
            assert receipt_id == empty(bytes32), "agent: answered already"
            return True, key
        key = keccak256(abi_encode(request, number))
    raise "agent: all keys are taken"


@internal
def _post(
    agent_id: uint256,
    request_hash: bytes32,
    uri: String[1024],
    state: String[12],
    leaf: ISettlementDispute.Leaf,
) -> uint8:
    """
    @dev Answers a request from a leaf that is believed.
    @param agent_id The agent.
    @param request_hash The request's key.
    @param uri Where the receipt is.
    @param state The end of the tag.
    @param leaf The leaf.
    @return uint8 The answer.
    """
    given: uint8 = verdict._score(leaf.receipt.outcome, leaf.receipt.confidence_bps)
    tag: String[64] = concat(_TAG, verdict._strategy(leaf.receipt.terms), state)
    extcall IValidationRegistry(VALIDATION).validationResponse(
        request_hash, given, uri, leaf.receipt.receipt_id, tag
    )
    log IAgentValidator.AnswerPosted(
        agent_id=agent_id,
        request_hash=request_hash,
        receipt_id=leaf.receipt.receipt_id,
        anchorer=leaf.anchorer,
        root=leaf.root,
    )
    return given


@internal
@view
def _state(agent_id: uint256, anchorer: address) -> String[12]:
    """
    @dev Under what tag the sender answers another's request (INV-V5).
    @param agent_id The agent.
    @param anchorer Whose receipt it is; the sender, or it authorised the sender.
    @return String[12] The end of the tag.
    """
    if msg.sender != anchorer:
        assert self._responders[anchorer][msg.sender], "agent: caller not authorised"
        if self._acts_for(msg.sender, agent_id):
            return _SELF_TAG
    if self._acts_for(anchorer, agent_id):
        return _SELF_TAG
    return _THIRD_PARTY_TAG


@internal
@view
def _check_believed(agent_id: uint256, subject: bytes32, leaf: ISettlementDispute.Leaf):
    """
    @dev Refuses a leaf that does not speak for a subject (INV-V1, INV-V2).
    @param agent_id The agent.
    @param subject What the leaf must be about.
    @param leaf The leaf.
    """
    assert leaf.receipt.subject == subject, "agent: receipt of another matter"
    owner: address = staticcall IOwners(IDENTITY).ownerOf(agent_id)
    assert self._allowed[owner][agent_id][leaf.anchorer], "agent: anchorer not allowed"
    self._check_anchored(leaf)
    state: uint256 = 0
    successor: bytes32 = empty(bytes32)
    state, successor = self._status(leaf.anchorer, leaf.receipt.receipt_id)
    assert state == _ACTIVE, "agent: receipt does not stand"


@internal
@view
def _check_anchored(leaf: ISettlementDispute.Leaf):
    """
    @dev Refuses a leaf that its router's settler of now did not anchor: a key
         that was given up speaks no more, and anybody can anchor a copy.
    @param leaf The leaf.
    """
    settler: address = empty(address)
    pending: uint256 = 0
    settler, pending = staticcall IRouters(PAYMENT).router(leaf.receipt.session >> _ROUTER_BITS)
    assert settler == leaf.anchorer, "agent: anchorer not the settler"
    hashed: bytes32 = typed_hash._leaf(
        typed_hash._receipt_at(PAYMENT, leaf.receipt), leaf.index, leaf.cumulative
    )
    assert staticcall IReceiptAnchor(ANCHOR).is_anchored(
        leaf.anchorer, hashed, leaf.proof, leaf.root
    ), "agent: leaf not anchored"


@internal
@view
def _check_answer(receipt_id: bytes32, old: ISettlementDispute.Leaf):
    """
    @dev Refuses a leaf that is not the answer, so that its anchorer is known.
    @param receipt_id The receipt that answers a request; zero for none.
    @param old The leaf.
    """
    assert receipt_id != empty(bytes32), "agent: not answered"
    assert old.receipt.receipt_id == receipt_id, "agent: not the answer's leaf"
    self._check_anchored(old)


@internal
@view
def _check_replaced(receipt_id: bytes32, old: ISettlementDispute.Leaf):
    """
    @dev Refuses to replace an answer that stands, or by a receipt that its
         anchorer did not name (INV-V3).
    @param receipt_id The new receipt.
    @param old The answer's leaf.
    """
    state: uint256 = 0
    successor: bytes32 = empty(bytes32)
    state, successor = self._status(old.anchorer, old.receipt.receipt_id)
    assert state != _ACTIVE, "agent: answer still stands"
    for _: uint256 in range(_MAX_SUCCESSORS):
        # Where the line ends in a revocation, nothing stands in the way.
        if state == _REVOKED or successor == receipt_id:
            return
        state, successor = self._status(old.anchorer, successor)
        assert state != _ACTIVE, "agent: not the successor"
    raise "agent: too many successors"


@internal
@view
def _asked(request_hash: bytes32) -> (uint256, bytes32, String[64]):
    """
    @dev A request that names this contract.
    @param request_hash Its key.
    @return uint256 The agent.
    @return bytes32 The receipt that answers it; zero for none.
    @return String[64] The answer's tag.
    """
    validator: address = empty(address)
    agent_id: uint256 = 0
    given: uint8 = 0
    receipt_id: bytes32 = empty(bytes32)
    tag: String[64] = ""
    updated_at: uint256 = 0
    validator, agent_id, given, receipt_id, tag, updated_at = staticcall IValidationRegistry(
        VALIDATION
    ).getValidationStatus(request_hash)
    assert validator == self, "agent: not the validator"
    return agent_id, receipt_id, tag


@internal
@view
def _status(anchorer: address, receipt_id: bytes32) -> (uint256, bytes32):
    """
    @dev What an anchorer says of a receipt.
    @param anchorer The anchorer.
    @param receipt_id The receipt.
    @return uint256 Its state.
    @return bytes32 Its successor.
    """
    state: uint256 = 0
    since: uint256 = 0
    successor: bytes32 = empty(bytes32)
    state, since, successor = staticcall IReceiptAnchor(ANCHOR).status(anchorer, receipt_id)
    return state, successor


@internal
@view
def _acts_for(account: address, agent_id: uint256) -> bool:
    """
    @dev Whether the registry lets an account act for an agent.
    @param account The account.
    @param agent_id The agent; refused if it does not exist.
    @return bool Whether it may.
    """
    return staticcall IIdentityRegistry(IDENTITY).isAuthorizedOrOwner(account, agent_id)
