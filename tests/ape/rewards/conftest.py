# SPDX-License-Identifier: Apache-2.0
"""A chain for each file of tests, with reward contracts and nodes, and an epoch that is over."""

import pytest

from scripts._anvil import run_anvil
from tests.ape.rewards.scene import Scene


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    with run_anvil() as anvil:
        yield Scene(anvil.url, tmp_path_factory.mktemp("stage"))
