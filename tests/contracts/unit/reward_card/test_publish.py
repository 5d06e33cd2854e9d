# SPDX-License-Identifier: Apache-2.0
"""Publishing reward cards: who, when, how far from the last one, and which is in effect."""

from __future__ import annotations

import boa
import msgspec
import pytest

from cortensor.rewards import RewardCard
from tests.contracts.protocol import travel
from tests.contracts.reward_cards import CARD, CARD_DELAY_SECONDS, changed, deploy_cards

#: Its numbers can move both ways, and a quarter of most is no whole number.
MIDDLING = changed(
    margin_bps=900,
    min_streak=(*range(0, 40, 4), 43),
    min_rate_bps=tuple(range(0, 8_800, 800)),
    breadth_half=7,
    max_models=15,
    cap_bps=1_002,
    min_tasks=21,
    budget_cap_wei=10**21 + 3,
)


def put_at(card: RewardCard, name: str, level: int, value: int) -> dict[str, tuple[int, ...]]:
    """Return a change of one entry of a list of a card."""
    entries = list(getattr(card, name))
    entries[level] = value
    return {name: tuple(entries)}


def test_the_first_card_is_in_effect_at_once(protocol):
    holder = deploy_cards(protocol.owner)
    now = boa.env.timestamp
    assert RewardCard.from_abi(holder.card(1)) == CARD
    assert holder.card_effective_at(1) == now
    assert holder.card_version_at(now) == 1
    assert holder.latest_card_version() == 1
    assert holder.CARD_DELAY_SECONDS() == CARD_DELAY_SECONDS


def test_the_event_of_a_card(protocol, holder):
    card = changed(min_tasks=25)
    assert holder.publish_card(card.abi_tuple(), sender=protocol.owner) == 2
    (entry,) = [e for e in holder.get_logs() if type(e).__name__ == "RewardCardPublished"]
    assert (entry.version, entry.effective_at) == (2, boa.env.timestamp + CARD_DELAY_SECONDS)
    assert RewardCard.from_abi(entry.card) == card
    assert RewardCard.from_abi(holder.card(2)) == card


def test_only_the_owner_publishes(protocol, holder):
    with boa.reverts("ownable: caller is not the owner"):
        holder.publish_card(CARD.abi_tuple(), sender=protocol.stranger)


def test_inv_c1_a_card_waits_and_one_at_a_time(protocol, holder):
    published = boa.env.timestamp
    holder.publish_card(changed(min_tasks=21).abi_tuple(), sender=protocol.owner)
    travel(CARD_DELAY_SECONDS - 1)
    assert holder.card_version_at(boa.env.timestamp) == 1
    with boa.reverts("rcard: last card waits"):
        holder.publish_card(CARD.abi_tuple(), sender=protocol.owner)
    travel(1)
    assert holder.card_version_at(boa.env.timestamp) == 2
    holder.publish_card(CARD.abi_tuple(), sender=protocol.owner)
    # What was said of a moment that is past does not change.
    assert holder.card_version_at(published) == 1
    assert holder.card_version_at(boa.env.timestamp) == 2


def test_inv_c1_the_version_of_every_moment(protocol):
    """Found by halves as by looking at each."""
    holder = deploy_cards(protocol.owner, delay=10)
    begins = [boa.env.timestamp]
    for number in range(20):
        travel(number % 3)
        holder.publish_card(CARD.abi_tuple(), sender=protocol.owner)
        begins.append(boa.env.timestamp + 10)
        travel(10)
    for moment in range(begins[0], boa.env.timestamp + 5):
        newest = max(i for i, begin in enumerate(begins, start=1) if begin <= moment)
        assert holder.card_version_at(moment) == newest
    with boa.reverts("rcard: before the first card"):
        holder.card_version_at(begins[0] - 1)


def test_no_version_but_those_published(holder):
    for version in (0, 2, 2**256 - 1):
        for view in (holder.card, holder.card_effective_at):
            with boa.reverts("rcard: unknown version"):
                view(version)
        with boa.reverts("rcard: unknown version"):
            holder.evaluate(version, 0, 0, 0, 0)


def test_versions_end_with_their_bits(protocol, holder):
    holder.skip_to(2**16 - 2)
    assert holder.publish_card(CARD.abi_tuple(), sender=protocol.owner) == 2**16 - 1
    travel(CARD_DELAY_SECONDS)
    assert holder.card_version_at(boa.env.timestamp) == 2**16 - 1
    with boa.reverts("rcard: versions exhausted"):
        holder.publish_card(CARD.abi_tuple(), sender=protocol.owner)


