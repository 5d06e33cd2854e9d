# SPDX-License-Identifier: Apache-2.0
"""Any byte of any field of a bundle is changed: the verifier refuses it, or the field is listed.

Some hundreds of changes in a test run, 100,000 in the deep profile.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import settings

from cortensor.errors import VerificationFailed
from cortensor.receipts import Bundle, verify_bundle
from tests.conformance.chain_facts import ChainFacts
from tests.conformance.generate import VECTORS
from tests.conformance.samples import CHAIN
from tests.python.receipts.mutating import (
    BESIDE,
    BOUND_BY_CHAIN,
    CONTRACT,
    UNBOUND,
    dotted,
    leaves,
    parent_of,
)

PAGE = Path(__file__).parents[3] / "docs" / "spec" / "receipts.md"
FLIPS = {"dev": 400, "ci": 600, "deep": 100_000}
KINDS = (
    "good-delegate",
    "good-validate",
    "good-rule",
    "good-likeness",
    "good-party",
    "good-second",
)
MARK = "\ue000"
"""Stands for a field's value while its place in the text is looked for."""


class Sample(NamedTuple):
    name: str
    bundle: dict[str, Any]
    chain: dict[str, Any]


def samples() -> list[Sample]:
    """Every verified vector, of each format of receipt and bundle."""
    found = []
    for path in sorted(VECTORS.glob("good-*.json")):
        vector = json.loads(path.read_text(encoding="utf-8"))
        if vector["expect"]["verdict"] == "verified" and path.stem.startswith(KINDS):
            found.append(Sample(path.stem, vector["bundle"], vector["chain"]))
    return found


def compact(data: object) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def flipped(sample: Sample, chance: random.Random) -> bytes:
    """Return the bundle's text with one byte changed, of a field or of anything."""
    text = compact(sample.bundle).encode()
    start, size = 0, len(text)
    if chance.random() < 0.7:
        path = chance.choice(list(leaves(sample.bundle)))
        edited = json.loads(compact(sample.bundle))
        parent = parent_of(edited, path)
        value = compact(parent[path[-1]]).encode()
        parent[path[-1]] = MARK
        start, size = compact(edited).encode().index(f'"{MARK}"'.encode()), len(value)
    at = start + chance.randrange(size)
    # A changed bit, or another character that may stand there: most bits give no JSON at all.
    new = text[at] ^ (1 << chance.randrange(8))
    if chance.random() < 0.5:
        new = chance.choice([each for each in b"0123456789abcdef" if each != text[at]])
    return text[:at] + bytes([new]) + text[at + 1 :]


def differing(ours: Any, theirs: Any) -> Iterator[str]:
    """Yield the paths where two bundles differ."""
    left = {dotted(path): value_at(ours, path) for path in leaves(ours)}
    right = {dotted(path): value_at(theirs, path) for path in leaves(theirs)}
    for path in left.keys() | right.keys():
        if path not in left or path not in right or left[path] != right[path]:
            yield path


def value_at(data: Any, path: Any) -> Any:
    for part in path:
        data = data[part]
    return data


def survives(bundle: Bundle, chain: ChainFacts | None) -> bool:
    trusted = None if chain is None else CHAIN.session_payment
    return not verify_bundle(bundle, chain, session_payment=trusted).failures


def allowed(sample: Sample, *, has_chain: bool) -> str:
    """Return the pattern of the fields that may change unnoticed."""
    bundle = Bundle.from_json(sample.bundle)
    found = list(UNBOUND)
    found += [] if has_chain else list(BOUND_BY_CHAIN)
    if bundle.detached():
        found += list(BESIDE)
    if bundle.signed_by == "contract" and not has_chain:
        found += list(CONTRACT)
    return "|".join(found)


@pytest.mark.fuzz
def test_no_flipped_byte_passes() -> None:
    profile = settings.get_current_profile_name()
    chance = random.Random(8_004 if profile != "deep" else None)
    given = samples()
    patterns = {
        (sample.name, has_chain): allowed(sample, has_chain=has_chain)
        for sample in given
        for has_chain in (False, True)
    }
    accepted = 0
    for _ in range(FLIPS.get(profile, FLIPS["dev"])):
        sample = chance.choice(given)
        data = flipped(sample, chance)
        try:
            bundle = Bundle.load(data)
        except VerificationFailed:
            continue
        changes = list(differing(sample.bundle, bundle.to_json()))
        for chain in (None, ChainFacts(sample.chain)):
            if not changes or not survives(bundle, chain):
                continue
            accepted += 1
            pattern = patterns[sample.name, chain is not None]
            missed = [path for path in changes if not re.fullmatch(pattern, path)]
            assert missed == [], (sample.name, chain is not None, data)
    assert accepted > 0, "the fields that may change were never hit: is anything tried at all?"


def test_what_is_not_covered_is_documented() -> None:
    page = " ".join(PAGE.read_text(encoding="utf-8").split())
    section = page.partition("## Not covered")[2]
    for name in (
        "anchor.uri", "anchor.tx_hash", "anchor.count", "surcharge_bps", "card",
        "evidence[].salt", "request.salt", "request.canonical.keccak256", "signature",
    ):  # fmt: skip
        assert f"`{name}`" in section, name
