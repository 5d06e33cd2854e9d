# SPDX-License-Identifier: Apache-2.0
"""One epoch, whole: from rows, nodes, prior leaves, card and budget to leaves and their tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
from sha3 import keccak_256

from cortensor.errors import InvalidInput
from cortensor.receipts.keccak import WORD_BYTES
from cortensor.rewards import collusion, shares
from cortensor.rewards.collusion import PairTest, contested, find_pairs, window
from cortensor.rewards.formula import amount_of, next_level, score_of
from cortensor.rewards.metrics import MODEL_TASKS, Metrics, measure
from cortensor.rewards.records import joined, pieces, size_of
from cortensor.rewards.roster import Prior, Priors, Roster
from cortensor.rewards.shares import (
    agreement_bps,
    consistency_bps,
    share_bps,
    smoothed_rate_bps,
    streak_after,
)
from cortensor.rewards.sum_tree import Leaf, SumTree
from cortensor.rewards.words import MAX_LEVEL, STAKED, Facts, Sums, Tally, possible_facts

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from cortensor.rewards.card import RewardCard
    from cortensor.rewards.metrics import NodeCounts, OperatorCounts

MAGIC = b"cortensor-reward-inputs/1\n"
RULES: Final = {
    "average_bps": shares.AVERAGE_BPS,
    "evidence_bps": shares.EVIDENCE_BPS,
    "slices": shares.SLICES,
    "rate_memory": shares.RATE_MEMORY,
    "model_tasks": MODEL_TASKS,
    "family_level_bps": collusion.FAMILY_LEVEL_BPS,
    "later_level_bps": collusion.LATER_LEVEL_BPS,
    "min_shared": collusion.MIN_SHARED,
    "model_excess_bps": collusion.MODEL_EXCESS_BPS,
    "max_replicas": collusion.MAX_REPLICAS,
    "window_epochs": collusion.WINDOW_EPOCHS,
    "window_rows": collusion.WINDOW_ROWS,
}
"""What metrics and pair test are computed by beside the card: it is hashed with the inputs, so that
who computes by other rules says so."""
_MAX_WORK = 2**96 - 1


class EpochInputs(NamedTuple):
    """All that an epoch is computed from; equal inputs give equal bytes everywhere.

    Attributes:
        epoch: its number.
        start: unix seconds.
        end: unix seconds, exclusive.
        budget: wei that it drew from the fund; 0 of an unfunded one.
        card: the parameters in force at its start.
        roster: nodes registered for the whole epoch.
        prior: (operator, node) -> what its leaf in the last final epoch says.
        records: the epoch's rows.
        models: names, by the number in the rows' `model`.
        receipts: ids, by the number in the rows' `task`.
        history: contested rows of earlier epochs by this roster (`collusion.contested`), earliest
            first: pairs are looked for over them and this epoch.
    """

    epoch: int
    start: int
    end: int
    budget: int
    card: RewardCard
    roster: Roster
    prior: Priors
    records: pl.DataFrame
    models: Sequence[str] = ()
    receipts: Sequence[bytes] = ()
    history: Sequence[pl.DataFrame] = ()


class EpochResult(NamedTuple):
    """What an epoch comes to; leaves are in the order of the roster's nodes."""

    leaves: list[Leaf]
    facts: list[Facts]
    tree: SumTree
    metrics: Metrics
    collusion: PairTest
    inputs_hash: bytes

    @property
    def sums(self) -> Sums:
        """Amount and score of all leaves."""
        return Sums.unpack(self.tree.sums)


def compute_epoch(inputs: EpochInputs) -> EpochResult:
    """Compute an epoch.

    Raises:
        InvalidInput: for a budget over the card's, or rows that are not of the roster.
    """
    if not 0 <= inputs.budget <= inputs.card.budget_cap_wei:
        raise InvalidInput("must be at most the card's budget_cap_wei", field="budget")
    found = find_pairs(joined(window([*inputs.history, contested(inputs.records)])))
    metrics = measure(inputs.records, inputs.roster, inputs.start, inputs.end, found.pairs)
    facts = facts_of(inputs, metrics)
    leaves = make_leaves(
        inputs.card, inputs.roster, facts, [entry.work for entry in metrics.nodes], inputs.budget
    )
    return EpochResult(leaves, facts, SumTree(leaves), metrics, found, inputs_hash(inputs))


def why_nobody(inputs: EpochInputs, result: EpochResult) -> str:
    """Return why an epoch pays nobody; empty where it pays somebody."""
    if result.sums.amount:
        return ""
    if not result.leaves:
        return "no node was registered all through it"
    if not result.sums.score:
        return "no node passes the card's gates"
    return "it is unfunded" if not inputs.budget else "every amount rounds down to nothing"


