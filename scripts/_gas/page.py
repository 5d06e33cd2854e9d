# SPDX-License-Identifier: Apache-2.0
"""docs/spec/gas.md: our scenarios, and the rows that other systems have. Never hand-written."""

from __future__ import annotations

import json

from cortensor.gas.measured import SPREAD
from scripts._deploy.compiler import ROOT
from scripts._gas.results import Document

PEERS_PATH = ROOT / "gas" / "peers.json"
SEPOLIA = "arbitrum-sepolia"
PAGE_PATH = ROOT / "docs" / "spec" / "gas.md"

_PAGE = """\
<!-- Written by `ape run gas` from gas/scenarios.json and gas/peers.json: do not edit. -->
# Gas

Every number is {metric};
where a note says so, a sum, a share or a difference of such:
{compiler}, optimiser {optimizer}, EVM {evm}, Anvil `--hardfork {hardfork}`. Addresses, times and
hashes are fixed, so each run gives the same numbers to the unit; `make gas ARGS=--check` fails on
any other.

On Arbitrum a transaction also pays for its bytes ([fees](fees.md)). *Units*: {poster_units}.
On Arbitrum Sepolia ({sepolia})
they add at most {most} % to the fee of execution. gas/scenarios.json has the lines of each fee in
wei: L2 execution and L1 data there, L3 execution, L3 data and the fixed batch share on Testnet-1a;
`cortensor gas report` has them in ETH, COR and US dollars too.

## Scenarios

`.first` writes storage slots that were never written; `.steady`, `.again` or no suffix, slots that
hold something, unless the last column says otherwise. Views are free; they were sent as
transactions to be measured, and *execution* is what
one takes when a contract calls it, the call instruction and the cold account excluded.

| scenario | gas | items | per item | execution | units | starts from |
|---|--:|--:|--:|--:|--:|---|
{scenarios}

Code on chain, immutables included, of 24,576 bytes allowed: {sizes}.

## Beside other systems

{source} {note}

*Floor* is arithmetic, no contract: {floor}.

| operation | scenario | here | floor | others |
|---|---|--:|--:|---|
{peers}
"""


def page(document: Document) -> str:
    """Return the page's text for measured scenarios."""
    peers = json.loads(PEERS_PATH.read_text())
    scenarios = document["scenarios"]
    sizes = (f"{name} {size:,}" for name, size in document["code_bytes"].items())
    return _PAGE.format(
        **document["header"],
        sepolia=document["header"]["fees"][SEPOLIA],
        most=_most_data(scenarios),
        scenarios="\n".join(_scenario(name, entry) for name, entry in scenarios.items()),
        sizes=", ".join(sizes),
        source=_sentence(peers["header"]["source"]),
        note=_sentence(peers["header"]["note"]),
        floor=peers["header"]["floor"],
        peers="\n".join(_operation(row, scenarios[row["scenario"]]) for row in peers["rows"]),
    )


def _scenario(name: str, entry: Document) -> str:
    is_batch = entry["items"] > 1
    cells = [
        f"`{name}`",
        f"{entry['gas_used']:,}",
        f"{entry['items']:,}" if is_batch else "",
        f"{entry['gas_per_item']:,}" if is_batch else "",
        f"{entry['execution_gas']:,}" if "execution_gas" in entry else "",
        f"{entry['poster_units']:,}" if "poster_units" in entry else "",
        entry["note"],
    ]
    return "| " + " | ".join(cells) + " |"


def _most_data(scenarios: Document) -> str:
    """Return the most that data adds to execution, in percent with two decimals, rounded up."""
    lines = [entry["fees"][SEPOLIA] for entry in scenarios.values() if "fees" in entry]
    most = max(-(-int(each["data_wei"]) * 10_000 // int(each["execution_wei"])) for each in lines)
    return f"{most // 100}.{most % 100:02d}"


def _operation(row: Document, entry: Document) -> str:
    is_spread = row["scenario"].startswith(SPREAD)
    here = entry["gas_per_item"] if is_spread else entry["gas_used"]
    others = "; ".join(_peer(peer) for peer in row["peers"])
    floor = f"{row['floor']['gas']:,}" if "floor" in row else ""
    return f"| {row['what']} | `{row['scenario']}` | {here:,} | {floor} | {others} |"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _peer(peer: Document) -> str:
    note = f" ({peer['note']})" if "note" in peer else ""
    return f"{peer['name']} {peer['gas']:,}{note}"
