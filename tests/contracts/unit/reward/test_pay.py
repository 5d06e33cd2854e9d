# SPDX-License-Identifier: Apache-2.0
"""INV-W1, INV-W2, INV-W12: runs of leaves are paid once, and what cannot be paid is kept."""

from __future__ import annotations

import boa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contracts.events import assert_event, events
from tests.contracts.packed_words import property_of
from tests.contracts.protocol import ZERO_ADDRESS
from tests.contracts.rewards import (
    DAY,
    EXPIRED,
    FINAL,
    GRANT,
    Rewarded,
    changed,
    due,
    plain_works,
)
from tests.model.reward_tree_model import U128, Leaf, Sum, Tree, leaf_hash

REVERTS, SAYS_FALSE, BURNS_GAS = 1, 2, 3


def amount_of(*leaves: Leaf) -> int:
    return sum(leaf.sums & U128 for leaf in leaves)


@pytest.fixture
def tree(own):
    own.opened()
    return Tree(own.priced(plain_works(11, operators=4)))


@pytest.fixture
def epoch(own, tree):
    return own.finalise(own.post(tree))


@pytest.mark.parametrize(
    ("start", "size"), [(0, 1), (10, 1), (2, 2), (8, 4), (8, 8), (0, 8), (0, 16)]
)
def test_a_run_pays_its_operators(own, tree, epoch, start, size):
    leaves = tree.leaves[start:][:size]
    assert own.pay(epoch, tree, start, size) == amount_of(*leaves)
    assert_event(
        own.reward,
        "RunPaid",
        epoch=epoch,
        start=start,
        leaves=len(leaves),
        amount=amount_of(*leaves),
    )
    for operator in {leaf.operator for leaf in tree.leaves}:
        own_leaves = [leaf for leaf in leaves if leaf.operator == operator]
        assert own.cor.balanceOf(operator) == amount_of(*own_leaves)
    paid = [own.reward.is_paid(epoch, index) for index in range(16)]
    assert paid == [start <= index < start + len(leaves) for index in range(16)]


@pytest.mark.parametrize("index", [0, 5, 10])
def test_one_leaf_alone(own, tree, epoch, index):
    leaf = tree.leaves[index]
    paid = own.reward.pay_one(epoch, index, due(leaf), tree.proof(index), sender=own.stranger)
    assert paid == amount_of(leaf)
    assert_event(own.reward, "LeafPaid", epoch=epoch, index=index, amount=paid)
    assert own.cor.balanceOf(leaf.operator) == paid
    with boa.reverts("payout: all are paid"):
        own.reward.pay_one(epoch, index, due(leaf), tree.proof(index))


def test_what_was_paid_is_passed_over(own, tree, epoch):
    first = own.pay(epoch, tree, 2, 2)
    whole = amount_of(*tree.leaves)
    assert own.pay(epoch, tree, 0, 16) == whole - first
    with boa.reverts("payout: all are paid"):
        own.pay(epoch, tree, 0, 16)
    with boa.reverts("payout: all are paid"):
        own.pay(epoch, tree, 8, 2)
    assert own.cor.balanceOf(own.reward) == amount_of() + bonds(own)


def bonds(own) -> int:
    return sum(own.reward.bond(one)[0] for one in (own.proposer, own.other_proposer))


def test_leaves_beyond_a_words_256_bits(own):
    own.opened()
    tree = Tree(own.priced(plain_works(300, operators=30)))
    epoch = own.finalise(own.post(tree))
    paid = sum(own.pay(epoch, tree, start, 128) for start in (256, 0, 128))
    assert paid == amount_of(*tree.leaves)
    with boa.reverts("payout: all are paid"):
        own.pay(epoch, tree, 128, 128)


