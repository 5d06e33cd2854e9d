# SPDX-License-Identifier: Apache-2.0
"""gas/profile.json is what a tour of all contracts profiles as, and the command that writes it."""

from __future__ import annotations

import itertools
import json

import pytest
from click.testing import CliRunner

from cortensor.pricing import RateCard
from scripts import gas
from scripts._anvil import ROOT
from scripts._gas import profiles
from scripts._gas.bench import run_bench
from scripts._gas.opening import run_opening
from scripts._gas.profiles import PROFILE_PATH, profiled
from scripts._gas.scenarios import run_routers
from scripts._gas.tour import STOPS, run_tour

pytestmark = [pytest.mark.anvil, pytest.mark.timeout(300)]

COMMITTED = json.loads(PROFILE_PATH.read_text())
#: By the source map, which takes the compiler seconds for each contract.
BY_LINE = ("lines", "calls")
#: By the bytes that a transaction has of hashes, which number on from scenario to scenario.
BY_HASH = ("computation", "l2_calldata")
NEAR_GAS = 100
FEW = 4


def unmapped(_name):
    """No line map: each would take the compiler seconds."""


def whatever_hashes(brief):
    """Return what of a profile does not depend on zero bytes of hashes and on their order."""
    return {
        "refund": brief["refund"],
        "classes": {k: v for k, v in brief["classes"].items() if k not in BY_HASH},
        "storage": brief["storage"],
        "events": brief["events"],
        "calldata": sum(brief["calldata_bytes"]),
        "arguments": {name: size for name, (size, _) in brief["arguments"].items()},
    }


def test_the_tours_profiles_are_as_committed():
    found = {}
    with run_bench(RateCard.load(ROOT / "config" / "rate-card.toml")) as bench:
        names = [each.name for each in profiled(run_tour(bench), bench, found, line_map=unmapped)]
    assert names == [name for _, stop in STOPS for name in stop]
    same = 0
    for name in names:
        measured, kept = json.loads(json.dumps(found[name])), COMMITTED["scenarios"][name]
        assert whatever_hashes(measured) == whatever_hashes(kept), name
        for each in BY_HASH:
            assert abs(measured["classes"][each] - kept["classes"][each]) <= NEAR_GAS, name
        same += {**measured, **dict.fromkeys(BY_LINE)} == {**kept, **dict.fromkeys(BY_LINE)}
    assert same > len(names) // 2  # to the unit and the byte


def run(*words):
    return CliRunner().invoke(gas.cli, ["--profile", *words])


def test_the_command_writes_profiles_and_a_graph_and_sees_what_differs(tmp_path, monkeypatch):
    kept, page = tmp_path / "profile.json", tmp_path / "all.html"
    monkeypatch.setattr(profiles, "PROFILE_PATH", kept)
    monkeypatch.setattr(gas, "run_scenarios", lambda bench: itertools.islice(_few(bench), FEW))
    wrote = run("--flame", str(page))
    assert wrote.exit_code == 0, wrote.output
    assert f"{FEW} profiles" in wrote.output
    text = kept.read_text()
    for name, brief in json.loads(text)["scenarios"].items():
        assert brief == COMMITTED["scenarios"][name], name
    assert f"{FEW} transactions: the scenarios, deployments aside" in page.read_text()
    kept.write_text(text.replace('"refund": 0', '"refund": 1', 1))
    differs = run("--check")
    assert differs.exit_code == 1
    assert "not as committed" in differs.output
    kept.write_text(text)
    same = run("--check")
    assert (same.exit_code, same.output.endswith(f"{FEW} profiles, as committed\n")) == (0, True)


def _few(bench):
    """Yield openings as they are among all scenarios."""
    for _ in run_routers(bench):
        pass
    yield from run_opening(bench)
