# SPDX-License-Identifier: Apache-2.0
"""Cases of format 3. No model is needed: a verifier without one proves all but the similarities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.conformance.case import Case, chain_facts, trusting
from tests.conformance.edits import asked, drop, edit, lie
from tests.conformance.likeness_samples import LIKENESS_JOBS, likeness_bundles
from tests.conformance.rule_cases import said
from tests.conformance.rule_samples import rule_bundles

if TYPE_CHECKING:
    from collections.abc import Iterator


def likeness_cases() -> list[Case]:
    """Return every case of format 3."""
    return [*_good(), *_dishonest(), *_malformed()]


def _good() -> Iterator[Case]:
    bundles = likeness_bundles()
    facts = chain_facts(bundles)
    for name, bundle in bundles.items():
        yield trusting(f"good-likeness-{name}", "an honest receipt of format 3", bundle, facts)


PAIR = "consensus.likeness.pairs"
AGREED = [
    said("replicas.2.cluster", 0),
    said("consensus.votes", {"0": 3}),
    said("consensus.agreement_bps", 10_000),
    said("consensus.confidence_bps", 8_000),
    said("consensus.winner", [0, 1, 2]),
    said("consensus.dissent", []),
]
"""All three answers are said to agree, with every number fitting."""


def _dishonest() -> Iterator[Case]:
    opened = [said(f"{PAIR}.{number}.gate", None) for number in (1, 2)]
    changes: tuple[tuple[str, str, str, list[Any], tuple[str, ...]], ...] = (
        ("gate-opened", "a negation is passed over, with every number fitting", "meaning",
         [*opened, *AGREED], ("likeness",)),
        ("gate-opened-alone", "a negation is passed over, the groups stay", "meaning",
         opened, ("consensus", "grouping", "likeness")),
        ("gate-renamed", "another gate is said to be closed", "meaning",
         [said(f"{PAIR}.1.gate", "money")], ("likeness",)),
        ("groups-merged", "unlike answers are said to agree", "meaning", AGREED,
         ("consensus", "grouping")),
        ("similarity-lowered", "an agreeing answer is pushed out", "meaning",
         [said(f"{PAIR}.0.similarity_bps", 7_499)], ("consensus", "grouping")),
        ("distance-narrowed", "another distance than the request's", "meaning",
         [said("consensus.likeness.dispersion_bps", 2_400)], ("request",)),
        ("order-changed", "the answer that stands for its group is another", "meaning",
         [said("consensus.likeness.order", [1, 0, 2])], ("grouping", "likeness")),
        ("equal-made-unlike", "an answer and itself are said to differ", "tolerance",
         [said("consensus.equivalence", "embedding")], ("consensus", "grouping", "request")),
        ("tolerance-widened", "another tolerance than the request's", "tolerance",
         [said("consensus.tolerance_millionths", 1_000_000)], ("grouping", "request")),
        ("tolerance-unasked", "the request has no tolerance", "tolerance",
         [asked("request.consensus.tolerance_millionths", None)], ("request",)),
        ("tolerance-of-another", "a tolerance where nothing has one", "meaning",
         [said("consensus.tolerance_millionths", 5)], ("consensus", "request")),
        ("unasked", "the request leaves the equivalence to the router's default", "meaning",
         [asked("request.consensus.equivalence", None)], ("request",)),
        ("ghost", "a replica that is not there joins two answers that are not alike",
         "meaning-strict", [_join_by_ghost], ("consensus", "grouping", "likeness")),
        ("other-answer", "another answer stands for the group", "meaning",
         [_swap_output], ("grouping",)),
    )  # fmt: skip
    for name, why, sample, edits, failed in changes:
        bundle = lie(sample, *edits, jobs=LIKENESS_JOBS)
        yield Case(f"bad-likeness-{name}", why, bundle, None, failed)


def _join_by_ghost(data: dict[str, Any]) -> None:
    likeness = data["receipt"]["consensus"]["likeness"]
    likeness["order"] = [2, *likeness["order"]]
    likeness["pairs"] += [
        {"replicas": [index, 2], "similarity_bps": 10_000, "gate": None} for index in (0, 1)
    ]
    for replica in data["receipt"]["replicas"]:
        replica["cluster"] = 0
    data["receipt"]["consensus"].update(
        votes={"0": 2}, agreement_bps=10_000, confidence_bps=7_500, winner=[0, 1], dissent=[]
    )
    result, shown = data["receipt"]["result"], data["evidence"][0]["replica"]
    result.update(
        outcome="OK",
        output_hash=data["receipt"]["replicas"][0]["output_hash"],
        output_summary=shown["output"],
    )


def _swap_output(data: dict[str, Any]) -> None:
    result, evidence = data["receipt"]["result"], data["evidence"]
    for replica, shown in zip(data["receipt"]["replicas"], evidence, strict=True):
        is_other = replica["cluster"] == 0 and replica["output_hash"] != result["output_hash"]
        if is_other:
            result["output_hash"] = replica["output_hash"]
            result["output_summary"] = shown["replica"]["output"]
            return


def _malformed() -> Iterator[Case]:
    meaning, weighted = likeness_bundles()["meaning"], rule_bundles()["weighted"]
    where = "receipt.consensus.likeness"
    for name, why, bundle, field in (
        ("field-in-format-2", "a field of format 3 in format 2",
         edit(weighted, said("consensus.likeness", None)), "receipt"),
        ("field-left-out", "a field of format 3 is missing",
         edit(meaning, drop("receipt.consensus.tolerance_millionths")), "receipt"),
        ("pair-left-out", "two answers are not compared",
         edit(meaning, lambda data: data["receipt"]["consensus"]["likeness"]["pairs"].pop()),
         where),
        ("unknown-gate", "no such gate",
         edit(meaning, said(f"{PAIR}.1.gate", "mood")), f"{where}.pairs[1].gate"),
        ("beyond-one", "a cosine above one",
         edit(meaning, said(f"{PAIR}.0.similarity_bps", 10_001)),
         f"{where}.pairs[0].similarity_bps"),
    ):  # fmt: skip
        yield Case(f"malformed-likeness-{name}", why, bundle, None, (), field)