@pytest.mark.parametrize(
    ("delay", "reason"),
    [(0, "rcard: zero delay"), (30 * 86_400 + 1, "rcard: delay over 30 days")],
)
def test_delays_out_of_range(protocol, delay, reason):
    with boa.reverts(reason):
        deploy_cards(protocol.owner, delay=delay)
    deploy_cards(protocol.owner, delay=30 * 86_400)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (put_at(CARD, "min_streak", 0, 1), "rcard: level 0 asks for nothing"),
        (put_at(CARD, "min_rate_bps", 0, 1), "rcard: level 0 asks for nothing"),
        (put_at(CARD, "level_bps", 5, CARD.level_bps[6] + 1), "rcard: levels must not fall"),
        (put_at(CARD, "level_bps", 10, CARD.level_bps[9] - 1), "rcard: levels must not fall"),
        (put_at(CARD, "min_streak", 10, CARD.min_streak[9] - 1), "rcard: streaks must not fall"),
        (put_at(CARD, "min_rate_bps", 10, CARD.min_rate_bps[9] - 1), "rcard: rates must not fall"),
        (put_at(CARD, "level_bps", 0, 0), "rcard: a level pays nothing"),
        (put_at(CARD, "min_rate_bps", 10, 10_001), "rcard: rate over 100%"),
        ({"breadth_gain_bps": 10_001}, "rcard: breadth over double"),
        ({"breadth_half": 0}, "rcard: zero breadth half"),
        ({"max_models": 0}, "rcard: zero models"),
        ({"cap_bps": 0}, "rcard: zero cap"),
        ({"cap_bps": 10_001}, "rcard: cap over 100%"),
        ({"min_tasks": 0}, "rcard: zero tasks"),
        ({"min_uptime_bps": 10_001}, "rcard: uptime over 100%"),
        ({"margin_bps": 10_001}, "rcard: margin over 100%"),
        ({"budget_cap_wei": 0}, "rcard: zero budget cap"),
    ],
)
def test_cards_that_break_what_the_formula_promises(holder, changes, reason):
    names = RewardCard.__struct_fields__
    fields = {name: getattr(CARD, name) for name in names} | changes
    with boa.reverts(reason):
        holder.put(tuple(fields[name] for name in names))


def steps() -> list[tuple[str, int]]:
    """Return each number of the middling card, the last of lists, and the step it may take."""
    rates = ("level_bps", "min_rate_bps", "breadth_gain_bps", "min_uptime_bps", "margin_bps")
    found = []
    for name in RewardCard.__struct_fields__:
        value = getattr(MIDDLING, name)
        number = value[10] if isinstance(value, tuple) else value
        found.append((name, 500 if name in rates else max(number // 4, 1)))
    return found


def moved(name: str, by: int) -> RewardCard:
    """Return the middling card with one number moved; a list's last, and no earlier above it."""
    value = getattr(MIDDLING, name)
    if isinstance(value, tuple):
        top = value[10] + by
        value = (*(min(entry, top) for entry in value[:10]), top)
    else:
        value += by
    return msgspec.structs.replace(MIDDLING, **{name: value})


@pytest.mark.parametrize(("name", "step"), steps())
def test_inv_c2_no_number_moves_further_than_a_step(protocol, name, step):
    holder = deploy_cards(protocol.owner, MIDDLING)
    reason = "rcard: rate step too large" if step == 500 else "rcard: step too large"
    for sign in (1, -1):
        with boa.reverts(reason):
            card = moved(name, sign * (step + 1))
            holder.publish_card(card.abi_tuple(), sender=protocol.owner)
        with boa.env.anchor():
            card = moved(name, sign * step)
            assert holder.publish_card(card.abi_tuple(), sender=protocol.owner) == 2


def test_inv_c2_a_small_number_moves_by_one(protocol):
    holder = deploy_cards(protocol.owner, changed(breadth_half=1))
    with boa.reverts("rcard: step too large"):
        holder.publish_card(changed(breadth_half=3).abi_tuple(), sender=protocol.owner)
    holder.publish_card(changed(breadth_half=2).abi_tuple(), sender=protocol.owner)


def test_evaluate_refuses_what_no_epoch_has(holder):
    with boa.reverts("rcard: budget over uint96"):
        holder.evaluate(1, 0, 0, 2**96, 0)
    with boa.reverts("rcard: score over uint128"):
        holder.evaluate(1, 0, 0, 0, 2**128)
