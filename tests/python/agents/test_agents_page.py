# SPDX-License-Identifier: Apache-2.0
"""The examples of docs/spec/agents.md do what the page says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from cortensor.agents.payload import read_payload, validation_ask
from cortensor.agents.registration import Registration
from cortensor.agents.work import State
from cortensor.client import Payment
from tests.python.router.fake_model import Script
from tests.python.router.harness import DOMAIN, PAYER_KEY

if TYPE_CHECKING:
    import pytest

    from tests.python.router.harness import Router

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "spec" / "agents.md").read_text()


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)


def test_the_shown_files_are_read() -> None:
    file, payload = blocks("json")
    assert Registration(json.loads(file)).name == "Corgent"
    ask = validation_ask(
        read_payload(payload.encode()), "fast", b"\1" * 32, most_wei=1, deadline_s=1.0
    )
    assert ask.body["policy"]["tier"] == "safe"


def test_the_two_agents_run_as_shown(
    router: Router, session: str, capsys: pytest.CaptureFixture[str]
) -> None:
    router.model.default = Script('{"verdict": "VALID"}')
    payment = Payment(session=session, domain=DOMAIN, payer=PAYER_KEY)
    (shown,) = blocks("python")
    exec(compile(shown, "agents.md", "exec"), {"URL": router.url, "payment": payment})
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("VALID ")
    assert second == "SELLER_VALID"


def test_the_page_has_every_state() -> None:
    for state in get_args(State):
        assert f"| `{state}` |" in PAGE