def make_leaves(
    card: RewardCard, roster: Roster, facts: Sequence[Facts], work: Sequence[int], budget: int
) -> list[Leaf]:
    """Return the leaves of nodes with these facts and work, in the roster's order."""
    work = [min(units, _MAX_WORK) for units in work]
    scores = [score_of(card, each, units) for each, units in zip(facts, work, strict=True)]
    total = sum(scores)
    by_operator = [0] * len(roster.operators)
    for operator, score in zip(roster.operator_of, scores, strict=True):
        by_operator[operator] += score
    leaves = []
    for place, entry in enumerate(roster.nodes):
        own = by_operator[roster.operator_of[place]]
        amount = amount_of(card, budget, scores[place], own, total)
        leaves.append(
            Leaf(
                entry.operator,
                entry.node,
                facts[place].pack(),
                Tally(work=work[place], operator_score=own).pack(),
                Sums(amount=amount, score=scores[place]).pack(),
            )
        )
    return leaves


def prior_of(leaves: Sequence[Leaf]) -> Priors:
    """Return what a final epoch's leaves say to the next one: none of what cannot be."""
    found: Priors = {}
    for leaf in leaves:
        facts = possible_facts(leaf.facts, leaf.tally)
        if facts is not None:
            said = Prior(facts.level_after, facts.streak_after, facts.rate_bps)
            found[leaf.operator, leaf.node] = said
    return found


def inputs_hash(inputs: EpochInputs) -> bytes:
    """Return the keccak256 over everything the epoch is computed from.

    Magic, then parts of 32 bytes of length and their bytes: the rules (JSON), the numbers, the card
    (JSON), the roster, each node's prior words, the models' names (JSON), the receipts' ids, the
    rows, and each earlier epoch's contested rows.
    """
    numbers = (inputs.epoch, inputs.start, inputs.end, inputs.budget)
    parts = [
        msgspec.json.encode(RULES, order="sorted"),
        b"".join(number.to_bytes(WORD_BYTES, "big") for number in numbers),
        msgspec.json.encode(inputs.card.to_json(), order="sorted"),
        inputs.roster.to_bytes(),
        b"".join(_prior_bytes(prior) for prior in _starts(inputs)),
        msgspec.json.encode(list(inputs.models)),
        b"".join(inputs.receipts),
    ]
    digest = keccak_256(MAGIC)
    for part in parts:
        digest.update(len(part).to_bytes(WORD_BYTES, "big") + part)
    for frame in (inputs.records, *inputs.history):
        digest.update(size_of(frame).to_bytes(WORD_BYTES, "big"))
        for piece in pieces(frame):
            digest.update(piece)
    found: bytes = digest.digest()
    return found


def _starts(inputs: EpochInputs) -> list[Prior]:
    """Return what each node begins with, in the order of the roster."""
    nodes = inputs.roster.nodes
    return [inputs.prior.get((entry.operator, entry.node), Prior()) for entry in nodes]


def _prior_bytes(prior: Prior) -> bytes:
    # A rate of 10,001 stands for none.
    rate = 10_001 if prior.rate_bps is None else prior.rate_bps
    return bytes([prior.level]) + prior.streak.to_bytes(4, "big") + rate.to_bytes(2, "big")


def facts_of(inputs: EpochInputs, metrics: Metrics) -> list[Facts]:
    """Return each node's facts, in the order of the roster; without a level if none was before."""
    roster = inputs.roster
    even = [consistency_bps(entry.slices) for entry in metrics.operators]
    return [
        _facts(
            inputs.card,
            prior,
            counts,
            metrics.operators[operator],
            even[operator],
            is_staked=node.is_staked,
        )
        for node, prior, counts, operator in zip(
            roster.nodes, _starts(inputs), metrics.nodes, roster.operator_of, strict=True
        )
    ]


def _facts(
    card: RewardCard,
    prior: Prior,
    counts: NodeCounts,
    operator: OperatorCounts,
    consistency: int,
    *,
    is_staked: bool,
) -> Facts:
    answered = share_bps(counts.answered, counts.asked)
    facts = Facts(
        level_before=min(prior.level, MAX_LEVEL),
        level_after=0,
        flags=STAKED if is_staked else 0,
        models=operator.models,
        tasks=counts.tasks,
        streak_before=prior.streak,
        streak_after=streak_after(prior.streak, counts.won_since, has_failed=counts.lost > 0),
        rate_bps=smoothed_rate_bps(prior.rate_bps, counts.won, counts.won + counts.lost),
        agreement_bps=agreement_bps(
            counts.contest_won, counts.contest, operator.contest_won, operator.contest
        ),
        consistency_bps=consistency,
        answered_bps=answered,
        # Who was never sent a heartbeat was there as far as its answers show.
        uptime_bps=share_bps(counts.beats_answered, counts.beats, otherwise=answered),
    )
    return msgspec.structs.replace(facts, level_after=next_level(card, facts))
