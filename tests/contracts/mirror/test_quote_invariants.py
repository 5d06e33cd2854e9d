# SPDX-License-Identifier: Apache-2.0
"""INV-T1 to INV-T8, fuzzed on the contract itself."""

from __future__ import annotations

import contextlib
from fractions import Fraction
from itertools import pairwise

import boa
import msgspec
import pytest
from boa import BoaError
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from cortensor.pricing import RateCard, Terms, Usage
from tests.contracts.profile import examples
from tests.contracts.protocol import DELAY_SECONDS, REFERENCE_CARD, travel
from tests.contracts.strategies import any_words, cards, jobs, moderate_cards, moderate_jobs

pytestmark = pytest.mark.fuzz

FRESH = 7
MOST_BPS = 10_000
QUOTE_GAS = 22_000
LOWER_REASONS = (
    "card: price must not rise",
    "card: rebate must not fall",
    "card: shares must not change",
)
GROWING_TERMS = (
    "execution_depth",
    "tool_depth",
    "validator_depth",
    "replicas",
    "agreement_threshold_bps",
)
FAULTS = ("late_replicas", "failed_replicas", "missing_replicas")
GROWING_USAGE = ("input_units", "output_units", "validator_units")


def put(table, card: RateCard) -> None:
    """Publish a card by the contract's own code, without the step from the last one."""
    table.internal._publish(FRESH, card.abi_tuple(), 1)


def total(table, terms: Terms, usage: Usage) -> int:
    """Return the contract's total at no surcharge."""
    return table.quote(FRESH, 0, terms.pack(), usage.pack())[0]


def gas_of_quote(table, version: int, epoch: int, terms: int, usage: int) -> int:
    """Return the execution gas of a quote in a transaction of its own: every slot is cold."""
    # What py-evm forgets between two transactions; titanoboa never ends one. Cleared and not
    # replaced, so that a checkpoint taken before still finds its way back.
    boa.env.evm.vm.state._account_db._journal_accessed_state.clear()
    with contextlib.suppress(BoaError):
        table.quote(version, epoch, terms, usage)
    return table._computation.get_gas_used()


@st.composite
def growths(draw: st.DrawFn) -> tuple[tuple[Terms, Usage], tuple[Terms, Usage]]:
    """Draw a job, and the same job with one quantity larger."""
    terms, usage = draw(moderate_jobs())
    field = draw(st.sampled_from(GROWING_TERMS + GROWING_USAGE))
    if field in GROWING_USAGE:
        more = getattr(usage, field) + draw(st.integers(1, 10**6))
        return (terms, usage), (terms, msgspec.structs.replace(usage, **{field: more}))
    before = getattr(terms, field)
    if field == "replicas":
        assume(before < 5)
        more = draw(st.sampled_from([count for count in (3, 5) if count > before]))
    elif field == "agreement_threshold_bps":
        more = draw(st.integers(before, MOST_BPS))
    else:
        more = before + draw(st.integers(1, 3))
    return (terms, usage), (msgspec.structs.replace(terms, **{field: more}), usage)


@settings(max_examples=examples(500))
@given(card=moderate_cards(), pair=growths())
def test_inv_t1_a_quote_never_falls_when_the_job_grows(table, card, pair):
    put(table, card)
    smaller, larger = pair
    assert total(table, *smaller) <= total(table, *larger)


@settings(max_examples=examples(500))
@given(card=moderate_cards(), job=moderate_jobs())
def test_inv_t2_a_quote_never_rises_with_a_fault(table, card, job):
    put(table, card)
    terms, usage = job
    price = total(table, terms, usage)
    faults = {name: getattr(usage, name) for name in FAULTS}

    def with_one_more(name: str) -> Usage:
        return msgspec.structs.replace(usage, **(faults | {name: faults[name] + 1}))

    if sum(faults.values()) < terms.replicas:
        for name in FAULTS:
            assert total(table, terms, with_one_more(name)) <= price
    # Nor when a fault turns into the next worse one.
    for mild, grave in pairwise(FAULTS):
        if faults[mild]:
            turned = {mild: faults[mild] - 1, grave: faults[grave] + 1}
            assert total(table, terms, msgspec.structs.replace(usage, **turned)) <= price


