# SPDX-License-Identifier: Apache-2.0
"""API keys: what the payer signed for, and not a wei or a request more."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import requests
from click.testing import CliRunner

from cortensor.cli import main
from cortensor.errors import PaymentRequired, Unauthorized
from cortensor.receipts.api_key import NO_BOUND, KeyGrant, hash_of, new_key, scope_bits
from cortensor.receipts.sign import sign
from cortensor.receipts.typed import Domain
from cortensor.router.problems import RateLimited
from cortensor.router.rate_limit import BUCKETS, RateLimits
from cortensor.store.api_keys import DAY_S, KeyRecord, audit_keys
from cortensor.store.records import SessionFacts
from cortensor.store.store import Store
from tests.python.router.fake_node import CHAIN_ID, PAYMENT
from tests.python.router.harness import (
    COR,
    DOMAIN,
    PAYER,
    PAYER_KEY,
    STRANGER_KEY,
    session_number,
    token,
)
from tests.python.router.test_health import Clock
from tests.python.router.test_paid_path import delegate, validate, verdicts
from tests.python.router.test_refusals import refused

if TYPE_CHECKING:
    from pathlib import Path

    from cortensor.store.address import DatabaseAddress
    from tests.python.router.conftest import Start
    from tests.python.router.fake_model import FakeModel
    from tests.python.router.fake_node import FakeNode
    from tests.python.router.harness import Router

SOON = int(time.time()) + DAY_S


def given(
    session: str, key: str, *, signer: str = PAYER_KEY, domain: Domain = DOMAIN, **terms: Any
) -> dict[str, Any]:
    """What a payer hands in for a key."""
    whole = {
        "session_id": session,
        "key_hash": hash_of(key),
        "scopes": ["delegate"],
        "per_minute": 600,
        "expires": SOON,
        **terms,
    }
    signature = sign(signer, KeyGrant(**whole).digest(domain)).hex()
    return {"grant": whole, "signature": "0x" + signature}


def hand_in(router: Router, body: dict[str, Any]) -> requests.Response:
    return requests.post(f"{router.url}/api/v4/keys", json=body, timeout=30)


def issue(router: Router, session: str, **terms: Any) -> str:
    key = new_key()
    answer = hand_in(router, given(session, key, **terms))
    assert answer.json() == {"key_hash": hash_of(key), "added": True}, answer.text
    return key


def revoke(router: Router, key_hash: str, auth: str) -> requests.Response:
    return requests.delete(
        f"{router.url}/api/v4/keys/{key_hash}",
        headers={"Authorization": f"Bearer {auth}"},
        timeout=30,
    )


def test_a_key_works_where_its_scopes_say(router: Router, session: str, model: FakeModel) -> None:
    key = issue(router, session)
    data = router.post("delegate", delegate(session), auth=key).json()
    verdicts(model, "VALID", "VALID", "VALID")
    refused(
        router.post("validate", validate(session), auth=key),
        403,
        "scope_not_granted",
        "authorization",
    )
    receipt = f"/api/v4/receipt/{data['receipt_id']}"
    refused(router.get(receipt, auth=key), 403, "scope_not_granted", "authorization")
    refused(router.get("/api/v4/tasks", auth=key), 403, "scope_not_granted", "authorization")
    refused(router.get("/metrics", auth=key), 403, "scope_not_granted", "authorization")
    reader = issue(router, session, scopes=["receipts"])
    assert router.get(f"{receipt}?bundle=1", auth=reader).ok
    assert router.get("/api/v4/tasks", auth=reader).ok
    refused(
        router.post("delegate", delegate(session), auth=reader),
        403,
        "scope_not_granted",
        "authorization",
    )
    checker = issue(router, session, scopes=["validate"])
    assert router.post("validate", validate(session), auth=checker).ok


def test_a_key_is_for_one_session(router: Router, node: FakeNode, session: str) -> None:
    other = node.open(session_number(2), PAYER, COR)
    key = issue(router, session)
    refused(router.post("delegate", delegate(other), auth=key), 401, "unauthorized", "session_id")
    data = router.post("delegate", delegate(other)).json()
    reader = issue(router, session, scopes=["receipts"])
    path = f"/api/v4/receipt/{data['receipt_id']}"
    refused(router.get(path, auth=reader), 401, "unauthorized", "session_id")


def test_only_the_payer_makes_a_key(router: Router, session: str) -> None:
    key = new_key()
    elsewhere = Domain(CHAIN_ID + 1, PAYMENT)
    for body in (
        given(session, key, signer=STRANGER_KEY),
        given(session, key, domain=elsewhere),
        given(session, key, expires=1),
    ):
        assert hand_in(router, body).status_code == 401
    wider = given(session, key)
    for change in (
        {"scopes": ["delegate", "validate"]},
        {"per_minute": 601},
        {"total_budget_wei": str(NO_BOUND - 1)},
        {"expires": SOON + 1},
    ):
        body = {**wider, "grant": {**wider["grant"], **change}}
        assert hand_in(router, body).status_code == 401
    refused(router.post("delegate", delegate(session), auth=key), 401, "unauthorized")
    for change, field in (({"scopes": ["metrics"]}, "grant.scopes[0]"), ({"scopes": []}, None)):
        body = {**wider, "grant": {**wider["grant"], **change}}
        answer = hand_in(router, body)
        assert answer.status_code == 422
        assert field is None or answer.json()["field"] == field


def test_a_row_that_somebody_wrote_into_the_database_is_no_key(
    router: Router, session: str
) -> None:
    """Who reads and writes the database can neither learn a key nor make one."""
    key = issue(router, session)
    forged = new_key()
    with Store(router.config.database_address) as store:
        assert key.encode() not in b"".join(
            path.read_bytes() for path in router.config.database_address.parent.glob("router.db*")
        )
        real = store.api_keys.find(hash_of(key))
        assert real is not None
        with store.database.transaction() as sql:
            sql.execute("UPDATE api_keys SET scopes = 7 WHERE key_hash = ?", (real.key_hash,))
        store.api_keys.add(
            KeyRecord(
                key_hash=hash_of(forged),
                name="",
                session=session,
                scopes=1,
                per_minute=60,
                day_budget=NO_BOUND,
                total_budget=NO_BOUND,
                expires=SOON,
                signature=real.signature,
                added_at=1,
            )
        )
    for each in (key, forged):
        refused(router.post("delegate", delegate(session), auth=each), 401, "unauthorized")


def test_budgets_are_held_with_the_reservation_and_charged_with_the_receipt(
    router: Router, session: str, model: FakeModel
) -> None:
    most = int(router.post("quote", delegate(session)).json()["max_charge_wei"])
    charge = int(router.post("delegate", delegate(session)).json()["charge_wei"])
    budget = charge + most + (most - charge) // 2  # two fit, of a third nothing is left
    key = issue(router, session, total_budget_wei=str(budget))
    assert router.post("delegate", delegate(session), auth=key).ok
    assert router.post("delegate", delegate(session), auth=key).ok
    before = router.ledger()
    data = refused(
        router.post("delegate", delegate(session), auth=key),
        402,
        "key_over_budget",
        "authorization",
    )
    assert f"{budget - 2 * charge} wei left" in data["detail"]
    assert router.ledger() == before
    assert router.post("delegate", delegate(session)).ok  # the payer's own money is not spent
    daily = issue(router, session, day_budget_wei=str(most - 1))
    data = refused(
        router.post("delegate", delegate(session), auth=daily),
        402,
        "key_over_budget",
        "authorization",
    )
    assert "day budget" in data["detail"]
    shown = router.get("/api/v4/keys", auth=token(session)).json()["keys"]
    charges = {state["key_hash"]: state["charged_wei"] for state in shown}
    assert charges == {hash_of(key): str(2 * charge), hash_of(daily): "0"}
    with Store(router.config.database_address) as store, store.database.transaction() as sql:
        sql.execute("UPDATE api_keys SET charged = '1' WHERE key_hash = ?", (hash_of(key),))
        assert "charged 1, its days sum to" in audit_keys(sql)[0]


def test_calls_at_once_do_not_share_a_budget(
    router: Router, session: str, model: FakeModel
) -> None:
    most = int(router.post("quote", delegate(session)).json()["max_charge_wei"])
    key = issue(router, session, total_budget_wei=str(2 * most))
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda _: router.post("delegate", delegate(session), auth=key), range(8))
        )
    charged = sum(int(each.json()["charge_wei"]) for each in answers if each.ok)
    assert {each.status_code for each in answers} <= {200, 402}
    assert charged <= 2 * most
    with Store(router.config.database_address) as store:
        record = store.api_keys.find(hash_of(key))
        assert record is not None
        assert record.charged == charged
        assert store.database.rows("SELECT * FROM api_key_holds") == []


def test_a_failed_run_gives_the_budget_back(router: Router, session: str, model: FakeModel) -> None:
    most = int(router.post("quote", delegate(session)).json()["max_charge_wei"])
    key = issue(router, session, total_budget_wei=str(most))
    for name in ("201", "202", "203"):
        model.scripts[name] = type(model.default)(status=400)
    assert router.post("delegate", delegate(session), auth=key).status_code == 502
    model.scripts.clear()
    assert router.post("delegate", delegate(session), auth=key).ok


def facts(session: str) -> SessionFacts:
    return SessionFacts(
        session=session,
        payer=PAYER,
        deposit=COR,
        settled=0,
        expiry=2**39,
        state=1,
        volume_tier=0,
        version=1,
        surcharge_cap_bps=0,
        task_cap_wei=COR,
        fetched_at=0,
    )


def test_days_are_counted_apart_and_a_recovery_frees_what_is_held(
    database: DatabaseAddress, session: str
) -> None:
    record = KeyRecord(
        key_hash="0x" + "11" * 32,
        name="",
        session=session,
        scopes=1,
        per_minute=1,
        day_budget=100,
        total_budget=150,
        expires=10 * DAY_S,
        signature="0x",
        added_at=0,
    )
    key = record.key_hash
    with Store(database) as store:
        store.ledger.refresh(facts(session))
        store.api_keys.add(record)
        store.ledger.reserve(session, "a", 80, 5, key=key)
        with pytest.raises(PaymentRequired, match="day budget of 100 wei has 20 wei left"):
            store.ledger.reserve(session, "b", 21, 6, key=key)
        store.ledger.reserve(session, "c", 60, DAY_S, key=key)  # the next day
        with pytest.raises(PaymentRequired, match="total budget of 150 wei has 10 wei left"):
            store.ledger.reserve(session, "d", 11, DAY_S, key=key)
        store.ledger.release("c")
        store.ledger.reserve(session, "d", 70, DAY_S, key=key)
        store.owners.recover()
        store.ledger.reserve(session, "e", 100, DAY_S, key=key)
        store.api_keys.revoke(key, DAY_S)
        with pytest.raises(Unauthorized):
            store.ledger.reserve(session, "f", 1, DAY_S, key=key)
        assert store.ledger.audit() == []


def test_requests_a_minute(router: Router, session: str) -> None:
    key = issue(router, session, per_minute=3)
    answers = [router.post("delegate", delegate(session), auth=key) for _ in range(4)]
    assert [each.status_code for each in answers] == [200, 200, 200, 429]
    refused(answers[3], 429, "rate_limited", "authorization")
    assert 1 <= int(answers[3].headers["Retry-After"]) <= 20
    assert router.post("delegate", delegate(session)).ok  # the payer's own grant is not limited


def test_a_bucket_fills_at_its_rate_and_buckets_are_bounded() -> None:
    clock = Clock()
    limits = RateLimits(clock)
    for _ in range(60):
        limits.take("a", 60)
    with pytest.raises(RateLimited) as refusal:
        limits.take("a", 60)
    assert refusal.value.retry_after_s == 1
    clock.now += 2.5
    limits.take("a", 60)
    limits.take("a", 60)
    with pytest.raises(RateLimited):
        limits.take("a", 60)
    for number in range(BUCKETS + 100):
        limits.take(str(number), 60)
    assert len(limits._buckets) == BUCKETS


def test_a_revoked_key_counts_for_nothing_at_once(
    router: Router, node: FakeNode, session: str
) -> None:
    other = node.open(session_number(2), PAYER, COR)
    key = issue(router, session)
    key_hash = hash_of(key)
    assert revoke(router, key_hash, key).status_code == 401  # a key revokes nothing
    refused(revoke(router, key_hash, token(other)), 404, "unknown_key", "key_hash")
    assert revoke(router, key_hash, token(session)).json()["revoked_at"] is not None
    refused(router.post("delegate", delegate(session), auth=key), 401, "unauthorized")
    assert hand_in(router, given(session, key)).json()["added"] is False  # it stays revoked
    refused(router.post("delegate", delegate(session), auth=key), 401, "unauthorized")
    answer = hand_in(router, given(session, key, per_minute=1))
    refused(answer, 409, "key_differs", "key_hash")
    assert router.get("/api/v4/keys", auth=key).status_code == 401
    assert router.get("/api/v4/keys", auth=token(other)).json() == {"count": 0, "keys": []}


def test_malformed_keys_are_refused(router: Router, session: str) -> None:
    for bad in ("ctk1_", "ctk1_" + "x" * 42, "ctk1_" + "x" * 44, new_key(), "sk-123"):
        assert router.post("delegate", delegate(session), auth=bad).status_code == 401


def test_the_commands_sign_take_list_and_revoke(
    start: Start, session: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    router = start()
    config = tmp_path / "router.toml"
    config.write_text(
        f'rpc_url = "{router.node.url}"\nrouter_id = 1\nsigner_key_env = "X"\n'
        f'database = "{router.config.database_address}"\n'
        "[addresses]\n"
        f'session_payment = "{PAYMENT}"\ntable = "{"0x" + "22" * 20}"\n'
        f'receipt_anchor = "{"0x" + "33" * 20}"\n'
        '[backend]\nkind = "embedded"\n[[sessions]]\nid = "201"\n'
    )
    monkeypatch.setenv("PAYER_KEY", PAYER_KEY)
    grant = tmp_path / "grant.json"

    def run(*words: str) -> str:
        result = CliRunner().invoke(main, ["keys", *words])
        assert result.exit_code == 0, result.output
        return result.output.strip()

    key = run(
        *f"sign --session {session} --chain-id {CHAIN_ID} --session-payment {PAYMENT}".split(),
        *f"--payer-key-env PAYER_KEY --scope delegate --total-budget-wei {COR}".split(),
        *("--name", "ci", "--out", str(grant)),
    )
    assert key not in grant.read_text()
    at = ("--config", str(config))
    assert run("add", *at, str(grant)) == f"{hash_of(key)} added"
    assert run("add", *at, str(grant)) == f"{hash_of(key)} was there"
    assert router.post("delegate", delegate(session), auth=key).ok
    listed = run("list", *at)
    assert f"{hash_of(key)} ci delegate {session} until" in listed
    assert key not in listed
    prometheus = run("add", *at, "--metrics", "--name", "prometheus")
    assert router.get("/metrics", auth=prometheus).ok
    refused(
        router.post("delegate", delegate(session), auth=prometheus),
        403,
        "scope_not_granted",
        "authorization",
    )
    assert run("revoke", *at, hash_of(key)) == f"{hash_of(key)} revoked"
    refused(router.post("delegate", delegate(session), auth=key), 401, "unauthorized")
    wrong = CliRunner().invoke(main, ["keys", "revoke", *at, "0x00"])
    assert (wrong.exit_code, "unknown_key" in wrong.output) == (2, True)


def test_scopes_are_words_with_one_spelling() -> None:
    assert scope_bits(["delegate", "receipts"]) == 5
    for bad in (["delegate", "delegate"], ["admin"]):
        with pytest.raises(ValueError, match="scopes"):
            scope_bits(bad)
