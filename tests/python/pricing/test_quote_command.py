# SPDX-License-Identifier: Apache-2.0
"""`cortensor quote` as a payer types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from cortensor.cli import COMMANDS, main
from cortensor.pricing import Terms, Usage, format_cor, quote
from tests.python.pricing.test_card import _toml
from tests.python.pricing.test_quote import CARD, TERMS, USAGE


@pytest.fixture
def card(tmp_path: Path) -> str:
    path = tmp_path / "rate-card.toml"
    path.write_text(_toml(CARD.to_json()))
    return str(path)


def test_json_gives_the_bill(card: str) -> None:
    result = CliRunner().invoke(
        main,
        [
            "quote", "--card", card, "--surcharge-bps", "900", "--json",
            "--terms", hex(TERMS.pack()), "--usage", hex(USAGE.pack()),
        ],
    )  # fmt: skip
    assert result.exit_code == 0
    bill = quote(CARD, 900, TERMS, USAGE)
    shown = json.loads(result.output)
    assert shown["total"] == str(bill.total)
    assert shown["lines"] == bill.lines.to_json()
    assert shown["terms"] == hex(TERMS.pack())


def test_names_and_defaults(card: str) -> None:
    result = CliRunner().invoke(
        main,
        [
            "quote", "--card", card, "--json",
            "--terms", "replicas=3, sla_tier=low,consensus_method=weighted",
            "--usage", "input_units=900,output_units=300",
        ],
    )  # fmt: skip
    terms = Terms(replicas=3, sla_tier=1, consensus_method=1)
    expected = quote(CARD, 0, terms, Usage(input_units=900, output_units=300))
    assert json.loads(result.output)["total"] == str(expected.total)


def test_table_explains_each_line(card: str) -> None:
    result = CliRunner().invoke(
        main, ["quote", "--card", card, "--terms", "replicas=3"], env={"COLUMNS": "120"}
    )
    assert result.exit_code == 0
    assert "redundancy" in result.output
    assert "3 replica(s)" in result.output
    assert format_cor(quote(CARD, 0, Terms(replicas=3), Usage()).total) in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--terms", "replicas=2"], "job: replicas not 1, 3 or 5"),
        (["--terms", "colour=red"], "terms.colour"),
        (["--terms", "replicas"], "name=value"),
        (["--terms", "replicas=many"], "whole number"),
        (["--terms", "sla_tier=gold"], "best_effort, low, medium, high"),
        (["--terms", "replicas=3,replicas=5"], "given twice"),
        (["--terms", "0x" + "f" * 64], "job: stray terms bits"),
        (["--usage", "input_units=\u0663"], "whole number"),
        (["--usage", "failed_replicas=2"], "faults over replicas"),
    ],
)
def test_errors_are_one_line_with_the_field(card: str, arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(main, ["quote", "--card", card, *arguments])
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output


def test_a_missing_card_is_named() -> None:
    result = CliRunner().invoke(main, ["quote", "--card", "nowhere.toml"])
    assert result.exit_code == 2
    assert "cannot read nowhere.toml" in result.output


def test_help_lists_every_command_without_loading_it() -> None:
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    for name in COMMANDS:
        assert name in result.output
    assert CliRunner().invoke(main, ["nothing"]).exit_code == 2
