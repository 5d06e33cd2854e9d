# SPDX-License-Identifier: Apache-2.0
"""config/gas-mix.toml: how often what happens."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from cortensor.errors import InvalidInput
from cortensor.gas.reading import read_toml
from scripts._deploy.compiler import ROOT

WEIGHTS_PATH = ROOT / "config" / "gas-mix.toml"
PERMILLE = 1_000
ESCROW, VOUCHER, QUOTA, OVERAGE = "escrow", "voucher", "quota", "overage"
ROUTES = (ESCROW, VOUCHER, QUOTA, OVERAGE)
TIERS = ("fast", "safe", "oracle", "adaptive")
NONE, SETTLED, REVOKED, ATTESTED = "none", "settled", "revoked", "attested"
CHALLENGED, ANSWERED, UNANSWERED = "challenged", "answered", "unanswered"
PATHS = (NONE, SETTLED, REVOKED, CHALLENGED, ANSWERED, UNANSWERED, ATTESTED)

Permille = Annotated[int, Meta(ge=0, le=PERMILLE)]
Count = Annotated[int, Meta(ge=1)]


class Habits(Struct, frozen=True, forbid_unknown_fields=True):
    """What payers do, of a thousand."""

    returning_payer: Permille
    session_key: Permille
    closed_early: Permille


class Requests(Struct, frozen=True, forbid_unknown_fields=True):
    """From how many to how many, alike often."""

    settlements_per_session_min: Count
    settlements_per_session_max: Count
    requests_per_settlement_min: Count
    requests_per_settlement_max: Count
    input_tokens_min: Count
    input_tokens_max: Count
    output_tokens_min: Count
    output_tokens_max: Count


class Weights(Struct, frozen=True, forbid_unknown_fields=True):
    """The file. Tables of `_permille` sum to 1,000, but for `habits_permille`."""

    seed: Annotated[int, Meta(ge=0)]
    sessions: Annotated[int, Meta(ge=1, le=2_000)]
    settling_hours: Annotated[int, Meta(ge=1, le=20)]
    route_permille: dict[str, Permille]
    tier_permille: dict[str, Permille]
    adaptive_replicas_permille: dict[str, Permille]
    path_permille: dict[str, Permille]
    habits_permille: Habits
    requests: Requests


REPLICAS: Mapping[str, int] = {"one": 1, "three": 3, "five": 5}


def load_weights(path: Path = WEIGHTS_PATH) -> Weights:
    """Return the weights.

    Raises:
        NotFound: there is no such file.
        InvalidInput: a name is unknown or missing, or a table does not sum to 1,000.
    """
    found = read_toml(path, Weights)
    tables = (
        ("route_permille", found.route_permille, ROUTES),
        ("tier_permille", found.tier_permille, TIERS),
        ("adaptive_replicas_permille", found.adaptive_replicas_permille, tuple(REPLICAS)),
        ("path_permille", found.path_permille, PATHS),
    )
    for name, table, known in tables:
        if set(table) != set(known):
            raise InvalidInput(f"must have {', '.join(known)} and no other", field=name)
        if sum(table.values()) != PERMILLE:
            raise InvalidInput(f"sums to {sum(table.values())}, and not 1000", field=name)
    asked = found.requests
    for name in ("settlements_per_session", "requests_per_settlement", "input_tokens"):
        if getattr(asked, f"{name}_min") > getattr(asked, f"{name}_max"):
            raise InvalidInput("is above its maximum", field=f"requests.{name}_min")
    if asked.output_tokens_min > asked.output_tokens_max:
        raise InvalidInput("is above its maximum", field="requests.output_tokens_min")
    return found
