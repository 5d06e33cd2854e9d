# SPDX-License-Identifier: Apache-2.0
"""Which refusals of `/v1` a client may send again by itself."""

from __future__ import annotations

from cortensor.errors import Conflict
from cortensor.router.chat.routes import error_response
from cortensor.router.headers import IDEMPOTENCY_HEADER
from cortensor.store.claims import running_now


def test_what_another_router_still_runs_may_be_asked_for_again() -> None:
    running = error_response(running_now(IDEMPOTENCY_HEADER))
    assert running.status_code == 409
    assert int(running.headers["retry-after"]) > 0
    assert "x-should-retry" not in running.headers
    final = error_response(Conflict("used for another request", code="idempotency_conflict"))
    assert final.headers["x-should-retry"] == "false"
    assert "retry-after" not in final.headers
