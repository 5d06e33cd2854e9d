# SPDX-License-Identifier: Apache-2.0
"""The published schemas against the structs, and against every vector."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import jsonschema_rs
import pytest

from cortensor.receipts.schema import BUNDLE, RECEIPT, receipt_schemas, render
from tests.conformance.generate import VECTORS

FOLDER = Path(__file__).parents[3] / "docs" / "schemas"
SCHEMAS = receipt_schemas()
CHECKED = {name: jsonschema_rs.validator_for(schema) for name, schema in SCHEMAS.items()}
NOT_IN_A_SCHEMA = {
    "malformed-bad-card": "limits of a card's fields depend on each other",
    "malformed-likeness-pair-left-out": "which pairs there are follows from the order",
    "malformed-party-needless": "one of several fields is not null",
}


def vectors(*verdicts: str) -> list[Any]:
    found = []
    for path in sorted(VECTORS.glob("*.json")):
        vector = json.loads(path.read_text(encoding="utf-8"))
        if (vector["expect"]["verdict"] == "malformed") == ("malformed" in verdicts):
            found.append(pytest.param(vector, id=path.stem))
    return found


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_files_are_the_structs(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])
    file = FOLDER / f"{name}.json"
    assert file.read_text(encoding="utf-8") == render(SCHEMAS[name]), (
        "python -m cortensor.receipts.schema docs/schemas"
    )


@pytest.mark.parametrize("vector", vectors("all others"))
def test_what_can_be_read_fits(vector: dict[str, Any]) -> None:
    CHECKED[BUNDLE].validate(vector["bundle"])
    CHECKED[RECEIPT].validate(vector["bundle"]["receipt"])


@pytest.mark.parametrize("vector", vectors("malformed"))
def test_what_cannot_be_read_does_not_fit(vector: dict[str, Any]) -> None:
    fits = CHECKED[BUNDLE].is_valid(vector["bundle"])
    assert fits == (vector["name"] in NOT_IN_A_SCHEMA), vector["expect"]["field"]
