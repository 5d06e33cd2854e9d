# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Validation registry of agents
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice ERC-8004's register of validations (revision 2026-01-25), for chains
        that lack the canonical one. Selectors, topics and the texts of refusals
        are those that existing clients know.
@dev    A request and its last verdict are one word; the hash of the answer is
        another. A tag is stored once, and known by its number.
@custom:security No owner, no upgrade, no fee. Calls nobody but the identity
                 registry, to read. A requestHash belongs to who asks first:
                 hash a secret salt with what is asked.
@custom:kill Nothing to switch off: an agent stops by not asking, a validator by
             not answering.
@custom:invariants
        INV-E7 A request never changes or goes; its hash is never asked again.
        INV-E8 Only the validator that a request names answers it, with 0 to 100,
        and the last answer stands.
        INV-E9 Each list holds, in order, the requests of its agent or validator,
        each once.
"""

from contracts.interfaces import IIdentityRegistry
from contracts.interfaces import IValidationRegistry
from contracts.lib import validation_words as words
from contracts.modules import tags

implements: IValidationRegistry
initializes: tags

_MAX_VERDICT: constant(uint256) = 100
# More than any list has; what a loop may do is bounded by its gas.
_MANY: constant(uint256) = 2**64 - 1
# Most results that one view returns.
_PAGE: constant(uint256) = 1024

_IDENTITY: immutable(address)

# @dev requestHash -> lib/validation_words.vy.
_requests: HashMap[bytes32, uint256]

# @dev requestHash -> hash of the last answer's file.
_response_hashes: HashMap[bytes32, bytes32]

# @dev agent -> its requests.
_of_agents: HashMap[uint256, DynArray[bytes32, max_value(uint64)]]

# @dev validator -> requests that name it.
_of_validators: HashMap[address, DynArray[bytes32, max_value(uint64)]]


@deploy
def __init__(identity: address):
    """
    @notice Deploys a registry beside an identity registry.
    @param identity Says who acts for an agent; has code.
    """
    assert identity.is_contract, "bad identity"
    _IDENTITY = identity
    tags.__init__(words.TAG_LIMIT)


# ---------------------------------------------------------------------------
# Who acts for an agent
# ---------------------------------------------------------------------------


@external
def validationRequest(
    validatorAddress: address, agentId: uint256, requestURI: String[8192], requestHash: bytes32
):
    assert validatorAddress != empty(address), "bad validator"
    assert self._requests[requestHash] == 0, "exists"
    may_ask: bool = staticcall IIdentityRegistry(_IDENTITY).isAuthorizedOrOwner(msg.sender, agentId)
    assert may_ask, "Not authorized"
    assert agentId <= words.AGENT_LIMIT, "validation: agent id too large"
    self._requests[requestHash] = words._asked(validatorAddress, agentId, block.timestamp)
    self._of_agents[agentId].append(requestHash)
    self._of_validators[validatorAddress].append(requestHash)
    log IValidationRegistry.ValidationRequest(
        validatorAddress=validatorAddress,
        agentId=agentId,
        requestURI=requestURI,
        requestHash=requestHash,
    )


# ---------------------------------------------------------------------------
# Validators
# ---------------------------------------------------------------------------


@external
def validationResponse(
    requestHash: bytes32,
    response: uint8,
    responseURI: String[8192],
    responseHash: bytes32,
    tag: String[64],
):
    word: uint256 = self._known(requestHash)
    assert msg.sender == words._validator(word), "not validator"
    verdict: uint256 = convert(response, uint256)
    assert verdict <= _MAX_VERDICT, "resp>100"
    number: uint256 = tags._number(tag)
    self._requests[requestHash] = words._answered(word, verdict, number, block.timestamp)
    self._response_hashes[requestHash] = responseHash
    log IValidationRegistry.ValidationResponse(
        validatorAddress=msg.sender,
        agentId=words._agent(word),
        requestHash=requestHash,
        response=response,
        responseURI=responseURI,
        responseHash=responseHash,
        tag=tag,
    )


# ---------------------------------------------------------------------------
# Views
# ---------------------------------------------------------------------------


@external
@view
def getValidationStatus(
    requestHash: bytes32,
) -> (address, uint256, uint8, bytes32, String[64], uint256):
    word: uint256 = self._known(requestHash)
    return (
        words._validator(word),
        words._agent(word),
        convert(words._verdict(word), uint8),
        self._response_hashes[requestHash],
        tags._tag(words._tag(word)),
        words._updated_at(word),
    )


@external
@view
def getSummary(
    agentId: uint256, validatorAddresses: DynArray[address, 1024], tag: String[64]
) -> (uint64, uint8):
    wanted: uint256 = 0
    if len(tag) != 0:
        wanted = tags._find(tag)
    is_any: bool = len(validatorAddresses) == 0
    count: uint256 = 0
    total: uint256 = 0
    for i: uint256 in range(len(self._of_agents[agentId]), bound=_MANY):
        word: uint256 = self._requests[self._of_agents[agentId][i]]
        if not words._is_answered(word):
            continue
        if wanted != 0 and words._tag(word) != wanted:
            continue
        if not is_any and words._validator(word) not in validatorAddresses:
            continue
        count += 1
        total += words._verdict(word)
    if count == 0:
        return (0, 0)
    # Rounds down: a verdict is not more than what was said.
    return (convert(count, uint64), convert(total // count, uint8))


@external
@view
def getAgentValidations(
    agentId: uint256, start: uint256 = 0, count: uint256 = max_value(uint256)
) -> DynArray[bytes32, 1024]:
    found: DynArray[bytes32, 1024] = []
    for i: uint256 in range(self._page(len(self._of_agents[agentId]), start, count), bound=_PAGE):
        # Cannot overflow: below the list's length.
        found.append(self._of_agents[agentId][unsafe_add(start, i)])
    return found


@external
@view
def getValidatorRequests(
    validatorAddress: address, start: uint256 = 0, count: uint256 = max_value(uint256)
) -> DynArray[bytes32, 1024]:
    found: DynArray[bytes32, 1024] = []
    for i: uint256 in range(
        self._page(len(self._of_validators[validatorAddress]), start, count), bound=_PAGE
    ):
        # Cannot overflow: below the list's length.
        found.append(self._of_validators[validatorAddress][unsafe_add(start, i)])
    return found


@external
@view
def getIdentityRegistry() -> address:
    return _IDENTITY


@external
@pure
def getVersion() -> String[8]:
    return "2.0.0"


# ---------------------------------------------------------------------------
# Internal
# ---------------------------------------------------------------------------


@internal
@view
def _known(request_hash: bytes32) -> uint256:
    """
    @dev A request's word.
    @param request_hash Its key; refused if nobody asked it.
    @return uint256 The word.
    """
    word: uint256 = self._requests[request_hash]
    assert word != 0, "unknown"
    return word


@internal
@pure
def _page(size: uint256, start: uint256, count: uint256) -> uint256:
    """
    @dev How many results a view has; refuses what does not fit, since a list
         that is cut silently is wrong.
    @param size How many there are.
    @param start How many are left out.
    @param count At most how many are wanted.
    @return uint256 The number, at most _PAGE.
    """
    if start >= size:
        return 0
    # Cannot underflow: just compared.
    number: uint256 = min(unsafe_sub(size, start), count)
    assert number <= _PAGE, "validation: more than a page"
    return number
