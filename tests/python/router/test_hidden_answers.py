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
    from tests.python.router.conftest import Start
    from tests.python.router.fake_model import FakeModel

NAMES = ("201", "202", "203", "204", "205")
SLOW_S = 3.0
THREE = {"replicas": 3, "session_pool": ["201", "202", "203"]}
ASKED: dict[str, tuple[str, dict[str, Any]]] = {
    "a stream": (
        "v3/completions",
        {"session_id": 202, "prompt": "Say a bird", "stream": True, "consensus": THREE},
    ),
    "a task": ("v4/delegate", {"objective": "Say a bird", "consensus": THREE}),
    "a claim": ("v4/validate", {"claim": "Birds are dinosaurs.", "consensus": THREE}),
    "more rounds": (
        "v4/validate",
        {"claim": "Birds are dinosaurs.", "policy": {"tier": "adaptive"}},
    ),
}
WAITING = {"more rounds": ["OK", "OK", "OK", "RUNNING", "RUNNING"]}
SECRET = '{"verdict": "VALID", "confidence": 0.9, "reason": "said by a plover"}'
OTHER = '{"verdict": "INVALID", "confidence": 0.9, "reason": "said by a plover"}'


@pytest.mark.parametrize("what", sorted(ASKED))
def test_who_answers_last_can_see_nothing_of_the_others(
    start: Start, session: str, model: FakeModel, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "cortensor")
    router = start(
        sessions=[
            {"id": name, "model": name, "miner": f"m{name}", "max_concurrency": 8} for name in NAMES
        ]
    )
    path, asked = ASKED[what]
    model.default = Script(SECRET)
    # Of three that are asked one takes long; an adaptive run needs a fourth where one dissents.
    model.scripts["202"] = Script(OTHER) if what in WAITING else Script(SECRET, delay_s=SLOW_S)
    model.scripts |= {name: Script(SECRET, delay_s=SLOW_S) for name in NAMES[3:]}
    auth = token(session)
    answers: list[requests.Response] = []

    def call() -> None:
        answer = requests.post(
            f"{router.url}/api/{path}",
            json={"session_id": session, **asked},
            headers={"Authorization": f"Bearer {auth}", "Idempotency-Key": "once"},
            stream=True,  # comes back with the first byte
            timeout=30,
        )
        answers.append(answer)

    caller = threading.Thread(target=call)
    caller.start()
    states: list[str] = []
    deadline = time.monotonic() + 10
    while sorted(states) != WAITING.get(what, ["OK", "OK", "RUNNING"]):
        assert time.monotonic() < deadline, states
        time.sleep(0.1)
        told = router.get("/api/v4/tasks", auth=auth)
        states = [each["status"] for task in told.json()["tasks"] for each in task["replicas"]]
    told = router.get("/api/v4/tasks", auth=auth)
    shown = told.text + "".join(str(record.__dict__) for record in caplog.records)
    assert not answers
    assert "answered" in shown, "what the router logs of the calls before is among it"
    assert "plover" not in shown
    caller.join()
    assert "plover" in answers[0].text, "and then it is"
