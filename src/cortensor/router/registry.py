# SPDX-License-Identifier: Apache-2.0
"""Compute sessions as the configuration lists them: the adapter of `SessionRegistry`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortensor.router.config import ComputeSession


class ConfiguredSessions:
    """The `[[sessions]]` tables.

    Args:
        given: the tables, checked.
    """

    def __init__(self, given: Sequence[ComputeSession]) -> None:
        self._given = tuple(given)

    def sessions(self) -> Sequence[ComputeSession]:
        """Return them in the file's order."""
        return self._given
