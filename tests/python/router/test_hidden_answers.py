# SPDX-License-Identifier: Apache-2.0
"""An answer that others are still to agree with is shown to nobody: there is nothing to copy."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.python.router.fake_model import Script
from tests.python.router.harness import token

if TYPE_CHECKING:
    from tests.python.router.fake_model import FakeModel
    from tests.python.router.harness import Router

SECRET = "the quick ones said plover"
THREE = {"replicas": 3, "session_pool": ["201", "202", "203"]}
ASKED: dict[str, dict[str, Any]] = {
    "v3/completions": {"session_id": 202, "prompt": "Say a bird", "stream": True},
    "v4/delegate": {"objective": "Say a bird"},
}


@pytest.mark.parametrize("path", sorted(ASKED))
def test_who_answers_last_can_see_nothing_of_the_others(
    router: Router, session: str, model: FakeModel, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "cortensor")
    model.default = Script(SECRET)
    model.scripts["202"] = Script(SECRET, delay_s=3)
    auth = token(session)
    shown: list[requests.Response] = []

    def call() -> None:
        answer = requests.post(
            f"{router.url}/api/{path}",
            json={"session_id": session, "consensus": THREE, **ASKED[path]},
            headers={"Authorization": f"Bearer {auth}", "Idempotency-Key": "once"},
            stream=True,  # comes back with the first byte
            timeout=30,
        )
        shown.append(answer)

    caller = threading.Thread(target=call)
    caller.start()
    deadline = time.monotonic() + 10
    while True:
        told = router.get("/api/v4/tasks", auth=auth)
        states = [each["status"] for task in told.json()["tasks"] for each in task["replicas"]]
        if sorted(states) == ["OK", "OK", "RUNNING"]:
            break
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert not shown
    assert "plover" not in told.text
    assert "plover" not in caplog.text
    caller.join()
    assert "plover" in shown[0].text, "and then it is"
