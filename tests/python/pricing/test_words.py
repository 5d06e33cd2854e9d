# SPDX-License-Identifier: Apache-2.0
"""Packed terms and usage: positions, round trips, and the words that are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortensor.errors import InvalidInput
from cortensor.pricing import Terms, Usage

TERMS_FIELDS = {
    "sla_tier": (0, 8),
    "model_class": (8, 8),
    "execution_depth": (16, 8),
    "tool_depth": (24, 8),
    "validator_depth": (32, 8),
    "replicas": (40, 8),
    "consensus_method": (48, 8),
    "disagreement_policy": (56, 8),
    "agreement_threshold_bps": (64, 16),
    "volume_tier": (80, 8),
    "surcharge_cap_bps": (88, 16),
    "route_hint": (104, 32),
}
USAGE_FIELDS = {
    "input_units": (0, 48),
    "output_units": (48, 48),
    "validator_units": (96, 48),
    "failed_replicas": (144, 8),
    "late_replicas": (152, 8),
    "missing_replicas": (160, 8),
}
ZERO_TERMS = Terms(replicas=0, agreement_threshold_bps=0)


@pytest.mark.parametrize(("name", "place"), TERMS_FIELDS.items())
def test_each_terms_field_has_its_place(name: str, place: tuple[int, int]) -> None:
    offset, width = place
    full = (1 << width) - 1
    values = dict.fromkeys(TERMS_FIELDS, 0) | {name: full}
    assert Terms(**values).pack() == full << offset
    assert Terms.unpack(full << offset) == Terms(**values)
    with pytest.raises(InvalidInput, match=f"terms.{name}"):
        Terms(**(values | {name: full + 1})).pack()


@pytest.mark.parametrize(("name", "place"), USAGE_FIELDS.items())
def test_each_usage_field_has_its_place(name: str, place: tuple[int, int]) -> None:
    offset, width = place
    full = (1 << width) - 1
    values = dict.fromkeys(USAGE_FIELDS, 0) | {name: full}
    assert Usage(**values).pack() == full << offset
    assert Usage.unpack(full << offset) == Usage(**values)
    with pytest.raises(InvalidInput, match=f"usage.{name}"):
        Usage(**(values | {name: full + 1})).pack()


@pytest.mark.fuzz
@given(st.integers(0, 2**136 - 1))
def test_terms_round_trip(word: int) -> None:
    assert Terms.unpack(word).pack() == word


@pytest.mark.fuzz
@given(st.integers(0, 2**168 - 1))
def test_usage_round_trip(word: int) -> None:
    assert Usage.unpack(word).pack() == word


@pytest.mark.parametrize("bit", [136, 137, 200, 255])
def test_stray_terms_bits_are_refused(bit: int) -> None:
    with pytest.raises(InvalidInput, match="job: stray terms bits"):
        Terms.unpack(1 << bit)


@pytest.mark.parametrize("bit", [168, 169, 255])
def test_stray_usage_bits_are_refused(bit: int) -> None:
    with pytest.raises(InvalidInput, match="job: stray usage bits"):
        Usage.unpack(1 << bit)


@pytest.mark.parametrize("word", [-1, 2**256, True, "0"])
def test_only_a_uint256_unpacks(word: object) -> None:
    with pytest.raises(InvalidInput):
        Terms.unpack(word)  # type: ignore[arg-type]


def test_booleans_and_negatives_do_not_pack() -> None:
    with pytest.raises(InvalidInput, match=r"usage\.input_units: must be an integer"):
        Usage(input_units=True).pack()
    with pytest.raises(InvalidInput, match=r"usage\.late_replicas: must not be negative"):
        Usage(late_replicas=-1).pack()


def test_defaults_are_one_light_best_effort_replica() -> None:
    assert Terms() == Terms.unpack((1 << 40) | (5001 << 64))
    assert ZERO_TERMS.pack() == 0
