# SPDX-License-Identifier: Apache-2.0
"""docs/spec/threats.md: every attack has its test, and every scenario is an attack in the book."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BOOK = ROOT / "docs" / "spec" / "threats.md"
CITED = re.compile(r"`([\w/]+\.py)(?:::(\w+))?`")
# A flow that anybody takes, told as a scenario: no attack.
FLOWS: set[str] = set()


# What anybody would try, and the scenario that is named after it.
NAMED = {
    "flash stake": "flash_stake",
    "window boundary": "window_boundary",
    "split to save": "split_to_save",
    "stale or replayed voucher": "stale_voucher",
    "cross-chain and cross-contract replay": "cross_replay",
    "contract payer re-enters": "erc1271_payer",
    "re-entrancy through a hostile token": "hostile_token",
    "false-returning token": "bad_tokens",
    "fee on transfer": "bad_tokens",
    "settle after close": "closing",
    "griefing a close": "closing",
    "router over-charge": "over_charge",
    "router and owner vanish": "router_vanishes",
    "oracle pushes surcharge": "oracle_pushes_surcharge",
    "duplicate sessions in a batch": "duplicate_sessions",
    "largest batch": "max_size_batch",
    "dust and uint96 edges": "edges",
    "guardian pauses during close": "pause",
    "front-run permit": "front_run_permit",
    "slash during cool-down": "slash_during_cooldown",
    "challenge spam": "challenge_spam",
    "refund, then the batch again": "refund_then_replay",
    "phantom tasks": "phantom_tasks",
    "receipt that differs from its leaf": "leaf_differs_from_receipt",
    "withheld middle leaf": "withheld_middle_leaf",
    "revoke before challenge": "revoke_before_challenge",
    "fraudster challenges itself": "fraudster_challenges_itself",
    "pending beyond the bond": "pending_beyond_bond",
    "unstake before the draw": "unstake_before_draw",
    "work of the last window": "last_window_work",
    "payer key rotated after service": "payer_key_rotated",
    "sequencer censors a window": "sequencer_censors",
}


def rows() -> list[list[str]]:
    """Return the attacks: name, what it is after, what it meets, its tests."""
    lines = BOOK.read_text().splitlines()
    cells = [[c.strip() for c in line.strip("|").split(" | ")] for line in lines if line[:1] == "|"]
    return [row for row in cells if len(row) == 4 and CITED.search(row[3])]


def test_every_attack_has_a_test_that_exists():
    assert len(rows()) >= 35
    for name, _, _, tests in rows():
        found = CITED.findall(tests)
        assert found, name
        for path, function in found:
            source = (ROOT if path.startswith("tests/") else HERE).joinpath(path).read_text()
            assert "def test_" in source, path
            if function:
                assert f"def {function}(" in source, f"{path}::{function}"


def test_every_named_attack_is_a_scenario():
    tests = {row[0]: row[3] for row in rows()}
    for attack, scenario in NAMED.items():
        assert f"`scenarios/test_{scenario}.py" in tests[attack], attack


def test_no_attack_is_there_twice():
    names = [row[0] for row in rows()]
    assert len(names) == len(set(names))


def test_every_scenario_is_in_the_book():
    cited = {path for row in rows() for path, _ in CITED.findall(row[3])}
    there = {f"scenarios/{path.name}" for path in (HERE / "scenarios").glob("test_*.py")}
    assert there - cited - FLOWS == set()
