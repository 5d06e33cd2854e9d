# SPDX-License-Identifier: Apache-2.0
"""Charged once, never over the deposit: idempotency, concurrency, kill -9."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import requests

from cortensor.errors import Conflict
from cortensor.receipts.bundle import Bundle
from cortensor.receipts.verify import verify_bundle
from cortensor.store.store import Store
from tests.python.router.fake_model import Script
from tests.python.router.harness import (
    COR,
    KEY_ENV,
    PAYER,
    SIGNER_KEY,
    Router,
    config_data,
    make_config,
    session_number,
    token,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.python.router.conftest import Start
    from tests.python.router.fake_model import FakeModel
    from tests.python.router.fake_node import FakeNode


def body(session: str, text: str = "hello") -> dict[str, Any]:
    return {"session_id": session, "objective": "Say", "input": text, "max_tokens": 10}


def test_same_key_same_body_is_one_charge(router: Router, session: str) -> None:
    first = router.post("delegate", body(session), key="k1")
    again = router.post("delegate", body(session), key="k1")
    assert first.content == again.content
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert router.ledger()[session] == (int(first.json()["charge_wei"]), 0)
    assert len(router.model.requests) == 1


def test_same_key_other_body_is_a_conflict(router: Router, session: str) -> None:
    router.post("delegate", body(session), key="k1")
    spent = router.ledger()
    answer = router.post("delegate", body(session, "bye"), key="k1")
    assert answer.status_code == 409
    assert answer.json()["code"] == "idempotency_conflict"
    assert router.post("delegate", body(session), key="x" * 300).status_code == 422
    assert router.ledger() == spent


def test_keys_are_scoped_by_session(router: Router, node: FakeNode, session: str) -> None:
    other = node.open(session_number(2), PAYER, COR)
    one = router.post("delegate", body(session), key="k1").json()
    two = router.post("delegate", body(other), key="k1").json()
    assert one["receipt_id"] != two["receipt_id"]


def test_a_charged_refusal_is_replayed_too(router: Router, session: str, model: FakeModel) -> None:
    for name, verdict in (("201", "VALID"), ("202", "INVALID"), ("203", "?")):
        model.scripts[name] = Script(json.dumps({"verdict": verdict}))
    consensus = {"replicas": 3, "disagreement_policy": "fail_hard"}
    ask = {"session_id": session, "claim": "x", "consensus": consensus}
    first = router.post("validate", ask, key="k")
    again = router.post("validate", ask, key="k")
    assert (first.status_code, again.status_code) == (409, 409)
    assert first.content == again.content


def test_an_uncharged_failure_may_be_tried_again(
    router: Router, session: str, model: FakeModel
) -> None:
    model.default = Script(status=500)
    assert router.post("delegate", body(session), key="k").status_code == 502
    model.default = Script()
    assert router.post("delegate", body(session), key="k").ok


def test_concurrent_duplicates_wait_for_the_first(
    router: Router, session: str, model: FakeModel
) -> None:
    model.gate = threading.Event()
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(router.post, "delegate", body(session), key="k") for _ in range(8)]
        assert model.arrived.acquire(timeout=10)
        other = router.post("delegate", body(session, "bye"), key="k")
        assert other.json()["code"] == "idempotency_conflict"
        model.gate.set()
        contents = {answer.result().content for answer in answers}
    assert len(contents) == 1
    assert len(model.requests) == 1
    assert router.ledger()[session][1] == 0


def test_twenty_at_once_never_overspend(router: Router, node: FakeNode) -> None:
    probe = node.open(session_number(7), PAYER, COR)
    quote = router.post("quote", body(probe), auth="").json()
    deposit = int(quote["max_charge_wei"]) * 5 + 1  # room for five reservations at a time
    poor = node.open(session_number(8), PAYER, deposit)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: router.post("delegate", body(poor)), range(20)))
    paid = [answer for answer in answers if answer.ok]
    refused = [answer for answer in answers if not answer.ok]
    assert len(paid) >= 5
    assert {answer.json()["code"] for answer in refused} <= {"over_budget"}
    spent, reserved = router.ledger()[poor]
    assert spent == sum(int(answer.json()["charge_wei"]) for answer in paid) <= deposit
    assert reserved == 0


def test_work_goes_on_when_the_caller_leaves(
    router: Router, session: str, model: FakeModel
) -> None:
    model.gate = threading.Event()
    with pytest.raises(requests.exceptions.Timeout):
        requests.post(
            f"{router.url}/api/v4/delegate",
            json=body(session),
            headers={"Authorization": f"Bearer {token(session)}", "Idempotency-Key": "left"},
            timeout=1,
        )
    model.gate.set()
    again = router.post("delegate", body(session), key="left")
    assert again.ok
    assert len(model.requests) == 1
    assert router.ledger()[session] == (int(again.json()["charge_wei"]), 0)


def test_a_stop_releases_what_does_not_finish(start: Start, session: str, model: FakeModel) -> None:
    router = start(limits={"shutdown_grace_s": 0})
    model.gate = threading.Event()

    def interrupted() -> None:
        with contextlib.suppress(requests.RequestException):
            router.post("delegate", body(session))

    caller = threading.Thread(target=interrupted)
    caller.start()
    assert model.arrived.acquire(timeout=10)
    router.stop()
    model.gate.set()
    caller.join(20)
    assert router.ledger()[session] == (0, 0)


def test_one_router_per_database(
    router: Router, tmp_path: Path, node: FakeNode, model: FakeModel
) -> None:
    second = Router(make_config(tmp_path, node, model), node, model)
    with pytest.raises(Conflict, match="a router already runs"):
        second.start()


def toml(data: dict[str, Any]) -> str:
    lines, tables = [], []
    for name, value in data.items():
        if isinstance(value, dict):
            tables.append(f"[{name}]\n" + toml(value))
        elif isinstance(value, list):
            tables.extend(f"[[{name}]]\n" + toml(item) for item in value)
        else:
            lines.append(f"{name} = {json.dumps(value)}")
    return "\n".join([*lines, *tables])


def launch(config: Path) -> tuple[subprocess.Popen[bytes], str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "cortensor.cli", "router", "--config", str(config), "--port", "0"],
        stdout=subprocess.PIPE,
        env={**os.environ, KEY_ENV: SIGNER_KEY},
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, process.wait()
    ready = json.loads(line)
    assert ready["event"] == "ready"
    assert ready["pid"] == process.pid
    return process, ready["url"]


def ask(url: str, session: str, key: str, text: str) -> requests.Response:
    return requests.post(
        f"{url}/api/v4/delegate",
        json=body(session, text),
        headers={"Authorization": f"Bearer {token(session)}", "Idempotency-Key": key},
        timeout=30,
    )


@pytest.mark.slow
def test_kill_nine_loses_no_receipt_and_charges_once(
    tmp_path: Path, node: FakeNode, model: FakeModel, session: str
) -> None:
    config = tmp_path / "router.toml"
    config.write_text(toml(config_data(tmp_path, node, model)))
    process, url = launch(config)
    done = ask(url, session, "done", "one")
    assert done.ok
    while model.arrived.acquire(blocking=False):
        pass
    model.gate = threading.Event()
    lost: list[object] = []

    def interrupted() -> None:
        try:
            lost.append(ask(url, session, "cut", "two"))
        except requests.RequestException as error:
            lost.append(error)

    caller = threading.Thread(target=interrupted)
    caller.start()
    assert model.arrived.acquire(timeout=20)
    with Store(tmp_path / "router.db") as store:
        account = store.ledger.account(session)
        assert account is not None
        assert account.reserved > 0
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    assert process.stdout is not None
    process.stdout.close()
    model.gate.set()
    caller.join(20)
    assert isinstance(lost[0], requests.RequestException)
    model.gate = None

    process, url = launch(config)
    try:
        with Store(tmp_path / "router.db") as store:
            assert store.ledger.audit() == []
            account = store.ledger.account(session)
            assert account is not None
            assert (account.spent, account.reserved) == (int(done.json()["charge_wei"]), 0)
        assert ask(url, session, "done", "one").content == done.content
        bundle = requests.get(
            f"{url}/api/v4/receipt/{done.json()['receipt_id']}?bundle=1",
            headers={"Authorization": f"Bearer {token(session)}"},
            timeout=30,
        )
        assert not verify_bundle(Bundle.load(bundle.content)).failures
        retried = ask(url, session, "cut", "two")
        assert retried.ok
        assert ask(url, session, "cut", "two").content == retried.content
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert process.stdout is not None
        process.stdout.close()
    total = int(done.json()["charge_wei"]) + int(retried.json()["charge_wei"])
    with Store(tmp_path / "router.db") as store:
        account = store.ledger.account(session)
        assert account is not None
        assert (account.spent, account.reserved) == (total, 0)