@pytest.mark.parametrize("act", ["pay", "sweep"])
def test_inv_w1_no_leaf_rides_behind_the_longest_run(own, act):
    """A run's tree has room for 128: one more would be of no tree, whatever it says."""
    own.opened()
    tree = Tree(own.priced(plain_works(128, operators=30)))
    epoch = own.finalise(own.post(tree))
    if act == "sweep":
        own.wait(own.windows.expiry_seconds + 1)
        own.reward.expire(epoch)
    forged = (int(own.stranger, 16), bytes(32), 1)
    dues = [*map(due, tree.leaves), forged]
    data = getattr(own.reward, act).prepare_calldata(epoch, 0, dues, [])
    done = boa.env.execute_code(own.reward.address, own.stranger, data=data)
    # What the compiler refuses has no reason.
    assert (done.is_success, done.output) == (False, b"")
    assert own.pay(epoch, tree, 0, 128, act) == amount_of(*tree.leaves)
    assert own.cor.balanceOf(own.stranger) == 0


def test_an_only_leaf(own):
    own.opened()
    tree = Tree(own.priced(plain_works(1)))
    epoch = own.finalise(own.post(tree))
    # The card's cap: a tenth of the budget.
    assert own.pay(epoch, tree, 0, 1) == GRANT // 10


def test_runs_that_are_none(own, tree, epoch):
    dues = [due(leaf) for leaf in tree.leaves]
    pay = own.reward.pay
    with boa.reverts("run: no leaves"):
        pay(epoch, 0, [], tree.proof(0, 4))
    with boa.reverts("run: not aligned"):
        pay(epoch, 2, dues[2:5], tree.proof(0, 2))
    with boa.reverts("payout: not in the tree"):
        pay(epoch, 0, dues[2:4], tree.proof(0, 1))
    with boa.reverts("payout: not in the tree"):
        pay(epoch, 0, dues[:3], tree.proof(0, 2))
    with boa.reverts("tree: index beyond the row"):
        pay(epoch, 16, dues[:1], tree.proof(0))
    with boa.reverts("payout: not in the tree"):
        own.reward.pay_one(epoch, 1, dues[0], tree.proof(0))
    with boa.reverts("payout: epoch is not paid"):
        pay(epoch + 1, 0, dues[:1], tree.proof(0))
    with boa.reverts("payout: epoch is not paid"):
        own.reward.pay_one(epoch + 1, 0, dues[0], tree.proof(0))


def test_sums_that_do_not_fit_are_refused(own, tree, epoch):
    huge = [(leaf[0], leaf[1], U128) for leaf in map(due, tree.leaves[:2])]
    with boa.reverts("run: sum overflows"):
        own.reward.pay(epoch, 0, huge, tree.proof(0, 1))
    with boa.reverts("tree: sum overflows"):
        own.reward.pay_one(epoch, 0, huge[0], [(bytes(32), 1)])
    with boa.reverts("tree: sum overflows"):
        own.reward.pay_one(epoch, 0, (1, bytes(32), U128 << 128), [(bytes(32), 1 << 128)])


def test_a_leaf_high_in_a_wrong_tree_is_not_paid(own):
    """INV-W1: nobody proved the root wrong; its depth is in the seal."""
    own.opened()
    leaves = own.priced(plain_works(4))
    high = changed(leaves[0], amount=amount_of(*leaves))
    tree = Tree(leaves, {(1, 0): high.entry()})
    epoch = own.finalise(own.post(tree))
    with boa.reverts("payout: not in the tree"):
        own.reward.pay_one(epoch, 0, due(high), tree.proof(0, 1))


def test_a_wrong_sum_that_is_final_pays_no_more_than_the_total(own):
    """INV-W1: a leaf of all the budget below a node that says nothing is in no tree."""
    own.opened()
    leaves = own.priced(plain_works(4))
    rich = changed(leaves[0], amount=GRANT)
    tree = Tree([rich, *leaves[1:]], {(0, 0): Sum(rich.hash(), leaves[0].sums)})
    epoch = own.finalise(own.post(tree))
    with boa.reverts("payout: not in the tree"):
        own.reward.pay_one(epoch, 0, due(rich), tree.proof(0))
    with boa.reverts("payout: not in the tree"):
        own.pay(epoch, tree, 0, 4)


