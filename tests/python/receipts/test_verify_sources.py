# SPDX-License-Identifier: Apache-2.0
"""`cortensor receipt verify` of URLs, ids and several receipts, with policies and nodes away."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cortensor.cli import main
from tests.conformance.generate import SETS
from tests.conformance.samples import CHAIN, good_bundles

GOOD = good_bundles()["delegate-agreed"]
ID = GOOD["receipt_id"]


class Router(http.server.BaseHTTPRequestHandler):
    """Gives one bundle to whom has the grant."""

    def do_GET(self) -> None:
        path = f"/api/v4/receipt/{ID}?bundle=1"
        granted = self.headers.get("Authorization") == "Bearer ctx1"
        known = {path: GOOD, f"/api/v4/receipt/urn:cortensor:receipt:{ID}?bundle=1": GOOD}
        found = known.get(self.path) if granted else None
        body = json.dumps(found or {"title": "no"}).encode()
        self.send_response(200 if found else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep the test's output clean."""


@pytest.fixture(scope="module")
def router() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Router)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def run(*arguments: str, grant: str | None = "ctx1") -> Result:
    env = {"COLUMNS": "160", **({"CORTENSOR_GRANT": grant} if grant else {})}
    return CliRunner().invoke(main, ["receipt", "verify", *arguments], env=env)


@pytest.fixture
def good(tmp_path: Path) -> str:
    path = tmp_path / "good.json"
    path.write_text(json.dumps(GOOD))
    return str(path)


def test_urls_and_names(router: str) -> None:
    for source in (
        [f"{router}/api/v4/receipt/{ID}"],
        [f"{router}/api/v4/receipt/{ID}?bundle=1"],
        [f"urn:cortensor:receipt:{ID}", "--router", f"{router}/"],
        [ID, "--router", router],
    ):
        result = run(*source, "--json")
        [entry] = json.loads(result.output)
        assert (result.exit_code, entry["receipt_id"]) == (3, ID)


def test_a_router_that_does_not_give_it_is_unreachable(router: str) -> None:
    result = run(f"{router}/api/v4/receipt/{ID}", grant=None)
    assert (result.exit_code, "unreachable" in result.output) == (4, True)
    assert run("http://127.0.0.1:1/api/v4/receipt/x").exit_code == 4


def test_a_name_needs_a_router() -> None:
    for source in (ID, f"urn:cortensor:receipt:{ID}", "urn:cortensor:receipt:0x12"):
        assert run(source).exit_code == 2, source


def test_a_node_that_is_away(good: str, tmp_path: Path) -> None:
    away = ["--rpc", "http://127.0.0.1:1", "--session-payment", CHAIN.session_payment]
    result = run(good, *away, "--json")
    [entry] = json.loads(result.output)
    assert (result.exit_code, entry["verdict"], entry["ok"]) == (4, "unreachable", False)
    bad = tmp_path / "bad.json"
    bad.write_text(json.dumps({**GOOD, "receipt_id": "0x" + "1" * 64}))
    assert run(good, str(bad), *away).exit_code == 1
    assert run(good, str(tmp_path / "none"), *away).exit_code == 2


def test_policies(good: str) -> None:
    assert run(good, "--policy", "agreement=100%", "--policy", "operators=1").exit_code == 3
    result = run(good, "--policy", "agreement=100%,operators=2")
    assert (result.exit_code, "REFUSED" in result.output) == (5, True)
    assert "1 of 2 operators" in result.output
    assert run(good, "--policy", "younger=soon").exit_code == 2


def test_one_payment_has_one_receipt(tmp_path: Path, good: str) -> None:
    vector = json.loads((SETS / "bad-one-payment.json").read_text())
    files = []
    for number, bundle in enumerate(vector["bundles"]):
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps(bundle))
        files.append(str(path))
    assert {run(file).exit_code for file in files} == {3}
    result = run(*files)
    assert (result.exit_code, "x402:eip155:8453" in result.output) == (1, True)
    found = json.loads(run(*files, "--json").output)
    reference = vector["expect"]["clashes"][0]["reference"]
    assert [(each["verdict"], each["clashes"]) for each in found] == [("failed", [reference])] * 2
    # And what is there twice has no clash with itself, but one with another of its place.
    assert run(good, good).exit_code == 3
    assert run(good, files[0]).exit_code == 1
