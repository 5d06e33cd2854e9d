# SPDX-License-Identifier: Apache-2.0
"""gas/mix.json: of every kind of traffic, its parts sum, and the page shows it."""

from __future__ import annotations

import tomllib
from itertools import product
from pathlib import Path
from typing import Any

import msgspec
from click.testing import CliRunner

from cortensor.cli import main
from cortensor.gas.allotment import DIMENSIONS, spread
from cortensor.gas.cost_lines import batch_share_wei
from cortensor.gas.fee_files import fee_file
from cortensor.gas.measured import Measurement
from cortensor.gas.mix import Borne, Mix, mix_text
from cortensor.gas.mix_lines import lines_of, networks_of
from cortensor.gas.mix_render import markdown
from cortensor.gas.reading import read_json
from cortensor.gas.report_mix import HEIGHT, WIDTH, curve_of, mix_view
from cortensor.gas.snapshot import load_snapshot

FILE = Path("gas/mix.json")
MIX = read_json(FILE, Mix)
WEIGHTS: dict[str, Any] = tomllib.loads(Path("config/gas-mix.toml").read_text())
PARTS = ("execution_wei", "data_wei", "batch_share_wei")


def test_it_is_of_the_weights_as_they_are() -> None:
    header = MIX.header
    assert {**header["weights"], "seed": header["seed"], "sessions": header["sessions"]} == WEIGHTS
    assert len(MIX.sessions) == WEIGHTS["sessions"]
    scenarios = read_json(Path("gas/scenarios.json"), Measurement)
    for name in (
        *("compiler", "evm", "optimizer", "anvil", "hardfork", "token"),
        *("fees", "lines", "coins", "prices"),
    ):
        assert header[name] == scenarios.header[name], "make gas ARGS=--mix"


def test_every_kind_of_session_is_in_it() -> None:
    for dimension in ("route", "tier", "path"):
        assert {row.name for row in MIX.tables[dimension]} == set(WEIGHTS[f"{dimension}_permille"])
    met = {(each.route, each.tier) for each in MIX.sessions}
    assert len(met) >= len(list(product(WEIGHTS["route_permille"], WEIGHTS["tier_permille"]))) - 3


def test_sessions_sum_to_the_transactions_to_the_unit() -> None:
    assert MIX.overhead == {}
    kinds, sessions = list(MIX.transactions.values()), MIX.sessions
    for name in ("execution_gas", "poster_units"):
        assert sum(getattr(x, name) for x in kinds) == sum(getattr(x, name) for x in sessions)
    for network in networks_of(MIX):
        for part in PARTS:
            assert sum(int(getattr(x.fees[network], part) or 0) for x in kinds) == sum(
                int(getattr(x.fees[network], part) or 0) for x in sessions
            )


def test_tables_are_of_the_sessions() -> None:
    for dimension in DIMENSIONS:
        for row in MIX.tables[dimension]:
            mine = [x for x in MIX.sessions if dimension == "session" or _of(x, dimension, row)]
            assert (row.sessions, row.requests) == (len(mine), sum(x.requests for x in mine))
            gas = spread([x.execution_gas for x in mine])
            assert msgspec.structs.astuple(row.execution_gas) == gas
            for network, fee in row.fees.items():
                total = spread([x.fees[network].total_wei for x in mine])
                assert tuple(map(int, msgspec.structs.astuple(fee.total_wei))) == total


def _of(each: Borne, dimension: str, row: Any) -> bool:
    return bool(getattr(each, dimension) == row.name)


def test_execution_is_paid_at_the_base_fee() -> None:
    for network in networks_of(MIX):
        base_fee = int(load_snapshot(fee_file(network)).base_fee_wei)
        for kind in MIX.transactions.values():
            assert int(kind.fees[network].execution_wei) == kind.execution_gas * base_fee


def test_each_transaction_is_one_part_of_a_batch_on_the_l3_only() -> None:
    share = batch_share_wei(load_snapshot(fee_file("cor-testnet1a"))) or 0
    assert share > 0
    for kind in MIX.transactions.values():
        assert int(kind.fees["cor-testnet1a"].batch_share_wei or 0) == share * kind.count
        assert kind.fees["arbitrum-sepolia"].batch_share_wei is None


def test_the_lines_of_a_session_have_their_names() -> None:
    found = {told.network: [row.name for row in told.rows] for told in lines_of(MIX)}
    assert found == {
        "arbitrum-sepolia": ["L2 execution", "L1 data", "total"],
        "cor-testnet1a": [
            "L3 execution",
            "L3 data",
            "total",
            "fixed batch share, not charged",
        ],
    }
    assert all(" ETH, " in told.coins and " USD" in told.coins for told in lines_of(MIX))


def test_a_session_that_nobody_used_bears_no_settlement() -> None:
    unused = [each for each in MIX.sessions if each.path == "none"]
    assert unused
    assert {each.requests for each in unused} == {0}
    assert all(each.requests for each in MIX.sessions if each.path != "none")


def test_the_page_of_documentation_has_it() -> None:
    assert markdown(MIX) in Path("docs/gas.md").read_text()


def test_what_is_read_is_what_is_written() -> None:
    assert mix_text(MIX) == FILE.read_text()


def test_the_command_prints_it() -> None:
    done = CliRunner(env={"COLUMNS": "160"}).invoke(main, ["gas", "mix"])
    assert done.exit_code == 0, done.output
    for name in WEIGHTS["path_permille"]:
        assert f"\n{name} " in done.output
    assert CliRunner().invoke(main, ["gas", "mix", "--json"]).output == FILE.read_text()
    shown = CliRunner().invoke(main, ["gas", "mix", "--markdown"]).output
    assert shown == markdown(MIX) + "\n"


def test_a_file_that_is_no_mix_is_named(tmp_path: Path) -> None:
    for text, words in (("{}", "missing required field"), ("{", "is not JSON")):
        path = tmp_path / "mix.json"
        path.write_text(text)
        done = CliRunner().invoke(main, ["gas", "mix", "--from", str(path)])
        assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
        assert words in done.stderr
    done = CliRunner().invoke(main, ["gas", "mix", "--from", str(tmp_path / "none.json")])
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)


def test_plots_are_to_scale() -> None:
    view = mix_view(MIX)
    rows = [row for ranges in view.ranges for row in ranges.rows]
    assert max(row.max_at for row in rows) == 1_000
    for row in rows:
        assert row.p50_at <= row.p95_at <= row.max_at
        assert row.p50_at == row.p50 * 1_000 // max(each.max for each in rows)
    assert view.parts[0].permille == 1_000
    curve = curve_of([4, 1, 2])
    assert (
        curve.points == f"0,{HEIGHT * 3 // 4} 333,{HEIGHT * 3 // 4} 333,120 666,120 666,0 {WIDTH},0"
    )
    assert [(tick.at, tick.gas) for tick in curve.ticks] == [(180, 1), (120, 2), (60, 3), (0, 4)]
    assert curve_of([0]).points == f"0,{HEIGHT} {WIDTH},{HEIGHT}"


def test_the_report_has_every_group(tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    done = CliRunner().invoke(main, ["gas", "report", "--out", str(out)])
    assert done.exit_code == 0, done.output
    text = out.read_text("utf-8")
    for rows in MIX.tables.values():
        for row in rows:
            assert f">{row.execution_gas.p95:,}<" in text
