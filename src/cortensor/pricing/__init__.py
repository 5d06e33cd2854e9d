# SPDX-License-Identifier: Apache-2.0
"""Prices: rate cards, packed terms and usage, and the itemised quote. Pure integers."""

from cortensor.pricing.card import BPS, RateCard
from cortensor.pricing.money import MAX_AMOUNT_WEI, WEI_PER_COR, format_cor, parse_cor, parse_wei
from cortensor.pricing.quote import LINE_NAMES, Bill, Lines, check_terms, quote
from cortensor.pricing.terms import (
    CONSENSUS_METHODS,
    DEFAULT_THRESHOLD_BPS,
    DISAGREEMENT_POLICIES,
    MODEL_CLASSES,
    REPLICA_COUNTS,
    SLA_TIERS,
    Terms,
    index_of,
)
from cortensor.pricing.usage import Usage

__all__ = [
    "BPS",
    "CONSENSUS_METHODS",
    "DEFAULT_THRESHOLD_BPS",
    "DISAGREEMENT_POLICIES",
    "LINE_NAMES",
    "MAX_AMOUNT_WEI",
    "MODEL_CLASSES",
    "REPLICA_COUNTS",
    "SLA_TIERS",
    "WEI_PER_COR",
    "Bill",
    "Lines",
    "RateCard",
    "Terms",
    "Usage",
    "check_terms",
    "format_cor",
    "index_of",
    "parse_cor",
    "parse_wei",
    "quote",
]
