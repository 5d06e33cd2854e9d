# SPDX-License-Identifier: Apache-2.0
"""gas/mix.json, and the table of it in docs/gas.md."""

from __future__ import annotations

from typing import Any

import msgspec

from cortensor.errors import InvalidInput
from cortensor.gas.allotment import Allotment
from cortensor.gas.mix import Mix, mix_of
from cortensor.gas.mix_render import markdown
from scripts._deploy.compiler import ROOT
from scripts._gas.mix.weights import Weights
from scripts._gas.results import header_of

MIX_PATH = ROOT / "gas" / "mix.json"
PAGE_PATH = ROOT / "docs" / "gas.md"
BEGIN, END = "<!-- begin: written by `ape run gas --mix` -->", "<!-- end -->"
METRIC = (
    "execution_gas: receipt gasUsed of all transactions that a session needs, its own and its "
    "part of shared ones; poster_units: of their signed bytes; the contracts' deployment, the "
    "router's registration and bond, and the agent's registration are not in it"
)
STARTS = "a router that has settled before; payers who are new hold COR and have allowed the escrow"


def mix_document(found: Allotment, weights: Weights, seed: int, sessions: int, anvil: str) -> Mix:
    """Return the document of a mix."""
    common = header_of(anvil)
    return mix_of(
        found,
        {
            **common,
            "metric": METRIC,
            "starts_from": STARTS,
            **drawn_header(weights, seed, sessions),
        },
    )


def drawn_header(weights: Weights, seed: int, sessions: int) -> dict[str, Any]:
    """Return the header lines of what was drawn."""
    drawn: dict[str, Any] = msgspec.to_builtins(weights)
    for name in ("seed", "sessions"):
        del drawn[name]
    return {"seed": seed, "sessions": sessions, "weights": drawn}


def page_with(mix: Mix, text: str) -> str:
    """Return the page's text with the mix's table in its place.

    Raises:
        InvalidInput: the page has no such place.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise InvalidInput(f"has no place between {BEGIN!r} and {END!r}", field=str(PAGE_PATH))
    return f"{before}{BEGIN}\n\n{markdown(mix)}\n\n{END}{after}"
