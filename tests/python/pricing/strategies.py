# SPDX-License-Identifier: Apache-2.0
"""Hypothesis strategies over everything the table prices."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from cortensor.pricing import RateCard, Terms, Usage

u16 = st.integers(0, 2**16 - 1)
bps = st.integers(0, 10_000)
# Far below the widths, so that no total exceeds uint96 and every example prices.
price = st.integers(0, 10**12)
units = st.integers(0, 10**6)


def _array(item: st.SearchStrategy[int], length: int) -> st.SearchStrategy[tuple[int, ...]]:
    return st.tuples(*[item] * length)


@st.composite
def cards(draw: st.DrawFn) -> RateCard:
    missing = draw(bps)
    failed = draw(st.integers(0, missing))
    node = draw(bps)
    fields: dict[str, Any] = {
        "task_wei": draw(st.integers(0, 10**18)),
        "input_unit_wei": draw(_array(price, 4)),
        "output_unit_wei": draw(_array(price, 4)),
        "validator_unit_wei": draw(price),
        "sla_bps": draw(_array(u16, 4)),
        "execution_depth_bps": draw(bps),
        "tool_depth_bps": draw(bps),
        "validator_depth_bps": draw(bps),
        "redundancy_bps": tuple(sorted(draw(_array(u16, 3)))),
        "consensus_bps": draw(_array(u16, 8)),
        "threshold_bps": draw(u16),
        "disagreement_bps": draw(_array(u16, 3)),
        "failed_rebate_bps": failed,
        "late_rebate_bps": draw(st.integers(0, failed)),
        "missing_rebate_bps": missing,
        "volume_rebate_bps": draw(_array(bps, 4)),
        "node_share_bps": node,
        "validator_share_bps": draw(st.integers(0, 10_000 - node)),
    }
    return RateCard(**fields)


@st.composite
def terms(draw: st.DrawFn) -> Terms:
    return Terms(
        sla_tier=draw(st.integers(0, 3)),
        model_class=draw(st.integers(0, 3)),
        execution_depth=draw(st.integers(0, 20)),
        tool_depth=draw(st.integers(0, 20)),
        validator_depth=draw(st.integers(0, 20)),
        replicas=draw(st.sampled_from([1, 3, 5])),
        consensus_method=draw(st.integers(0, 7)),
        disagreement_policy=draw(st.integers(0, 2)),
        agreement_threshold_bps=draw(bps),
        volume_tier=draw(st.integers(0, 3)),
        surcharge_cap_bps=draw(u16),
        route_hint=draw(st.integers(0, 2**32 - 1)),
    )


@st.composite
def jobs(draw: st.DrawFn) -> tuple[Terms, Usage]:
    agreed = draw(terms())
    failed = draw(st.integers(0, agreed.replicas))
    late = draw(st.integers(0, agreed.replicas - failed))
    return agreed, Usage(
        input_units=draw(units),
        output_units=draw(units),
        validator_units=draw(units),
        failed_replicas=failed,
        late_replicas=late,
        missing_replicas=draw(st.integers(0, agreed.replicas - failed - late)),
    )
