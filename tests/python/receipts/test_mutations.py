# SPDX-License-Identifier: Apache-2.0
"""Every leaf value of a bundle is changed, removed and retyped; the verifier must notice.

What it may miss offline is listed, with the reason, and nothing else is missed.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from cortensor.errors import VerificationFailed
from cortensor.receipts import Bundle, Verification, verify_bundle
from tests.conformance.case import chain_facts
from tests.conformance.chain_facts import ChainFacts
from tests.conformance.samples import good_bundles
from tests.python.receipts.mutating import (
    BOUND_BY_CHAIN,
    UNBOUND,
    changed,
    dotted,
    leaves,
    parent_of,
)

BUNDLES = good_bundles()
FACTS = chain_facts()


def outcome(data: Any, view: ChainFacts | None) -> Verification | None:
    try:
        return verify_bundle(data, view)
    except VerificationFailed as error:
        if not error.field:  # a refusal without a field helps nobody
            raise AssertionError(error.reason) from error
        return None


def survives(data: Any, view: ChainFacts | None = None) -> bool:
    verification = outcome(data, view)
    return verification is not None and not verification.failures


def facts_for(name: str) -> ChainFacts:
    facts = copy.deepcopy(FACTS)
    terms = int(BUNDLES[name]["receipt"]["bill"]["terms"], 16)
    session = facts["sessions"][BUNDLES[name]["receipt"]["session_id"]]
    session["volume_tier"] = (terms >> 80) & 0xFF
    return ChainFacts(facts)


@pytest.mark.parametrize("name", BUNDLES)
def test_no_changed_value_survives(name: str) -> None:
    bundle = BUNDLES[name]
    assert survives(bundle)
    assert survives(bundle, facts_for(name))
    missed, missed_by_chain = [], []
    for path in leaves(bundle):
        edited = copy.deepcopy(bundle)
        parent = parent_of(edited, path)
        parent[path[-1]] = changed(parent[path[-1]])
        if survives(edited):
            missed.append(dotted(path))
            if survives(edited, facts_for(name)):
                missed_by_chain.append(dotted(path))
    allowed = "|".join([*UNBOUND, *BOUND_BY_CHAIN])
    assert [path for path in missed if not re.fullmatch(allowed, path)] == []
    assert [p for p in missed_by_chain if not re.fullmatch("|".join(UNBOUND), p)] == []


@pytest.mark.parametrize(
    "replace",
    [lambda _: None, lambda _: [], lambda _: {}, lambda _: -1, lambda _: "", lambda _: 1.5],
    ids=["null", "list", "object", "negative", "empty", "float"],
)
def test_no_retyped_value_survives_or_crashes(replace: Callable[[Any], Any]) -> None:
    bundle = BUNDLES["validate-no-consensus"]
    for path in leaves(bundle):
        edited = copy.deepcopy(bundle)
        parent = parent_of(edited, path)
        before = parent[path[-1]]
        parent[path[-1]] = replace(before)
        if parent[path[-1]] != before and survives(edited):
            assert re.fullmatch("|".join(UNBOUND), dotted(path)), dotted(path)


def test_no_missing_part_survives_or_crashes() -> None:
    bundle = BUNDLES["delegate-json"]
    paths = {path[:length] for path in leaves(bundle) for length in range(1, len(path) + 1)}
    for path in sorted(paths, key=dotted):
        edited = copy.deepcopy(bundle)
        del parent_of(edited, path)[path[-1]]
        if survives(edited):
            # Evidence may be shown in part; a hidden replica is reported as not checked.
            assert re.fullmatch(r"evidence\.\d+", dotted(path)), dotted(path)


def test_no_part_of_one_receipt_passes_in_another() -> None:
    ours, other = BUNDLES["delegate-agreed"], BUNDLES["delegate-json"]
    for key in ours:
        if ours[key] != other[key]:
            assert not survives({**ours, key: other[key]}), key
    for key in ours["receipt"]:
        if ours["receipt"][key] != other["receipt"][key]:
            body = {**ours["receipt"], key: other["receipt"][key]}
            assert not survives({**ours, "receipt": body}), key


def test_unknown_fields_are_refused_at_every_level() -> None:
    bundle = BUNDLES["delegate-json"]
    objects = {path[:length] for path in leaves(bundle) for length in range(len(path))}
    for path in objects:
        edited = copy.deepcopy(bundle)
        node: Any = edited
        for part in path:
            node = node[part]
        if isinstance(node, dict):
            node["extra"] = "1"
            assert not survives(edited), dotted(path)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "3", '"x"', "1.5", '{"format":"cortensor-bundle/1","format":"x"}'],
)
def test_what_is_no_bundle_names_a_field(text: str) -> None:
    with pytest.raises(VerificationFailed) as caught:
        Bundle.load(text)
    assert caught.value.field


def test_floats_and_repeated_keys_in_the_text_are_refused() -> None:
    text = json.dumps(BUNDLES["delegate-json"])
    assert Bundle.load(text).to_json() == BUNDLES["delegate-json"]
    for bad in (
        text.replace('"late": false', '"late": false, "late": true', 1),
        text.replace('"surcharge_bps": 450', '"surcharge_bps": 450.0', 1),
        text.replace('"surcharge_bps": 450', '"surcharge_bps": NaN', 1),
    ):
        assert bad != text
        with pytest.raises(VerificationFailed):
            Bundle.load(bad)
