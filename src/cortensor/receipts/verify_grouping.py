# SPDX-License-Identifier: Apache-2.0
"""The check of answer groups and scores: they follow from the full answers, where those are shown.

Which group wins is the consensus check's; here it is only who said the same, and whose answer
stands for the winners.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cortensor.consensus import EMBEDDING, RUNGS, SCORE, VERDICT, Rung, read_score
from cortensor.consensus.equivalence import JSON, json_rung
from cortensor.consensus.grouping import group_answers
from cortensor.receipts.body import SUMMARY_CHARS
from cortensor.receipts.checks import differ, judge, not_checked
from cortensor.receipts.evidence import OK, output_hash
from cortensor.receipts.likeness import LikenessBlock
from cortensor.receipts.rule import ScaleBlock

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cortensor.receipts.body import Body
    from cortensor.receipts.bundle import Bundle
    from cortensor.receipts.checks import Check

NAME = "grouping"


def check_grouping(bundle: Bundle) -> Check:
    """A delegation's answer groups follow from the full answers, where all are shown."""
    body = bundle.receipt
    if body.consensus.equivalence == VERDICT:
        return not_checked(NAME, "a verdict is its replica's own label")
    if body.consensus.equivalence == EMBEDDING:
        return _check_stated(body)
    outputs = bundle.outputs()
    if any(replica.index not in outputs for replica in body.replicas):
        return not_checked(NAME, "not every answer is shown")
    if body.consensus.equivalence == SCORE:
        return _check_scores(body, outputs)
    answers = [
        (replica.index, output)
        for replica in body.replicas
        if replica.status == OK and (output := outputs[replica.index]) is not None
    ]
    groups = group_answers(answers, _relation(body))
    number = {index: int(group.label) for group in groups for index in group.members}
    problems: list[str] = []
    for replica in body.replicas:
        problems += differ(
            f"replicas[{replica.index}].cluster",
            replica.cluster,
            number.get(replica.index),
            "the answers give",
        )
    winner = tuple(body.consensus.winner)
    stands = {group.members: group.representative for group in groups}.get(winner)
    problems += _compare_output(body, None if stands is None else outputs[stands])
    return judge(NAME, problems, f"{len(groups)} group(s) of answers by {_relation(body).name}")


def _relation(body: Body) -> Rung:
    tolerance = body.consensus.tolerance_millionths
    if body.consensus.equivalence == JSON.name and isinstance(tolerance, int):
        return json_rung(tolerance)
    return RUNGS[body.consensus.equivalence]


def _check_stated(body: Body) -> Check:
    """Check what follows from the stated similarities; those are the check `likeness`'s."""
    block = body.consensus.likeness
    if not isinstance(block, LikenessBlock):
        return judge(NAME, ["an embedding has no similarities"], "")
    groups = block.to_likeness().groups()
    winner = tuple(body.consensus.winner)
    stands = {group.members: group.representative for group in groups}.get(winner)
    hashes = {replica.index: replica.output_hash for replica in body.replicas}
    problems = differ(
        "result.output_hash",
        body.result.output_hash,
        None if stands is None else hashes.get(stands),
        "the similarities give",
    )
    return judge(NAME, problems, f"{len(groups)} group(s) of answers by the stated similarities")


def _check_scores(body: Body, outputs: Mapping[int, str | None]) -> Check:
    scale = body.consensus.scale
    if not isinstance(scale, ScaleBlock):
        return judge(NAME, ["scores have no scale"], "")
    problems: list[str] = []
    scores: dict[int, int] = {}
    for replica in body.replicas:
        output = outputs[replica.index] if replica.status == OK else None
        score = None if output is None else read_score(output, scale.field, scale.decimals)
        problems += differ(
            f"replicas[{replica.index}].value",
            replica.value,
            None if score is None else str(score),
            "the answer gives",
        )
        if score is not None:
            scores[replica.index] = score
    chosen = None
    if isinstance(body.consensus.value, str):
        result = int(body.consensus.value)
        nearest = min(scores, key=lambda index: (abs(scores[index] - result), index), default=None)
        chosen = None if nearest is None else outputs[nearest]
    problems += _compare_output(body, chosen)
    return judge(NAME, problems, f"{len(scores)} score(s) read from the answers")


def _compare_output(body: Body, output: str | None) -> list[str]:
    summary = None if output is None else output[:SUMMARY_CHARS]
    return differ(
        "result.output_hash", body.result.output_hash, output_hash(output), "the answers give"
    ) + differ("result.output_summary", body.result.output_summary, summary, "the answers give")
