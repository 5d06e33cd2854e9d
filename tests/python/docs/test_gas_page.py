# SPDX-License-Identifier: Apache-2.0
"""docs/gas.md: its numbers are those that were measured, and its targets hold."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

WHOLE = "session.100x3x1"
GWEI = 10**9
PAGE = Path("docs/gas.md").read_text("utf-8")


def scenarios(path: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(Path(path).read_text())["scenarios"]
    return found


OURS, PHASE2 = scenarios("gas/scenarios.json"), scenarios("gas/baselines/phase2.json")
FIRST = scenarios("gas/baselines/2026-11.json")
PROFILES, BEFORE = scenarios("gas/profile.json"), scenarios("gas/before-cuts.json")
COLUMNS = [PHASE2[WHOLE], OURS[WHOLE], OURS[f"{WHOLE}.alone"]]


def fee(entry: dict[str, Any], network: str) -> int:
    parts = entry["fees"][network]
    return int(parts["execution_wei"]) + int(parts["data_wei"])


def whole(entry: dict[str, Any]) -> int:
    """A fee on Testnet-1a and its part of what the batches cost that nobody is charged for."""
    share = entry["fees"]["cor-testnet1a"]["batch_share_wei"]
    return fee(entry, "cor-testnet1a") + int(share)


def row(title: str) -> list[int]:
    cells = re.search(rf"^\| {title} \|(.*)\|$", PAGE, flags=re.MULTILINE)
    assert cells is not None, title
    return [int(n.replace(",", "")) for n in re.findall(r"[\d,]+", cells[1])]


def test_gas_and_fees_are_as_measured() -> None:
    assert row("L2 gas") == [each["gas_used"] for each in COLUMNS]
    for title, network in (
        ("Arbitrum Sepolia", "arbitrum-sepolia"),
        ("Testnet-1a", "cor-testnet1a"),
    ):
        in_gwei = [-(-fee(each, network) // GWEI) for each in COLUMNS]
        assert row(f"fee on {title}, gwei") == in_gwei
    shares = [int(each["fees"]["cor-testnet1a"]["batch_share_wei"]) for each in COLUMNS]
    assert row("its batches' fixed share, gwei") == [-(-wei // GWEI) for wei in shares]


def test_ratios_follow_and_pass_the_targets() -> None:
    theirs, *ours = COLUMNS
    by_gas = [theirs["gas_used"] // each["gas_used"] for each in ours]
    by_fee = [fee(theirs, "cor-testnet1a") // fee(each, "cor-testnet1a") for each in ours]
    assert row("times less gas") == by_gas
    assert row("times less fee on Testnet-1a") == by_fee
    with_share = [whole(theirs) // whole(each) for each in ours]
    assert row("times less, fee and fixed share") == with_share
    assert min(by_gas) >= 50
    assert min(by_fee) >= 20
    assert min(with_share) >= 20


def test_the_derivation_adds_up() -> None:
    parts = {name.removeprefix("phase2."): entry["gas_used"] for name, entry in PHASE2.items()}
    steps = [
        gas for name, gas in parts.items() if name.startswith("task.") and name != "task.first"
    ]
    assert len(steps) == 12
    assert sum(steps) == parts["task"]
    whole = parts["session.create"] + parts["session.deposit"] + parts["task.first"]
    whole += 99 * parts["task"] + parts["withdraw"]
    assert whole == parts[WHOLE]
    for part in ("session.create", "session.deposit", "task.first", "task", "withdraw"):
        assert f"{parts[part]:,}" in PAGE
    assert row("transactions")[0] == 1 + 1 + 100 * 12 + 4
    assert f"{OURS['session.open.first']['gas_used']:,} to open" in PAGE


def test_data_is_charged_for_each_transaction_by_itself() -> None:
    """A chain rounds gas for bytes down for each; a sum that was rounded once would be more."""
    steps = [entry for name, entry in PHASE2.items() if re.match(r"phase2\.task\.(?!first)", name)]
    for network in ("arbitrum-sepolia", "cor-testnet1a"):
        data = sum(int(each["fees"][network]["data_wei"]) for each in steps)
        assert int(PHASE2["phase2.task"]["fees"][network]["data_wei"]) == data
    alone = ["session.open.first", "settle.escrow.1.steady", "pending.release", *["pot.pay"] * 3]
    data = sum(int(OURS[name]["fees"]["arbitrum-sepolia"]["data_wei"]) for name in alone)
    assert int(OURS[f"{WHOLE}.alone"]["fees"]["arbitrum-sepolia"]["data_wei"]) == data


def test_a_share_is_of_what_the_whole_transaction_is_charged() -> None:
    shared = ["settle.escrow.100", "pending.release", *["pot.pay"] * 3]
    for network in ("arbitrum-sepolia", "cor-testnet1a"):
        fees = {name: entry["fees"].get(network) for name, entry in OURS.items() if "fees" in entry}
        own = int(fees["session.open.first"]["data_wei"])
        data = own - (-sum(int(fees[name]["data_wei"]) for name in shared) // 100)
        assert int(fees[WHOLE]["data_wei"]) == data


def test_what_the_columns_leave_out_is_as_measured() -> None:
    ways = ("session.close.request", "session.close.withdraw")
    closing = sum(OURS[name]["gas_used"] for name in ways)
    assert f"session, {closing:,} gas where a payer wants the rest back" in PAGE
    paying = OURS["reward.pay.128"]["gas_per_item"]
    assert f"{paying:,} gas a node and epoch in a run of 128 (`reward.pay.128`)" in PAGE
    source = Path("scripts/_gas/phase2.py").read_text()
    prompt = re.search(r'^PROMPT = "(.*)"$', source, flags=re.MULTILINE)
    assert prompt is not None
    assert f"a prompt has {len(prompt[1])} characters" in PAGE


def test_p95_of_a_small_group_is_its_dearest_session() -> None:
    tables = json.loads(Path("gas/mix.json").read_text())["tables"]
    small = [each for rows in tables.values() for each in rows if each["sessions"] < 20]
    assert small
    for each in small:
        assert each["execution_gas"]["p95"] == each["execution_gas"]["max"]
    assert "fewer than 20 sessions, p95 is the dearest one" in PAGE


def test_what_was_looked_at_and_left_is_as_profiled() -> None:
    charge = scenarios("gas/profile.json")["dispute.charge"]
    again = sum(each.get("redundant_reads", 0) for each in charge["storage"].values())
    told = (
        f"{again} reads of warm slots in `dispute.charge`, {again * 100:,} gas of "
        f"{charge['gas_used']:,} in a call"
    )
    assert told in " ".join(PAGE.split())


def test_what_was_cut_is_as_measured() -> None:
    section = PAGE[PAGE.index("## What was cut") :]
    rows = re.findall(
        r"^\| `([\w.]+)` \| ([\d,]+) \| ([\d,]+) \| ([-\d,]+) \|$", section, re.MULTILINE
    )
    assert len(rows) == 5
    for name, *cells in rows:
        before, after, change = (int(cell.replace(",", "")) for cell in cells)
        assert before == FIRST[name]["gas_used"]
        assert after == OURS[name]["gas_used"]
        assert change == after - before


def test_what_was_cut_of_a_voucher_is_the_change() -> None:
    before, after, _ = row(r"`settle\.voucher\.128`")
    assert (before - after) % 128 == 0
    assert f"{(before - after) // 128} gas a voucher" in PAGE


def test_a_session_of_the_largest_batch_is_what_it_is_made_of() -> None:
    told = re.search(
        r"Of its ([\d,]+) gas a session, ([\d,]+) are the slot with deposit and total, (\d+) the "
        r"item's calldata, (\d+) its bytes in the event, .* (\d+) the hash .* the (\d+) left",
        " ".join(PAGE.split()),
    )
    assert told is not None
    whole_gas, *parts = (int(n.replace(",", "")) for n in told.groups())
    assert whole_gas == OURS["settle.escrow.512"]["gas_per_item"] == sum(parts)


def test_the_profile_shown_is_of_a_scenario() -> None:
    gas = OURS["session.topup.steady"]["gas_used"]
    assert f"- refund 0 = {gas:,}\n" in PAGE


def parts(kept: dict[str, Any]) -> list[int]:
    """Return what the table of what was removed has of a profile, by column."""
    slots, classes = kept["storage"].values(), kept["classes"]
    return [
        sum(each.get(kind, 0) for each in slots for kind in ("sets", "resets", "clears")),
        sum(each.get(kind, 0) for each in slots for kind in ("cold_reads", "warm_reads")),
        sum(each["data_bytes"] for each in kept["events"].values()),
        sum(kept["calldata_bytes"]),
        classes["storage_growth"],
        classes["computation"],
    ]


def test_what_was_removed_is_by_the_profiles_of_then_and_now() -> None:
    assert {name: kept["gas_used"] for name, kept in BEFORE.items()} == {
        name: FIRST[name]["gas_used"] for name in BEFORE
    }
    for name, kept in BEFORE.items():
        assert sum(kept["classes"].values()) - kept["refund"] == kept["gas_used"], name
        both = zip(parts(kept), parts(PROFILES[name]), strict=True)
        cells = [f"{then:,}" if then == now else f"{then:,} → {now:,}" for then, now in both]
        assert f"| `{name}` | {' | '.join(cells)} |\n" in PAGE


def test_what_a_node_s_reward_takes_is_by_its_profile() -> None:
    name = "reward.pay.128"
    lines = {each["text"]: each["gas"] // 128 for each in PROFILES[name]["lines"]}
    balance = lines["self.balanceOf[to] = unsafe_add(self.balanceOf[to], amount)"]
    event = lines["log IERC20.Transfer(sender=owner, receiver=to, value=amount)"]
    data = PROFILES[name]["classes"]["l2_calldata"] // 128
    call = lines["is_sent, answer = raw_call("]
    said = (
        f"its {OURS[name]['gas_per_item']:,} gas a node {balance:,} are the operator's balance, "
        f"a write to a cold slot, and {event:,} the token's event, both by the token's own lines; "
        f"{data:,} are calldata, and the call to the token is {call}."
    )
    assert said in " ".join(PAGE.split())
    assert f"takes: {OURS['reward.sweep.128']['gas_per_item']:,} a node" in PAGE


def shown(ppm: int) -> str:
    """Return millionths as the page has them: percent with two places, rounded up."""
    hundredths = -(-ppm // 100)
    return f"{hundredths // 100}.{hundredths % 100:02d} %"


def test_how_near_estimates_are_is_as_measured_on_the_networks() -> None:
    document = json.loads(Path("gas/networks.json").read_text())
    assert f"on {document['header']['as_of']}" in PAGE
    for name, kept in document["networks"].items():
        prices = [f"{int(kept[each]):,}" for each in ("base_fee_wei", "unit_wei")]
        errors = [
            f"{shown(each['median'])}, {shown(each['max'])}" for each in kept["errors_ppm"].values()
        ]
        assert f"| {' | '.join([name, *prices, *errors])} |\n" in PAGE
        assert f"the {kept['scenarios']} scenarios" in PAGE


def test_the_readme_says_what_was_measured() -> None:
    readme = Path("README.md").read_text("utf-8")
    section = readme[readme.index("## What it costs") : readme.index("## What is in it")]
    said = [
        int(n.replace(",", ""))
        for n in re.findall(r"^\| .* \| ([\d,]+) \|$", section, re.MULTILINE)
    ]
    assert said == [
        OURS["session.open.first"]["gas_used"],
        -(-OURS["settle.escrow.100"]["gas_used"] // 100),
        OURS[WHOLE]["gas_used"],
        OURS[f"{WHOLE}.alone"]["gas_used"],
        PHASE2[WHOLE]["gas_used"],
    ]
