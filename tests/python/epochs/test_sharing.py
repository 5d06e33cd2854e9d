# SPDX-License-Identifier: Apache-2.0
"""The folder of epochs over HTTP: trees, and nothing that is hidden or outside."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from cortensor.epochs.sharing import shared


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("7/tree.bin", 200),
        ("7", 404),
        ("7/", 404),
        (".rewards.db", 404),
        ("%2erewards.db", 404),
        ("7/%2e%2e/.rewards.db", 404),
        ("../secret", 404),
        ("%2e%2e/secret", 404),
    ],
)
def test_only_files_of_epochs_are_given(tmp_path: Path, path: str, status: int) -> None:
    folder = tmp_path / "epochs"
    (folder / "7").mkdir(parents=True)
    (folder / "7" / "tree.bin").write_bytes(b"tree")
    (folder / ".rewards.db").write_bytes(b"own")
    (tmp_path / "secret").write_bytes(b"other")
    with shared(folder, "127.0.0.1", 0) as url, requests.Session() as session:
        request = requests.Request("GET", f"{url}/x").prepare()
        request.url = f"{url}/{path}"
        answer = session.send(request, timeout=5)
    assert answer.status_code == status
    assert b"own" not in answer.content
    assert b"other" not in answer.content
