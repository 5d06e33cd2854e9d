# SPDX-License-Identifier: Apache-2.0
"""Both clients have the same calls, with the same arguments and results."""

from __future__ import annotations

import inspect
import subprocess
import sys

from cortensor.client import AsyncClient, Client

STREAMS = {"stream"}


def calls(kind: type) -> dict[str, str]:
    return {
        name: str(inspect.signature(found)).replace("AsyncIterator[", "Iterator[")
        for name, found in vars(kind).items()
        if inspect.isfunction(found) and not name.startswith("_")
    }


def properties(kind: type) -> set[str]:
    return {name for name, found in vars(kind).items() if isinstance(found, property)}


def test_both_clients_have_the_same_calls() -> None:
    assert calls(Client) == calls(AsyncClient)
    assert properties(Client) == properties(AsyncClient)
    assert str(inspect.signature(Client)) == str(inspect.signature(AsyncClient))
    for name in calls(Client):
        found, other = getattr(AsyncClient, name), getattr(Client, name)
        if name in STREAMS:
            assert inspect.isasyncgenfunction(found)
            assert inspect.isgeneratorfunction(other)
        else:
            assert inspect.iscoroutinefunction(found)


def test_a_caller_loads_no_server_and_no_database() -> None:
    code = "import sys, cortensor.client; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"starlette", "uvicorn", "sqlite3", "asyncpg", "web3"} & set(loaded)
    assert "cortensor.router.service" not in loaded
