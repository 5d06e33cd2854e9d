# SPDX-License-Identifier: Apache-2.0
"""docs/spec/erc8004.md lists what the registries are; they are that, and tests cover all of it."""

from __future__ import annotations

import re
from pathlib import Path

import boa
import pytest
from eth_utils import keccak
from vyper.compiler.output import build_abi_output

from tests.contracts.protocol import CONTRACTS, deployer_of, word
from tests.contracts.test_spec_examples import HERE as TESTS
from tests.contracts.test_spec_examples import SPEC, rows
from tools.vyper_syntax import ERC8004_REASONS

PAGE = "erc8004"
HERE = Path(__file__).parent
REGISTRIES = {
    kind: f"erc8004/{kind.capitalize()}Registry"
    for kind in ("identity", "reputation", "validation")
}
SOURCES = [
    *(CONTRACTS / f"{name}.vy" for name in REGISTRIES.values()),
    *(CONTRACTS / "modules" / f"{name}.vy" for name in ("agent_tokens", "kept_bytes", "tags")),
    *(
        CONTRACTS / "lib" / f"{name}.vy"
        for name in ("feedback_words", "validation_words", "wallet_consent")
    ),
]
CUSTOM = re.compile(r'method_id\(\s*"(ERC721\w+\([\w,]*\))"\s*\)')
REASON = re.compile(r'^ +assert .*?, "([^"]+)"$', re.MULTILINE | re.DOTALL)


def type_of(part: dict) -> str:
    """Return an ABI type as a signature has it, structs as tuples."""
    if not part["type"].startswith("tuple"):
        return part["type"]
    inner = ",".join(type_of(component) for component in part["components"])
    return f"({inner}){part['type'].removeprefix('tuple')}"


def signature_of(entry: dict) -> str:
    return f"{entry['name']}({','.join(type_of(part) for part in entry['inputs'])})"


def compiled(kind: str) -> list[dict]:
    return build_abi_output(deployer_of(REGISTRIES[kind]).compiler_data)


def listed(heading: str, kind: str) -> list[list[str]]:
    return [row[1:] for row in rows(PAGE, heading) if row[0] == kind]


@pytest.mark.parametrize("kind", REGISTRIES)
def test_functions_are_those_of_the_page(kind):
    entries = [entry for entry in compiled(kind) if entry["type"] == "function"]
    found = {
        signature_of(entry): ",".join(type_of(part) for part in entry["outputs"])
        for entry in entries
    }
    page = listed("Functions", kind)
    returned = {row[0]: row[2] for row in page}
    assert returned == {name: outputs or "nothing" for name, outputs in found.items()}
    assert len(page) == len(found)
    for signature, selector, *_ in page:
        assert selector == f"0x{keccak(text=signature)[:4].hex()}", signature
    # Nothing here takes coin.
    assert {entry["stateMutability"] for entry in entries} <= {"view", "pure", "nonpayable"}


@pytest.mark.parametrize("kind", REGISTRIES)
def test_events_are_those_of_the_page(kind):
    found = {}
    for entry in compiled(kind):
        if entry["type"] != "event":
            continue
        parts = [
            f"{part['type']}{' indexed' if part['indexed'] else ''} {part['name']}"
            for part in entry["inputs"]
        ]
        topic = f"0x{keccak(text=signature_of(entry)).hex()}"
        found[f"{entry['name']}({','.join(parts)})"] = topic
    assert {row[0]: row[1] for row in listed("Events", kind)} == found


def test_the_type_hash_is_that_of_the_page():
    text = (SPEC / f"{PAGE}.md").read_text()
    (struct,) = re.findall(r"`(AgentWalletSet\([^`]+\))`", text)
    assert f"`0x{keccak(text=struct).hex()}`" in text


def texts() -> str:
    """Return all tests of the registries."""
    return "\n".join(path.read_text() for path in HERE.glob("*.py") if path != Path(__file__))


def test_refusals_are_those_of_the_page_and_each_has_a_test():
    found = {reason for path in SOURCES for reason in REASON.findall(path.read_text())}
    customs = {error for path in SOURCES for error in CUSTOM.findall(path.read_text())}
    assert found >= ERC8004_REASONS
    listed = [row[0] for row in rows(PAGE, "Errors")]
    assert sorted(listed) == sorted(found | customs)
    tests = texts()
    assert [reason for reason in found if f'"{reason}"' not in tests] == []
    assert [error for error in customs if f'"{error}"' not in tests] == []


def test_every_invariant_cites_tests_that_exist():
    stated = {
        found
        for name in REGISTRIES.values()
        for found in re.findall(r"INV-E\d+", (CONTRACTS / f"{name}.vy").read_text())
    }
    assert {row[0] for row in rows(PAGE, "Invariants")} == stated
    cited = re.findall(r"`([\w/]+\.py)::(\w+)`", (SPEC / f"{PAGE}.md").read_text())
    assert len(cited) >= len(stated)
    for path, name in cited:
        assert f"def {name}(" in (TESTS / path).read_text(), f"{path}::{name}"


def test_the_summaries_of_the_page(reputation, agent, client, other_client):
    people = {"A": client, "B": other_client}
    table = rows(PAGE, "Worked example")
    feedback = [row for row in table if len(row) == 4]
    summaries = [row for row in table if len(row) == 5]
    assert (len(feedback), len(summaries)) == (4, 3)
    for name, value, decimals, tag1 in feedback:
        reputation.giveFeedback(
            agent, int(value), int(decimals), tag1, "", "", "", bytes(32), sender=people[name]
        )
    for names, tag1, *expected in summaries:
        clients = [people[name] for name in names.split(", ")]
        tag = "" if tag1 == "any" else tag1
        found = reputation.getSummary(agent, clients, tag, "")
        assert found == tuple(map(int, expected)), names


def test_the_verdicts_of_the_page(validation, agent, owner, validator):
    text = (SPEC / f"{PAGE}.md").read_text()
    found = re.search(r"Verdicts of (\d+), (\d+) and (\d+) .* count (\d+), mean (\d+)", text)
    *verdicts, count, mean = map(int, found.groups())
    for number, verdict in enumerate([*verdicts, None]):
        validation.validationRequest(validator, agent, "", word(number), sender=owner.address)
        if verdict is not None:
            validation.validationResponse(word(number), verdict, "", word(9), "", sender=validator)
    assert validation.getSummary(agent, [], "") == (count, mean)


def test_bounds_of_the_page_are_the_interfaces(identity):
    bounds = {row[0]: row[1] for row in rows(PAGE, "Bounds")}
    assert bounds["every URI"] == "8,192 bytes"
    assert bounds["results of one view"] == "1,024"
    text = "\n".join(
        (CONTRACTS / "interfaces" / f"I{kind.capitalize()}Registry.vyi").read_text()
        for kind in REGISTRIES
    )
    assert set(re.findall(r"\w*URI: String\[(\d+)\]", text)) == {"8192"}
    assert set(re.findall(r"tag\d?: String\[(\d+)\]", text)) == {"64"}
    assert set(re.findall(r"DynArray\[\w+, (\d+)\]", text)) == {"1024", "16", "1"}
    with boa.reverts():
        identity.register("x" * 8193)
