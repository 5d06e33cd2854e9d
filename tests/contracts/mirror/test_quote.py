# SPDX-License-Identifier: Apache-2.0
"""Contract, package and reference model price every job alike, and refuse the same ones."""

from __future__ import annotations

import boa
import pytest
from boa import BoaError
from hypothesis import event, given, settings
from hypothesis import strategies as st

from cortensor.errors import InvalidInput
from cortensor.pricing import RateCard, Terms, Usage, quote
from tests.contracts.profile import examples
from tests.contracts.protocol import deploy_table, travel
from tests.contracts.strategies import any_words, cards, jobs
from tests.model.quote_model import Refused, price

pytestmark = pytest.mark.fuzz

SURCHARGES = (0, 450, 950, 600)
FRESH = 9
SEVERAL_JOBS = st.lists(jobs(), min_size=1, max_size=2)


@pytest.fixture(scope="module")
def priced(protocol, table):
    """Return the table with a few surcharge epochs; titanoboa undoes them after this module."""
    for bps in SURCHARGES[1:]:
        travel(600)
        table.post_surcharge(bps, sender=protocol.oracle)
    return table


def put(table, card: RateCard) -> int:
    """Publish a card by the contract's own code, without the step from the last one."""
    table.internal._publish(FRESH, card.abi_tuple(), 1)
    return FRESH


def on_chain(table, epoch: int, terms: int, usage: int) -> tuple[int, list[int]] | str:
    """Return the contract's answer: the bill or the reason."""
    try:
        return table.quote(FRESH, epoch, terms, usage)
    except BoaError as error:
        return error.stack_trace.last_frame.pretty_vm_reason


def in_package(card: RateCard, bps: int, terms: int, usage: int) -> tuple[int, list[int]] | str:
    """Return the package's answer: the bill or the reason."""
    try:
        bill = quote(card, bps, Terms.unpack(terms), Usage.unpack(usage))
    except InvalidInput as error:
        return error.reason
    return bill.total, list(bill.lines.as_tuple())


def in_model(card: RateCard, bps: int, terms: Terms, usage: Usage) -> tuple[int, list[int]] | str:
    """Return the reference model's answer: the bill or the reason."""
    try:
        return price(card, bps, terms, usage)
    except Refused as error:
        return str(error)


@settings(max_examples=examples(500))
@given(card=cards(), several=SEVERAL_JOBS, epoch=st.integers(0, len(SURCHARGES) - 1))
def test_three_prices_are_one(priced, card, several, epoch):
    put(priced, card)
    for terms, usage in several:
        words = terms.pack(), usage.pack()
        chain = on_chain(priced, epoch, *words)
        assert chain == in_package(card, SURCHARGES[epoch], *words)
        assert chain == in_model(card, SURCHARGES[epoch], terms, usage)
        event("refused" if isinstance(chain, str) else "priced")


@settings(max_examples=examples(500))
@given(words=any_words())
def test_all_refuse_the_same_words(priced, words):
    card = RateCard.from_abi(priced.card(1))
    try:
        chain = priced.quote(1, 0, *words)
    except BoaError as error:
        chain = error.stack_trace.last_frame.pretty_vm_reason
    assert chain == in_package(card, 0, *words)
    if not words[0] >> 136 and not words[1] >> 168:
        assert chain == in_model(card, 0, Terms.unpack(words[0]), Usage.unpack(words[1]))
    event(chain if isinstance(chain, str) else "priced")


@settings(max_examples=examples(100))
@given(card=cards())
def test_cards_come_back_as_they_went_in(priced, card):
    put(priced, card)
    assert RateCard.from_abi(priced.card(FRESH)) == card
    assert priced.shares(FRESH) == (card.node_share_bps, card.validator_share_bps)
    assert priced.effective_at(FRESH) == 1


@settings(max_examples=examples(25))
@given(card=cards(), late=st.integers(0, 2**63))
def test_cards_come_back_from_the_constructor(protocol, card, late):
    with boa.env.anchor():
        boa.env.timestamp += late  # the time a card takes effect shares a word with its rates
        table = deploy_table(protocol.owner, protocol.oracle, card=card)
        assert RateCard.from_abi(table.card(1)) == card
        assert table.effective_at(1) == boa.env.timestamp
