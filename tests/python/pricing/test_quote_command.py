# SPDX-License-Identifier: Apache-2.0
"""`cortensor quote` as a payer types it."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from cortensor.cli import COMMANDS, main
from cortensor.pricing import LINE_NAMES, Terms, Usage, format_cor, quote
from cortensor.pricing.render import format_percent
from tests.python.pricing.test_card import _toml
from tests.python.pricing.test_quote import CARD, TERMS, USAGE

REFERENCE = Path(__file__).parents[3] / "config" / "rate-card.toml"


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


def test_every_field_has_an_option(card: str) -> None:
    terms = Terms(
        sla_tier=2, model_class=1, execution_depth=3, tool_depth=4, validator_depth=2, replicas=5,
        consensus_method=3, disagreement_policy=2, agreement_threshold_bps=7_000, volume_tier=3,
        surcharge_cap_bps=250, route_hint=9,
    )  # fmt: skip
    usage = Usage(
        input_units=900, output_units=300, validator_units=11, failed_replicas=1, late_replicas=2,
        missing_replicas=1,
    )  # fmt: skip
    arguments = [
        part
        for word in (terms, usage)
        for name, value in msgspec.structs.asdict(word).items()
        for part in (f"--{name.replace('_', '-')}", str(value))
    ]
    result = CliRunner().invoke(main, ["quote", "--card", card, "--json", *arguments])
    assert result.exit_code == 0, result.output
    job = json.loads(result.output)["job"]
    assert (Terms(**job["terms"]), Usage(**job["usage"])) == (terms, usage)


def test_single_options_override_the_whole(card: str) -> None:
    result = CliRunner().invoke(
        main,
        [
            "quote", "--card", card, "--json", "--terms", hex(TERMS.pack()),
            "--model-class", "frontier", "--usage", "input_units=5,output_units=6",
            "--output-units", "7",
        ],
    )  # fmt: skip
    shown = json.loads(result.output)["job"]
    assert Terms(**shown["terms"]) == msgspec.structs.replace(TERMS, model_class=3)
    assert Usage(**shown["usage"]) == Usage(input_units=5, output_units=7)


def test_json_explains_each_line(card: str) -> None:
    result = CliRunner().invoke(
        main,
        [
            "quote", "--card", card, "--surcharge-bps", "900", "--json",
            "--terms", hex(TERMS.pack()), "--usage", hex(USAGE.pack()),
        ],
    )  # fmt: skip
    rows = json.loads(result.output)["explained"]
    bill = quote(CARD, 900, TERMS, USAGE)
    assert sum(int(row["wei"]) for row in rows) == bill.total
    assert [row["line"] for row in rows] == [*LINE_NAMES[:-1], "replica rebate", "volume rebate"]
    assert [row["rate"] for row in rows] == [
        "",
        "5% of base",
        "4.5% of base",
        "7% of work",
        "1.55005% of work",
        "tokens + 3.33% of work",
        "3% of the lines above",
        "110% of 1/3 of charges",
        "1% of the rest",
    ]


def table_of(card: str, *arguments: str, columns: int = 120) -> str:
    result = CliRunner().invoke(
        main, ["quote", "--card", card, *arguments], env={"COLUMNS": str(columns)}
    )
    assert result.exit_code == 0, result.output
    return result.output


def test_table_explains_each_line(card: str) -> None:
    text = table_of(
        card, "--replicas", "3", "--input-units", "1200", "--output-units", "1",
        "--failed-replicas", "1", "--late-replicas", "1", "--surcharge-bps", "900",
        "--surcharge-cap-bps", "300", "--validator-depth", "1", "--tool-depth", "2",
        columns=200,
    )  # fmt: skip
    for words in (
        "3 task fees at 0.000000000000001; light model: 1,200 input tokens at 0.000000000000000001",
        "1 output token at 0.00000000000000001",
        "best effort service level",
        "0 execution steps at 1%, 2 tool levels at 2.5%",
        "3 independent replicas",
        "majority at 1%, on disagreement return all at 0%, 50.01% must agree at 0.25005%",
        "no validator tokens, 1 level at 3.33%",
        "network load: 9% now, at most 3% accepted",
        "1 failed at 90%, 1 late at 20% of a replica's share",
        "volume tier 0 of the session",
        "A rebate is money back",
    ):
        assert words in text


def test_table_ends_with_the_total_in_cor_and_wei(card: str) -> None:
    total = quote(CARD, 0, Terms(replicas=3), Usage(input_units=5)).total
    text = table_of(card, "--replicas", "3", "--input-units", "5")
    assert f"Total {format_cor(total)} COR = {total} wei" in text


def test_amounts_share_a_decimal_point() -> None:
    text = table_of(
        str(REFERENCE), "--replicas", "3", "--input-units", "900", "--late-replicas", "1"
    )
    amounts = re.findall(r"(-?[0-9]+\.[0-9]+) +\u2502$", text, flags=re.MULTILINE)
    assert len(amounts) == 10
    assert len({len(amount.partition(".")[2]) for amount in amounts}) == 1
    assert sum(map(Decimal, amounts[:-1])) == Decimal(amounts[-1]) > 0


def test_a_rebate_that_divides_is_a_share_of_the_charges(card: str) -> None:
    text = table_of(card, "--replicas", "5", "--missing-replicas", "1")
    assert "19% of charges" in text
    assert "no replica is at fault" in table_of(card)


@pytest.mark.parametrize("columns", [80, 100, 160])
def test_table_fits_the_terminal(columns: int) -> None:
    text = table_of(
        str(REFERENCE), "--input-units", "900", "--model-class", "heavy", columns=columns
    )
    assert max(map(len, text.splitlines())) <= columns


@pytest.mark.parametrize(
    ("bps", "scale", "text"),
    [
        (0, 1, "0%"),
        (1, 1, "0.01%"),
        (250, 1, "2.5%"),
        (10_000, 1, "100%"),
        (65_535, 1, "655.35%"),
        (1, 10_000, "0.000001%"),
        (50_010_000, 10_000, "50.01%"),
    ],
)
def test_percentages_are_exact(bps: int, scale: int, text: str) -> None:
    assert format_percent(bps, scale) == text


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
        (["--replicas", "2"], "job: replicas not 1, 3 or 5"),
        (["--replicas", "3,sla_tier=low"], "terms.replicas: must be a whole number"),
        (["--sla-tier", "gold"], "best_effort, low, medium, high"),
        (["--missing-replicas", "2"], "faults over replicas"),
        (["--late-replicas", "-1"], "usage.late_replicas"),
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
