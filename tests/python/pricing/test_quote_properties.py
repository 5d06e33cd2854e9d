# SPDX-License-Identifier: Apache-2.0
"""What every price promises, whatever the card."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortensor.pricing import MAX_AMOUNT_WEI, RateCard, Terms, Usage, quote
from tests.python.pricing.strategies import cards, jobs, u16, units

pytestmark = pytest.mark.fuzz

GROWING_TERMS = ("execution_depth", "tool_depth", "validator_depth")
FAULTS = ("late_replicas", "failed_replicas", "missing_replicas")
GROWING_USAGE = ("input_units", "output_units", "validator_units")


@given(cards(), u16, jobs())
def test_total_is_the_sum_of_the_lines(
    card: RateCard, surcharge: int, job: tuple[Terms, Usage]
) -> None:
    bill = quote(card, surcharge, *job)
    *charges, rebates = bill.lines.as_tuple()
    assert bill.total == sum(charges) - rebates
    assert 0 <= bill.total <= MAX_AMOUNT_WEI
    assert min(bill.lines.as_tuple()) >= 0


@given(cards(), u16, jobs(), st.sampled_from(GROWING_USAGE), units)
def test_never_falls_with_more_units(
    card: RateCard, surcharge: int, job: tuple[Terms, Usage], field: str, more: int
) -> None:
    terms, usage = job
    larger = msgspec.structs.replace(usage, **{field: getattr(usage, field) + more})
    assert quote(card, surcharge, terms, larger).total >= quote(card, surcharge, terms, usage).total


@given(cards(), u16, jobs(), st.sampled_from(GROWING_TERMS), st.integers(0, 20))
def test_never_falls_with_more_depth(
    card: RateCard, surcharge: int, job: tuple[Terms, Usage], field: str, more: int
) -> None:
    terms, usage = job
    deeper = msgspec.structs.replace(terms, **{field: getattr(terms, field) + more})
    assert quote(card, surcharge, deeper, usage).total >= quote(card, surcharge, terms, usage).total


@given(cards(), u16, jobs(), st.sampled_from([3, 5]))
def test_never_falls_with_more_replicas(
    card: RateCard, surcharge: int, job: tuple[Terms, Usage], replicas: int
) -> None:
    terms, usage = job
    if replicas < terms.replicas:
        return
    wider = msgspec.structs.replace(terms, replicas=replicas)
    assert quote(card, surcharge, wider, usage).total >= quote(card, surcharge, terms, usage).total


@given(cards(), u16, jobs())
def test_never_rises_with_a_replica_at_fault(
    card: RateCard, surcharge: int, job: tuple[Terms, Usage]
) -> None:
    terms, usage = job
    before = quote(card, surcharge, terms, usage).total
    faults = {name: getattr(usage, name) for name in FAULTS}
    if sum(faults.values()) < terms.replicas:
        for name, number in faults.items():
            worse = msgspec.structs.replace(usage, **{name: number + 1})
            assert quote(card, surcharge, terms, worse).total <= before
    # A failure is never dearer than a late delivery, nor a missing replica than a failure.
    for mild, grave in pairwise(FAULTS):
        if faults[mild]:
            turned = {mild: faults[mild] - 1, grave: faults[grave] + 1}
            worse = msgspec.structs.replace(usage, **turned)
            assert quote(card, surcharge, terms, worse).total <= before


@given(cards(), u16, jobs(), st.data())
def test_splitting_a_job_is_never_cheaper(
    card: RateCard, surcharge: int, job: tuple[Terms, Usage], data: st.DataObject
) -> None:
    terms, usage = job
    part = {name: data.draw(st.integers(0, getattr(usage, name))) for name in GROWING_USAGE}
    rest = {name: getattr(usage, name) - part[name] for name in GROWING_USAGE}
    whole = quote(card, surcharge, terms, usage).total
    split = sum(
        quote(card, surcharge, terms, msgspec.structs.replace(usage, **half)).total
        for half in (part, rest)
    )
    assert split >= whole


@given(cards(), u16, jobs(), st.integers(0, 2**16 - 1))
def test_surcharge_is_capped_by_the_session(
    card: RateCard, surcharge: int, job: tuple[Terms, Usage], extra: int
) -> None:
    terms, usage = job
    capped = quote(card, min(surcharge, terms.surcharge_cap_bps), terms, usage)
    assert quote(card, surcharge, terms, usage) == capped
    higher = quote(card, min(surcharge + extra, 2**16 - 1), terms, usage)
    assert higher.total >= capped.total


@given(cards(), u16, jobs())
def test_charges_round_up_and_rebates_down(
    card: RateCard, surcharge: int, job: tuple[Terms, Usage]
) -> None:
    terms, usage = job
    lines = quote(card, surcharge, terms, usage).lines
    # Rounded up: one wei less would be below the exact rate; a whole wei more is never taken.
    exact = lines.base * card.sla_bps[terms.sla_tier]
    assert (lines.sla - 1) * 10_000 < exact <= lines.sla * 10_000
    priced = sum(lines.as_tuple()[:6])
    exact = priced * min(surcharge, terms.surcharge_cap_bps)
    assert (lines.surcharge - 1) * 10_000 < exact <= lines.surcharge * 10_000
    # Rounded down: never more than the rates give.
    gross = priced + lines.surcharge
    faults = (
        usage.failed_replicas * card.failed_rebate_bps
        + usage.late_replicas * card.late_rebate_bps
        + usage.missing_replicas * card.missing_rebate_bps
    )
    full, volume = terms.replicas * 10_000, card.volume_rebate_bps[terms.volume_tier]
    kept = gross * (full - faults) * (10_000 - volume)
    assert (gross - lines.rebates) * full * 10_000 >= kept
    assert (gross - lines.rebates - 2) * full * 10_000 < kept


@given(cards(), u16, jobs(), st.integers(0, 2**32 - 1))
def test_the_route_hint_is_not_priced(
    card: RateCard, surcharge: int, job: tuple[Terms, Usage], hint: int
) -> None:
    terms, usage = job
    hinted = msgspec.structs.replace(terms, route_hint=hint)
    assert quote(card, surcharge, hinted, usage) == quote(card, surcharge, terms, usage)
