# SPDX-License-Identifier: Apache-2.0
"""The pages under docs/spec say what the contracts do: examples, errors, events, cited tests."""

from __future__ import annotations

import re
from pathlib import Path

import boa
import msgspec
import pytest
from eth_utils import keccak
from vyper.compiler.output import build_abi_output

from cortensor.pricing import LINE_NAMES, Terms, Usage
from tests.contracts.protocol import (
    BUCKET_SECONDS,
    CONTRACTS,
    REFERENCE_CARD,
    Protocol,
    deploy_table,
    deployer_of,
    release_all,
    travel,
    word,
)

HERE = Path(__file__).parent
SPEC = HERE.parents[1] / "docs" / "spec"
PAGES = {
    "session-payment-table": ("SessionPaymentTable", ("table", "job", "card")),
    "session-payment": (
        "SessionPayment",
        ("payment", "session", "router", "pot", "gate", "token"),
    ),
    "receipt-anchor": ("ReceiptAnchor", ("anchor",)),
    "stake-pool": ("StakePool", ("pool", "token")),
    "stake-quota": ("StakeQuota", ("quota", "rules", "funds", "permission")),
    "settlement-dispute": ("SettlementDispute", ("dispute", "leaf", "own", "refund")),
    "node-reward": (
        "NodeReward",
        (
            "reward",
            "bond",
            "payout",
            "credit",
            "run",
            "epoch",
            "tproof",
            "lproof",
            "place",
            "posted",
            "tree",
            "rtable",
        ),
    ),
    "agent-validator": ("AgentValidator", ("agent", "verdict")),
    "wrapped-cor": ("WrappedCOR", ("wcor", "authorization")),
    "node-reputation": ("NodeReputation", ("node",)),
    "reward-fund": ("RewardFund", ("fund", "token")),
}
OWNERSHIP = {"OwnershipTransferred", "OwnershipTransferStarted"}


def rows(page: str, heading: str) -> list[list[str]]:
    """Return the rows of all tables under a heading, without headers, code marks removed."""
    text = (SPEC / f"{page}.md").read_text()
    section = re.split(r"^## ", text.split(f"\n## {heading}\n")[1], flags=re.MULTILINE)[0]
    found = []
    for table in re.findall(r"(?:^\|.*\n?)+", section, flags=re.MULTILINE):
        lines = [line.strip("|").split(" | ") for line in table.splitlines()[2:]]
        found += [[cell.strip().strip("`") for cell in line] for line in lines]
    return found


def numbers(page: str, heading: str) -> dict[str, int]:
    """Return the two-column rows under a heading as name -> integer."""
    return {row[0]: int(row[1]) for row in rows(page, heading) if len(row) == 2}


def test_the_quote_of_the_page(protocol):
    example = numbers("session-payment-table", "Worked example")
    fields = {}
    for name, value in example.items():
        place = re.fullmatch(r"(\w+)\[(\d)\]", name)
        if place:
            entries = list(fields.get(place[1], getattr(REFERENCE_CARD, place[1])))
            entries[int(place[2])] = value
            fields[place[1]] = tuple(entries)
        elif hasattr(REFERENCE_CARD, name):
            fields[name] = value
    assert len(fields) == 16
    card = msgspec.structs.replace(REFERENCE_CARD, **fields)
    terms = Terms(**{n: example[n] for n in Terms.__struct_fields__ if n in example})
    usage = Usage(**{n: example[n] for n in Usage.__struct_fields__})
    table = deploy_table(protocol.owner, protocol.oracle, card=card)
    table.post_surcharge(400, sender=protocol.oracle)
    total, lines = table.quote(1, 1, terms.pack(), usage.pack())
    assert [example[name] for name in LINE_NAMES] == lines
    assert total == example["total"]


def test_the_settlement_of_the_page():
    own = Protocol()
    session = own.open(amount=5_000)
    steps = [row for row in rows("session-payment", "Worked example") if row[0] == "settle"]
    assert len(steps) == 4
    for _, *cells in steps:
        cumulative, moved, settled, left = map(int, cells)
        assert own.settle((session, cumulative)) == moved
        facts = own.payment.session(session)
        assert (facts.settled, facts.deposit - facts.settled) == (settled, left)
    result = numbers("session-payment", "Worked example")
    assert own.payment.pending(1, 1, boa.env.timestamp // BUCKET_SECONDS) == result["pending"]
    release_all(own)
    pots = [own.payment.pot(pot)[0] for pot in range(3)]
    assert pots == [result["nodes"], result["validators"], result["treasury"]]
    travel(own.payment.withdrawable_at(session) - boa.env.timestamp)
    assert own.payment.withdraw(session, sender=own.payer) == result["refund"]


def test_the_proof_of_the_page(protocol, payment, anchor):
    found = rows("receipt-anchor", "Worked example")
    leaves = [row for row in found if len(row) == 4]
    facts = {row[0]: bytes.fromhex(row[1][2:]) for row in found if len(row) == 2}
    assert len(leaves) == 4
    for digest, index, cumulative, leaf in leaves:
        computed = payment.leaf_of(word(int(digest)), int(index), int(cumulative))
        assert "0x" + computed.hex() == leaf
    anchor.anchor(facts["root"], 4, "", sender=protocol.settler)
    third = bytes.fromhex(leaves[2][3][2:])
    proof = [facts[f"proof of the third, sibling {n}"] for n in (1, 2)]
    assert anchor.is_anchored(protocol.settler, third, proof, facts["root"])
    assert keccak(b"".join(sorted([third, proof[0]]))) != third


@pytest.mark.parametrize("page", PAGES)
def test_errors_of_the_page_are_the_contracts(page):
    _, modules = PAGES[page]
    pattern = rf'"((?:{"|".join(modules)}): [^"]+)"'
    sources = [path for path in CONTRACTS.rglob("*.vy") if "mocks" not in path.parts]
    reasons = {r for path in sources for r in re.findall(pattern, path.read_text())}
    listed = [row[0] for row in rows(page, "Errors")]
    assert sorted(listed) == sorted(reasons)


@pytest.mark.parametrize("page", PAGES)
def test_events_of_the_page_are_the_contracts(page):
    abi = build_abi_output(deployer_of(PAGES[page][0]).compiler_data)
    fields = {
        entry["name"]: {argument["name"] for argument in entry["inputs"]}
        for entry in abi
        if entry["type"] == "event" and entry["name"] not in OWNERSHIP
    }
    listed = {row[0]: " ".join(row[2:]) for row in rows(page, "Events")}
    assert set(listed) == set(fields)
    for name, text in listed.items():
        assert fields[name] <= set(re.findall(r"\w+", text)), name


@pytest.mark.parametrize("page", PAGES)
def test_every_invariant_cites_tests_that_exist(page):
    contract = (CONTRACTS / f"{PAGES[page][0]}.vy").read_text()
    stated = set(re.findall(r"INV-[A-Z]\d+", contract))
    listed = {row[0] for row in rows(page, "Invariants")}
    assert listed == stated
    cited = re.findall(r"`([\w/]+\.py)::(\w+)`", (SPEC / f"{page}.md").read_text())
    for row in rows(page, "Invariants"):
        assert re.search(r"[\w/]+\.py|state machine", row[-1]), row[0]
    for path, name in cited:
        assert f"def {name}(" in (HERE / path).read_text(), f"{path}::{name}"
