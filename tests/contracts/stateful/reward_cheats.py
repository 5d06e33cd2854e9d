# SPDX-License-Identifier: Apache-2.0
"""Reward trees that break one rule, each with the proofs by which it must fall."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import NamedTuple

from cortensor.rewards import RewardCard
from tests.contracts.reward_watch import (
    BUDGET,
    FORMULA,
    LEAF_SUM,
    LEFT_OUT,
    NEW,
    OPERATOR,
    ORDER,
    PADDING,
    PRIOR,
    SUM,
    UNREGISTERED,
    Attempt,
)
from tests.contracts.rewards import address_of, changed
from tests.model import reward_model
from tests.model.reward_tree_model import (
    EMPTY,
    U128,
    Facts,
    Leaf,
    Sum,
    Tree,
    Work,
    parent_hash,
    priced,
)

ONE_POINT = 1 << 128
U96 = 2**96 - 1


@dataclass(frozen=True)
class Case:
    """What an honest proposer posts, and what from.

    `before` is the tree of the last final epoch; None if there is none or if nothing follows from
    it. `is_known` says that it was not the latter.
    """

    card: RewardCard
    budget: int
    works: list[Work]
    before: Tree | None
    is_known: bool

    @property
    def leaves(self) -> list[Leaf]:
        """The honest tree's."""
        return priced(self.card, self.budget, self.works)

    def of(self, works: list[Work]) -> Tree:
        """Return the tree of other works, with all that follows from them."""
        return Tree(priced(self.card, self.budget, works))

    def places(self, *, is_new: bool) -> list[int]:
        """Return whose works follow from the last final epoch, or whose do not."""
        before = {leaf.key for leaf in self.before.leaves} if self.before else set()
        keys = [(int(work.operator, 16), int(work.node, 16)) for work in self.works]
        return [place for place, key in enumerate(keys) if (key not in before) == is_new]


class Cheat(NamedTuple):
    """A wrong tree.

    Attributes:
        tree: what is posted.
        proofs: the names of those that fit what is wrong.
        header: what the header says beside the tree.
        more: proofs that need what no row has.
        is_sound: whether its rows are as they should be, so that each leaf can be paid and the
            next epoch can follow from it.
    """

    tree: Tree
    proofs: set[str]
    header: Mapping[str, int] = MappingProxyType({})
    more: tuple[Attempt, ...] = ()
    is_sound: bool = True


Way = Callable[[Case, int], Cheat | None]


@dataclass
class Kinds:
    """Ways to cheat by name, each with the fewest leaves that it needs; a way may find nothing."""

    known: dict[str, tuple[int, Way]] = field(default_factory=dict)

    def of(self, least: int) -> Callable[[Way], Way]:
        """Add a way."""

        def add(way: Way) -> Way:
            self.known[way.__name__.replace("_", " ")] = least, way
            return way

        return add

    def cheat(self, case: Case, name: str, pick: int) -> tuple[str, Cheat]:
        """Return a wrong tree of a kind, or of the next kind that the case allows; `pick` where."""
        names = [*self.known]
        start = names.index(name)
        for other in (*names[start:], *names[:start]):
            least, way = self.known[other]
            found = way(case, pick) if len(case.works) >= least else None
            if found:
                return other, found
        raise AssertionError("more than the budget can always be said")


KINDS = Kinds()


# What a leaf says; first what is easiest in a first epoch.


@KINDS.of(1)
def new(case: Case, pick: int) -> Cheat | None:
    """A level or a streak out of nothing."""
    places = case.places(is_new=True) if case.is_known else []
    return _risen(case, places, pick, NEW)


def _with(leaves: list[Leaf], pick: int, **changes: int) -> Tree:
    place = pick % len(leaves)
    return Tree([*leaves[:place], changed(leaves[place], **changes), *leaves[place + 1 :]])


@KINDS.of(1)
def amount(case: Case, pick: int) -> Cheat:
    """A wei more or less than the formula gives."""
    right = case.leaves[pick % len(case.works)].sums & U128
    wrong = right - 1 if right and pick % 2 else right + 1
    return Cheat(_with(case.leaves, pick, amount=wrong), {FORMULA})


