# SPDX-License-Identifier: Apache-2.0
"""What Anvil writes of old blocks is cleared away; killed, it would leave it at home for good."""

import tempfile
from pathlib import Path

from web3 import HTTPProvider, Web3

from cortensor.anvil.process import anvil_binary, running_anvil
from tests.ape.running import ROOT


def test_old_states_go_with_the_node_even_if_it_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def files() -> list[Path]:
        return [path for path in tmp_path.rglob("*") if path.is_file()]

    with running_anvil(anvil_binary(ROOT), 31337) as anvil:
        Web3(HTTPProvider(anvil.url)).provider.make_request("anvil_mine", ["0x400"])
        assert files()
        anvil.process.kill()
    assert not files()
