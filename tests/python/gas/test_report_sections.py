# SPDX-License-Identifier: Apache-2.0
"""Where the gas of scenarios goes, as the report tells it: from the committed profiles."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from cortensor.cli import main
from cortensor.gas.cost_lines import batch_share_wei
from cortensor.gas.fee_files import PRICES, fee_file
from cortensor.gas.kept_profiles import Profiles
from cortensor.gas.measured import WHOLE, Measurement, Parts
from cortensor.gas.reading import read_json
from cortensor.gas.report import Peers, charts_of
from cortensor.gas.report_calldata import calldata_rows
from cortensor.gas.report_classes import SHOWN, stacks
from cortensor.gas.report_events import event_rows
from cortensor.gas.report_heat import COLUMNS, heat_rows
from cortensor.gas.report_lines import cards
from cortensor.gas.snapshot import load_prices, load_snapshot
from tests.python.gas.browsing import browse
from tests.python.router.browser import CHROMIUM, Browser

GAS = Path("gas")
MEASURED = read_json(GAS / "scenarios.json", Measurement)
PROFILES = read_json(GAS / "profile.json", Profiles)
PEERS = read_json(GAS / "peers.json", Peers)
AGAIN = list(COLUMNS).index("redundant_reads")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report") / "gas.html"
    done = CliRunner().invoke(main, ["gas", "report", "--out", str(out)])
    assert done.exit_code == 0, done.output
    return out


def test_pieces_of_a_bar_are_the_whole_scenario() -> None:
    found = stacks(PROFILES)
    assert {each.scenario for each in found} == set(PROFILES.scenarios)
    for each in found:
        assert sum(piece.gas for piece in each.pieces) - each.refund == each.gas, each.scenario
        assert sum(piece.permille for piece in each.pieces) in range(1_000 - len(SHOWN), 1_001)


def test_the_dearest_come_first_and_deployments_last() -> None:
    names = [each.scenario for each in stacks(PROFILES)]
    first_deployment = next(at for at, name in enumerate(names) if name.startswith("deploy."))
    assert all(name.startswith("deploy.") for name in names[first_deployment:])
    gas = [PROFILES.scenarios[name].gas_used for name in names[:first_deployment]]
    assert gas == sorted(gas, reverse=True)


def test_every_variable_of_every_scenario_is_a_row() -> None:
    found = {(row.scenario, row.variable): row for row in heat_rows(PROFILES)}
    for name, kept in PROFILES.scenarios.items():
        for variable, told in kept.storage.items():
            row = found.pop((name, variable))
            assert row.gas == told["gas"]
            counts = dict(zip(COLUMNS, row.counts, strict=True))
            assert counts == {column: told.get(column, 0) for column in COLUMNS}
    assert found == {}
    # What the gas of an access is, by its kind: with this no count can be lost.
    for row in heat_rows(PROFILES):
        counts = dict(zip(COLUMNS, row.counts, strict=True))
        least = 2_100 * counts["cold_reads"] + 100 * counts["warm_reads"]
        least += 20_000 * counts["sets"] + 2_900 * (counts["resets"] + counts["clears"])
        least += 100 * (counts["rewrites"] + counts["same"])
        assert (row.gas - least) % 2_100 == 0, row
        assert row.gas >= least


def test_events_and_arguments_are_within_what_they_are_part_of() -> None:
    for event in event_rows(PROFILES):
        classes = PROFILES.scenarios[event.scenario].classes
        assert 8 * event.data_bytes <= classes["history_growth"]
    for row in calldata_rows(PROFILES, MEASURED):
        assert row.gas == 4 * row.zeros + 16 * (row.bytes - row.zeros)
        assert row.units == MEASURED.scenarios[row.scenario].poster_units
        # All that is no argument is the selector and where dynamic ones begin.
        assert 0 < sum(each.bytes for each in row.arguments) < row.bytes
        assert row.dearest == sorted(row.dearest, key=lambda each: -each.units)


def test_lines_are_of_the_dearest_scenario_of_each_kind() -> None:
    found = cards(PROFILES)
    kinds = [".".join(card.scenario.split(".")[:2]) for card in found]
    assert len(kinds) == len(set(kinds)) > 5
    assert found[0].gas == max(
        kept.gas_used for name, kept in PROFILES.scenarios.items() if "deploy" not in name
    )
    for card in found:
        kept = PROFILES.scenarios[card.scenario]
        # A long file is kept as code, which no line of source takes.
        assert all(bar.line.text or "(code on chain)" in bar.line.where for bar in card.bars)
        assert sum(bar.line.gas for bar in card.bars) < kept.gas_used + kept.refund


def test_floors_are_below_what_contracts_take() -> None:
    floors = 0
    for chart in charts_of(MEASURED, PEERS):
        floor = [bar for bar in chart.bars if bar.is_floor]
        floors += len(floor)
        assert all(floor[0].gas < bar.gas for bar in chart.bars if not bar.is_floor and floor)
    assert floors > 5


def test_every_section_has_its_numbers(written: Path) -> None:
    text = written.read_text("utf-8")
    for row in heat_rows(PROFILES):
        assert f"<code>{row.variable}</code>" in text
        assert f"{row.gas:,}" in text
    for event in event_rows(PROFILES):
        assert f"<code>{event.event}</code>" in text


ROWS = "[...document.querySelectorAll('#heat-table tbody tr:not([hidden])')]"


@pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium")
def test_storage_sorts_filters_and_opens_up(written: Path) -> None:
    heat = heat_rows(PROFILES)
    most = max(row.counts[AGAIN] for row in heat)

    async def steps(browser: Browser) -> None:
        await browser.open(written.as_uri())
        first = await browser.run(f"{ROWS}.length")
        assert first < len(heat)
        again = 4 + AGAIN
        await browser.run(f"document.querySelectorAll('#heat-table th button')[{again}].click()")
        cell = f"{ROWS}[0].cells[{again}].dataset.value"
        assert int(await browser.run(cell)) == most
        await browser.run(
            "document.getElementById('heat-filter').value = 'settle _hot';"
            "document.getElementById('heat-filter').dispatchEvent(new Event('input'))"
        )
        shown = await browser.run(f"{ROWS}.map((row) => row.innerText)")
        assert shown
        assert all("settle" in row and "_hot" in row for row in shown)
        await browser.run("document.getElementById('heat-filter').value = ''")
        await browser.run(
            "document.getElementById('heat-filter').dispatchEvent(new Event('input'));"
            "document.querySelector('#heat-table').parentElement.nextElementSibling.click()"
        )
        assert await browser.run(f"{ROWS}.length") == len(heat)
        pieces = "document.querySelectorAll('#classes-table .stack i').length"
        assert await browser.run(pieces) > len(PROFILES.scenarios)

    browse(steps)


@pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium")
def test_a_narrow_screen_scrolls_tables_and_not_the_page(written: Path) -> None:
    async def steps(browser: Browser) -> None:
        await browser.open(written.as_uri())
        assert await browser.run("document.documentElement.scrollWidth") <= 390

    browse(steps, dark=True, width=390)


def test_a_table_for_a_review(tmp_path: Path) -> None:
    out = tmp_path / "gas.md"
    done = CliRunner().invoke(main, ["gas", "report", "--markdown", str(out)])
    assert (done.exit_code, done.stdout) == (0, f"wrote {out}\n"), done.output
    rows = table(out)
    assert [row[0].strip("`") for row in rows] == list(MEASURED.scenarios)
    for row in rows:
        name = row[0].strip("`")
        assert row[1] == f"{MEASURED.scenarios[name].gas_used:,}"
        if name in PROFILES.scenarios:
            kept = PROFILES.scenarios[name]
            parts = sum(int(cell.replace(",", "") or 0) for cell in row[3:7])
            assert parts - kept.refund == kept.gas_used


def test_a_table_of_what_changed(tmp_path: Path) -> None:
    base, out = tmp_path / "base.json", tmp_path / "gas.md"
    text = (GAS / "scenarios.json").read_text()
    gas = MEASURED.scenarios["session.open.first"].gas_used
    assert text.count(f'"session.open.first": {{"gas_used": {gas},') == 1
    old = f'"session.open.first": {{"gas_used": {gas + 100},'
    base.write_text(text.replace(f'"session.open.first": {{"gas_used": {gas},', old))
    words = ["gas", "report", "--markdown", str(out), "--base", str(base)]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    (row,) = table(out)
    assert row[:3] == ["`session.open.first`", f"{gas + 100:,}", f"{gas:,}"]
    assert row[3].startswith("-100 (-0.")
    words[-1] = str(GAS / "scenarios.json")
    assert CliRunner().invoke(main, words).exit_code == 0
    assert table(out) == []


def test_a_base_is_of_the_table_only() -> None:
    done = CliRunner().invoke(main, ["gas", "report", "--base", "phase2"])
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert "is for --markdown" in done.stderr


def test_costs_are_the_lines_of_the_fees(tmp_path: Path, written: Path) -> None:
    page, out = written.read_text("utf-8"), tmp_path / "gas.md"
    assert CliRunner().invoke(main, ["gas", "report", "--markdown", str(out)]).exit_code == 0
    dated = f"at prices of {load_prices(PRICES).as_of}"
    assert dated in page
    assert dated in out.read_text()
    for place, (network, names) in enumerate(LINES.items(), start=1):
        fees = load_snapshot(fee_file(network))
        assert f"{fees.as_of}" in page.partition(f"<h3>{network}</h3>")[2][:400]
        heads, *rows = tables(out)[place]
        assert heads == ["scenario", *(f"{name}, wei" for name in names), "ETH", "COR", "USD"]
        assert len(rows) == sum(network in each.fees for each in MEASURED.scenarios.values())
        for name, *cells in rows:
            row = MEASURED.scenarios[name.strip("`")]
            wei = [int(cell.replace(",", "")) for cell in cells[: len(names)]]
            assert wei[0] == row.gas_used * int(fees.base_fee_wei)
            assert [str(each) for each in wei] == list(told(row.fees[network]))
            assert all(f">{cell}<" in page for cell in cells)
            usd = load_prices(PRICES).pico_usd_of(wei[0] + wei[1], fees.coin)
            assert usd is not None
            shown = int(Decimal(cells[-1]) * 10**12)
            assert 0 < usd <= shown <= usd + usd // 10**5 + 1, "rounded up at the sixth digit"


LINES = {
    "arbitrum-sepolia": ("L2 execution", "L1 data"),
    "cor-testnet1a": ("L3 execution", "L3 data", "fixed batch share"),
}


def told(parts: Parts) -> Iterator[str]:
    yield from (each for each in msgspec.structs.astuple(parts) if each is not None)


def test_a_batch_share_is_of_as_many_transactions_as_it_was() -> None:
    whole = batch_share_wei(load_snapshot(fee_file("cor-testnet1a")))
    assert whole

    def share(document: Measurement, name: str) -> int:
        return int(document.scenarios[name].fees["cor-testnet1a"].batch_share_wei or 0)

    assert share(MEASURED, "settle.escrow.100") == whole
    # One to open, and a hundredth each of a settlement, a release and three payments.
    assert share(MEASURED, WHOLE) == -(-whole * 105 // 100)
    assert share(MEASURED, f"{WHOLE}.alone") == 6 * whole
    assert share(read_json(GAS / "baselines" / "phase2.json", Measurement), WHOLE) == 1_206 * whole


def test_a_measure_without_prices_is_refused(tmp_path: Path) -> None:
    document = json.loads((GAS / "scenarios.json").read_text())
    del document["header"]["prices"]
    (tmp_path / "scenarios.json").write_text(json.dumps(document))
    (tmp_path / "profile.json").write_text((GAS / "profile.json").read_text())
    words = ["gas", "report", "--from", str(tmp_path), "--markdown", str(tmp_path / "out")]
    done = CliRunner().invoke(main, words)
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert "[other_measure]" in done.stderr


def tables(path: Path) -> list[list[list[str]]]:
    """Read Markdown tables: their rows, the headings first."""
    found: list[list[list[str]]] = []
    before = ""
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("| "):
            if not before.startswith("|"):
                found.append([])
            found[-1].append([cell.strip() for cell in line.strip("|").split("|")])
        before = line
    return found


def table(path: Path) -> list[list[str]]:
    """Read the first Markdown table's rows."""
    return tables(path)[0][1:] if tables(path) else []