@settings(max_examples=examples(500))
@given(card=moderate_cards(), job=moderate_jobs(), cut=st.tuples(*[st.fractions(0, 1)] * 3))
def test_inv_t3_splitting_a_job_is_never_cheaper(table, card, job, cut):
    put(table, card)
    terms, usage = job
    first = {
        name: int(getattr(usage, name) * Fraction(part))
        for name, part in zip(GROWING_USAGE, cut, strict=True)
    }
    second = {name: getattr(usage, name) - units for name, units in first.items()}
    parts = [msgspec.structs.replace(usage, **units) for units in (first, second)]
    assert sum(total(table, terms, part) for part in parts) >= total(table, terms, usage)


@settings(max_examples=examples(500))
@given(card=moderate_cards(), job=moderate_jobs(), data=st.data())
def test_inv_t4_charges_round_up_and_rebates_down(table, card, job, data):
    put(table, card)
    bps = data.draw(st.integers(0, 500), label="surcharge")
    # The first epoch may begin at once; a later example begins from nothing again.
    epoch = table.post_surcharge(bps, sender=table.oracle())
    terms, usage = job
    price, lines = table.quote(FRESH, epoch, terms.pack(), usage.pack())
    base, sla, depth, redundancy, consensus, validation, surcharge, rebates = lines
    assert price == sum(lines[:7]) - rebates
    assert price >= 0

    def is_ceiling(line: int, exact: Fraction) -> bool:
        return 0 <= line - exact < 1

    def bps_of(amount: int, rate: int) -> Fraction:
        return Fraction(amount * rate, MOST_BPS)

    work = base + sla + depth
    assert is_ceiling(sla, bps_of(base, card.sla_bps[terms.sla_tier]))
    depth_bps = (
        terms.execution_depth * card.execution_depth_bps + terms.tool_depth * card.tool_depth_bps
    )
    assert is_ceiling(depth, bps_of(base, depth_bps))
    assert is_ceiling(redundancy, bps_of(work, card.redundancy_bps[terms.replicas // 2]))
    units = usage.validator_units * card.validator_unit_wei
    levels = terms.validator_depth * card.validator_depth_bps
    assert is_ceiling(validation - units, bps_of(work, levels))
    priced = work + redundancy + consensus + validation
    assert is_ceiling(surcharge, bps_of(priced, min(bps, terms.surcharge_cap_bps)))
    gross = priced + surcharge
    faults = (
        usage.failed_replicas * card.failed_rebate_bps
        + usage.late_replicas * card.late_rebate_bps
        + usage.missing_replicas * card.missing_rebate_bps
    )
    kept = 1 - Fraction(faults, terms.replicas * MOST_BPS)
    volume = Fraction(card.volume_rebate_bps[terms.volume_tier], MOST_BPS)
    # Two floors: the payer is given back less than two wei too little, and never too much.
    assert 0 <= price - gross * kept * (1 - volume) < 2


def is_one_step(old: RateCard, new: RateCard) -> bool:
    """Return whether each number of a card is within a step of the last card's."""

    prices = zip(flat(old, "_wei"), flat(new, "_wei"), strict=True)
    rates = zip(flat(old, "_bps"), flat(new, "_bps"), strict=True)
    return all(abs(b - a) <= max(a // 4, 1) for a, b in prices) and all(
        abs(b - a) <= 1_000 for a, b in rates
    )


def act(protocol, table, name: str) -> None:
    """Do something to a table that may be done at this moment, or nothing where it may not."""
    latest = table.latest_version()
    card = RateCard.from_abi(table.card(latest))
    waits = table.current_version() != latest
    if name == "publish" and not waits:
        dearer = tuple(price + price // 4 for price in card.input_unit_wei)
        following = msgspec.structs.replace(card, task_wei=card.task_wei - card.task_wei // 4)
        following = msgspec.structs.replace(following, input_unit_wei=dearer)
        table.publish(following.abi_tuple(), sender=protocol.owner)
    elif name == "lower":
        if waits:
            card = cheaper(RateCard.from_abi(table.card(latest - 1)), card)
        free = msgspec.structs.replace(card, task_wei=0, sla_bps=(0,) * 4)
        table.lower(free.abi_tuple(), sender=protocol.owner)
    elif name == "post_surcharge":
        travel(600)
        table.post_surcharge(450, sender=protocol.oracle)
    elif name == "travel":
        travel(DELAY_SECONDS)


@settings(max_examples=examples(500))
@given(
    card=moderate_cards(),
    waits=st.booleans(),
    job=moderate_jobs(),
    acts=st.lists(
        st.sampled_from(("publish", "lower", "post_surcharge", "travel")), min_size=1, max_size=4
    ),
)
def test_inv_t5_no_later_act_changes_a_version(protocol, table, card, waits, job, acts):
    effective_at = boa.env.timestamp + waits
    table.internal._publish(FRESH - 1, card.abi_tuple(), 1)
    table.internal._publish(FRESH, card.abi_tuple(), effective_at)
    words = job[0].pack(), job[1].pack()
    price = table.quote(FRESH, 0, *words)
    for name in acts:
        act(protocol, table, name)
    assert RateCard.from_abi(table.card(FRESH)) == card
    assert table.shares(FRESH) == (card.node_share_bps, card.validator_share_bps)
    assert table.quote(FRESH, 0, *words) == price
    # The one thing that may: a version that waited was cancelled.
    assert table.effective_at(FRESH) in {effective_at, 2**64 - 1 if waits else effective_at}


@st.composite
def neighbours(draw: st.DrawFn) -> RateCard:
    """Draw a card near the reference card: some one step away, some a little further."""
    card = REFERENCE_CARD
    for _ in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from(RateCard.__struct_fields__))
        value = getattr(card, name)
        numbers = [value] if isinstance(value, int) else list(value)
        i = draw(st.integers(0, len(numbers) - 1))
        if name.endswith("_wei"):
            edge = max(numbers[i] // 4, 1)
            numbers[i] += draw(st.sampled_from((-1, 1))) * (edge + draw(st.integers(-1, 1)))
        else:
            numbers[i] += draw(st.sampled_from((-1, 1))) * (1_000 + draw(st.integers(-1, 1)))
        numbers[i] = max(numbers[i], 0)
        changed = numbers[0] if isinstance(value, int) else tuple(numbers)
        try:
            card = msgspec.structs.replace(card, **{name: changed})
        except ValueError:
            assume(False)
    return card


@settings(max_examples=examples(500))
@given(card=neighbours())
def test_inv_t6_exactly_one_step(protocol, table, card):
    try:
        published = table.publish(card.abi_tuple(), sender=protocol.owner) == 2
    except BoaError as error:
        reason = error.stack_trace.last_frame.pretty_vm_reason
        assert reason in ("card: price step too large", "card: rate step too large")
        published = False
    assert published == is_one_step(REFERENCE_CARD, card)


def test_inv_t6_steps_add_up_over_cards_only(protocol, table):
    """Two steps take two cards and two delays."""
    price = REFERENCE_CARD.task_wei
    for _ in range(2):
        price += price // 4
        card = msgspec.structs.replace(REFERENCE_CARD, task_wei=price)
        table.publish(card.abi_tuple(), sender=protocol.owner)
        with boa.reverts("table: last card still waits"):
            table.publish(card.abi_tuple(), sender=protocol.owner)
        travel(DELAY_SECONDS)
    assert RateCard.from_abi(table.card(3)).task_wei == REFERENCE_CARD.task_wei * 25 // 16


@settings(max_examples=examples(500))
@given(card=cards(), job=jobs(), epoch=st.integers(0, 1))
def test_inv_t7_a_quote_is_bounded_in_gas(table, card, job, epoch):
    if epoch:
        table.post_surcharge(450, sender=table.oracle())
    put(table, card)
    assert gas_of_quote(table, FRESH, epoch, *(word.pack() for word in job)) < QUOTE_GAS


@settings(max_examples=examples(500))
@given(words=any_words(), version=st.integers(0, 3), epoch=st.integers(0, 2))
def test_inv_t7_so_is_a_refusal(table, words, version, epoch):
    assert gas_of_quote(table, version, epoch, *words) < QUOTE_GAS


def flat(card: RateCard, suffix: str) -> list[int]:
    """Return the numbers of a card whose field ends so, in order."""
    numbers: list[int] = []
    for name in RateCard.__struct_fields__:
        if name.endswith(suffix):
            value = getattr(card, name)
            numbers += [value] if isinstance(value, int) else list(value)
    return numbers


def cheaper(one: RateCard, other: RateCard) -> RateCard:
    """Return the lower price and the higher rebate of two cards, with the shares of the first."""
    fields = {}
    for name in RateCard.__struct_fields__:
        pick = max if "rebate" in name else min
        first, second = getattr(one, name), getattr(other, name)
        if "share" in name:
            fields[name] = first
        elif isinstance(first, int):
            fields[name] = pick(first, second)
        else:
            fields[name] = tuple(map(pick, first, second))
    return RateCard(**fields)


@settings(max_examples=examples(500))
@given(old=moderate_cards(), other=moderate_cards(), waits=st.booleans(), job=moderate_jobs())
def test_inv_t8_a_lowered_card_never_raises_a_quote(protocol, table, old, other, waits, job):
    put(table, old)
    known = [FRESH]
    if waits:
        table.internal._publish(FRESH + 1, other.abi_tuple(), boa.env.timestamp + 1)
        known.append(FRESH + 1)
    lowered = table.lower(cheaper(old, other).abi_tuple(), sender=protocol.owner)
    travel(1)
    assert table.current_version() == lowered == known[-1] + 1
    words = job[0].pack(), job[1].pack()
    price = table.quote(lowered, 0, *words)[0]
    assert all(price <= table.quote(version, 0, *words)[0] for version in known)


def is_lower(old: RateCard, new: RateCard) -> bool:
    """Return whether a card is nowhere dearer and shares out alike."""
    return cheaper(old, new) == new


@st.composite
def nudged(draw: st.DrawFn) -> RateCard:
    """Draw the reference card with a few numbers moved by a little, most of them down."""
    card = REFERENCE_CARD
    for _ in range(draw(st.integers(1, 4))):
        name = draw(st.sampled_from(RateCard.__struct_fields__))
        value = getattr(card, name)
        numbers = [value] if isinstance(value, int) else list(value)
        i = draw(st.integers(0, len(numbers) - 1))
        towards = 1 if "rebate" in name else -1
        numbers[i] = max(numbers[i] + draw(st.sampled_from((1, 2, 700, -1))) * towards, 0)
        try:
            card = msgspec.structs.replace(
                card, **{name: numbers[0] if isinstance(value, int) else tuple(numbers)}
            )
        except ValueError:
            assume(False)
    return card


@settings(max_examples=examples(500))
@given(card=nudged())
def test_inv_t8_exactly_what_is_nowhere_dearer_is_accepted(protocol, table, card):
    try:
        lowered = table.lower(card.abi_tuple(), sender=protocol.owner) == 2
    except BoaError as error:
        reason = error.stack_trace.last_frame.pretty_vm_reason
        assert reason in LOWER_REASONS
        lowered = False
    event("lowered" if lowered else "refused")
    assert lowered == is_lower(REFERENCE_CARD, card)
