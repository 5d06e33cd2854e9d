# SPDX-License-Identifier: Apache-2.0
"""Reading the events of the last call."""

from __future__ import annotations

from typing import Any


def events(contract, name: str) -> list[dict[str, Any]]:
    """Return the events of that name which the last call to `contract` emitted, fields by name."""
    found = []
    for entry in contract.get_logs():
        if type(entry).__name__ == name:
            fields = entry._asdict()
            fields.pop("address", None)
            found.append(fields)
    return found


def assert_event(contract, name: str, **expected: object) -> None:
    """Check that the last call emitted exactly one event of that name, with these fields."""
    assert events(contract, name) == [expected]
