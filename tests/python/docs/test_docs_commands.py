# SPDX-License-Identifier: Apache-2.0
"""What the documentation says to type is tried; see docs/commands.toml."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools.lint_docs import ROOT, check_commands, check_links, pages, table
from tools.markdown import anchors, commands, links

PAGES = pages(ROOT)
RUN = [command.line for command in table(ROOT).values() if command.run]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    assert [str(finding) for finding in check_links(ROOT, page)] == []


def test_every_command_is_tried_somewhere() -> None:
    assert [str(finding) for finding in check_commands(ROOT, PAGES, table(ROOT))] == []


@pytest.mark.parametrize("line", RUN)
def test_command_runs(line: str) -> None:
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", line],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_hooks_install_into_a_fresh_clone(tmp_path: Path) -> None:
    shutil.copy(ROOT / ".pre-commit-config.yaml", tmp_path)
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    program = Path(sys.executable).with_name("pre-commit")
    for arguments in (["validate-config"], ["install"]):
        subprocess.run([program, *arguments], cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / ".git/hooks/pre-commit").exists()


def test_commands_are_read_from_sh_and_console_blocks_only() -> None:
    page = """\
```sh
# a comment
make demo  # the first
cortensor receipt \\
  verify a.json
```
```console
$ make help
output, not a command
```
```python
import os
```
    make nothing
"""
    assert list(commands(page)) == [
        (3, "make demo"),
        (4, "cortensor receipt verify a.json"),
        (8, "make help"),
    ]


def test_links_in_code_are_no_links() -> None:
    page = "[a](b.md) `[c](d.md)` ![e](f.png)\n```\n[g](h.md)\n```\n"
    assert list(links(page)) == [(1, "b.md"), (1, "f.png")]


def test_anchors_follow_the_headings() -> None:
    assert anchors("# One paid answer\n## `make` it, now\n```\n# no\n```\n") == {
        "one-paid-answer",
        "make-it-now",
    }


def test_dead_links_and_unknown_commands_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Here\n[a](gone.md) [b](#nowhere) [c](#here)\n```sh\nrm -rf build\n```\n")
    assert [finding.line for finding in check_links(tmp_path, page)] == [2, 2]
    assert [finding.line for finding in check_commands(tmp_path, [page], {})] == [4]
