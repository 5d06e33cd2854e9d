# SPDX-License-Identifier: Apache-2.0
"""`cortensor quote`: the price of a job, itemised."""

from __future__ import annotations

import json
import re
from types import MappingProxyType
from typing import TYPE_CHECKING

import click
import msgspec
from rich.console import Console

from cortensor.errors import InvalidInput
from cortensor.pricing.card import load_card
from cortensor.pricing.quote import quote
from cortensor.pricing.render import bill_json, bill_table
from cortensor.pricing.terms import (
    CONSENSUS_METHODS,
    DISAGREEMENT_POLICIES,
    MODEL_CLASSES,
    SLA_TIERS,
    Terms,
    index_of,
)
from cortensor.pricing.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAMES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "sla_tier": SLA_TIERS,
        "model_class": MODEL_CLASSES,
        "consensus_method": CONSENSUS_METHODS,
        "disagreement_policy": DISAGREEMENT_POLICIES,
    }
)
_WORD = re.compile(r"0x[0-9a-fA-F]{1,64}")


def _pairs(text: str, names: tuple[str, ...], what: str) -> dict[str, int]:
    values: dict[str, int] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, separator, value = (piece.strip() for piece in part.partition("="))
        field = f"{what}.{name}"
        if name not in names or not separator:
            raise InvalidInput(f"must be one of {', '.join(names)}, as name=value", field=field)
        if name in values:
            raise InvalidInput("is given twice", field=field)
        if value.isascii() and value.isdigit():
            values[name] = int(value)
        elif name in _NAMES:
            values[name] = index_of(_NAMES[name], value, field)
        else:
            raise InvalidInput("must be a whole number", field=field)
    return values


def parse_terms(text: str) -> Terms:
    """Read terms: a packed 0x word, or `replicas=3,sla_tier=low,…`; the rest keeps its default."""
    if _WORD.fullmatch(text):
        return Terms.unpack(int(text, 16))
    return Terms(**_pairs(text, Terms.__struct_fields__, "terms"))


def parse_usage(text: str) -> Usage:
    """Read usage: a packed 0x word, or `input_units=900,output_units=300,…`."""
    if _WORD.fullmatch(text):
        return Usage.unpack(int(text, 16))
    return Usage(**_pairs(text, Usage.__struct_fields__, "usage"))


@click.command("quote")
@click.option(
    "--card", "card_path", required=True, type=click.Path(dir_okay=False), help="Rate card, TOML."
)
@click.option(
    "--terms",
    "terms_text",
    default="",
    metavar="WORD|NAME=VALUE,…",
    help="Packed word, or e.g. replicas=3,sla_tier=low,surcharge_cap_bps=500.",
)
@click.option(
    "--usage",
    "usage_text",
    default="",
    metavar="WORD|NAME=VALUE,…",
    help="Packed word, or e.g. input_units=900,output_units=300.",
)
@click.option(
    "--surcharge-bps", default=0, show_default=True, help="Surcharge of the epoch, in bps."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON; money in wei, as strings.")
def quote_command(
    card_path: str, terms_text: str, usage_text: str, surcharge_bps: int, *, as_json: bool
) -> None:
    """Price a job by a rate card, line by line."""
    card = load_card(card_path)
    terms, usage = parse_terms(terms_text), parse_usage(usage_text)
    bill = quote(card, surcharge_bps, terms, usage)
    if as_json:
        shown = bill_json(bill, terms, usage)
        shown["job"] = {
            "terms": msgspec.structs.asdict(terms),
            "usage": msgspec.structs.asdict(usage),
        }
        click.echo(json.dumps(shown, indent=2))
        return
    Console().print(bill_table(bill, terms, usage))
