# SPDX-License-Identifier: Apache-2.0
"""A router that publishes batches, for every test of epochs that asks one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.python.epochs.publishing import Answers

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def answers() -> Iterator[Answers]:
    made = Answers()
    yield made
    made.server.shutdown()
    made.server.server_close()
