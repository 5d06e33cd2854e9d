# SPDX-License-Identifier: Apache-2.0
"""Registration files: what holds, what is refused and how, and what is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cortensor.agents.registration import (
    TYPE,
    Registration,
    from_data_uri,
    read_registration,
)
from cortensor.errors import InvalidInput

ROOT = Path(__file__).resolve().parents[3]
HERE = "eip155:31337:0x" + "ab" * 20
GOOD: dict[str, Any] = {
    "type": TYPE,
    "name": "Corgent",
    "description": "Answers with receipts",
    "image": "https://agents.example/corgent.png",
    "services": [{"name": "A2A", "endpoint": "https://agents.example/a2a", "version": "0.3.0"}],
    "x402Support": False,
    "active": True,
    "supportedTrust": ["reputation"],
}


def test_a_file_that_holds_is_read_whole() -> None:
    file = Registration({**GOOD, "custom": {"x": 1}})
    assert (file.name, file.is_active, file.supported_trust) == ("Corgent", True, ["reputation"])
    assert [service.endpoint for service in file.services] == ["https://agents.example/a2a"]
    assert file.id_in(HERE) is None
    assert json.loads(file.text())["custom"] == {"x": 1}


def test_agent_0_is_an_agent() -> None:
    file = Registration(GOOD).named(HERE, 0)
    assert file.id_in(HERE) == 0
    assert file.id_in(HERE.upper().replace("EIP155", "eip155").replace("0X", "0x")) == 0
    assert file.id_in("eip155:1:0x" + "ab" * 20) is None


def test_an_id_takes_the_place_of_the_one_before_and_leaves_other_chains() -> None:
    other = {"agentId": 7, "agentRegistry": "eip155:1:0x" + "cd" * 20}
    file = Registration({**GOOD, "registrations": [other]}).named(HERE, 3).named(HERE, 4)
    assert file.data["registrations"] == [other, {"agentId": 4, "agentRegistry": HERE}]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"type": "registration-v1"}, "type"),
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"services": [{"name": "A2A"}]}, "services[0].endpoint"),
        ({"services": {}}, "services"),
        ({"services": GOOD["services"] * 2}, "services"),
        ({"registrations": [{"agentId": -1, "agentRegistry": HERE}]}, "registrations[0].agentId"),
        ({"registrations": [{"agentId": 0, "agentRegistry": "0x12"}]}, "registrations[0].agent"),
        ({"x402Support": "yes"}, "x402Support"),
        ({"supportedTrust": "reputation"}, "supportedTrust"),
    ],
)
def test_what_breaks_the_rules_is_named(change: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Registration({**GOOD, **change})
    assert (refused.value.field or "").startswith(field)
    without = {name: value for name, value in GOOD.items() if name not in change}
    if "services" in change or "name" in change or "type" in change:
        with pytest.raises(InvalidInput):
            Registration(without)


def test_a_data_uri_is_the_file_again() -> None:
    uri = Registration(GOOD).data_uri()
    assert uri.startswith("data:application/json;base64,")
    raw = from_data_uri(uri)
    assert raw is not None
    assert Registration(json.loads(raw)).data == GOOD
    assert from_data_uri("https://agents.example") is None
    assert from_data_uri("data:application/json,%7B%7D") == b"{}"
    for wrong in ("data:nothing", "data:;base64,a", "data:,%zz", "data:,é"):
        with pytest.raises(InvalidInput):
            from_data_uri(wrong)
    with pytest.raises(InvalidInput, match="serve it"):
        Registration({**GOOD, "description": "x" * 2000, "image": "y" * 8000}).data_uri()


def test_placeholders_are_filled_or_asked_for(tmp_path: Path) -> None:
    for name in ("corgent", "bardiel"):
        path = ROOT / "config" / "agents" / f"{name}.json"
        with pytest.raises(InvalidInput, match="--endpoint router=URL"):
            read_registration(path)
        file = read_registration(path, {"router": "https://router.example/"})
        assert file.own_api is not None
        assert file.own_api.api == "https://router.example/api/v4"
    toml = tmp_path / "agent.toml"
    toml.write_text(
        f'type = "{TYPE}"\nname = "T"\ndescription = "d"\nimage = "{{site}}/i.png"\n'
        '[[services]]\nname = "web"\nendpoint = "{site}"\n'
    )
    found = read_registration(toml, {"site": "https://t.example"})
    assert [each.endpoint for each in found.services] == ["https://t.example"]
    assert found.data["image"] == "https://t.example/i.png"


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a":1,"a":2}', '{"a":1.5}', "{}"])
def test_what_is_no_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "agent.json"
    path.write_text(text)
    with pytest.raises(InvalidInput):
        read_registration(path)
    with pytest.raises(InvalidInput, match="cannot read"):
        read_registration(tmp_path / "none.json")
