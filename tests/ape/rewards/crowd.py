# SPDX-License-Identifier: Apache-2.0
"""An epoch that a rival made final: three runs of leaves, most of nodes that nobody registered.

Nobody was there to prove it wrong, which is all that a root needs to be paid from.
"""

from __future__ import annotations

import msgspec

from cortensor.epochs.runs import RUN_DEPTH
from cortensor.rewards.sum_tree import Leaf
from cortensor.rewards.words import HALF, Facts, Tally
from scripts._rewards import cheating

RUN = 1 << RUN_DEPTH
LEAVES = 2 * RUN + 40
STARTS = [0, RUN, 2 * RUN]
ALONE = RUN + 7
FIRST_OPERATOR = 2**160 - 2**16
"""Above the registered ones': leaves rise, so that later epochs can be computed."""
WEI = 1_000
"""What each leaf allots."""


def crowd_of(result):
    """Leaves of that many nodes: the registered ones and one far off at level 1, and others."""
    leaves = []
    for leaf, facts in zip(result.leaves, result.facts, strict=True):
        moved = msgspec.structs.replace(facts, level_after=1)
        leaves.append(leaf._replace(facts=moved.pack(), sums=WEI))
    for each in range(LEAVES - len(leaves)):
        operator = FIRST_OPERATOR + each // 4
        facts = Facts(level_after=int(len(leaves) == ALONE))
        leaves.append(Leaf(operator, each + 1, facts.pack(), Tally().pack(), WEI))
    assert leaves == sorted(leaves), "nothing could be computed after it"
    return cheating.Wrong("crowd", "", leaves)


def make_final(scene, url):
    """Have the rival open the epoch, post a crowd, and make it final; returns the leaves."""
    network, cheat = scene.network, scene.network.cast.cheat
    scene.chain.send(cheat, network.reward.functions.open(scene.epoch))
    _, result = scene.computed()
    crowd = crowd_of(result)
    header = cheating.post(network, scene.epoch, crowd, bytes(32), scene.folder / "rival", url)
    scene.pass_window()
    call = network.reward.functions.finalise(scene.epoch, header.abi_tuple())
    scene.chain.send(cheat, call)
    return crowd.leaves


def held(scene, leaves):
    """What the leaves' operators have of the token."""
    operators = {leaf.operator for leaf in leaves}
    return sum(scene.chain.balance(scene.address(each)) for each in operators)


def allotted(leaves):
    """What leaves allot, in wei."""
    return sum(leaf.sums & HALF for leaf in leaves)
