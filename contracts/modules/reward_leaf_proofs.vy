# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title Proofs that a leaf of a reward tree is wrong
@custom:contract-name reward_leaf_proofs
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice What a leaf says is checked against the card, the register, the other
        leaves of its operator and the last final epoch. That its facts are what
        the receipts give cannot be: that is the guardian's.
"""

from contracts.interfaces import INodeReward
from contracts.interfaces import IRewardCard
from contracts.interfaces import IRewardLeafProofs
from contracts.lib import reward_words as words
from contracts.lib import sum_tree
from contracts.lib import tree_places as places
from contracts.modules import posted_root

implements: IRewardLeafProofs
uses: posted_root


@external
def challenge_formula(epoch: uint256, header: INodeReward.Header, place: INodeReward.Place):
    flight: INodeReward.Flight = posted_root._flight(epoch, header)
    places._check(posted_root._seal(header), place)
    is_valid: bool = False
    score: uint256 = 0
    amount: uint256 = 0
    level_after: uint256 = 0
    is_valid, score, amount, level_after = staticcall IRewardCard(posted_root.TABLE).evaluate(
        flight.version,
        place.leaf.facts,
        place.leaf.tally,
        flight.budget,
        words._score(header.sums),
    )
    facts: words.Facts = words._facts(place.leaf.facts)
    assert (
        not is_valid
        or words._score(place.leaf.sums) != score
        or words._amount(place.leaf.sums) != amount
        or facts.level_after != level_after
    ), "lproof: formula is right"
    posted_root._overthrow(epoch, header, "formula")


@external
def challenge_unregistered(
    epoch: uint256,
    header: INodeReward.Header,
    operator: uint256,
    node: uint256,
    facts: uint256,
    tally: uint256,
    sums: uint256,
    index: uint256,
    proof: DynArray[INodeReward.Sum, sum_tree.MAX_DEPTH],
):
    flight: INodeReward.Flight = posted_root._flight(epoch, header)
    detail: bytes32 = keccak256(abi_encode(node, facts, tally))
    leaf: bytes32 = keccak256(abi_encode(operator, detail, sums))
    assert sum_tree._is_in(
        posted_root._seal(header), leaf, sums, index, proof
    ), "lproof: not in the tree"
    if operator <= convert(max_value(uint160), uint256) and node <= convert(
        max_value(uint160), uint256
    ):
        assert not posted_root._was_active(
            epoch,
            convert(convert(operator, uint160), address),
            convert(convert(node, uint160), address),
        ), "lproof: was registered"
    posted_root._overthrow(epoch, header, "unregistered")


@external
def challenge_operator(
    epoch: uint256,
    header: INodeReward.Header,
    place: INodeReward.Place,
    first: INodeReward.Place,
    last: INodeReward.Place,
    left: INodeReward.Place,
    right: INodeReward.Place,
):
    flight: INodeReward.Flight = posted_root._flight(epoch, header)
    seal: bytes32 = posted_root._seal(header)
    operator: address = place.leaf.operator
    places._check(seal, place)
    places._check(seal, first)
    places._check(seal, last)
    assert first.leaf.operator == operator, "lproof: first of another"
    assert last.leaf.operator == operator, "lproof: last of another"
    assert first.index <= last.index, "lproof: last before first"
    if first.index != 0:
        assert left.index + 1 == first.index, "lproof: left not beside first"
        places._check(seal, left)
        assert left.leaf.operator != operator, "lproof: left of the operator"
    if not places._is_last(last):
        assert right.index == last.index + 1, "lproof: right not beside last"
        if places._is_empty(right):
            places._check_empty(seal, right)
        else:
            places._check(seal, right)
            assert right.leaf.operator != operator, "lproof: right of the operator"
    before: uint256 = words._score(sum_tree._before(first.index, first.proof))
    # All paths add up to one total, so what is before the last is no less than what
    # is before the first.
    score: uint256 = (
        words._score(sum_tree._before(last.index, last.proof))
        + words._score(last.leaf.sums)
        - before
    )
    assert words._operator_score(place.leaf.tally) != score, "lproof: operator is right"
    posted_root._overthrow(epoch, header, "operator")


@external
def challenge_prior(
    epoch: uint256,
    header: INodeReward.Header,
    place: INodeReward.Place,
    prior: INodeReward.Place,
):
    flight: INodeReward.Flight = posted_root._flight(epoch, header)
    places._check(posted_root._seal(header), place)
    places._check(staticcall INodeReward(posted_root.REWARD).prior_root(epoch), prior)
    assert (
        prior.leaf.operator == place.leaf.operator and prior.leaf.node == place.leaf.node
    ), "lproof: prior of another"
    # A leaf that says what cannot be stood its window unchallenged. Who has it begins
    # anew: else whatever its next leaf says could be proven wrong.
    then: words.Facts = empty(words.Facts)
    if words._is_valid(prior.leaf.facts, prior.leaf.tally):
        then = words._facts(prior.leaf.facts)
    now: words.Facts = words._facts(place.leaf.facts)
    assert (
        now.level_before != then.level_after or now.streak_before != then.streak_after
    ), "lproof: prior is right"
    posted_root._overthrow(epoch, header, "prior")


@external
def challenge_new(
    epoch: uint256,
    header: INodeReward.Header,
    place: INodeReward.Place,
    left: INodeReward.Place,
    right: INodeReward.Place,
):
    flight: INodeReward.Flight = posted_root._flight(epoch, header)
    places._check(posted_root._seal(header), place)
    facts: words.Facts = words._facts(place.leaf.facts)
    assert facts.level_before != 0 or facts.streak_before != 0, "lproof: begins with nothing"
    last_seal: bytes32 = staticcall INodeReward(posted_root.REWARD).prior_root(epoch)
    if last_seal != empty(bytes32):
        places._check_absent(last_seal, place.leaf.operator, place.leaf.node, left, right)
    posted_root._overthrow(epoch, header, "prior")
