# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Reputation registry of agents
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice ERC-8004's register of feedback (revision 2026-01-25), for chains that
        lack the canonical one. Selectors, topics and the texts of refusals are
        those that existing clients know.
@dev    A feedback is one word; its tags are stored once, and known by number.
@custom:security No owner, no upgrade, no fee. Calls nobody but the identity
                 registry, to read. Feedback is open to all: whom to believe is
                 the reader's choice, who names the clients of a summary.
@custom:kill Nothing to switch off: a client takes its word back by
             `revokeFeedback`.
@custom:invariants
        INV-E4 A feedback never changes but that its own client revokes it,
        once; a client's feedbacks about an agent count from 1 without a gap.
        INV-E5 Nobody who may act for an agent gives it feedback.
        INV-E6 A summary is the mean of what the named clients said and did not
        revoke, rounded towards zero once.
"""

from contracts.interfaces import IIdentityRegistry
from contracts.interfaces import IReputationRegistry
from contracts.lib import feedback_words as words
from contracts.modules import tags

implements: IReputationRegistry
initializes: tags

_DECIMALS: constant(uint256) = 18
_MAX_RATING: constant(int128) = 10**38
# More than any list has; what a loop may do is bounded by its gas.
_MANY: constant(uint256) = 2**64 - 1
# Most results that one view returns.
_PAGE: constant(uint256) = 1024

_IDENTITY: immutable(address)

# @dev agent -> client -> its feedbacks: lib/feedback_words.vy.
_given: HashMap[uint256, HashMap[address, DynArray[uint256, max_value(uint64)]]]

# @dev agent -> who gave it feedback.
_clients: HashMap[uint256, DynArray[address, max_value(uint64)]]

# @dev agent -> client -> index -> responder -> how many answers.
_answers: HashMap[uint256, HashMap[address, HashMap[uint256, HashMap[address, uint256]]]]


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
# Clients
# ---------------------------------------------------------------------------


@external
def giveFeedback(
    agentId: uint256,
    feedbackValue: int128,
    valueDecimals: uint8,
    tag1: String[64],
    tag2: String[64],
    endpoint: String[2048],
    feedbackURI: String[8192],
    feedbackHash: bytes32,
):
    assert convert(valueDecimals, uint256) <= _DECIMALS, "too many decimals"
    assert feedbackValue <= _MAX_RATING and feedbackValue >= -_MAX_RATING, "value too large"
    is_own: bool = staticcall IIdentityRegistry(_IDENTITY).isAuthorizedOrOwner(msg.sender, agentId)
    assert not is_own, "Self-feedback not allowed"
    number1: uint256 = tags._number(tag1)
    number2: uint256 = tags._number(tag2)
    given: uint256 = len(self._given[agentId][msg.sender])
    if given == 0:
        self._clients[agentId].append(msg.sender)
    self._given[agentId][msg.sender].append(
        words._pack(feedbackValue, valueDecimals, number1, number2)
    )
    log IReputationRegistry.NewFeedback(
        agentId=agentId,
        clientAddress=msg.sender,
        feedbackIndex=convert(given + 1, uint64),
        value=feedbackValue,
        valueDecimals=valueDecimals,
        indexedTag1=tag1,
        tag1=tag1,
        tag2=tag2,
        endpoint=endpoint,
        feedbackURI=feedbackURI,
        feedbackHash=feedbackHash,
    )


@external
def revokeFeedback(agentId: uint256, feedbackIndex: uint64):
    word: uint256 = self._word(agentId, msg.sender, feedbackIndex)
    assert not words._is_revoked(word), "Already revoked"
    self._write(agentId, msg.sender, feedbackIndex, words._revoked(word))
    log IReputationRegistry.FeedbackRevoked(
        agentId=agentId, clientAddress=msg.sender, feedbackIndex=feedbackIndex
    )


# ---------------------------------------------------------------------------
# Anyone
# ---------------------------------------------------------------------------


@external
def appendResponse(
    agentId: uint256,
    clientAddress: address,
    feedbackIndex: uint64,
    responseURI: String[8192],
    responseHash: bytes32,
):
    word: uint256 = self._word(agentId, clientAddress, feedbackIndex)
    assert len(responseURI) != 0, "Empty URI"
    self._write(agentId, clientAddress, feedbackIndex, words._answered(word))
    self._answers[agentId][clientAddress][convert(feedbackIndex, uint256)][msg.sender] += 1
    log IReputationRegistry.ResponseAppended(
        agentId=agentId,
        clientAddress=clientAddress,
        feedbackIndex=feedbackIndex,
        responder=msg.sender,
        responseURI=responseURI,
        responseHash=responseHash,
    )


# ---------------------------------------------------------------------------
# Views
# ---------------------------------------------------------------------------


@external
@view
def getSummary(
    agentId: uint256, clientAddresses: DynArray[address, 1024], tag1: String[64], tag2: String[64]
) -> (uint64, int128, uint8):
    assert len(clientAddresses) != 0, "clientAddresses required"
    wanted1: uint256 = self._wanted(tag1)
    wanted2: uint256 = self._wanted(tag2)
    count: uint256 = 0
    total: int256 = 0
    tally: uint256[19] = empty(uint256[19])
    for client: address in clientAddresses:
        for i: uint256 in range(len(self._given[agentId][client]), bound=_MANY):
            word: uint256 = self._given[agentId][client][i]
            if words._is_revoked(word) or not self._passes(word, wanted1, wanted2):
                continue
            decimals: uint256 = words._decimals(word)
            count += 1
            tally[decimals] += 1
            # At most 10**56 each: 2**64 of them fit.
            rating: int256 = convert(words._rating(word), int256)
            total += rating * convert(10**(_DECIMALS - decimals), int256)
    if count == 0:
        return (0, 0, 0)
    return self._mean(total, count, tally)


@external
@view
def readFeedback(
    agentId: uint256, clientAddress: address, feedbackIndex: uint64
) -> (int128, uint8, String[64], String[64], bool):
    word: uint256 = self._word(agentId, clientAddress, feedbackIndex)
    return (
        words._rating(word),
        convert(words._decimals(word), uint8),
        tags._tag(words._tag1(word)),
        tags._tag(words._tag2(word)),
        words._is_revoked(word),
    )


@external
@view
def readAllFeedback(
    agentId: uint256,
    clientAddresses: DynArray[address, 1024],
    tag1: String[64],
    tag2: String[64],
    includeRevoked: bool,
) -> (
    DynArray[address, 1024],
    DynArray[uint64, 1024],
    DynArray[int128, 1024],
    DynArray[uint8, 1024],
    DynArray[String[64], 1024],
    DynArray[String[64], 1024],
    DynArray[bool, 1024],
):
    clients: DynArray[address, 1024] = []
    indexes: DynArray[uint64, 1024] = []
    ratings: DynArray[int128, 1024] = []
    decimals: DynArray[uint8, 1024] = []
    first_tags: DynArray[String[64], 1024] = []
    second_tags: DynArray[String[64], 1024] = []
    revocations: DynArray[bool, 1024] = []
    wanted1: uint256 = self._wanted(tag1)
    wanted2: uint256 = self._wanted(tag2)
    is_any: bool = len(clientAddresses) == 0
    number: uint256 = len(clientAddresses)
    if is_any:
        number = len(self._clients[agentId])
    for n: uint256 in range(number, bound=_MANY):
        client: address = empty(address)
        if is_any:
            client = self._clients[agentId][n]
        else:
            client = clientAddresses[n]
        for i: uint256 in range(len(self._given[agentId][client]), bound=_MANY):
            word: uint256 = self._given[agentId][client][i]
            is_revoked: bool = words._is_revoked(word)
            if is_revoked and not includeRevoked:
                continue
            if not self._passes(word, wanted1, wanted2):
                continue
            assert len(clients) < _PAGE, "reputation: more than a page"
            clients.append(client)
            indexes.append(convert(i + 1, uint64))
            ratings.append(words._rating(word))
            decimals.append(convert(words._decimals(word), uint8))
            first_tags.append(tags._tag(words._tag1(word)))
            second_tags.append(tags._tag(words._tag2(word)))
            revocations.append(is_revoked)
    return (clients, indexes, ratings, decimals, first_tags, second_tags, revocations)


@external
@view
def getResponseCount(
    agentId: uint256,
    clientAddress: address,
    feedbackIndex: uint64,
    responders: DynArray[address, 1024],
) -> uint64:
    count: uint256 = 0
    index: uint256 = convert(feedbackIndex, uint256)
    is_any: bool = clientAddress == empty(address)
    number: uint256 = 1
    if is_any:
        number = len(self._clients[agentId])
    for n: uint256 in range(number, bound=_MANY):
        client: address = clientAddress
        if is_any:
            client = self._clients[agentId][n]
        for i: uint256 in range(len(self._given[agentId][client]), bound=_MANY):
            if index != 0 and index != i + 1:
                continue
            if len(responders) == 0:
                count += words._answers(self._given[agentId][client][i])
            for responder: address in responders:
                count += self._answers[agentId][client][i + 1][responder]
    return convert(count, uint64)


@external
@view
def getClients(
    agentId: uint256, start: uint256 = 0, count: uint256 = max_value(uint256)
) -> DynArray[address, 1024]:
    found: DynArray[address, 1024] = []
    size: uint256 = len(self._clients[agentId])
    if start >= size:
        return found
    # Cannot underflow: just compared.
    number: uint256 = min(unsafe_sub(size, start), count)
    # A list that is cut silently is wrong.
    assert number <= _PAGE, "reputation: more than a page"
    for i: uint256 in range(number, bound=_PAGE):
        # Cannot overflow: below the list's length.
        found.append(self._clients[agentId][unsafe_add(start, i)])
    return found


@external
@view
def getLastIndex(agentId: uint256, clientAddress: address) -> uint64:
    return convert(len(self._given[agentId][clientAddress]), uint64)


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
def _word(agent_id: uint256, client: address, index: uint64) -> uint256:
    """
    @dev One feedback.
    @param agent_id The agent.
    @param client Who gave it.
    @param index Which of that client's, from 1; refused if there is none.
    @return uint256 Its word.
    """
    assert index != 0, "index must be > 0"
    place: uint256 = convert(index, uint256)
    assert place <= len(self._given[agent_id][client]), "index out of bounds"
    # Cannot underflow: not zero.
    return self._given[agent_id][client][unsafe_sub(place, 1)]


@internal
def _write(agent_id: uint256, client: address, index: uint64, word: uint256):
    """
    @dev Replaces a feedback's word.
    @param agent_id The agent.
    @param client Who gave it.
    @param index Which, known to exist.
    @param word The new word.
    """
    self._given[agent_id][client][convert(index, uint256) - 1] = word


@internal
@view
def _wanted(tag: String[64]) -> uint256:
    """
    @dev A tag as a filter.
    @param tag The tag; empty for any.
    @return uint256 0 for any, or the number to look for.
    """
    if len(tag) == 0:
        return 0
    return tags._find(tag)


@internal
@pure
def _passes(word: uint256, wanted1: uint256, wanted2: uint256) -> bool:
    """
    @dev Whether a feedback has the tags that are looked for.
    @param word The feedback.
    @param wanted1 The number of tag1; 0 for any.
    @param wanted2 The number of tag2; 0 for any.
    @return bool True if it has.
    """
    if wanted1 != 0 and words._tag1(word) != wanted1:
        return False
    return wanted2 == 0 or words._tag2(word) == wanted2


@internal
@pure
def _mean(total: int256, count: uint256, tally: uint256[19]) -> (uint64, int128, uint8):
    """
    @dev The mean, rounded towards zero, with as many decimals as most of its
         parts have, the fewest where several are used as often; with fewer
         still where it would not fit.
    @param total The sum, with 18 decimals.
    @param count How many parts, not zero.
    @param tally Decimals -> how many parts have them.
    @return uint64 The count.
    @return int128 The mean.
    @return uint8 Its decimals.
    """
    decimals: uint256 = 0
    for d: uint256 in range(1, 19):
        if tally[d] > tally[decimals]:
            decimals = d
    divisor: int256 = convert(count * 10**(_DECIMALS - decimals), int256)
    mean: int256 = total // divisor
    for _: uint256 in range(18):
        if mean <= convert(max_value(int128), int256) and mean >= convert(
            min_value(int128), int256
        ):
            break
        # No part exceeds 10**38 with 0 decimals, so some number of decimals fits.
        decimals = unsafe_sub(decimals, 1)
        divisor *= 10
        mean = total // divisor
    return (convert(count, uint64), convert(mean, int128), convert(decimals, uint8))
