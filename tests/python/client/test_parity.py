# SPDX-License-Identifier: Apache-2.0
"""Both clients have the same calls, with the same arguments and results."""

from __future__ import annotations

import inspect

from cortensor.client import AsyncClient, Client


def calls(kind: type) -> dict[str, str]:
    return {
        name: str(inspect.signature(found))
        for name, found in vars(kind).items()
        if inspect.isfunction(found) and not name.startswith("_")
    }


def test_both_clients_have_the_same_calls() -> None:
    assert calls(Client) == calls(AsyncClient)
    assert str(inspect.signature(Client)) == str(inspect.signature(AsyncClient))
    names = set(calls(Client))
    assert all(inspect.iscoroutinefunction(getattr(AsyncClient, name)) for name in names)
