# SPDX-License-Identifier: Apache-2.0
"""A caller who cuts a job in pieces, or hides in rounding, to pay less."""

from __future__ import annotations

import pytest

from cortensor.pricing import Terms, Usage


def price(table, terms: Terms, **units: int) -> int:
    return table.quote(1, 0, terms.pack(), Usage(**units).pack())[0]


@pytest.mark.parametrize("pieces", [2, 7, 100])
@pytest.mark.parametrize("replicas", [1, 3, 5])
def test_a_job_in_pieces_costs_more(table, pieces, replicas):
    terms = Terms(sla_tier=2, model_class=2, replicas=replicas, execution_depth=3, volume_tier=3)
    whole = price(table, terms, input_units=70_000, output_units=7_000, validator_units=700)
    piece = price(
        table,
        terms,
        input_units=70_000 // pieces,
        output_units=7_000 // pieces,
        validator_units=700 // pieces,
    )
    assert pieces * piece > whole


def test_wei_are_not_saved_by_rounding(table):
    terms = Terms(replicas=1)
    one = price(table, terms, input_units=1)
    assert 1_000 * one > price(table, terms, input_units=1_000)


def test_three_single_answers_are_no_cheaper_way_to_three_replicas_units(table):
    """What redundancy adds is its own line; the replicas' work is paid either way."""
    single = price(table, Terms(replicas=1), input_units=1_000, output_units=100)
    triple = price(table, Terms(replicas=3), input_units=3_000, output_units=300)
    assert triple >= 3 * single
