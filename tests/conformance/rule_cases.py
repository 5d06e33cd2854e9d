# SPDX-License-Identifier: Apache-2.0
"""Cases of format 2: what a dishonest router could say of a rule, and which checks then fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from cortensor.pricing import Terms
from tests.conformance.case import Case, chain_facts, trusting
from tests.conformance.edits import asked, drop, edit, lie, put, reprice
from tests.conformance.rule_samples import RULE_JOBS, numeric_bundles, rule_bundles
from tests.conformance.samples import good_bundles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conformance.edits import Data


def rule_cases() -> list[Case]:
    """Return every case of format 2."""
    return [*_good(), *_dishonest(), *_malformed()]


def _good() -> Iterator[Case]:
    for bundles in (rule_bundles(), numeric_bundles()):
        facts = chain_facts(bundles)
        for name, bundle in bundles.items():
            yield trusting(f"good-rule-{name}", "an honest receipt of format 2", bundle, facts)


def said(path: str, value: object) -> Callable[[Data], None]:
    return put(f"receipt.{path}", value)


def _dishonest() -> Iterator[Case]:
    changes: tuple[tuple[str, str, str, list[Any], tuple[str, ...]], ...] = (
        ("weight-raised", "a weight is raised, the stated sums stay", "weighted",
         [said("replicas.1.weight_micro", 2_000_000)], ("consensus",)),
        ("weight-beyond-cap", "a weight is beyond what any record can earn", "weighted",
         [said("replicas.0.weight_micro", 9_000_000)], ("consensus",)),
        ("weight-hidden", "a vote has no weight", "weighted",
         [said("replicas.2.weight_micro", None)], ("consensus",)),
        ("loser-weighted", "the outvoted verdict is sold as the weighted one", "weighted",
         [said("result.outcome", "INVALID"), said("result.verdict", "INVALID")], ("consensus",)),
        ("margin-inflated", "the stated log-odds do not follow from the weights", "weighted",
         [said("consensus.margin_micro", 3_000_000)], ("consensus",)),
        ("independence-claimed", "more independent votes are claimed than the correlation allows",
         "weighted", [said("consensus.n_eff_milli", 3_000)], ("consensus",)),
        ("temperature-cooled", "the confidence is not the one the stated temperature gives",
         "weighted-fitted", [said("consensus.calibration.temperature_bps", 10_000)],
         ("consensus",)),
        ("history-inflated", "two histories are claimed", "weighted-fitted",
         [said("consensus.n_history", 100_000)], ("consensus",)),
        ("prior-changed", "another prior than the one decided by", "ensemble",
         [said("consensus.weighing.priors.VALID", -1)], ("consensus",)),
        ("priors-of-another-rule", "priors where the rule has none", "weighted",
         [said("consensus.weighing.priors", {"VALID": -1})], ("consensus",)),
        ("stake-and-weight", "a replica has a weight that the rule does not use", "stake",
         [said("replicas.0.weight_micro", 5)], ("consensus",)),
        ("latency-made-up", "the time that broke the tie is not the replica's", "latency",
         [said("replicas.1.preference", "1")], ("consensus",)),
        ("cost-made-up", "the cost that broke the tie is not what the card gives", "cost",
         [said("replicas.1.preference", "1")], ("consensus",)),
        ("fallback-billed", "a majority was applied, the dearer strategy is billed", "fallback",
         [reprice(terms={"consensus_method": 1})], ("terms",)),
        ("fallback-hidden", "a majority was applied, the request's strategy is claimed",
         "fallback", [said("consensus.strategy", "weighted"),
                      reprice(terms={"consensus_method": 1})], ("consensus", "request")),
        ("fallback-without-reason", "a majority was applied, and nothing says why", "fallback",
         [said("consensus.weighing.fallback", None), said("consensus.labels", None)],
         ("request",)),
        ("silence-ignored", "silent replicas were to count against", "against",
         [said("consensus.non_vote_rule", "abstain"), said("consensus.labels", None)],
         ("consensus", "request")),
        ("other-weight-asked", "the request weighs by cost", "stake",
         [asked("request.consensus.weight_by", "cost")], ("request",)),
        ("labels-widened", "the list of verdicts has one more", "weighted",
         [said("consensus.labels", ["VALID", "INVALID", "RETRY"])], ("consensus",)),
        ("score-changed", "a score is not the one in its answer", "scores",
         [said("replicas.1.value", "1950")], ("consensus", "grouping")),
        ("score-moved", "the agreed score does not follow from the scores", "scores",
         [said("consensus.value", "1949")], ("consensus", "grouping")),
        ("interval-narrowed", "the interval does not follow from the scores", "scores",
         [said("consensus.interval", ["1950", "1950"])], ("consensus",)),
        ("tolerance-widened", "another tolerance than the request's", "scores",
         [asked("request.consensus.score.tolerance", 0)], ("request",)),
        ("ruling-forced", "a dispute that stays open is decided", "no-ruling",
         [said("result.outcome", "SELLER_VALID"), said("result.verdict", "SELLER_VALID")],
         ("consensus",)),
        ("ruling-cheapened", "a ruling by less than the request wants", "no-ruling",
         [said("consensus.least_confidence_bps", 6_000),
          said("consensus.confidence_bps", 6_000),
          said("consensus.winner", [0, 1]), said("consensus.dissent", [2]),
          said("result.outcome", "SELLER_VALID"), said("result.verdict", "SELLER_VALID")],
         ("request",)),
        ("dispute-as-validation", "the request is no dispute", "ruling",
         [asked("request.mode", "validation")], ("request",)),
        ("stopped-early", "an adaptive run stopped below its confidence", "adaptive",
         [said("consensus.adaptive.stop_bps", 9_500)], ("consensus",)),
        ("stopped-for-nothing", "an outcome that could change is called settled",
         "adaptive-exhausted", [said("consensus.adaptive.reason", "settled")], ("consensus",)),
        ("plan-cut", "the plan leaves out a stage", "adaptive",
         [said("consensus.adaptive.plan", [3, 5])], ("request",)),
        ("adaptive-unasked", "fewer replicas than asked for, as if that had been adaptive",
         "adaptive", [asked("request.policy.tier", "oracle")], ("request",)),
        ("adaptive-billed-whole", "replicas that an adaptive run never asked are billed",
         "adaptive", [reprice(usage={"missing_replicas": 0})], ("usage",)),
    )  # fmt: skip
    for name, why, sample, edits, failed in changes:
        bundle = lie(sample, *edits, jobs=RULE_JOBS)
        yield Case(f"bad-rule-{name}", why, bundle, None, failed)
    cost = rule_bundles()["cost"]
    stray = Terms.unpack(int(cost["receipt"]["bill"]["terms"], 16))
    stray = msgspec.structs.replace(stray, model_class=9)
    yield Case(
        "bad-rule-model-class-unknown",
        "the card has no price for such a model, so none that could break a tie",
        edit(cost, said("bill.terms", hex(stray.pack()))),
        None,
        ("bill", "consensus", "id", "struct"),
    )


def _malformed() -> Iterator[Case]:
    plain, weighted = good_bundles()["validate-majority"], rule_bundles()["weighted"]
    for name, why, bundle, field in (
        ("field-in-format-1", "a field of format 2 in format 1",
         edit(plain, said("consensus.labels", None)), "receipt"),
        ("field-left-out", "a field of format 2 is missing",
         edit(weighted, drop("receipt.consensus.margin_micro")), "receipt"),
        ("unknown-reason", "no such reason to stop",
         edit(rule_bundles()["adaptive"], said("consensus.adaptive.reason", "tired")),
         "receipt.consensus.adaptive.reason"),
    ):  # fmt: skip
        yield Case(f"malformed-rule-{name}", why, bundle, None, (), field)
