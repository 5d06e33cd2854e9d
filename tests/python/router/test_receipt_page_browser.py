# SPDX-License-Identifier: Apache-2.0
"""The receipt page in a real browser before a real router: what one sees, and what cannot run."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cortensor.receipts.sign import address_of
from cortensor.router.proofs import INLINE_BYTES
from cortensor.store.store import Store
from tests.conformance.generate import VECTORS
from tests.python.router.browser import CHROMIUM, Browser
from tests.python.router.fake_model import Script
from tests.python.router.harness import SIGNER_KEY, Router, token

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium")

HOSTILE = (
    "<img src=x onerror='window.ran=1'><script>window.ran=1</script>"
    "<a href='javascript:window.ran=1'>x</a> &lt;b&gt; \u202egnp.exe\u202c \u0007"
)


DROP = """(() => {
  const data = new DataTransfer();
  data.items.add(new File([TEXT], "dropped.json"));
  const options = { dataTransfer: data, bubbles: true, cancelable: true };
  document.body.dispatchEvent(new DragEvent("dragover", options));
  document.body.dispatchEvent(new DragEvent("drop", options));
})()"""
Steps = Callable[[Browser], Awaitable[None]]
Browse = Callable[[Steps], None]


@pytest.fixture(scope="module")
def browse() -> Iterator[Browse]:
    """Carries steps out in one browser, which must have nothing to complain about."""
    with asyncio.Runner() as runner:
        browser = runner.run(Browser().__aenter__())

        async def carry_out(steps: Steps) -> None:
            browser.complaints.clear()
            await steps(browser)
            assert browser.complaints == []

        yield lambda steps: runner.run(carry_out(steps))
        runner.run(browser.__aexit__(None, None, None))


def vector(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))
    return data


def write(folder: Path, data: Any, name: str = "bundle.json") -> Path:
    path = folder / name
    path.write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")
    return path


async def opened(browser: Browser, selector: str, path: Path) -> str:
    """Choose a file and return the banner it leads to."""
    await browser.run("document.querySelector('#status').replaceChildren()")
    await browser.choose(selector, path)
    await browser.until("document.querySelector('#status').children.length")
    return await browser.text("#status")


def paid(router: Router, session: str, text: str) -> str:
    router.model.default = Script(text)
    body = {"session_id": session, "objective": text, "consensus": {"replicas": 3}}
    answer = router.post("delegate", body)
    assert answer.status_code == 200, answer.text
    identifier: str = answer.json()["receipt_id"]
    return identifier


def test_a_stranger_sees_the_signed_summary_and_the_payer_all(
    router: Router, session: str, browse: Browse
) -> None:
    identifier = paid(router, session, HOSTILE)

    async def steps(browser: Browser) -> None:
        await browser.open(f"{router.url}/receipt/{identifier}")
        text = await browser.text()
        assert "Signed summary" in text
        assert f"signed by {address_of(SIGNER_KEY)}" in text
        assert "window.ran" not in text
        await browser.run(f"document.querySelector('#grant').value = {token(session)!r}")
        await browser.run("document.querySelector('#unlock button').click()")
        await browser.until("document.querySelector('#bill-title')")
        text = await browser.text()
        assert "Consistent" in text
        assert "right to the last wei" in text
        assert "0 failed" in text
        await browser.run(
            "for (const each of document.querySelectorAll('details')) each.open = true"
        )
        text = await browser.text()
        assert "<img src=x onerror='window.ran=1'>" in text
        assert "\\u202egnp.exe\\u202c \\u0007" in text
        assert "\u202e" not in text
        # Nothing that a model or caller wrote became an element, or ran.
        assert await browser.run("window.ran === undefined")
        made = "document.querySelectorAll('img, main script, main a[href^=java]').length"
        assert await browser.run(made) == 0
        assert await browser.run("document.querySelector('a.button').download") == (
            f"receipt-{identifier[-64:][:10]}.json"
        )

    browse(steps)


def test_long_texts_are_fetched_and_checked(router: Router, session: str, browse: Browse) -> None:
    identifier = paid(router, session, "\ufeffa long answer " + "é" * INLINE_BYTES + " ends here")

    async def steps(browser: Browser) -> None:
        await browser.open(f"{router.url}/receipt/{identifier}")
        await browser.run(f"document.querySelector('#grant').value = {token(session)!r}")
        await browser.run("document.querySelector('#unlock button').click()")
        await browser.until("document.querySelector('#bill-title')")
        await browser.run(
            "for (const each of document.querySelectorAll('details')) each.open = true"
        )
        text = await browser.text()
        assert "Consistent" in text
        assert "ends here" in text
        assert "beside the bundle" not in text
        assert "0 failed" in text

    browse(steps)


def test_a_stranger_can_check_the_batch(router: Router, session: str, browse: Browse) -> None:
    identifier = [paid(router, session, f"answer {number}") for number in range(3)][1]
    with Store(router.config.database_address) as store:
        batch = store.outbox.build(None, 2_000_000_000)
        assert batch is not None

    async def steps(browser: Browser) -> None:
        await browser.open(f"{router.url}/receipt/{identifier}")
        text = await browser.text()
        assert "Signed summary" in text
        assert "number 2 of its session, under the root of a batch of 3" in text
        assert await browser.text("[aria-current=step]") == "In a batch"
        assert "Finality" not in await browser.text()
        with Store(router.config.database_address) as store:
            mined = {"tx_hash": "0x" + "1" * 64, "block": 5, "gas_used": 1, "gas_price": 1}
            confirmed = store.outbox.confirm(batch.root, now=6, **mined)
            for finality in ("soft", "safe", "hard"):
                store.anchored.note(confirmed, "0x" + "2" * 64, finality)
                await browser.open(f"{router.url}/receipt/{identifier}")
                assert f"{finality}: its block is" in await browser.text()

    browse(steps)


def test_what_is_not_there_is_said(router: Router, browse: Browse) -> None:
    async def steps(browser: Browser) -> None:
        await browser.open(f"{router.url}/receipt/not-an-id")
        assert "no receipt id" in await browser.text("#status")
        await browser.open(f"{router.url}/receipt")
        assert "Drop a receipt's bundle" in await browser.text("#status")
        await browser.open(f"{router.url}/receipt/0x{'0' * 64}")
        assert "no receipt has this id" in await browser.text("#status")
        # Chromium itself notes every answer of 404.
        noted = list(browser.complaints)
        browser.complaints.clear()
        assert len(noted) == 1
        assert "404" in noted[0]

    browse(steps)


def test_files_are_verified_offline(router: Router, tmp_path: Path, browse: Browse) -> None:
    good = vector("good-validate-majority")
    bundle = good["bundle"]

    async def steps(browser: Browser) -> None:
        await browser.open(f"{router.url}/receipt")
        assert "Consistent" in await opened(browser, "#file", write(tmp_path, bundle))
        await browser.run(DROP.replace("TEXT", json.dumps(json.dumps(bundle))))
        await browser.until("document.querySelector('.source').innerText.includes('dropped.json')")
        assert "Consistent" in await browser.text("#status")
        for field, value in (
            ("contract", good["session_payment"]),
            ("signer", bundle["receipt"]["router"]["signer"]),
            ("root", bundle["anchor"]["root"]),
        ):
            await browser.run(f"document.querySelector('#{field}').value = {value!r}")
        await browser.choose("#card", write(tmp_path, bundle["card"], "card.json"))
        await browser.run("document.querySelector('#trust button').click()")
        await browser.until("document.querySelector('.banner.good')")
        assert "Verified" in await browser.text("#status")
        await browser.run("document.querySelector('#contract').value = '0x' + '1'.repeat(40)")
        await browser.run("document.querySelector('#trust button').click()")
        await browser.until("document.querySelector('.banner.bad')")
        assert "The contract is one you trust" in await browser.text("#status")
        await browser.run("document.querySelector('#contract').value = ''")

        bad = vector("bad-over-charged")["bundle"]
        assert "Failed" in await opened(browser, "#file", write(tmp_path, bad, "bad.json"))
        assert "The bill does not hold" in await browser.text()
        assert "OUTCOME IT CLAIMS" in await browser.text(".kicker")
        for text in ("{", '{"format": "x", "format": "y"}', "[]", "\u0000"):
            path = write(tmp_path, text, "no.json")
            assert "Not a receipt" in await opened(browser, "#file", path)
        loaded = "performance.getEntriesByType('resource').map((each) => each.name)"
        assert [each for each in await browser.run(loaded) if "/assets/receipts/" not in each] == []

    browse(steps)


def test_every_good_vector_has_a_page_and_the_keyboard_reaches_it(
    router: Router, tmp_path: Path, browse: Browse
) -> None:
    names = sorted(path.stem for path in VECTORS.glob("good-*.json"))[::3]

    async def steps(browser: Browser) -> None:
        await browser.open(f"{router.url}/receipt")
        for name in names:
            banner = await opened(browser, "#file", write(tmp_path, vector(name)["bundle"]))
            assert "Consistent" in banner, name
            assert await browser.run("document.querySelectorAll('main h2').length") == 7, name
        await browser.run("document.body.focus()")
        await browser.run("document.activeElement.blur()")
        for kind in ("keyDown", "keyUp"):
            await browser.send("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab")
        reached = await browser.run("document.activeElement.tagName")
        assert reached in {"A", "INPUT", "BUTTON", "DIV", "SUMMARY"}

    browse(steps)
