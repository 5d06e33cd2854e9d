# SPDX-License-Identifier: Apache-2.0
"""Without the extra the commands say what to install, in a line."""

from __future__ import annotations

import sys

import pytest
from click.testing import CliRunner

from cortensor.cli import main


@pytest.mark.parametrize("lacking", ["polars", "dbos"])
def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch, lacking: str) -> None:
    monkeypatch.setitem(sys.modules, lacking, None)
    monkeypatch.delitem(sys.modules, "cortensor.epochs.commands", raising=False)
    done = CliRunner().invoke(main, ["rewards", "verify", "."])
    assert done.exit_code == 2
    assert done.stderr == (
        f"error: reward epochs need {lacking}: pip install 'cortensor[rewards]' [missing_extra]\n"
    )
