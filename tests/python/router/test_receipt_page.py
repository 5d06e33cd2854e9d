# SPDX-License-Identifier: Apache-2.0
"""The receipt page as it is served: complete, of its own, and with nothing that could run text."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cortensor.receipts.sign import address_of, recover
from cortensor.receipts.typed import Domain, ReceiptStruct
from cortensor.router.receipt_page import ASSETS, SECURITY_HEADERS
from tests.python.router.harness import SIGNER_KEY

if TYPE_CHECKING:
    from tests.python.router.harness import Router

FOLDER = Path(__file__).parents[3] / "src/cortensor/receipts/js"
SCRIPTS = sorted(FOLDER.rglob("*.js"))
IMPORT = re.compile(r'(?:import|export)[^;"]*?from\s+"([^"]+)"')


def name(path: Path) -> str:
    return path.relative_to(FOLDER).as_posix()


def test_page_and_assets_have_the_strict_headers(router: Router) -> None:
    for path in ("/receipt", "/receipt/0x" + "0" * 64, f"{ASSETS}/verify.js"):
        answer = router.get(path)
        assert answer.status_code == 200
        for header, value in SECURITY_HEADERS.items():
            assert answer.headers[header] == value
    policy = SECURITY_HEADERS["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "http" not in policy
    assert policy.startswith("default-src 'none'")


def test_page_has_no_inline_script_style_or_foreign_address() -> None:
    page = (FOLDER / "page/receipt.html").read_text(encoding="utf-8")
    assert re.findall(r"<script(?![^>]*\bsrc=)", page) == []
    assert re.findall(r"<style|\bstyle=|\bon[a-z]+=|javascript:", page) == []
    assert set(re.findall(r'(?:src|href)="([^"]*)"', page)) == {
        "#receipt",
        f"{ASSETS}/page/receipt.css",
        f"{ASSETS}/page/icon.svg",
        f"{ASSETS}/page/main.js",
    }


def test_every_script_is_served(router: Router) -> None:
    for path in SCRIPTS:
        answer = router.get(f"{ASSETS}/{name(path)}")
        assert answer.text == path.read_text(encoding="utf-8")
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8"


@pytest.mark.parametrize("path", SCRIPTS, ids=name)
def test_script_is_small_and_makes_no_html(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 400
    makes = r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|Function\("
    assert not re.search(makes, text)
    assert not re.search(r"https?://|localStorage|sessionStorage|cookie", text)


def test_every_import_is_a_file_beside_it() -> None:
    for path in SCRIPTS:
        for target in IMPORT.findall(path.read_text(encoding="utf-8")):
            assert target.startswith("."), target
            found = posixpath.normpath(posixpath.join(posixpath.dirname(name(path)), target))
            assert (FOLDER / found).is_file(), f"{name(path)} imports {target}"


def test_the_verifier_needs_nothing_of_the_page() -> None:
    for path in SCRIPTS:
        if not name(path).startswith("page/"):
            assert "/page/" not in path.read_text(encoding="utf-8")


def test_nothing_else_is_served(router: Router) -> None:
    for path in ("package.json", "page/receipt.html", "../keccak.py", "%2e%2e/keccak.py", "page"):
        answer = router.get(f"{ASSETS}/{path}")
        assert answer.status_code == 404
        assert answer.json()["code"] in {"unknown_file", "unknown_route"}


def test_a_stranger_can_check_the_signature_of_a_private_receipt(
    router: Router, session: str
) -> None:
    paid = router.post("delegate", {"session_id": session, "objective": "say something"}).json()
    shown = router.get(f"/api/v4/receipt/{paid['receipt_id']}").json()
    assert shown["receipt"] is None
    domain = Domain(shown["chain"]["chain_id"], shown["chain"]["session_payment"])
    digest = ReceiptStruct.from_json(shown["charge"]).digest(domain)
    assert "0x" + digest.hex() == shown["digest"]
    assert recover(digest, bytes.fromhex(shown["signature"][2:])) == address_of(SIGNER_KEY)
