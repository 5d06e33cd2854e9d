# SPDX-License-Identifier: Apache-2.0
"""`cortensor settle` from a configuration file; what it sends is tried in tests/python/chain."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.python.router.harness import KEY_ENV, SIGNER_KEY, config_data
from tests.python.router.test_once import toml

if TYPE_CHECKING:
    from pathlib import Path

    from tests.python.router.fake_model import FakeModel
    from tests.python.router.fake_node import FakeNode


def test_nothing_to_settle_is_said_and_no_failure(
    tmp_path: Path, node: FakeNode, model: FakeModel
) -> None:
    config = tmp_path / "router.toml"
    config.write_text(toml(config_data(tmp_path, node, model)))
    said = []
    for extra in ([], ["--json"], ["--release"], ["--release", "--json"]):
        done = subprocess.run(
            [sys.executable, "-m", "cortensor.cli", "settle", "--config", "router.toml", *extra],
            cwd=tmp_path,
            env={**os.environ, KEY_ENV: SIGNER_KEY},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        said.append(done.stdout.strip())
    assert said[0] == "nothing to settle"
    assert json.loads(said[1]) == {"batches": []}
    assert said[2] == "nothing to release\nnothing to settle"
    assert json.loads(said[3]) == {"batches": [], "released": []}
