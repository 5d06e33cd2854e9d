# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Register of nodes, and their levels
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice Who operates which node and since when, which nodes were disqualified,
        and the level that the reward epochs gave each. Every stay of a node is
        kept for ever, so that a challenge of an epoch can show who was
        registered in it, however late it comes.
@dev    Words: lib/node_words.vy. Trees: lib/sum_tree.vy. How a level moves:
        lib/reward_formula.vy, checked by NodeReward's challenges.
@custom:security Holds no funds. StakePool is trusted to say who is staked, and
                 NodeReward, named once, which roots are final. The steward can
                 accuse a node; it is disqualified if its operator lets the
                 appeal window pass and somebody executes that, or the owner
                 upholds it. Neither can register, retire or rate a node. What
                 an operator says of its models is shown and never counted.
                 A disqualified node's operator can stake for a new address.
@custom:kill Nothing to switch off: set_steward(zero) ends accusations, and
             every node can be retired by its operator or by itself, whoever
             else is gone.
@custom:invariants
        INV-N1 A node is registered under one operator at a time, who staked for
        it, and with the node's own consent to this stay.
        INV-N2 What was_active says of a time that is over never changes.
        INV-N3 A level moves only by a leaf of a final epoch, to what that leaf
        says, and only to that of a newer epoch; each stay begins at 0 and takes
        no leaf of the time before it.
        INV-N4 No node is disqualified without an accusation, before its
        operator had the appeal window, or after an appeal that the owner did
        not uphold; an accusation that is not acted on lapses.
        INV-N5 A disqualified node is for ever: never eligible, never registered
        again, and active in no time that ends later.
        INV-N6 The steward accuses a node again APPEAL_SECONDS after its last
        accusation ended at the earliest.
        INV-N7 A registered node can always be retired by its operator and by
        itself; by others only while its stake is below the minimum.
