# SPDX-License-Identifier: Apache-2.0
"""The worked example of docs/spec/node-reward.md is what the contracts do."""

from __future__ import annotations

from dataclasses import replace

import boa

from tests.contracts.reward_cards import changed
from tests.contracts.rewards import BURN_ADDRESS, Rewarded, plain_works
from tests.contracts.test_spec_examples import numbers, rows
from tests.model.reward_tree_model import U128, Facts, Tree

PAGE, HEADING = "node-reward", "Worked example"
WHOLE = 10_000


def test_the_epoch_of_the_page():
    own = Rewarded(card=changed(cap_bps=WHOLE // 2), grant=1_000, bond=101)
    own.end_epoch()
    own.opened()
    table = [row for row in rows(PAGE, HEADING) if len(row) == 3]
    good = replace(
        Facts(),
        models=1,
        agreement_bps=WHOLE,
        consistency_bps=WHOLE,
        answered_bps=WHOLE,
        uptime_bps=WHOLE,
    )
    works = [
        work._replace(facts=good, work=int(row[1]))
        for work, row in zip(plain_works(3), table, strict=True)
    ]
    leaves = own.priced(works)
    assert [[leaf.sums >> 128, leaf.sums & U128] for leaf in leaves] == [
        [int(cell) for cell in row[1:]] for row in table
    ]
    for leaf in leaves:
        evaluated = own.table.evaluate(1, leaf.facts, leaf.tally, 1_000, 10)
        assert evaluated[:3] == (True, leaf.sums >> 128, leaf.sums & U128)
    result = numbers(PAGE, HEADING)
    tree = Tree(leaves)
    assert tree.top.sums & U128 == result["allotted"]
    with boa.env.anchor():
        header = own.post(tree, sums=tree.top.sums + 101)
        epoch = own.reward.flight().epoch
        own.dispute.challenge_budget(epoch, header, sender=own.challenger)
        paid = own.holdings(BURN_ADDRESS, own.challenger)
    assert paid == [result["burnt, had it been wrong"], result["to who proves it"]]
    epoch = own.finalise(own.post(tree))
    assert own.cor.balanceOf(own.fund) == result["back to the fund"]
    assert own.pay(epoch, tree, 0, 4) == result["allotted"]
