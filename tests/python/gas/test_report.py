# SPDX-License-Identifier: Apache-2.0
"""`cortensor gas report`: a page from the committed numbers, that works in a real browser."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from cortensor.cli import main
from cortensor.gas.measured import Measurement
from cortensor.gas.reading import read_json
from cortensor.gas.report import Peers, bars_of, charts_of
from tests.python.gas.browsing import browse
from tests.python.router.browser import CHROMIUM, Browser

GAS = Path("gas")
MEASURED = read_json(GAS / "scenarios.json", Measurement)
PEERS = read_json(GAS / "peers.json", Peers)
FIRST_CELLS = "[...document.querySelectorAll('#scenarios tbody tr:not([hidden]) td:first-child')]"
NAMES = f"{FIRST_CELLS}.map((cell) => cell.innerText)"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report") / "gas.html"
    done = CliRunner().invoke(main, ["gas", "report", "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert done.stdout == f"wrote {out}\n"
    return out


def test_every_number_is_on_the_page(written: Path) -> None:
    text = written.read_text("utf-8")
    for name, row in MEASURED.scenarios.items():
        assert f"<code>{name}</code>" in text
        assert f"{row.gas_used:,}" in text
    for operation in PEERS.rows:
        for peer in operation.peers:
            assert f"{peer.gas:,}" in text


def test_the_page_asks_nobody_for_anything(written: Path) -> None:
    text = written.read_text("utf-8")
    assert re.findall(r"src=|href=(?!.#)|@import|url\(|fetch\(|https?://", text) == []


def test_a_batch_of_sessions_is_compared_by_session_and_one_of_receipts_whole() -> None:
    charts = {chart.scenario: chart.bars[0].gas for chart in charts_of(MEASURED, PEERS)}
    assert charts["settle.escrow.100"] == MEASURED.scenarios["settle.escrow.100"].gas_per_item
    assert charts["receipt.anchor.batch"] == MEASURED.scenarios["receipt.anchor.batch"].gas_used


def test_bars_are_to_scale() -> None:
    bars = bars_of([("a", 50, "", True), ("b", 200, "x", False)])
    assert [(bar.permille, bar.is_ours, bar.note) for bar in bars] == [
        (250, True, ""),
        (1000, False, "x"),
    ]


def test_what_is_written_into_it_stays_text(tmp_path: Path) -> None:
    folder = tmp_path / "gas"
    shutil.copytree(GAS, folder)
    peers = json.loads((folder / "peers.json").read_text())
    peers["rows"][0]["peers"][0]["name"] = "<script>alert(1)</script>"
    (folder / "peers.json").write_text(json.dumps(peers))
    out = tmp_path / "page.html"
    done = CliRunner().invoke(main, ["gas", "report", "--from", str(folder), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "<script>alert" not in out.read_text("utf-8")


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("scenarios.json", None, "no "),
        ("peers.json", "{", "is not JSON"),
        ("baselines/phase2.json", "{}", "missing required field `header`"),
    ],
)
def test_a_file_that_is_wrong_is_named(
    tmp_path: Path, file: str, text: str | None, words: str
) -> None:
    folder = tmp_path / "gas"
    shutil.copytree(GAS, folder)
    if text is None:
        (folder / file).unlink()
    else:
        (folder / file).write_text(text)
    done = CliRunner().invoke(
        main, ["gas", "report", "--from", str(folder), "--out", str(tmp_path / "x")]
    )
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert words in done.stderr
    assert file in done.stderr


@pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium")
def test_it_sorts_and_filters_in_a_browser(written: Path) -> None:
    by_gas = sorted(MEASURED.scenarios, key=lambda name: -MEASURED.scenarios[name].gas_used)

    async def steps(browser: Browser) -> None:
        await browser.open(written.as_uri())
        assert len(await browser.run(NAMES)) == len(MEASURED.scenarios)
        await browser.run("document.querySelectorAll('#scenarios th button')[1].click()")
        assert (await browser.run(NAMES))[:5] == by_gas[:5]
        await browser.run("document.querySelectorAll('#scenarios th button')[1].click()")
        assert (await browser.run(NAMES))[0] == by_gas[-1]
        await browser.run(
            "const box = document.getElementById('filter'); box.value = 'settle vouchers';"
            "box.dispatchEvent(new Event('input'))"
        )
        found = await browser.run(NAMES)
        assert found
        assert all("settle" in name for name in found)
        assert await browser.text("#shown") == f"{len(found)} of {len(MEASURED.scenarios)}"

    browse(steps)


@pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium")
def test_dark_is_dark(written: Path) -> None:
    async def steps(browser: Browser) -> None:
        await browser.open(written.as_uri())
        color = await browser.run("getComputedStyle(document.body).backgroundColor")
        assert color == "rgb(19, 20, 23)"

    browse(steps, dark=True)
