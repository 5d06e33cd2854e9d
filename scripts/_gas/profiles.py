# SPDX-License-Identifier: Apache-2.0
"""Each scenario's profile, in brief: classes, storage, events, calldata, the dearest lines."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Protocol

from cortensor.chain.rpc import load_abi
from cortensor.chain.tracer import read_traced
from cortensor.gas.closure import Closure
from cortensor.gas.flame import CONTRACT, FUNCTION, Box, Source, code_addresses, flame, hottest
from cortensor.gas.heat import Heat
from cortensor.gas.kept_profiles import DEPLOYMENT
from cortensor.gas.known import Abi, Known, load_layout
from cortensor.gas.line_map import LineMap
from cortensor.gas.profile import Profile, profile
from cortensor.gas.trace import read_steps
from cortensor.gas.transaction import Traced
from scripts._deploy.compiler import ROOT
from scripts._gas.bench import Bench
from scripts._gas.envelope import BROTLI_LEVEL
from scripts._gas.line_maps import line_map_of
from scripts._gas.results import Document
from scripts._gas.scenario import Scenario

PROFILE_PATH = ROOT / "gas" / "profile.json"
METRIC = (
    "classes: all of it, before the refund; storage: by contract and variable, gas with cold "
    "access; redundant_reads: of a slot read before, without a write between; events: gas of "
    "topics and data; arguments: bytes, and units that the unsigned transaction would have less "
    "without it; calls: of functions that may write, by other contracts; lines: gas of their own, "
    "of the dearest"
)
KEPT_LINES = 5
LineMapOf = Callable[[str], LineMap | None]
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


@cache
def abi_of(name: str) -> Abi | None:
    """Return a packaged ABI; doubles of tests have none."""
    try:
        return load_abi(name)
    except FileNotFoundError:
        return None


class Graph(Protocol):
    """To which graphs are added."""

    def add(self, graph: Box, closure: Closure) -> None:
        """Add a transaction's graph, and the parts of its receipt's gas."""


def known_of(bench: Bench) -> dict[str, Known]:
    """Return address in lower case -> contract of a bench."""
    return {
        address.lower(): Known(name, layout_of(ROOT / "layouts" / f"{name}.json"), abi_of(name))
        for name, address in bench.addresses.items()
    }


def profiled(
    scenarios: Iterable[Scenario],
    bench: Bench,
    found: dict[str, Any],
    brotli_level: int = BROTLI_LEVEL,
    graph: Graph | None = None,
    line_map: LineMapOf = line_map_of,
) -> Iterator[Scenario]:
    """Yield scenarios as they come, and note each one's profile while the chain has it.

    Args:
        scenarios: what is measured; those that are no transaction have no profile.
        bench: the node and its contracts.
        found: scenario name -> its profile in brief, filled here.
        brotli_level: the chain's.
        graph: to which each one's gas by source line is added, deployments aside.
        line_map: returns a contract's line map, None to draw it as one box.
    """
    for scenario in scenarios:
        if scenario.used.tx_hash:
            traced = read_traced(bench.web3, scenario.used.tx_hash)
            known = known_of(bench)
            told = profile(traced, known, brotli_level)
            drawn = graph_of(traced, known, line_map)
            found[scenario.name] = {
                **_brief(told),
                "calls": _calls(drawn),
                "lines": _lines(drawn),
            }
            # A deployment is nearly all code on chain, beside which nothing else could be seen.
            if graph is not None and not scenario.name.startswith(DEPLOYMENT):
                graph.add(drawn, told.closure)
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
        "events": {
            f"{each.contract}.{each.name}": {
                "count": each.count,
                "data_bytes": each.data_bytes,
                "gas": each.gas,
            }
            for each in found.events
        },
        "calldata_bytes": [found.calldata.zero_bytes, found.calldata.nonzero_bytes],
        "arguments": {
            each.name: [each.bytes, each.units or 0] for each in found.calldata.arguments
        },
    }


def graph_of(traced: Traced, known: Mapping[str, Known], line_map: LineMapOf) -> Box:
    """Return a transaction's gas by source line.

    Args:
        traced: a node's answers.
        known: address in lower case -> contract.
        line_map: returns a contract's line map, None to draw it as one box.
    """
    transaction, trace = traced.transaction, traced.trace
    steps = read_steps(
        trace, is_creation=transaction.to is None, is_failed=traced.receipt.is_failed
    )
    codes = code_addresses(trace, steps, transaction.to or transaction.created or "")
    names = {each: known[each].name for each in codes if each in known}
    sources = {each: Source(name, line_map(name)) for each, name in names.items()}
    return flame(trace, steps, codes, sources)


def _calls(root: Box) -> list[str]:
    """Return the functions that may write and that contracts called of each other, sorted."""
    found: set[str] = set()

    def walk(box: Box, depth: int) -> None:
        if box.kind == CONTRACT:
            depth += 1
            if depth > 1:
                names = {each.name for each in box.inside.values() if each.kind == FUNCTION}
                found.update(f"{box.name}.{name}" for name in names & writing(box.name))
        for each in box.inside.values():
            walk(each, depth)

    walk(root, 0)
    return sorted(found)


@cache
def writing(name: str) -> frozenset[str]:
    """Return the names of a contract's functions that are no views."""
    return frozenset(
        each["name"]
        for each in abi_of(name) or ()
        if each["type"] == "function" and each["stateMutability"] not in {"view", "pure"}
    )


def _lines(root: Box) -> list[dict[str, Any]]:
    """Return the dearest lines, by what stands there: a number would move with every edit."""
    return [
        {
            "where": f"{each.contract}.{each.function}",
            "file": each.line.partition(":")[0],
            "text": each.text,
            "gas": each.gas,
        }
        for each in hottest(root, KEPT_LINES)
    ]


def _storage(heat: Heat) -> dict[str, int]:
    counts = {name: getattr(heat, name) for name in COUNTS if getattr(heat, name)}
    return {"gas": heat.gas, "slots": len(heat.slots), **counts}
