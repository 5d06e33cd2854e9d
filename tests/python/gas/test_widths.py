# SPDX-License-Identifier: Apache-2.0
"""Every table of `cortensor gas` fits a terminal of 80 columns, with committed numbers in it."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from cortensor.cli import main
from cortensor.gas.arbitrum import Fee
from cortensor.gas.closure import Closure
from cortensor.gas.cost_lines import BATCH_BYTES, FIXED_SHARE, batch_share_wei, names_of
from cortensor.gas.estimate import BY_LIMIT, Estimate, Line
from cortensor.gas.fee_files import PRICES, fee_file
from cortensor.gas.heat import Heat
from cortensor.gas.kept_profiles import Kept, Profiles
from cortensor.gas.measured import Measurement
from cortensor.gas.profile import ClassGas, Profile
from cortensor.gas.profile_render import show_profile
from cortensor.gas.reading import read_json
from cortensor.gas.render import show_estimate
from cortensor.gas.snapshot import load_prices, load_snapshot
from tests.python.gas.flames import profile_of_graph

GAS = Path("gas")
COLUMNS = 80
MEASURED = read_json(GAS / "scenarios.json", Measurement)
PROFILES = read_json(GAS / "profile.json", Profiles)
BASELINES = sorted(path.stem for path in (GAS / "baselines").glob("*.json"))


def console() -> tuple[Console, io.StringIO]:
    file = io.StringIO()
    return Console(width=COLUMNS, file=file), file


def fits(text: str) -> None:
    """No line is longer, and nothing was cut short to make it so."""
    assert text
    assert [line for line in text.splitlines() if len(line) > COLUMNS] == []
    assert "…" not in text


@pytest.mark.parametrize("network", ["arbitrum-sepolia", "cor-l3"])
def test_an_estimate_of_the_dearest_scenario(network: str) -> None:
    fees, prices = load_snapshot(fee_file(network)), load_prices(PRICES)
    most = max(row.gas_used for row in MEASURED.scenarios.values())
    units = max(row.poster_units or 0 for row in MEASURED.scenarios.values())
    fee = Fee(units, most, units, int(fees.base_fee_wei))
    execution, data, *_ = names_of(fees).values()
    lines = [Line(execution, most, fee.execution_wei), Line(data, units, fee.data_wei)]
    share = batch_share_wei(fees)
    if share is not None:
        lines += [Line(name, None, share, is_charged=False) for name in (FIXED_SHARE, BATCH_BYTES)]
    out, file = console()
    show_estimate(out, Estimate(fee, lines, BY_LIMIT, fee.base_fee), fees, prices)
    fits(file.getvalue())
    for line in lines:
        assert f" {line.wei:,}\n" in file.getvalue(), "wei in one piece"


@pytest.mark.parametrize("words", [["mix"], *(["diff", each, "--gone-ok"] for each in BASELINES)])
def test_a_commands_tables(words: list[str]) -> None:
    done = CliRunner(env={"COLUMNS": str(COLUMNS)}).invoke(main, ["gas", *words])
    tables = [line for line in done.stdout.splitlines() if not line.startswith("over budget: ")]
    fits("\n".join(tables))


def profile_of(kept: Kept) -> Profile:
    """A profile with the classes and the storage of a scenario."""
    made = profile_of_graph()
    closure = Closure(0, kept.gas_used + kept.refund, kept.refund, 0)
    heat = []
    for name, told in kept.storage.items():
        contract, _, variable = name.partition(".")
        counts = {key: value for key, value in told.items() if key != "slots"}
        heat.append(Heat(contract, variable, ["slot"] * told["slots"], **counts))
    classes = [ClassGas(name, 0, gas) for name, gas in kept.classes.items()]
    return Profile(
        "0x" + "12" * 32,
        made.contract,
        made.is_failed,
        closure,
        classes,
        heat,
        made.opcodes,
        made.events,
        made.calldata,
        made.notes,
    )


def test_a_profile_of_every_kind_of_scenario() -> None:
    # Of those with the same columns, the one with most gas.
    kinds: dict[frozenset[str], tuple[str, Kept]] = {}
    for name, kept in sorted(PROFILES.scenarios.items(), key=lambda each: each[1].gas_used):
        columns = frozenset(key for told in kept.storage.values() for key in told)
        kinds[columns] = name, kept
    assert len(kinds) > 10
    for name, kept in kinds.values():
        out, file = console()
        show_profile(out, profile_of(kept))
        text = file.getvalue()
        fits(text)
        shown = set(re.findall(r"[\d,]+", text))
        told = {f"{each['gas']:,}" for each in kept.storage.values() if each["gas"]}
        assert told <= shown, f"{name}: numbers in one piece"
