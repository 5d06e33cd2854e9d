# SPDX-License-Identifier: Apache-2.0
"""The ensemble model: every rater's own confusion matrix, and how common each label is.

Counts from gold items only, so that a model is a plain table anyone can recount. Dawid and Skene
(1979) estimate the same matrices without gold, by expectation maximisation; with raters near chance
that can lock on a wrong majority, so it is not offered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from cortensor.consensus.fixed_point import ln_micro
from cortensor.consensus.reputation import MIN_GOLD_ITEMS, SHRINKAGE_VOTES, cap_micro
from cortensor.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

Confusion = dict[str, dict[str, int]]
"""Right label -> label voted -> votes."""


class EnsembleModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Counts on gold items.

    Attributes:
        items: label -> gold items whose right answer it is. The keys are all labels there are.
        raters: rater -> confusion counts.
        version: names the history.
    """

    items: dict[str, int]
    raters: dict[str, Confusion]
    version: str = ""

    def __post_init__(self) -> None:
        """Refuse a model that cannot tell anything apart. Raises InvalidInput."""
        if len(self.items) < 2:  # noqa: PLR2004 -- two labels are the least there is to decide
            raise InvalidInput("needs two labels or more", field="model.items")

    @property
    def gold_items(self) -> int:
        """Gold items in all."""
        return sum(self.items.values())

    def is_enough(self) -> bool:
        """Return whether there is gold enough to use it."""
        return self.gold_items >= MIN_GOLD_ITEMS

    def priors_micro(self) -> dict[str, int]:
        """Return label -> ln((items + 1) / (all items + labels)), in millionths."""
        total = self.gold_items + len(self.items)
        return {label: ln_micro(count + 1, total) for label, count in self.items.items()}

    def likelihoods_micro(self, rater: str | None, vote: str) -> dict[str, int]:
        """Return right label -> ln P(vote | right label), in millionths.

        P = (votes + 8 q) / (all votes + 8), q the pool's share with two pseudo-votes. A label the
        model does not know tells nothing: 0 throughout. No vote may set two labels further apart
        than the rater's cap.
        """
        if vote not in self.items:
            return dict.fromkeys(self.items, 0)
        mine = self.raters.get(rater or "", {})
        found = {label: self._log_share(mine.get(label, {}), label, vote) for label in self.items}
        audited = sum(sum(row.values()) for row in mine.values())
        least = max(found.values()) - cap_micro(audited)
        return {label: max(value, least) for label, value in found.items()}

    def _log_share(self, row: Mapping[str, int], label: str, vote: str) -> int:
        pool = [confusion.get(label, {}) for confusion in self.raters.values()]
        hits = sum(counts.get(vote, 0) for counts in pool) + 1
        total = sum(sum(counts.values()) for counts in pool) + len(self.items)
        return ln_micro(
            row.get(vote, 0) * total + SHRINKAGE_VOTES * hits,
            (sum(row.values()) + SHRINKAGE_VOTES) * total,
        )