@KINDS.of(1)
def score(case: Case, pick: int) -> Cheat:
    """A point more than the formula gives."""
    right = case.leaves[pick % len(case.works)].sums >> 128
    return Cheat(_with(case.leaves, pick, score=right + 1), {FORMULA})


@KINDS.of(1)
def level(case: Case, pick: int) -> Cheat:
    """A next level that does not follow."""
    facts = case.leaves[pick % len(case.works)].facts
    wrong = ((facts >> 8 & 0xFF) + 1 + pick % 10) % 11
    return Cheat(_with(case.leaves, pick, facts=facts & ~0xFF00 | wrong << 8), {FORMULA})


@KINDS.of(1)
def impossible(case: Case, pick: int) -> Cheat:
    """A flag that is none, a level above the highest, or a word of more bits than it has."""
    leaf = case.leaves[pick % len(case.works)]
    wrong = (
        {"facts": leaf.facts | 2 << 16},
        {"facts": leaf.facts & ~0xFF00 | 11 << 8},
        {"tally": leaf.tally | 1 << 224},
    )
    return Cheat(_with(case.leaves, pick, **wrong[pick % 3]), {FORMULA})


@KINDS.of(1)
def cap(case: Case, pick: int) -> Cheat:
    """INV-W3: an operator who says that he has less than he has, and is paid beyond his cap.

    By the formula all of his leaves are right.
    """
    leaves = case.leaves
    operator = leaves[pick % len(leaves)].operator
    total = sum(leaf.sums >> 128 for leaf in leaves)
    for place, leaf in enumerate(leaves):
        if leaf.operator == operator:
            own = leaf.sums >> 128
            # Who has no more than that says more.
            said = own + (own == leaf.tally >> 96)
            paid = reward_model.amount(case.card, case.budget, own, said, total)
            tally = leaf.tally & U96 | said << 96
            leaves[place] = changed(leaf, amount=paid, tally=tally)
    return Cheat(Tree(leaves), {OPERATOR})


@KINDS.of(1)
def prior(case: Case, pick: int) -> Cheat | None:
    """A level or a streak that is not where the last final epoch left it."""
    return _risen(case, case.places(is_new=False), pick, PRIOR)


def _risen(case: Case, places: list[int], pick: int, proof: str) -> Cheat | None:
    if not places:
        return None
    works = [*case.works]
    place = places[pick % len(places)]
    facts = works[place].facts
    if pick % 2:
        facts = replace(facts, level_before=(facts.level_before + 1) % 11)
    else:
        facts = replace(facts, streak_before=facts.streak_before + 1)
    works[place] = works[place]._replace(facts=facts)
    return Cheat(case.of(works), {proof})


# Who has a leaf.


@KINDS.of(1)
def left_out(case: Case, pick: int) -> Cheat:
    """A node is not there."""
    place = pick % len(case.works)
    return Cheat(case.of([*case.works[:place], *case.works[place + 1 :]]), {LEFT_OUT})


@KINDS.of(0)
def unregistered(case: Case, pick: int) -> Cheat:
    """A node that nobody registered, of a stranger or of an operator who has others."""
    operators = [address_of(1), *(work.operator for work in case.works)]
    more = Work(operators[pick % len(operators)], address_of(pick), Facts(), 1_000)
    return Cheat(case.of([*case.works, more]), {UNREGISTERED})


@KINDS.of(2)
def poached(case: Case, pick: int) -> Cheat | None:
    """A node under another's name."""
    works = [*case.works]
    place = pick % len(works)
    operator = works[place - 1].operator
    if operator == works[place].operator:
        return None
    works[place] = works[place]._replace(operator=operator)
    return Cheat(case.of(works), {UNREGISTERED, LEFT_OUT})


# How the rows are built.


