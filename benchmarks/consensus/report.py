# SPDX-License-Identifier: Apache-2.0
"""Runs the comparison of one set and renders it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.consensus.measures import Score
from benchmarks.consensus.rules import (
    LABELS,
    LIAR,
    Fitted,
    Package,
    as_votes,
    best_rater,
    majority,
    round_of,
    weighted,
)
from benchmarks.consensus.votes import MOST, REPLICAS, draws
from cortensor.consensus import decide, next_step

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.consensus.rules import Answer, Round
    from benchmarks.consensus.votes import Dataset

PRIOR, MAJORITY, LINEAR, BEST = "class prior", "majority", "linear weights", "best rater drawn"
TABLE, ENSEMBLE = "majority, fitted", "ensemble"
YOUNG, AUDITED = "young weights", "audited weights"
COLUMNS = (PRIOR, MAJORITY, TABLE, LINEAR, BEST, YOUNG, AUDITED, ENSEMBLE)

MOST_ECE = 0.025
MOST_BELOW_BEST = 0.01
MOST_BELOW_MAJORITY = 0.03
LEAST_SAVED = 0.30
MOST_LOST = 0.01


@dataclass
class Outcome:
    """What was measured on one set."""

    name: str
    history: int
    test: int
    scores: dict[tuple[int, str], Score] = field(default_factory=lambda: defaultdict(Score))
    adaptive: Score = field(default_factory=Score)
    reasons: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    lied: dict[str, Score] = field(default_factory=lambda: defaultdict(Score))
    facts: str = ""
    stop_bps: int = 0

    def targets(self) -> list[tuple[str, float, str, bool]]:
        """Return each target: what, measured, limit, met."""
        found = []
        for k in REPLICAS[1:]:
            ours, best = self.scores[k, AUDITED], self.scores[k, BEST]
            gain = ours.accuracy - self.scores[k, MAJORITY].accuracy
            below = best.accuracy - ours.accuracy
            found += [
                (f"k={k} calibration error", ours.ece, "<= .025", ours.ece <= MOST_ECE),
                (f"k={k} above majority", gain, "> 0", gain > 0),
                (f"k={k} below best rater", below, "<= .010", below <= MOST_BELOW_BEST),
            ]
        lost = self.lied[MAJORITY].accuracy - self.lied[YOUNG].accuracy
        saved = 1 - self.adaptive.mean_replicas / MOST
        worse = self.scores[MOST, AUDITED].accuracy - self.adaptive.accuracy
        return [
            *found,
            ("one liar, young below majority", lost, "<= .030", lost <= MOST_BELOW_MAJORITY),
            ("adaptive saves", saved, ">= .300", saved >= LEAST_SAVED),
            ("adaptive loses", worse, "<= .010", worse <= MOST_LOST),
        ]


def measure(dataset: Dataset, count: int) -> Outcome:
    """Fit every rule on the history and measure it on the test half."""
    fitted = Fitted(dataset, count)
    audited = fitted.stopping(fitted.package(strategy="weighted", reputation=fitted.audited))
    young = fitted.package(strategy="weighted", reputation=fitted.young)
    rules: dict[str, Callable[[Round], Answer]] = {
        PRIOR: lambda _: (fitted.prior, fitted.prior_share),
        MAJORITY: majority,
        TABLE: fitted.package(),
        LINEAR: partial(weighted, weight=fitted.accuracy),
        BEST: partial(best_rater, accuracy=fitted.accuracy),
        YOUNG: young,
        AUDITED: audited,
        ENSEMBLE: fitted.package(
            strategy="ensemble_model", model=fitted.model, reputation=fitted.audited
        ),
    }
    outcome = Outcome(dataset.name, len(dataset.history), len(dataset.test))
    outcome.stop_bps = audited.stop_bps
    calibration = audited.calibration
    correlation = fitted.audited.correlation
    temperatures = {} if calibration is None else calibration.fits
    outcome.facts = (
        f"error correlation: same model {_bps(correlation.same_model_bps)}, same prompt "
        f"{_bps(correlation.same_prompt_bps)}, neither {_bps(correlation.neither_bps)}; "
        "temperature "
        + ", ".join(f"k={k} {_bps(fit.temperature_bps or 0)}" for k, fit in temperatures.items())
    )
    liar = Package(partial(decide, labels=LABELS, strategy="weighted", reputation=fitted.young))
    trusted = Package(
        partial(decide, labels=LABELS, strategy="weighted", reputation=fitted.trusting)
    )
    for item, raters in draws(dataset.name, dataset.test, count):
        cast = round_of(item, raters)
        for k in REPLICAS:
            for name, rule in rules.items():
                _add(outcome.scores[k, name], rule(cast[:k]), item.gold)
        _adapt(outcome, audited, cast, item.gold)
        lie = "0" if item.gold == "1" else "1"
        lied = ((LIAR, lie), *cast[1:])
        for name, rule in ((MAJORITY, majority), (YOUNG, liar), (AUDITED, trusted)):
            _add(outcome.lied[name], rule(lied), item.gold)
    return outcome


def _add(score: Score, answer: Answer, gold: str, replicas: int = 0) -> None:
    outcome, confidence = answer
    score.add(0.5 if outcome is None else float(outcome == gold), confidence, replicas)


def _adapt(outcome: Outcome, rule: Package, cast: Round, gold: str) -> None:
    """Ask 1, 3, 5 as the package says, then add the answer there was at the stop."""
    votes = as_votes(cast)
    asked = REPLICAS[0]
    while True:
        step = next_step(
            votes[:asked],
            rule.decision,
            stop_bps=rule.stop_bps,
            labels=LABELS,
            candidates=votes[asked:],
        )
        if not step.ask or asked + step.ask > len(votes):
            break
        asked += step.ask
    outcome.reasons[step.reason] += 1
    answer = (step.decision.outcome, step.decision.confidence_bps / 10_000)
    _add(outcome.adaptive, answer, gold, asked)


def _bps(value: int) -> str:
    return f"{value / 10_000:.3f}"


def table(outcomes: list[Outcome]) -> list[str]:
    """Render accuracy, calibration error and Brier score of every rule."""
    lines = [
        "| set (history + test) | k | " + " | ".join(COLUMNS) + " |",
        "|---" * (len(COLUMNS) + 2) + "|",
    ]
    for one in outcomes:
        for k in REPLICAS:
            cells = [one.scores[k, name].cell() for name in COLUMNS]
            name = f"{one.name} ({one.history} + {one.test})"
            lines.append("| " + " | ".join([name, str(k), *cells]) + " |")
    return lines


def liars(outcomes: list[Outcome]) -> list[str]:
    """Render what one liar of five does, credited .95."""
    lines = [
        "| one of five lies | majority, none lies | majority | young weights | all audited |",
        "|---|---|---|---|---|",
    ]
    for one in outcomes:
        honest = one.scores[MOST, MAJORITY].accuracy
        cells = [one.lied[name].accuracy for name in (MAJORITY, YOUNG, AUDITED)]
        lines.append(f"| {one.name} | " + " | ".join(f"{x:.3f}" for x in (honest, *cells)) + " |")
    return lines


def savings(outcomes: list[Outcome]) -> list[str]:
    """Render what adaptive escalation saves and loses."""
    lines = [
        "| adaptive | stops at | replicas | saved | accuracy | lost | ECE | stopped because |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in outcomes:
        score = one.adaptive
        lost = one.scores[MOST, AUDITED].accuracy - score.accuracy
        why = ", ".join(f"{name} {count / score.rounds:.0%}" for name, count in one.reasons.items())
        lines.append(
            f"| {one.name} | {_bps(one.stop_bps)} | {score.mean_replicas:.2f} "
            f"| {1 - score.mean_replicas / MOST:.0%} | {score.accuracy:.3f} | {lost:+.3f} "
            f"| {score.ece:.3f} | {why} |"
        )
    return lines


def targets(outcomes: list[Outcome]) -> list[str]:
    """Render every target, met or missed."""
    lines = ["| target | limit | " + " | ".join(one.name for one in outcomes) + " |"]
    lines.append("|---" * (len(outcomes) + 2) + "|")
    rows = [one.targets() for one in outcomes]
    for same in zip(*rows, strict=True):
        cells = [f"{value:.3f}{'' if met else ' MISSED'}" for _, value, _, met in same]
        lines.append(f"| {same[0][0]} | {same[0][2]} | " + " | ".join(cells) + " |")
    return lines
