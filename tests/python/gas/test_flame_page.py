# SPDX-License-Identifier: Apache-2.0
"""The page of a flame graph in a real browser: scale, zoom, search, keys, dark, narrow."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cortensor.gas.flame_page import drawn_of, flame_page
from cortensor.gas.profile import Note
from tests.python.gas.browsing import browse
from tests.python.gas.flames import graph, profile_of_graph
from tests.python.router.browser import CHROMIUM, Browser

BOXES = (
    "Object.fromEntries([...document.querySelectorAll('#flame .box')]"
    ".map((each) => [each.box.name, Math.round(each.getBoundingClientRect().width)]))"
)
TOLD = "document.getElementById('told').innerText"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    notes = [Note("unknown_contract", "0xcc is in no deployment record: drawn as one box")]
    path = tmp_path_factory.mktemp("flame") / "flame.html"
    path.write_text(flame_page(graph(), drawn_of(profile_of_graph()), notes), "utf-8")
    return path


def test_the_receipt_is_told_part_by_part(written: Path) -> None:
    text = re.sub(r"<[^>]+>", "", written.read_text("utf-8"))
    for part in ("intrinsic 600", "execution + 1,000", "refund - 200", "poster + 7"):
        assert part in text
    assert "= receipt 1,407" in text
    assert "drawn as one box" in text


def test_the_page_asks_nobody_for_anything_and_code_stays_text(written: Path) -> None:
    text = written.read_text("utf-8")
    assert re.findall(r"(?:src|href)=|@import|url\(|fetch\(|https?://", text) == []
    assert "# <b>" not in text


async def press(browser: Browser, *keys: str) -> None:
    for key in keys:
        await browser.run(
            "document.getElementById('flame').dispatchEvent("
            f"new KeyboardEvent('keydown', {{key: '{key}', bubbles: true}}))"
        )


async def drawn(browser: Browser) -> dict[str, int]:
    found: dict[str, int] = await browser.run(BOXES)
    return found


@pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium")
def test_boxes_are_to_scale_and_zoom(written: Path) -> None:
    async def steps(browser: Browser) -> None:
        await browser.open(written.as_uri())
        boxes = await drawn(browser)
        whole = boxes["execution"]
        assert boxes["Shop"] == boxes["buy"] == whole
        assert abs(boxes["Jar.vy:7"] - whole * 599 // 1_000) <= 2
        assert "0x" + "c" * 40 not in boxes  # too narrow to be seen
        await browser.run(
            "[...document.querySelectorAll('.box')].find((e) => e.box.name === 'pay.vy:4').click()"
        )
        boxes = await drawn(browser)
        assert boxes["pay.vy:4"] == boxes["Shop"] == whole
        assert "Shop.vy:11" not in boxes
        assert "700 gas, 70.0 %, of that 100 its own" in await browser.run(TOLD)
        await browser.run("document.getElementById('whole').click()")
        assert "Shop.vy:11" in await drawn(browser)

    browse(steps)


@pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium")
def test_keys_move_and_zoom(written: Path) -> None:
    async def steps(browser: Browser) -> None:
        await browser.open(written.as_uri())
        await press(browser, "ArrowDown", "ArrowDown", "ArrowDown")
        assert (await browser.run(TOLD)).startswith("Shop > buy > Shop.vy:12\n750 gas")
        await press(browser, "ArrowLeft")
        told = await browser.run(TOLD)
        assert told.startswith("Shop > buy > Shop.vy:11\n250 gas, 25.0 % · contracts/Shop.vy")
        assert told.endswith("self.count += 1 # <b>")
        await press(browser, "ArrowRight", "Enter")
        assert "Shop.vy:11" not in await drawn(browser)
        await press(browser, "Escape")
        assert "Shop.vy:11" in await drawn(browser)

    browse(steps)


@pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium")
def test_search_marks_and_adds_up(written: Path) -> None:
    async def steps(browser: Browser) -> None:
        await browser.open(written.as_uri())
        await browser.run(
            "const box = document.getElementById('find'); box.value = 'Pay.vy';"
            "box.dispatchEvent(new Event('input'))"
        )
        found = await browser.run(
            "[...document.querySelectorAll('.box.found')].map((each) => each.box.name)"
        )
        assert found == ["_pay", "pay.vy:4"]
        # One is inside the other, so its gas is counted once.
        assert await browser.text("#found") == "2 boxes, 700 gas, 70.0 %"
        await browser.run("document.querySelectorAll('#lines th button')[0].click()")
        await browser.run("document.querySelectorAll('#lines th button')[0].click()")
        assert await browser.text("#lines tbody tr td") == "1"

    browse(steps)


@pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium")
def test_it_is_dark_and_fits_a_narrow_screen(written: Path) -> None:
    async def steps(browser: Browser) -> None:
        await browser.open(written.as_uri())
        color = await browser.run("getComputedStyle(document.body).backgroundColor")
        assert color == "rgb(19, 20, 23)"
        assert await browser.run("document.documentElement.scrollWidth") <= 390
        assert max((await drawn(browser)).values()) <= 390

    browse(steps, dark=True, width=390)
