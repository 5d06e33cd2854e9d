# SPDX-License-Identifier: Apache-2.0
"""The configuration file: each mistake is one sentence that names the key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cortensor.errors import InvalidInput
from cortensor.router.config import load_config, parse_config
from cortensor.store.address import PostgresAddress

GOOD: dict[str, Any] = {
    "rpc_url": "http://127.0.0.1:8545",
    "router_id": 1,
    "signer_key_env": "KEY",
    "deployments": "deployments/local",
    "backend": {"kind": "embedded"},
    "sessions": [{"id": "201"}, {"id": "202", "temperature_bps": 7000}],
}


def test_defaults() -> None:
    config = parse_config(GOOD)
    assert config.port == 5010
    assert config.limits.max_body_bytes == 1 << 20
    assert config.settlement.enabled is False
    assert parse_config({**GOOD, "rpc_url": ["http://x", "http://y"]}).rpc_url[1] == "http://y"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"colour": 1}, "colour"),
        ({"router_id": 0}, "router_id"),
        ({"router_id": "1"}, "router_id"),
        ({"rpc_url": "ws://x"}, "rpc_url"),
        ({"rpc_url": ["http://x", "ws://x"]}, "rpc_url"),
        ({"rpc_url": []}, "rpc_url"),
        ({"rpc_url": ["http://x", "http://x"]}, "rpc_url"),
        ({"sessions": []}, "sessions"),
        ({"sessions": [{"id": "1"}, {"id": "1"}]}, "sessions.id"),
        ({"sessions": [{"id": "1", "seeed": 1}]}, "sessions[0]"),
        ({"sessions": [{"id": "1", "miner": ""}]}, "sessions[0].miner"),
        ({"sessions": [{"id": "1", "model": ""}]}, "sessions[0].model"),
        ({"sessions": [{"id": "1", "model": "x" * 201}]}, "sessions[0].model"),
        ({"backend": {"kind": "embedded", "model": ""}}, "backend.model"),
        ({"backend": {"kind": "openai"}}, "backend.base_url"),
        ({"backend": {"kind": "openai", "base_url": "http://x"}}, "backend.model"),
        ({"backend": {"kind": "openai", "base_url": "ftp://x"}}, "backend.base_url"),
        ({"backend": {"kind": "openai", "base_url": "http://"}}, "backend.base_url"),
        ({"backend": {"kind": "openai", "base_url": "http://x:y"}}, "backend.base_url"),
        ({"backend": {"kind": "openai", "base_url": "http://me:pass@x"}}, "backend.base_url"),
        ({"backend": {"kind": "openai", "base_url": "http://x/?key=1"}}, "backend.base_url"),
        ({"backend": {"kind": "embedded", "base_url": "http://x"}}, "backend.base_url"),
        ({"backend": {"kind": "oracle"}}, "backend.kind"),
        ({"addresses": {"session_payment": "0x1"}}, "addresses.session_payment"),
        ({"deployments": None}, "deployments"),
        ({"database": "mysql://h/d"}, "database"),
        ({"database": "postgresql://me:pass@h/d"}, "database"),
        ({"database": "postgresql://h/d?password=pass"}, "database"),
        ({"database_password_env": "PASSWORD"}, "database_password_env"),
        ({"limits": {"lease_ms": 1}}, "limits.lease_ms"),
        ({"limits": {"max_tokens": 1}}, "limits.default_max_tokens"),
        ({"settlement": {"uri_base": "x" * 63}}, "settlement.uri_base"),
    ],
)
def test_mistakes_name_the_key(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_config({**GOOD, **changes})
    assert caught.value.field == field


def test_a_databases_password_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "postgresql://me@db.internal/router"
    config = parse_config({**GOOD, "database": url, "database_password_env": "PASSWORD"})
    monkeypatch.delenv("PASSWORD", raising=False)
    with pytest.raises(InvalidInput, match="PASSWORD is not set"):
        _ = config.database_address
    monkeypatch.setenv("PASSWORD", "geheim")
    assert config.database_address == PostgresAddress(url, "geheim")
    assert parse_config({**GOOD, "database": url}).database_address == PostgresAddress(url)


def test_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidInput, match="cannot read"):
        load_config(tmp_path / "none.toml")
    path = tmp_path / "router.toml"
    path.write_text("x = ")
    with pytest.raises(InvalidInput, match="is not TOML"):
        load_config(path)
    path.write_text(
        'rpc_url = "http://127.0.0.1:1"\nrouter_id = 1\nsigner_key_env = "SIGNER"\n'
        'deployments = "records"\n[backend]\nkind = "embedded"\n[[sessions]]\nid = "201"\n'
    )
    config = load_config(path)
    assert config.database_address == tmp_path / "router.db"
    monkeypatch.delenv("SIGNER", raising=False)
    with pytest.raises(InvalidInput, match="not set"):
        config.signer_key()
    monkeypatch.setenv("SIGNER", "0x12")
    with pytest.raises(InvalidInput, match="32-byte"):
        config.signer_key()