def _more(row: list[Sum], place: int, pick: int) -> int:
    """Return what to add to the sums of a node: a wei or a point, more or less."""
    one = (1, ONE_POINT)[pick // 2 % 2]
    has_some = row[place].sums & (U128 if one == 1 else ~U128)
    return -one if has_some and pick % 2 else one


@KINDS.of(2)
def sum_above(case: Case, pick: int) -> Cheat:
    """A sum that is not that of its children: the header's, now and then."""
    rows = Tree(case.leaves).rows
    height = 1 + pick % (len(rows) - 1)
    place = pick % len(rows[height])
    more = {(height, place): _more(rows[height], place, pick)}
    return Cheat(Tree(case.leaves, more=more), {SUM}, is_sound=False)


@KINDS.of(1)
def sum_of_a_leaf(case: Case, pick: int) -> Cheat:
    """A leaf that counts for other sums than its own."""
    row = Tree(case.leaves).rows[0]
    place = pick % len(case.works)
    tree = Tree(case.leaves, more={(0, place): _more(row, place, pick)})
    return Cheat(tree, {LEAF_SUM}, is_sound=False)


@KINDS.of(2)
def overflow(case: Case, pick: int) -> Cheat | None:
    """A leaf of all wei or all points that there can be, and a total that leaves them out."""
    place = pick % len(case.works)
    half, shift = (("amount", 0), ("score", 128))[pick // 2 % 2]
    others = [leaf.sums >> shift & U128 for leaf in case.leaves]
    if sum(others) == others[place]:
        return None
    return Cheat(_with(case.leaves, pick, **{half: U128}), {SUM}, is_sound=False)


@KINDS.of(1)
def hole(case: Case, pick: int) -> Cheat:
    """An empty place before the last leaf."""
    tree = Tree(case.leaves, {(0, pick % len(case.works)): EMPTY})
    return Cheat(tree, {PADDING}, is_sound=False)


@KINDS.of(2)
def nothing_above(case: Case, pick: int) -> Cheat:
    """Nothing where a subtree should be."""
    rows = Tree(case.leaves).rows
    tree = Tree(case.leaves, {(1, pick % len(rows[1])): EMPTY})
    return Cheat(tree, {PADDING}, is_sound=False)


@KINDS.of(3)
def padding(case: Case, pick: int) -> Cheat:
    """After the last leaf something or sums; or a header that says where the last leaf is wrongly.

    The row is as long as that header would have it.
    """
    leaves, row = case.leaves, Tree(case.leaves).rows[0]
    free = range(len(leaves), len(row))
    if free and pick % 2:
        wrong = leaves[0].entry() if pick // 2 % 2 else EMPTY._replace(sums=ONE_POINT)
        return Cheat(
            Tree(leaves, {(0, free[pick // 4 % len(free)]): wrong}), {PADDING}, is_sound=False
        )
    said = len(leaves) + (1 if free else -1)
    return Cheat(Tree(leaves), {PADDING}, {"count": said}, is_sound=False)


@KINDS.of(2)
def order(case: Case, pick: int) -> Cheat:
    """Two leaves the wrong way round, or one twice."""
    leaves = case.leaves
    place = pick % (len(leaves) - 1)
    if pick // 2 % 2:
        return Cheat(Tree([*leaves[: place + 1], *leaves[place:]]), {ORDER}, is_sound=False)
    leaves[place : place + 2] = reversed(leaves[place : place + 2])
    return Cheat(Tree(leaves), {ORDER}, is_sound=False)


@KINDS.of(2)
def leaf_above(case: Case, pick: int) -> Cheat:
    """A leaf where two should hang together."""
    leaf = case.leaves[pick % len(case.works)]
    place = pick % len(Tree(case.leaves).rows[1])
    tree = Tree(case.leaves, {(1, place): leaf.entry()})
    where = 1, place, leaf.entry(), tree.proof(place, 1)
    more = Attempt(LEAF_SUM, (*where, int(leaf.operator, 16), leaf.detail(), leaf.sums))
    return Cheat(tree, set(), more=(more,), is_sound=False)


@KINDS.of(2)
def node_below(case: Case, pick: int) -> Cheat:
    """Among the leaves a node that two others hang on."""
    children = [leaf.entry() for leaf in case.leaves[:2]]
    node = Sum(parent_hash(*children), children[0].sums + children[1].sums)
    place = pick % len(case.works)
    tree = Tree(case.leaves, {(0, place): node})
    more = Attempt(SUM, (0, place, node, tree.proof(place), *children))
    return Cheat(tree, set(), more=(more,), is_sound=False)


# What all of it costs.


@KINDS.of(0)
def budget(case: Case, pick: int) -> Cheat:
    """A wei more than there is, or far more."""
    tree = Tree(case.leaves)
    most = case.budget + 1 if pick % 2 else U128
    return Cheat(tree, {BUDGET}, {"sums": tree.top.sums & ~U128 | most}, is_sound=False)