def test_an_operator_that_is_no_address_stops_nobody_beside_it(own):
    """What the token cannot pay is credited to the rest of the word."""
    own.opened()
    leaves = own.priced(plain_works(2))
    wide = 1 << 160 | int(leaves[1].operator, 16)
    dues = [due(leaves[0]), (wide, leaves[1].detail(), leaves[1].sums)]
    tree = Tree(leaves, {(0, 1): Sum(leaf_hash(*dues[1]), leaves[1].sums)})
    epoch = own.finalise(own.post(tree))
    amounts = [leaf.sums & U128 for leaf in leaves]
    assert own.reward.pay(epoch, 0, dues, [], sender=own.stranger) == sum(amounts)
    assert own.cor.balanceOf(leaves[0].operator) == amounts[0]
    assert own.reward.credit(leaves[1].operator) == amounts[1] > 0


@pytest.fixture(scope="module")
def blocked():
    made = Rewarded(token="mocks/MockBlockingToken")
    made.end_epoch()
    made.opened()
    made.tree = Tree(made.priced(plain_works(4)))
    made.paid_epoch = made.finalise(made.post(made.tree))
    return made, boa.env.timestamp


@pytest.fixture
def blocking(blocked):
    made, boa.env.timestamp = blocked
    return made


@pytest.mark.parametrize("way", [REVERTS, SAYS_FALSE, BURNS_GAS])
def test_a_refused_transfer_is_credited(blocking, way):
    own, leaves = blocking, blocking.tree.leaves
    refused = leaves[1]
    own.cor.set_way(refused.operator, way)
    assert own.pay(own.paid_epoch, own.tree, 0, 4) == amount_of(*leaves)
    assert_event(own.reward, "Credited", payee=refused.operator, amount=amount_of(refused))
    assert own.reward.credit(refused.operator) == amount_of(refused)
    assert own.holdings(*(leaf.operator for leaf in leaves)) == [
        amount_of(leaf) * (leaf is not refused) for leaf in leaves
    ]
    other = boa.env.generate_address()
    with boa.reverts("credit: zero receiver"):
        own.reward.claim_credit(ZERO_ADDRESS, sender=refused.operator)
    assert own.reward.claim_credit(other, sender=refused.operator) == amount_of(refused)
    assert_event(
        own.reward, "CreditClaimed", payee=refused.operator, to=other, amount=amount_of(refused)
    )
    assert own.cor.balanceOf(other) == amount_of(refused)
    with boa.reverts("credit: none"):
        own.reward.claim_credit(other, sender=refused.operator)


@pytest.mark.parametrize("way", [REVERTS, SAYS_FALSE, BURNS_GAS])
def test_what_is_swept_for_a_refused_treasury_is_credited(blocking, way):
    """INV-W4: it is the treasury's, and no leaf waits for the token to change its mind."""
    own, tree = blocking, blocking.tree
    own.cor.set_way(own.treasury, way)
    own.wait(own.windows.expiry_seconds + 1)
    own.reward.expire(own.paid_epoch)
    due_all = amount_of(*tree.leaves)
    assert own.pay(own.paid_epoch, tree, 0, 4, "sweep") == due_all
    assert_event(own.reward, "Credited", payee=own.treasury, amount=due_all)
    assert own.reward.credit(own.treasury) == due_all
    assert own.cor.balanceOf(own.reward) == bonds(own) + due_all
    other = boa.env.generate_address()
    assert own.reward.claim_credit(other, sender=own.treasury) == due_all
    assert own.cor.balanceOf(other) == due_all


def test_a_token_that_says_nothing_has_paid():
    own = Rewarded(token="mocks/MockSilentToken")
    own.end_epoch()
    own.opened()
    tree = Tree(own.priced(plain_works(2)))
    epoch = own.finalise(own.post(tree))
    own.pay(epoch, tree, 0, 2)
    for leaf in tree.leaves:
        assert own.reward.credit(leaf.operator) == 0
        assert own.cor.balanceOf(leaf.operator) == amount_of(leaf)


