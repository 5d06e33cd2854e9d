# SPDX-License-Identifier: Apache-2.0
"""Each scenario's profile, in brief: gas by class, storage by variable, bytes of events."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from cortensor.chain.tracer import read_traced
from cortensor.gas.heat import Heat
from cortensor.gas.known import Known, load_layout
from cortensor.gas.profile import Profile, profile
from scripts._deploy.compiler import ROOT
from scripts._gas.bench import Bench
from scripts._gas.envelope import BROTLI_LEVEL
from scripts._gas.results import Document
from scripts._gas.scenario import Scenario

PROFILE_PATH = ROOT / "gas" / "profile.json"
METRIC = (
    "classes: all of it, before the refund; storage: by contract and variable, gas with cold "
    "access; redundant_reads: of a slot read before, without a write between"
)
COUNTS = (
    "cold_reads",
    "warm_reads",
    "redundant_reads",
    "sets",
    "resets",
    "clears",
    "rewrites",
    "same",
)

layout_of = cache(load_layout)


def profiled(
    scenarios: Iterable[Scenario], bench: Bench, found: dict[str, Any]
) -> Iterator[Scenario]:
    """Yield scenarios as they come, and note each one's profile while the chain has it.

    Args:
        scenarios: what is measured; those that are no transaction have no profile.
        bench: the node and its contracts.
        found: scenario name -> its profile in brief, filled here.
    """
    for scenario in scenarios:
        if scenario.used.tx_hash:
            traced = read_traced(bench.web3, scenario.used.tx_hash)
            known = {
                address.lower(): Known(name, layout_of(ROOT / "layouts" / f"{name}.json"))
                for name, address in bench.addresses.items()
            }
            found[scenario.name] = _brief(profile(traced, known, BROTLI_LEVEL))
        yield scenario


def document(found: dict[str, Any], header: dict[str, Any]) -> Document:
    """Return the file's content: the header of what was measured, and each profile."""
    kept = ("compiler", "evm", "optimizer", "anvil", "hardfork", "token")
    return {
        "header": {"metric": METRIC, **{name: header[name] for name in kept}},
        "scenarios": found,
    }


def dump(content: Document) -> str:
    """Return its text: a scenario a line."""
    lines = [f"    {json.dumps(name)}: {json.dumps(x)}" for name, x in content["scenarios"].items()]
    header = json.dumps(content["header"])
    return f'{{\n  "header": {header},\n  "scenarios": {{\n' + ",\n".join(lines) + "\n  }\n}\n"


def _brief(found: Profile) -> dict[str, Any]:
    return {
        "gas_used": found.closure.used,
        "refund": found.closure.refund,
        "classes": {
            each.name: each.intrinsic + each.execution
            for each in found.classes
            if each.intrinsic + each.execution
        },
        "storage": {each.name: _storage(each) for each in found.heat},
        "event_data_bytes": sum(each.data_bytes for each in found.events),
        "calldata_bytes": [found.calldata.zero_bytes, found.calldata.nonzero_bytes],
    }


def _storage(heat: Heat) -> dict[str, int]:
    counts = {name: getattr(heat, name) for name in COUNTS if getattr(heat, name)}
    return {"gas": heat.gas, "slots": len(heat.slots), **counts}
