# SPDX-License-Identifier: Apache-2.0
"""INV-W5, INV-X1: no proof overthrows a root that follows the rules, whatever it says."""

from __future__ import annotations

from dataclasses import replace

import boa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contracts.packed_words import property_of
from tests.contracts.reward_watch import proven
from tests.contracts.rewards import Rewarded
from tests.model.reward_tree_model import Facts, Tree

SHARE = st.sampled_from((10_000, 9_700, 5_000, 4_999, 0)) | st.integers(0, 10_000)
COUNT = st.sampled_from((0, 19, 20, 200)) | st.integers(0, 2**32 - 1)
FACTS = st.builds(
    Facts,
    flags=st.sampled_from((1, 1, 0)),
    models=st.integers(0, 20) | st.integers(0, 2**16 - 1),
    tasks=COUNT,
    streak_after=COUNT,
    rate_bps=SHARE,
    agreement_bps=SHARE,
    consistency_bps=SHARE,
    answered_bps=SHARE,
    uptime_bps=SHARE,
)
WORK = st.integers(0, 10**6) | st.integers(0, 2**96 - 1)


@pytest.mark.fuzz
@property_of(3)
@given(st.lists(st.tuples(FACTS, WORK), min_size=5, max_size=5))
def test_no_proof_against_an_honest_root(peopled, drawn):
    own = peopled
    with boa.env.anchor():
        works = own.works(*(facts for facts, _ in drawn))
        works = [work._replace(work=units) for work, (_, units) in zip(works, drawn, strict=True)]
        own.opened()
        tree = Tree(own.priced(works))
        header = own.post(tree)
        assert proven(own, tree, header, own.pairs) == set()
        prior = tree
        own.finalise(header)
        own.opened()
        after = {leaf.key: leaf.facts for leaf in prior.leaves}
        works = [
            work._replace(
                facts=followed(work.facts, after[int(work.operator, 16), int(work.node, 16)])
            )
            for work in works
        ]
        tree = Tree(own.priced(works))
        header = own.post(tree)
        assert proven(own, tree, header, own.pairs, prior) == set()


def followed(facts: Facts, then: int) -> Facts:
    """Return facts that begin where a word of the last epoch ended."""
    level, streak = (then >> 8) & 0xFF, (then >> 104) & (2**32 - 1)
    return replace(facts, level_before=level, streak_before=streak)


@pytest.mark.parametrize("sizes", [(), (1,), (2,), (1, 1, 1), (1, 2, 1)])
def test_no_proof_against_an_honest_root_of_few_leaves(sizes):
    own = Rewarded()
    own.people(*sizes)
    own.end_epoch()
    own.opened()
    tree = Tree(own.priced(own.works()))
    header = own.post(tree)
    assert len(tree.leaves) == sum(sizes)
    assert proven(own, tree, header, own.pairs) == set()
    epoch = own.finalise(header)
    assert own.reward.root(epoch) == tree.seal
