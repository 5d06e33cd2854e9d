# SPDX-License-Identifier: Apache-2.0
"""gas/schema.json: every committed file is valid, and what is broken is refused."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

GAS = Path("gas")
SCHEMA: dict[str, Any] = json.loads((GAS / "schema.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA)
FILES = ("scenarios.json", "profile.json", "mix.json", "peers.json", "networks.json")
BASELINES = sorted(f"baselines/{path.name}" for path in (GAS / "baselines").glob("*.json"))


def load(name: str) -> Any:
    return json.loads((GAS / name).read_text())


def first(found: dict[str, Any]) -> dict[str, Any]:
    """The first scenario that posts data."""
    return next(each for each in found["scenarios"].values() if each.get("poster_units", 1))


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("name", [*FILES, *BASELINES])
def test_every_committed_file_is_valid(name: str) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(load(name))] == []


def test_there_are_baselines() -> None:
    assert "baselines/phase2.json" in BASELINES


def put(*path: str | int, value: object) -> Callable[[Any], None]:
    def change(found: Any) -> None:
        for step in path[:-1]:
            found = first(found) if step == "first" else found[step]
        found[path[-1]] = value

    return change


def drop(*path: str | int) -> Callable[[Any], None]:
    def change(found: Any) -> None:
        for step in path[:-1]:
            found = first(found) if step == "first" else found[step]
        del found[path[-1]]

    return change


BROKEN = [
    ("scenarios.json", drop("header")),
    ("scenarios.json", drop("header", "compiler")),
    ("scenarios.json", drop("first", "note")),
    ("scenarios.json", drop("first", "fees")),
    ("scenarios.json", put("first", "gas_used", value="21000")),
    ("scenarios.json", put("first", "gas_used", value=-1)),
    ("scenarios.json", put("first", "items", value=0)),
    ("scenarios.json", put("first", "poster_units", value=None)),
    ("mix.json", put("transactions", "open", "poster_units", value=17)),
    ("scenarios.json", put("first", "more", value=1)),
    ("scenarios.json", put("first", "call", value="ReceiptAnchor.revoke")),
    ("scenarios.json", put("first", "fees", "arbitrum-sepolia", "data_wei", value=5)),
    ("scenarios.json", put("first", "fees", "arbitrum-sepolia", "data_wei", value="0x5")),
    ("scenarios.json", put("code_bytes", "SessionPayment", value=0.5)),
    ("networks.json", drop("header", "as_of")),
    ("networks.json", put("networks", value={})),
    ("networks.json", put("networks", "Arbitrum Sepolia", "open_gas", value=1)),
    ("networks.json", drop("networks", "Arbitrum Sepolia", "errors_ppm", "its part for bytes")),
    ("scenarios.json", put("scenarios", value={})),
    ("scenarios.json", drop("code_bytes")),
    ("baselines/phase2.json", drop("scenarios")),
    ("profile.json", drop("first", "classes")),
    ("profile.json", put("first", "classes", "magic", value=1)),
    ("profile.json", drop("first", "lines")),
    ("profile.json", drop("first", "calls")),
    ("profile.json", put("first", "calls", value=["RewardFund"])),
    ("profile.json", put("first", "lines", 0, "gas", value="5")),
    ("profile.json", put("first", "calldata_bytes", value=[1])),
    ("profile.json", put("first", "calldata_bytes", value=[1, 2, 3])),
    ("profile.json", put("first", "storage", "X.y", value={"gas": 1})),
    ("mix.json", drop("header", "allotment")),
    ("mix.json", drop("header", "weights")),
    ("mix.json", drop("tables", "tier")),
    ("mix.json", drop("tables", "route", 0, "execution_gas", "p95")),
    ("mix.json", put("tables", "path", 0, "sessions", value=0)),
    ("mix.json", drop("sessions", 0, "path")),
    ("mix.json", put("sessions", 0, "execution_gas", value=1.5)),
    ("mix.json", put("transactions", "open", "count", value=0)),
    ("mix.json", put("transactions", "open", "fees", "arbitrum-sepolia", value={})),
    ("peers.json", drop("header", "source")),
    ("peers.json", drop("rows", 0, "peers")),
    ("peers.json", put("rows", 0, "peers", 0, "gas", value="111934")),
    ("peers.json", put("rows", 0, "floor", "gas", value=0)),
    ("peers.json", put("rows", 0, "peers", 0, "version", value="2")),
]


@pytest.mark.parametrize(("name", "change"), BROKEN)
def test_what_is_broken_is_refused(name: str, change: Callable[[Any], None]) -> None:
    found = copy.deepcopy(load(name))
    change(found)
    assert not VALIDATOR.is_valid(found)


@pytest.mark.parametrize("found", [{}, [], None, 1, {"header": {}}, {"header": {}, "tables": {}}])
def test_what_is_none_of_them_is_refused(found: object) -> None:
    assert not VALIDATOR.is_valid(found)
