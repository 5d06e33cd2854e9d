# SPDX-License-Identifier: Apache-2.0
"""Accuracy, calibration error and Brier score of answers with a confidence."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from math import sqrt

BINS = 10


@dataclass
class Score:
    """Sums over rounds; a tie without a winner counts half."""

    rounds: int = 0
    right: float = 0.0
    squares: float = 0.0
    replicas: int = 0
    gaps: dict[int, float] = field(default_factory=lambda: defaultdict(float))

    def add(self, right: float, confidence: float, replicas: int = 0) -> None:
        """Add a round: 1 right, 0 wrong; the confidence claimed; the replicas asked."""
        self.rounds += 1
        self.right += right
        self.squares += (confidence - right) ** 2
        self.replicas += replicas
        self.gaps[min(int(confidence * BINS), BINS - 1)] += confidence - right

    @property
    def accuracy(self) -> float:
        """Share of rounds that were right."""
        return self.right / self.rounds

    @property
    def ece(self) -> float:
        """Expected calibration error in 10 bins of equal width."""
        return sum(map(abs, self.gaps.values())) / self.rounds

    @property
    def brier(self) -> float:
        """Mean squared error of the confidence."""
        return self.squares / self.rounds

    @property
    def mean_replicas(self) -> float:
        """Replicas asked in a round."""
        return self.replicas / self.rounds

    def cell(self) -> str:
        """Return accuracy / ECE / Brier."""
        values = (self.accuracy, self.ece, self.brier)
        return "/".join(f"{value:.3f}".lstrip("0") for value in values)


@dataclass
class Error:
    """Root mean squared error of scores, and how often an interval held the right answer."""

    rounds: int = 0
    squares: float = 0.0
    held: int = 0

    def add(self, error: float, *, held: bool = False) -> None:
        """Add a round."""
        self.rounds += 1
        self.squares += error**2
        self.held += held

    @property
    def rmse(self) -> float:
        """Root mean squared error."""
        return sqrt(self.squares / self.rounds)

    @property
    def coverage(self) -> float:
        """Share of rounds whose interval held the right answer."""
        return self.held / self.rounds
