# SPDX-License-Identifier: Apache-2.0
"""docs/spec/fees.md shows what the command prints."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from cortensor.cli import main
from cortensor.gas.profile import UNNAMED

PAGE = Path("docs/spec/fees.md").read_text("utf-8")


def shown(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


def lines(text: str) -> list[str]:
    """Return words a line, without the spaces that depend on the terminal."""
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def test_the_example_is_what_it_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    command = shown("sh")[0].split()
    done = CliRunner().invoke(main, command[1:])
    assert done.exit_code == 0, done.output
    assert lines(done.output) == lines(shown("text")[0])


def test_the_library_gives_what_the_page_says() -> None:
    (example,) = shown("python")
    raw = bytes.fromhex(Path("docs/examples/token-transfer.hex").read_text().strip()[2:])
    exec(compile(example, "fees.md", "exec"), {"raw": raw})


def test_every_code_of_the_package_is_listed() -> None:
    codes = {*_codes("gas"), *UNNAMED, *OF_NODES}
    assert _codes("chain") >= OF_NODES
    listed = set(re.findall(r"^\| `(\w+)` \|", PAGE, flags=re.MULTILINE))
    assert codes == listed


OF_NODES = {"chain_unavailable", "contract_refused", "unknown_transaction"}


def _codes(package: str) -> set[str]:
    sources = Path("src/cortensor", package).glob("*.py")
    return {code for path in sources for code in re.findall(r'code="(\w+)"', path.read_text())}