def test_credits_add_up_and_do_not_expire(blocking):
    own, leaf = blocking, blocking.tree.leaves[2]
    own.cor.set_way(leaf.operator, REVERTS)
    own.pay(own.paid_epoch, own.tree, 2, 1)
    own.grant(GRANT)
    own.end_epoch()
    own.opened()
    tree = Tree(own.priced(plain_works(4)))
    epoch = own.finalise(own.post(tree))
    own.pay(epoch, tree, 0, 4)
    due_now = amount_of(leaf, tree.leaves[2])
    own.wait(own.windows.expiry_seconds + 1)
    own.reward.expire(epoch)
    own.cor.set_way(leaf.operator, 0)
    assert own.reward.claim_credit(leaf.operator, sender=leaf.operator) == due_now


def test_expiry_and_what_is_swept(own, tree, epoch):
    own.pay(epoch, tree, 0, 4)
    final = own.reward.epoch(epoch)
    assert final.state == FINAL
    with boa.reverts("payout: epoch is not expired"):
        own.pay(epoch, tree, 4, 4, "sweep")
    boa.env.timestamp = final.finalised_at + 180 * DAY
    with boa.reverts("reward: not expired yet"):
        own.reward.expire(epoch)
    own.wait(1)
    own.reward.expire(epoch, sender=own.stranger)
    assert_event(own.reward, "EpochExpired", epoch=epoch)
    assert own.reward.epoch(epoch) == final._replace(state=EXPIRED)
    assert own.reward.root(epoch) == tree.seal
    with boa.reverts("payout: epoch is not paid"):
        own.pay(epoch, tree, 4, 4)
    with boa.reverts("reward: epoch is not paid"):
        own.reward.expire(epoch)
    rest = amount_of(*tree.leaves[4:])
    assert own.pay(epoch, tree, 0, 16, "sweep") == rest
    assert_event(own.reward, "RunSwept", epoch=epoch, start=0, leaves=11, amount=rest)
    assert own.cor.balanceOf(own.treasury) == rest
    assert own.cor.balanceOf(own.reward) == bonds(own)
    with boa.reverts("payout: all are paid"):
        own.pay(epoch, tree, 8, 1, "sweep")


def test_leaves_of_nothing_move_nothing(own):
    """An unfunded epoch is final like any other, and its leaves can be marked."""
    poor = Rewarded(grant=0)
    poor.end_epoch()
    assert poor.reward.open(poor.end_epoch()) == 0
    tree = Tree(poor.priced(plain_works(3)))
    epoch = poor.finalise(poor.post(tree))
    assert poor.pay(epoch, tree, 0, 4) == 0
    assert events(poor.reward, "Credited") == []
    poor.wait(poor.windows.expiry_seconds + 1)
    poor.reward.expire(epoch)
    with boa.reverts("payout: all are paid"):
        poor.pay(epoch, tree, 0, 4, "sweep")


@pytest.mark.fuzz
@property_of(12)
@given(st.data())
def test_runs_in_any_order_pay_each_leaf_once(own, data):
    with boa.env.anchor():
        count = data.draw(st.sampled_from((1, 2, 3, 7, 8, 20, 33)))
        own.opened()
        tree = Tree(own.priced(plain_works(count, operators=data.draw(st.integers(1, count)))))
        epoch = own.finalise(own.post(tree))
        paid: set[int] = set()
        for _ in range(5):
            size = 1 << data.draw(st.integers(0, tree.depth))
            start = data.draw(st.integers(0, (count - 1) // size)) * size
            run = set(range(start, min(start + size, count)))
            if run <= paid:
                with boa.reverts("payout: all are paid"):
                    own.pay(epoch, tree, start, size)
                continue
            expected = amount_of(*(tree.leaves[index] for index in run - paid))
            assert own.pay(epoch, tree, start, size) == expected
            paid |= run
        rest = amount_of(*(leaf for index, leaf in enumerate(tree.leaves) if index not in paid))
        assert own.cor.balanceOf(own.reward) == bonds(own) + rest
