# SPDX-License-Identifier: Apache-2.0
"""The examples of docs/spec/chat.md are run as they stand there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.python.router.fake_model import Script
from tests.python.router.harness import token

if TYPE_CHECKING:
    from tests.python.router.harness import Router

PAGE = Path(__file__).parents[3] / "docs/spec/chat.md"
SHOWN_URL = "http://127.0.0.1:5010"
COLOURS = "red, green, blue"


def blocks(language: str, url: str) -> list[str]:
    page = PAGE.read_text(encoding="utf-8")
    found = re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)
    assert found
    return [block.replace(SHOWN_URL, url) for block in found]


def test_the_python_examples_run(
    router: Router,
    session: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    router.model.default = Script(COLOURS)
    monkeypatch.setenv("CORTENSOR_GRANT", token(session))
    known: dict[str, Any] = {}
    for block in blocks("python", router.url):
        exec(compile(block, PAGE.name, "exec"), known)
    known["client"].close()
    shown = capsys.readouterr().out
    assert shown.count(COLOURS) == 2
    assert shown.count("urn:cortensor:receipt:0x") == 2


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_curl_example_runs(router: Router, session: str) -> None:
    router.model.default = Script(COLOURS)
    [command] = blocks("sh", router.url)
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        env={**os.environ, "CORTENSOR_GRANT": token(session)},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert ran.stdout.endswith("data: [DONE]\n\n")
