# SPDX-License-Identifier: Apache-2.0
"""A source file without its own licence line is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.lint_spdx import check


@pytest.fixture
def licensed(tmp_path: Path) -> Path:
    (tmp_path / "contracts").mkdir()
    (tmp_path / "LICENSE").write_text("terms\n")
    (tmp_path / "contracts/LICENSE").write_text("terms\n")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.py", "# SPDX-License-Identifier: Apache-2.0\n"),
        ("run", "#!/bin/bash\n# SPDX-License-Identifier: Apache-2.0\n"),
        ("a.css", "/* SPDX-License-Identifier: Apache-2.0 */\n"),
        ("contracts/A.vy", "# SPDX-License-Identifier: AGPL-3.0-only\n"),
        ("data.json", "{}\n"),
    ],
)
def test_licensed_file_is_fine(licensed: Path, name: str, content: str) -> None:
    (licensed / name).write_text(content)
    assert list(check(licensed, [name])) == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.py", '"""No licence."""\n'),
        ("a.py", "\n\n\n# SPDX-License-Identifier: Apache-2.0\n"),
        ("contracts/A.vy", "# SPDX-License-Identifier: Apache-2.0\n"),
        ("Makefile", "all:\n"),
    ],
)
def test_unlicensed_file_is_found(licensed: Path, name: str, content: str) -> None:
    (licensed / name).write_text(content)
    assert [finding.path for finding in check(licensed, [name])] == [name]


def test_missing_licence_text_is_found(tmp_path: Path) -> None:
    assert [finding.path for finding in check(tmp_path, [])] == ["LICENSE", "contracts/LICENSE"]
