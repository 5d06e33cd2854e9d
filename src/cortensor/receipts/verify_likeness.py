# SPDX-License-Identifier: Apache-2.0
"""The check of similarities: order and gates follow from the answers, cosines from the model.

That groups follow from the stated similarities is the checks' `consensus` and `grouping`; they need
neither answers nor model.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from cortensor.consensus import Embedding
from cortensor.consensus.fixed_point import BPS
from cortensor.consensus.likeness import compare, gate_between, is_same_text, order_of
from cortensor.receipts.checks import FAILED, Check, differ, judge, not_checked
from cortensor.receipts.evidence import OK
from cortensor.receipts.likeness import LikenessBlock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cortensor.consensus import TextModel
    from cortensor.receipts.bundle import Bundle

    TextModels = Callable[[str], TextModel | None]
    """A model's name -> the model, or None where it is not here."""

NAME = "likeness"


def likeness_checks(
    bundle: Bundle, models: TextModels | None
) -> list[tuple[str, Callable[[], Check]]]:
    """Return the check of a receipt whose answers were compared by an embedding; else none."""
    stated = bundle.receipt.consensus.likeness
    if not isinstance(stated, LikenessBlock):
        return []
    return [(NAME, partial(_check, bundle, stated, models))]


def _check(bundle: Bundle, stated: LikenessBlock, models: TextModels | None) -> Check:
    """Stated similarities follow from the answers, where they are shown and the model is here."""
    outputs = bundle.outputs()
    if any(replica.index not in outputs for replica in bundle.receipt.replicas):
        return not_checked(NAME, "not proven: not every answer is shown")
    texts = {
        replica.index: output
        for replica in bundle.receipt.replicas
        if replica.status == OK and (output := outputs[replica.index]) is not None
    }
    problems = [
        *differ("consensus.likeness.order", stated.order, _order(texts), "the answers give"),
        *_compare_gates(stated, texts),
    ]
    if problems:
        return Check(NAME, FAILED, "; ".join(problems))
    model = None if models is None else models(stated.model)
    if model is None:
        return not_checked(NAME, f"not proven: similarities, {stated.model} is not here")
    if model.digest != stated.digest:
        return not_checked(
            NAME, f"not proven: similarities, {stated.model} has the digest {model.digest} here"
        )
    problems = _compare_cosines(stated, sorted(texts.items()), model)
    return judge(NAME, problems, f"order, gates and similarities follow, by {stated.model}")


def _order(texts: Mapping[int, str]) -> list[int]:
    return list(order_of(list(texts.items())))


def _compare_gates(stated: LikenessBlock, texts: Mapping[int, str]) -> list[str]:
    problems: list[str] = []
    for number, pair in enumerate(stated.pairs):
        where = f"consensus.likeness.pairs[{number}]"
        if any(index not in texts for index in pair.replicas):
            problems.append(f"{where} compares a replica without an answer")
            continue
        left, right = (texts[index] for index in pair.replicas)
        gate = gate_between(left, right)
        problems += differ(f"{where}.gate", pair.gate, gate, "the answers give")
        if is_same_text(left, right):
            problems += differ(
                f"{where}.similarity_bps", pair.similarity_bps, BPS, "equal answers have"
            )
    return problems


def _compare_cosines(
    stated: LikenessBlock, answers: Sequence[tuple[int, str]], model: TextModel
) -> list[str]:
    found = compare(answers, Embedding(model, stated.dispersion_bps))
    problems = []
    for number, (ours, theirs) in enumerate(zip(found.pairs, stated.pairs, strict=True)):
        if abs(ours.similarity_bps - theirs.similarity_bps) > model.slack_bps:
            problems += differ(
                f"consensus.likeness.pairs[{number}].similarity_bps",
                theirs.similarity_bps,
                ours.similarity_bps,
                f"{model.name} gives",
            )
    return problems