"""

from contracts.interfaces import INodeReputation
from contracts.interfaces import INodeReward
from contracts.interfaces import IRewardPayout
from contracts.interfaces import IStakePool
from contracts.lib import leaf_runs
from contracts.lib import node_words as words
from contracts.lib import reward_words
from contracts.lib import sum_tree
from contracts.lib import wallet_consent
from snekmate.auth import ownable
from snekmate.auth import ownable_2step

implements: INodeReputation
initializes: ownable
initializes: ownable_2step[ownable := ownable]

exports: (
    # @dev Two-step ownership; `renounce_ownership` is withheld, since appeals
    #      could then only lapse.
    ownable_2step.owner,
    ownable_2step.pending_owner,
    ownable_2step.transfer_ownership,
    ownable_2step.accept_ownership,
)


interface IRating:
    def REPUTATION() -> address: view
    def EPOCH_SECONDS() -> uint256: view


_MAX_WINDOW_SECONDS: constant(uint256) = 30 * 86_400
_MAX_REJOIN_SECONDS: constant(uint256) = 90 * 86_400
_NAME: constant(String[32]) = "Cortensor NodeReputation"
_VERSION: constant(String[8]) = "1"
_DOMAIN_TYPE: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
_NAME_HASH: constant(bytes32) = keccak256("Cortensor NodeReputation")
_VERSION_HASH: constant(bytes32) = keccak256("1")
_REGISTER_TYPE: constant(bytes32) = keccak256(
    "Register(address node,address operator,uint256 stay,uint256 deadline)"
)

POOL: public(immutable(address))
REJOIN_SECONDS: public(immutable(uint256))
APPEAL_SECONDS: public(immutable(uint256))
RESOLVE_SECONDS: public(immutable(uint256))


# @dev NodeReward, whose final roots are believed; zero until named, once.
reward: public(address)

# @dev Who may accuse.
steward: public(address)

# @dev node -> node word (lib/node_words.vy).
_nodes: HashMap[address, uint256]

# @dev node -> number of the stay, from 1 -> stay word. In rising order of time.
_stays: HashMap[address, HashMap[uint256, uint256]]

# @dev node -> hash of the list of models that its operator declared.
_models: HashMap[address, bytes32]

# @dev node -> accusation word.
_accusations: HashMap[address, uint256]

# @dev node -> hash of the evidence of its last accusation.
_evidence: HashMap[address, bytes32]

# @dev The length of NodeReward's epochs; zero until it is named. Read from it once:
#      one word less to read at each registration than `reward` and then a call.
_epoch_seconds: uint256


@deploy
def __init__(
    owner: address,
    pool: address,
    steward: address,
    rejoin_seconds: uint256,
    appeal_seconds: uint256,
    resolve_seconds: uint256,
):
    """
    @notice Deploys the register, bound to no NodeReward yet.
    @param owner Decides appeals and names the steward; should be a timelock.
    @param pool StakePool, where operators stake for nodes.
    @param steward May accuse nodes; zero for none.
    @param rejoin_seconds How long a node that retired stays away, at most 90
           days.
    @param appeal_seconds How long an accusation waits for an appeal, at most 30
           days.
    @param resolve_seconds How long an appeal waits for a decision, and an
           accusation that was not appealed for its execution, at most 30 days.
    """
    assert owner != empty(address), "node: zero owner"
    assert pool.is_contract, "node: pool has no code"
    # Else two stays of one second had no order.
    assert rejoin_seconds != 0, "node: zero rejoin delay"
    assert rejoin_seconds <= _MAX_REJOIN_SECONDS, "node: rejoin delay too long"
    assert appeal_seconds != 0, "node: zero appeal window"
    assert appeal_seconds <= _MAX_WINDOW_SECONDS, "node: appeal window too long"
    assert resolve_seconds != 0, "node: zero resolve window"
    assert resolve_seconds <= _MAX_WINDOW_SECONDS, "node: resolve window too long"
    ownable.__init__()
    ownable_2step.__init__()
    ownable._transfer_ownership(owner)
    POOL = pool
    REJOIN_SECONDS = rejoin_seconds
    APPEAL_SECONDS = appeal_seconds
    RESOLVE_SECONDS = resolve_seconds
    self._set_steward(steward)


# ---------------------------------------------------------------------------
# Nodes
# ---------------------------------------------------------------------------


@external
def register(
    node: address,
    models_hash: bytes32,
    model_count: uint256,
    deadline: uint256,
    signature: Bytes[2048],
):
    assert node != empty(address), "node: zero node"
    assert block.timestamp <= deadline, "node: consent is too old"
    word: uint256 = self._nodes[node]
    assert words._disqualified_at(word) == 0, "node: is disqualified"
    last: uint256 = words._stays(word)
    if last != 0:
        retired_at: uint256 = words._retired_at(self._stays[node][last])
        assert retired_at != 0, "node: already registered"
        assert block.timestamp >= retired_at + REJOIN_SECONDS, "node: too soon to rejoin"
    assert last < words.U16, "node: stays exhausted"
    assert self._is_staked(msg.sender, node), "node: not staked"
    digest: bytes32 = self._consent_digest(node, msg.sender, last + 1, deadline)
    assert wallet_consent._is_given(node, digest, signature), "node: no consent"
    self._nodes[node] = words._with_stay(word, self._begun_before_now())
    self._stays[node][last + 1] = words._pack_stay(msg.sender, block.timestamp, 0)
    log INodeReputation.NodeRegistered(operator=msg.sender, node=node, stay=last + 1)
    self._declare(node, models_hash, model_count)


@external
def declare_models(node: address, models_hash: bytes32, model_count: uint256):
    number: uint256 = 0
    stay: uint256 = 0
    number, stay = self._current(node)
    assert msg.sender == words._operator(stay), "node: caller is not operator"
    self._declare(node, models_hash, model_count)


@external
def retire(node: address):
    number: uint256 = 0
    stay: uint256 = 0
    number, stay = self._current(node)
    operator: address = words._operator(stay)
    if msg.sender != operator and msg.sender != node:
        # A node without stake earns nothing, yet each epoch has to count it.
        assert not self._is_staked(operator, node), "node: caller may not retire"
    self._stays[node][number] = words._pack_stay(
        operator, words._registered_at(stay), block.timestamp
    )
    log INodeReputation.NodeRetired(operator=operator, node=node, by=msg.sender)


@external
def sync(
    epoch: uint256, leaf: INodeReward.Leaf, index: uint256, proof: DynArray[INodeReward.Sum, 24]
):
    assert self._is_proven(epoch, leaf, index, proof), "node: leaf is not final"
    # Only where a wrong leaf stood its window unchallenged.
    assert reward_words._is_valid(leaf.facts, leaf.tally), "node: facts are not valid"
    word: uint256 = self._nodes[leaf.node]
    assert epoch > words._level_epoch(word), "node: newer epoch is known"
    self._write_level(epoch, leaf.node, word, leaf.facts)


@external
def sync_run(
    epoch: uint256,
    start: uint256,
    leaves: DynArray[INodeReward.Leaf, leaf_runs.MAX_RUN],
    proof: DynArray[INodeReward.Sum, 24],
) -> uint256:
    dues: DynArray[IRewardPayout.Due, leaf_runs.MAX_RUN] = []
    for leaf: INodeReward.Leaf in leaves:
        dues.append(
            IRewardPayout.Due(
                operator=convert(leaf.operator, uint256),
                detail=sum_tree._detail(leaf.node, leaf.facts, leaf.tally),
                sums=leaf.sums,
            )
        )
    # The seal of an epoch that is not final is 0, which no tree has.
    assert leaf_runs._seal(start, dues, proof) == self._final_seal(epoch), "node: run is not final"
    synced: uint256 = 0
    for leaf: INodeReward.Leaf in leaves:
        word: uint256 = self._nodes[leaf.node]
        # As for one leaf; but what would be refused there is passed over.
        if epoch > words._level_epoch(word) and reward_words._is_valid(leaf.facts, leaf.tally):
            self._write_level(epoch, leaf.node, word, leaf.facts)
            synced += 1
    assert synced != 0, "node: nothing to sync"
    return synced


# ---------------------------------------------------------------------------
# Disqualification
# ---------------------------------------------------------------------------


@external
def accuse(node: address, evidence: bytes32):
    assert msg.sender == self.steward, "node: caller is not steward"
    assert evidence != empty(bytes32), "node: zero evidence"
    word: uint256 = self._nodes[node]
    assert words._stays(word) != 0, "node: unknown node"
    assert words._disqualified_at(word) == 0, "node: is disqualified"
    accusation: uint256 = self._accusations[node]
    assert not self._is_live(accusation), "node: already accused"
    # Else an operator would have to appeal again and again, without a pause.
    ended_at: uint256 = max(words._ended_at(accusation), words._lapses_at(accusation))
    assert (
        ended_at == 0 or block.timestamp >= ended_at + APPEAL_SECONDS
    ), "node: too soon to accuse again"
    executable_at: uint256 = block.timestamp + APPEAL_SECONDS
    lapses_at: uint256 = executable_at + RESOLVE_SECONDS
    self._accusations[node] = words._pack_accusation(executable_at, lapses_at, 0, False)
    self._evidence[node] = evidence
    log INodeReputation.Accused(
        node=node, evidence=evidence, executable_at=executable_at, lapses_at=lapses_at
    )


@external
def appeal(node: address):
    accusation: uint256 = self._accused(node)
    last: uint256 = words._stays(self._nodes[node])
    operator: address = words._operator(self._stays[node][last])
    assert msg.sender == operator, "node: caller is not operator"
    assert not words._is_appealed(accusation), "node: already appealed"
    executable_at: uint256 = words._executable_at(accusation)
    assert block.timestamp < executable_at, "node: appeal window over"
    lapses_at: uint256 = block.timestamp + RESOLVE_SECONDS
    self._accusations[node] = words._pack_accusation(executable_at, lapses_at, 0, True)
    log INodeReputation.Appealed(node=node, lapses_at=lapses_at)


@external
def resolve(node: address, is_upheld: bool):
    ownable._check_owner()
    accusation: uint256 = self._accused(node)
    assert words._is_appealed(accusation), "node: not appealed"
    log INodeReputation.AccusationResolved(node=node, is_upheld=is_upheld)
    self._end(node)
    if is_upheld:
        self._disqualify(node)


@external
def disqualify(node: address):
    accusation: uint256 = self._accused(node)
    assert not words._is_appealed(accusation), "node: appeal is undecided"
    assert block.timestamp >= words._executable_at(accusation), "node: appeal window open"
    self._end(node)
    self._disqualify(node)


# ---------------------------------------------------------------------------
# Governance
# ---------------------------------------------------------------------------


@external
def set_steward(steward: address):
    ownable._check_owner()
    self._set_steward(steward)


@external
def bind(reward: address):
    ownable._check_owner()
    assert self.reward == empty(address), "node: already bound"
    assert reward.is_contract, "node: reward has no code"
    assert staticcall IRating(reward).REPUTATION() == self, "node: reward reads another"
    self.reward = reward
    self._epoch_seconds = staticcall IRating(reward).EPOCH_SECONDS()
    log INodeReputation.Bound(reward=reward)


# ---------------------------------------------------------------------------
# Views
# ---------------------------------------------------------------------------


@external
@view
def was_active(operator: address, node: address, start: uint256, end: uint256) -> bool:
    assert start < end, "node: time has no length"
    assert end <= block.timestamp, "node: time is not over"
    word: uint256 = self._nodes[node]
    disqualified_at: uint256 = words._disqualified_at(word)
    if disqualified_at != 0 and disqualified_at < end:
        return False
    stay: uint256 = self._stay_at(node, words._stays(word), start)
    if stay == 0 or words._operator(stay) != operator:
        return False
    retired_at: uint256 = words._retired_at(stay)
    return retired_at == 0 or retired_at >= end


@external
@view
def prove(
    epoch: uint256, leaf: INodeReward.Leaf, index: uint256, proof: DynArray[INodeReward.Sum, 24]
) -> bool:
    return self._is_proven(epoch, leaf, index, proof)


@external
@view
def is_eligible(node: address) -> bool:
    word: uint256 = self._nodes[node]
    if words._disqualified_at(word) != 0:
        return False
    stay: uint256 = self._stays[node][words._stays(word)]
    if stay == 0 or words._retired_at(stay) != 0:
        return False
    return self._is_staked(words._operator(stay), node)


@external
@view
def node(node: address) -> INodeReputation.Node:
    word: uint256 = self._nodes[node]
    stay: uint256 = self._stays[node][words._stays(word)]
    return INodeReputation.Node(
        operator=words._operator(stay),
        registered_at=words._registered_at(stay),
        retired_at=words._retired_at(stay),
        stays=words._stays(word),
        disqualified_at=words._disqualified_at(word),
        level=words._level(word),
        streak=words._streak(word),
        level_epoch=words._level_epoch(word),
        models_hash=self._models[node],
        model_count=words._model_count(word),
    )


@external
@view
def stay(node: address, number: uint256) -> (address, uint256, uint256):
    stay: uint256 = self._stays[node][number]
    return (words._operator(stay), words._registered_at(stay), words._retired_at(stay))


@external
@view
def accusation(node: address) -> INodeReputation.Accusation:
    accusation: uint256 = self._accusations[node]
    if not self._is_live(accusation):
        return empty(INodeReputation.Accusation)
    return INodeReputation.Accusation(
        evidence=self._evidence[node],
        executable_at=words._executable_at(accusation),
        lapses_at=words._lapses_at(accusation),
        is_appealed=words._is_appealed(accusation),
    )


@external
@view
def consent_digest(node: address, operator: address, deadline: uint256) -> bytes32:
    stay: uint256 = words._stays(self._nodes[node]) + 1
    return self._consent_digest(node, operator, stay, deadline)


@external
@view
def eip712Domain() -> (
    bytes1, String[32], String[8], uint256, address, bytes32, DynArray[uint256, 32]
):
    return (0x0f, _NAME, _VERSION, chain.id, self, empty(bytes32), [])


# ---------------------------------------------------------------------------
# Internal
# ---------------------------------------------------------------------------


@internal
@view
def _is_staked(operator: address, node: address) -> bool:
    """
    @dev Whether an operator's stake for a node reaches the minimum now.
    @param operator The operator.
    @param node The node.
    @return bool Whether it does.
    """
    return staticcall IStakePool(POOL).is_staked(operator, node)


@internal
@view
def _consent_digest(node: address, operator: address, stay: uint256, deadline: uint256) -> bytes32:
    """
    @dev What a node signs. The stay's number makes it good for one. The domain
         is computed anew, so that a fork of the chain has another.
    @param node The node.
    @param operator The operator.
    @param stay The number of the stay.
    @param deadline Unix seconds.
    @return bytes32 The digest.
    """
    domain: bytes32 = keccak256(abi_encode(_DOMAIN_TYPE, _NAME_HASH, _VERSION_HASH, chain.id, self))
    struct_hash: bytes32 = keccak256(abi_encode(_REGISTER_TYPE, node, operator, stay, deadline))
    return keccak256(concat(x"1901", domain, struct_hash))


@internal
@view
def _begun_before_now() -> uint256:
    """
    @dev The last epoch that had begun before this second. For a stay that begins now
         it lies between the leaves of the stay before and its own, since a stay has
         leaves of epochs that it covers whole: one that the stay before covered was
         over by its end, and one that this stay covers has yet to begin, or begins
         in this very second.
    @return uint256 The epoch; 0 while NodeReward is not named, so that nobody was
            shown to have a leaf.
    """
    epoch_seconds: uint256 = self._epoch_seconds
    if epoch_seconds == 0:
        return 0
    # Rounds down.
    return (block.timestamp - 1) // epoch_seconds


@internal
@view
def _current(node: address) -> (uint256, uint256):
    """
    @dev Refuses a node that is not registered now.
    @param node The node.
    @return uint256 The number of its stay.
    @return uint256 The stay word.
    """
    number: uint256 = words._stays(self._nodes[node])
    stay: uint256 = self._stays[node][number]
    assert stay != 0, "node: not registered"
    assert words._retired_at(stay) == 0, "node: not registered"
    return (number, stay)


@internal
@view
def _stay_at(node: address, count: uint256, moment: uint256) -> uint256:
    """
    @dev A node's newest stay that had begun by a moment. Mostly the last one;
         else looks by halves, since an epoch can be challenged after nodes left
         and came again.
    @param node The node.
    @param count How many stays it has.
    @param moment Unix seconds.
    @return uint256 The stay word; 0 if none had begun.
    """
    stay: uint256 = self._stays[node][count]
    if words._registered_at(stay) <= moment:
        return stay
    # `low` had begun, or is none at all; `high` had not. Stays fit 16 bits.
    low: uint256 = 0
    high: uint256 = count
    for _: uint256 in range(16):
        if high - low == 1:
            break
        middle: uint256 = (low + high) // 2
        if words._registered_at(self._stays[node][middle]) <= moment:
            low = middle
        else:
            high = middle
    return self._stays[node][low]


@internal
@view
def _final_seal(epoch: uint256) -> bytes32:
    """
    @dev The seal of an epoch's tree.
    @param epoch The epoch.
    @return bytes32 The seal; 0 unless the epoch is final.
    """
    reward: address = self.reward
    assert reward != empty(address), "node: not bound"
    return staticcall INodeReward(reward).root(epoch)


@internal
def _write_level(epoch: uint256, node: address, word: uint256, leaf_facts: uint256):
    """
    @dev Writes down what a proven leaf of a newer epoch says.
    @param epoch The epoch.
    @param node The node.
    @param word The node's word.
    @param leaf_facts The leaf's facts, valid.
    """
    facts: reward_words.Facts = reward_words._facts(leaf_facts)
    # An epoch that is final is over, so its number is below the time: uint40.
    self._nodes[node] = words._with_level(word, facts.level_after, facts.streak_after, epoch)
    log INodeReputation.LevelSynced(
        node=node, epoch=epoch, level=facts.level_after, streak=facts.streak_after
    )


@internal
@view
def _is_proven(
    epoch: uint256, leaf: INodeReward.Leaf, index: uint256, proof: DynArray[INodeReward.Sum, 24]
) -> bool:
    """
    @dev Whether a leaf is in the tree of a final epoch.
    @param epoch The epoch.
    @param leaf The leaf.
    @param index Its place.
    @param proof Its siblings.
    @return bool Whether it is.
    """
    seal: bytes32 = self._final_seal(epoch)
    hashed: bytes32 = sum_tree._leaf(
        leaf.operator, sum_tree._detail(leaf.node, leaf.facts, leaf.tally), leaf.sums
    )
    # The seal of an epoch that is not final is 0, which no tree has.
    return sum_tree._is_in(seal, hashed, leaf.sums, index, proof)


@internal
@view
def _accused(node: address) -> uint256:
    """
    @dev Refuses a node without an accusation that can be acted on.
    @param node The node.
    @return uint256 The accusation word.
    """
    accusation: uint256 = self._accusations[node]
    assert self._is_live(accusation), "node: not accused"
    return accusation


@internal
@view
def _is_live(accusation: uint256) -> bool:
    """
    @dev Whether an accusation can be acted on.
    @param accusation The accusation word.
    @return bool False for none, and for one that lapsed.
    """
    return block.timestamp < words._lapses_at(accusation)


@internal
def _declare(node: address, models_hash: bytes32, model_count: uint256):
    """
    @dev Writes which models a node is said to serve.
    @param node A registered node.
    @param models_hash Hash of the list.
    @param model_count How many.
    """
    assert model_count <= words.U16, "node: models over uint16"
    word: uint256 = self._nodes[node]
    self._nodes[node] = words._with_model_count(word, model_count)
    self._models[node] = models_hash
    log INodeReputation.ModelsDeclared(
        operator=msg.sender, node=node, models_hash=models_hash, model_count=model_count
    )


@internal
def _end(node: address):
    """
    @dev Clears an accusation that was decided.
    @param node The node.
    """
    self._accusations[node] = words._pack_accusation(0, 0, block.timestamp, False)


@internal
def _disqualify(node: address):
    """
    @dev Disqualifies a node.
    @param node The node, not disqualified yet.
    """
    word: uint256 = self._nodes[node]
    self._nodes[node] = words._with_disqualified_at(word, block.timestamp)
    log INodeReputation.NodeDisqualified(node=node, evidence=self._evidence[node])


@internal
def _set_steward(steward: address):
    """
    @dev Replaces the steward.
    @param steward The new one; zero for none.
    """
    log INodeReputation.StewardChanged(old_steward=self.steward, new_steward=steward)
    self.steward = steward
