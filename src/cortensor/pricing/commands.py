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
from cortensor.pricing.card import RateCard
from cortensor.pricing.quote import quote
from cortensor.pricing.render import bill_json, bill_rows, bill_table
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
    from collections.abc import Callable, Mapping

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
        values[name] = _value(name, value, field)
    return values


def _value(name: str, text: str, field: str) -> int:
    if text.isascii() and text.isdigit():
        return int(text)
    if name in _NAMES:
        return index_of(_NAMES[name], text, field)
    raise InvalidInput("must be a whole number", field=field)


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


_TERM_HELP: Mapping[str, str] = MappingProxyType(
    {
        "replicas": "Independent runs: 1, 3 or 5.",
        "model_class": f"Model class: {', '.join(MODEL_CLASSES)}.",
        "sla_tier": f"Service level: {', '.join(SLA_TIERS)}.",
        "execution_depth": "Steps of the workflow beyond one call.",
        "tool_depth": "Levels of tool calls.",
        "validator_depth": "Levels of validators over the result.",
        "consensus_method": f"How replicas agree: {', '.join(CONSENSUS_METHODS)}.",
        "disagreement_policy": f"If they do not: {', '.join(DISAGREEMENT_POLICIES)}.",
        "agreement_threshold_bps": "Least share that must agree, in bps.",
        "volume_tier": "Rebate tier of the session, 0 to 3.",
        "surcharge_cap_bps": "Highest surcharge the session accepts, in bps.",
        "route_hint": "Routing preference; not priced.",
    }
)
_USAGE_HELP: Mapping[str, str] = MappingProxyType(
    {
        "input_units": "Input tokens, summed over the replicas.",
        "output_units": "Output tokens, summed over the replicas.",
        "validator_units": "Tokens of validation work.",
        "failed_replicas": "Replicas that delivered nothing.",
        "late_replicas": "Replicas that delivered after the deadline.",
        "missing_replicas": "Replicas that never ran.",
    }
)


def _field_options(
    helps: Mapping[str, str],
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that adds one option a field; left out, the field keeps its value."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        for name, text in reversed(list(helps.items())):
            option = click.option(f"--{name.replace('_', '-')}", name, metavar="VALUE", help=text)
            command = option(command)
        return command

    return decorate


def _merged(base: Terms | Usage, given: Mapping[str, str | None], what: str) -> dict[str, int]:
    """Return all fields of a word: those given as options, the others as they are in `base`."""
    values: dict[str, int] = msgspec.structs.asdict(base)
    for name in values:
        value = given[name]
        if value is not None:
            values[name] = _value(name, value.strip(), f"{what}.{name}")
    return values


@click.command(
    "quote",
    epilog="Example: cortensor quote --card config/rate-card.toml --replicas 3 --input-units 900",
)
@click.option(
    "--card", "card_path", required=True, type=click.Path(dir_okay=False), help="Rate card, TOML."
)
@click.option(
    "--terms",
    "terms_text",
    default="",
    metavar="WORD|NAME=VALUE,…",
    help="All terms at once: a packed word, or e.g. replicas=3,sla_tier=low. "
    "Single options override it.",
)
@_field_options(_TERM_HELP)
@click.option(
    "--usage",
    "usage_text",
    default="",
    metavar="WORD|NAME=VALUE,…",
    help="All usage at once: a packed word, or e.g. input_units=900,output_units=300. "
    "Single options override it.",
)
@_field_options(_USAGE_HELP)
@click.option(
    "--surcharge-bps",
    default=0,
    show_default=True,
    help="Surcharge of the epoch, in bps; applied up to --surcharge-cap-bps.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON; money in wei, as strings.")
def quote_command(
    card_path: str,
    terms_text: str,
    usage_text: str,
    surcharge_bps: int,
    *,
    as_json: bool,
    **given: str | None,
) -> None:
    """Price a job by a rate card, line by line."""
    card = RateCard.load(card_path)
    terms = Terms(**_merged(parse_terms(terms_text), given, "terms"))
    usage = Usage(**_merged(parse_usage(usage_text), given, "usage"))
    bill = quote(card, surcharge_bps, terms, usage)
    rows = bill_rows(card, surcharge_bps, bill, terms, usage)
    if as_json:
        shown = bill_json(rows, bill, terms, usage)
        shown["job"] = {
            "terms": msgspec.structs.asdict(terms),
            "usage": msgspec.structs.asdict(usage),
        }
        click.echo(json.dumps(shown, indent=2))
        return
    Console(highlight=False).print(bill_table(rows, bill))
