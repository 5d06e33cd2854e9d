# SPDX-License-Identifier: Apache-2.0
"""Hypothesis strategies for rate cards, terms and usage: valid ones, and ones at fault."""

from __future__ import annotations

from hypothesis import strategies as st

from cortensor.pricing import RateCard, Terms, Usage

U16 = 2**16 - 1
U48 = 2**48 - 1
U64 = 2**64 - 1
U96 = 2**96 - 1


def _wei(limit: int) -> st.SearchStrategy[int]:
    """Return prices: cheap ones, at which rounding shows, usual ones, and the dearest that fit."""
    return st.one_of(
        st.integers(0, 50), st.integers(0, min(10**13, limit)), st.integers(limit // 2, limit)
    )


def _rates(count: int, limit: int = U16) -> st.SearchStrategy[tuple[int, ...]]:
    return st.tuples(*[st.integers(0, limit)] * count)


@st.composite
def cards(draw: st.DrawFn, unit_limit: int = U64, task_limit: int = U96) -> RateCard:
    """Draw a card that keeps every rule."""
    missing = draw(st.integers(0, 10_000))
    failed = draw(st.integers(0, missing))
    nodes = draw(st.integers(0, 10_000))
    return RateCard(
        task_wei=draw(_wei(task_limit)),
        input_unit_wei=draw(st.tuples(*[_wei(unit_limit)] * 4)),
        output_unit_wei=draw(st.tuples(*[_wei(unit_limit)] * 4)),
        validator_unit_wei=draw(_wei(unit_limit)),
        sla_bps=draw(_rates(4)),
        execution_depth_bps=draw(st.integers(0, U16)),
        tool_depth_bps=draw(st.integers(0, U16)),
        validator_depth_bps=draw(st.integers(0, U16)),
        redundancy_bps=tuple(sorted(draw(_rates(3)))),
        consensus_bps=draw(_rates(8)),
        threshold_bps=draw(st.integers(0, U16)),
        disagreement_bps=draw(_rates(3)),
        failed_rebate_bps=failed,
        late_rebate_bps=draw(st.integers(0, failed)),
        missing_rebate_bps=missing,
        volume_rebate_bps=draw(_rates(4, 10_000)),
        node_share_bps=nodes,
        validator_share_bps=draw(st.integers(0, 10_000 - nodes)),
    )


def moderate_cards() -> st.SearchStrategy[RateCard]:
    """Draw cards at which no `moderate_jobs` costs more than a uint96."""
    return cards(unit_limit=10**8, task_limit=10**12)


@st.composite
def terms(draw: st.DrawFn, depth_limit: int = 255) -> Terms:
    """Draw terms that a card prices."""
    return Terms(
        sla_tier=draw(st.integers(0, 3)),
        model_class=draw(st.integers(0, 3)),
        execution_depth=draw(st.integers(0, depth_limit)),
        tool_depth=draw(st.integers(0, depth_limit)),
        validator_depth=draw(st.integers(0, depth_limit)),
        replicas=draw(st.sampled_from((1, 3, 5))),
        consensus_method=draw(st.integers(0, 7)),
        disagreement_policy=draw(st.integers(0, 2)),
        agreement_threshold_bps=draw(st.integers(0, 10_000)),
        volume_tier=draw(st.integers(0, 3)),
        surcharge_cap_bps=draw(st.integers(0, U16)),
        route_hint=draw(st.integers(0, 2**32 - 1)),
    )


@st.composite
def usages(draw: st.DrawFn, replicas: int, limit: int = U48) -> Usage:
    """Draw usage of a job with so many replicas."""
    units = st.one_of(
        st.integers(0, 100), st.integers(0, min(10**6, limit)), st.integers(limit // 2, limit)
    )
    failed = draw(st.integers(0, replicas))
    late = draw(st.integers(0, replicas - failed))
    return Usage(
        input_units=draw(units),
        output_units=draw(units),
        validator_units=draw(units),
        failed_replicas=failed,
        late_replicas=late,
        missing_replicas=draw(st.integers(0, replicas - failed - late)),
    )


@st.composite
def jobs(draw: st.DrawFn) -> tuple[Terms, Usage]:
    """Draw a job of any size."""
    agreed = draw(terms())
    return agreed, draw(usages(agreed.replicas))


@st.composite
def moderate_jobs(draw: st.DrawFn) -> tuple[Terms, Usage]:
    """Draw a job that costs less than a uint96 at any of `moderate_cards`."""
    agreed = draw(terms(depth_limit=12))
    return agreed, draw(usages(agreed.replicas, limit=10**6))


@st.composite
def any_words(draw: st.DrawFn) -> tuple[int, int]:
    """Draw packed terms and usage of which one field or bit may be at fault."""
    agreed, used = draw(jobs())
    terms_word, usage_word = agreed.pack(), used.pack()
    which = draw(st.sampled_from(("terms field", "usage field", "terms bit", "usage bit", "none")))
    if which == "terms field":
        offset = draw(st.sampled_from((0, 8, 40, 48, 56, 64, 72, 80)))
        terms_word = terms_word & ~(255 << offset) | draw(st.integers(0, 255)) << offset
    elif which == "usage field":
        offset = draw(st.sampled_from((144, 152, 160)))
        usage_word = usage_word & ~(255 << offset) | draw(st.integers(0, 255)) << offset
    elif which == "terms bit":
        terms_word |= 1 << draw(st.integers(136, 255))
    elif which == "usage bit":
        usage_word |= 1 << draw(st.integers(168, 255))
    return terms_word, usage_word
