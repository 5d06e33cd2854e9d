# SPDX-License-Identifier: Apache-2.0
"""`cortensor gas estimate`: its lines, its sums, its refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cortensor.anvil.networks import MAX_TX_BYTES
from cortensor.cli import main
from cortensor.gas.arbitrum import poster_units
from cortensor.gas.coins import decimal_text, in_few_digits
from cortensor.gas.fee_files import fee_file
from cortensor.gas.snapshot import load_prices, load_snapshot
from tests.python.gas.signed import signed

FEES = Path("config/fees")
RAW = "0x" + signed(b"\x11" * 200).hex()
PRICE, BASE_FEE = 986_426, 200_000_000


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["gas", "estimate", *words])


def told(*words: str) -> dict[str, Any]:
    done = run(*words, "--json")
    assert done.exit_code == 0, done.output
    data: dict[str, Any] = json.loads(done.stdout)
    return data


def test_the_lines_of_a_transaction_on_the_l2() -> None:
    data = told(RAW, "--network", "arbitrum-sepolia", "--l2-gas", "50000")
    units = poster_units(bytes.fromhex(RAW[2:]), 1)
    for_bytes = PRICE * units // BASE_FEE
    assert data["poster_units"] == units
    assert [(line["name"], line["gas"], line["wei"]) for line in data["lines"]] == [
        ("L2 execution", 50_000, str(50_000 * BASE_FEE)),
        ("L1 data", for_bytes, str(for_bytes * BASE_FEE)),
    ]
    assert data["total"]["gas"] == 50_000 + for_bytes
    assert data["total"]["wei"] == str((50_000 + for_bytes) * BASE_FEE)
    assert data["assumed"] == ["price_per_unit_wei"]
    assert data["is_bound"] is False


def test_the_lines_on_the_l3_say_what_a_batch_costs() -> None:
    raw = "0x" + signed(b"\x11" * 200, chain_id=18_964_747_554).hex()
    data = told(raw, "--network", "cor-testnet1a", "--l2-gas", "50000")
    lines = {line["name"]: line for line in data["lines"]}
    assert list(lines) == [
        "L3 execution",
        "L3 data",
        "fixed batch share",
        "batch bytes",
    ]
    charged = sum(int(line["wei"]) for line in lines.values() if line["is_charged"])
    assert str(charged) == data["total"]["wei"]
    assert int(lines["fixed batch share"]["wei"]) > 0
    assert lines["batch bytes"]["wei"] == "0", "a committee keeps the data"
    assert data["total"]["cor"] == f"{charged / 10**18:.18f}".rstrip("0")


@pytest.mark.parametrize("network", sorted(MAX_TX_BYTES))
def test_every_network_of_cortensor_anvil_is_known(network: str) -> None:
    chain_id = load_snapshot(fee_file(network)).chain_id
    data = told("0x" + signed(b"\x11", chain_id=chain_id).hex(), "--network", network)
    assert data["chain_id"] == chain_id


def test_without_a_figure_the_limit_is_the_most() -> None:
    data = told(RAW, "--network", "arbitrum-sepolia")
    assert (data["is_bound"], data["execution_from"]) == (True, "gas_limit")
    assert data["total"]["gas"] == 100_000, "the limit covers bytes too"
    shown = run(RAW, "--network", "arbitrum-sepolia").stdout
    assert "at most" in shown
    assert "Execution: the gas limit of the transaction, an upper bound." in shown


def test_amounts_in_other_coins_are_rounded_up(tmp_path: Path) -> None:
    prices = tmp_path / "prices.toml"
    prices.write_text(
        'as_of = 2026-01-01\nsource = "test"\n[micro_usd]\nETH = 3_000_000_000\nCOR = 7\n'
    )
    total = told(RAW, "--network", "arbitrum-sepolia", "--prices", str(prices))["total"]
    assert total["wei"] == str(100_000 * BASE_FEE)
    assert total["eth"] == "0.00002"
    assert total["usd"] == "0.06"
    assert total["cor"] == "8571.428571428571428572"


def test_dollars_are_told_of_what_costs_less_than_a_millionth_of_one() -> None:
    raw = "0x" + signed(b"", chain_id=18_964_747_554).hex()
    data = told(raw, "--network", "cor-l3", "--l2-gas", "21000")
    execution, for_bytes = (line for line in data["lines"] if line["is_charged"])
    assert execution["wei"] == str(21_000 * 10**8)
    assert execution["usd"] == "0.000000021"  # 21,000 gas at 1e8 wei, a COR at a cent
    assert int(for_bytes["wei"]) < 10**10
    assert for_bytes["usd"] == f"{int(for_bytes['wei']) // 10**8 / 10**12:.12f}"


@pytest.mark.parametrize(
    ("amount", "decimals", "text"),
    [
        (0, 18, "0"),
        (1, 18, "0.000000000000000001"),
        (123_456, 6, "0.123456"),
        (1_234_561, 6, "1.23457"),
        (999_999_900, 6, "1,000"),
        (12_345_678_900_000, 6, "12,345,679"),
    ],
)
def test_a_table_shows_six_digits_that_count_rounded_up(
    amount: int, decimals: int, text: str
) -> None:
    assert decimal_text(in_few_digits(amount, decimals), decimals, ",") == text


def test_gas_is_asked_of_a_node_or_given() -> None:
    for words in (["--ask-gas"], ["--ask-gas", "--rpc", "http://127.0.0.1:9", "--l2-gas", "1"]):
        done = run(RAW, "--network", "arbitrum-sepolia", *words)
        assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
        assert "needs --rpc, and takes the place of --l2-gas" in done.stderr


def test_a_coin_without_a_price_is_unknown(tmp_path: Path) -> None:
    prices = tmp_path / "prices.toml"
    prices.write_text('as_of = 2026-01-01\nsource = "test"\n[micro_usd]\nETH = 1\n')
    data = told(RAW, "--network", "arbitrum-sepolia", "--prices", str(prices))
    assert data["total"]["cor"] is None
    assert "?" in run(RAW, "--network", "arbitrum-sepolia", "--prices", str(prices)).stdout


def test_the_transaction_may_be_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "tx.hex"
    file.write_text(RAW + "\n")
    words = ("--network", "arbitrum-sepolia")
    assert told(f"@{file}", *words) == told(RAW, *words)


LOW, SCARCE = ("0x" + signed(b"\x11" * 200, gas=gas).hex() for gas in (10, 24_200))


@pytest.mark.parametrize("l2_gas", [24_200, 24_201])
def test_the_least_that_it_can_use_is_taken(l2_gas: int) -> None:
    data = told(RAW, "--network", "arbitrum-sepolia", "--l2-gas", str(l2_gas))
    assert data["lines"][0]["gas"] == l2_gas


def test_what_a_list_takes_may_be_refunded_up_to_a_fifth() -> None:
    listed = [{"address": "0x" + "33" * 20, "storageKeys": ["0x" + "00" * 32]}]
    raw = "0x" + signed(accessList=listed).hex()
    least = (21_000 + 2_400 + 1_900) * 4 // 5
    words = (raw, "--network", "arbitrum-sepolia", "--l2-gas")
    assert told(*words, str(least))["lines"][0]["gas"] == least
    assert "[l2_gas_too_low]" in run(*words, str(least - 1)).stderr


@pytest.mark.parametrize("price", ["maxFeePerGas", "gasPrice"])
def test_a_fee_cap_below_the_base_fee_is_told(price: str) -> None:
    words = ("--network", "arbitrum-sepolia")
    for cap, is_priced_out in ((BASE_FEE, False), (BASE_FEE - 1, True)):
        raw = "0x" + signed(**{price: cap}).hex()
        data = told(raw, *words)
        assert (data["fee_cap_wei"], data["is_priced_out"]) == (str(cap), is_priced_out)
        said = f"Its fee cap, {cap:,} wei, is below the base fee: it would not be taken."
        assert (said in run(raw, *words).stdout) is is_priced_out


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["0xzz", "--network", "arbitrum-one"], "raw_tx: must be hex digits"),
        (["@/none", "--network", "arbitrum-one"], "raw_tx: cannot read /none"),
        (
            [RAW, "--network", "arbitrum-one"],
            "is signed for chain 421614; arbitrum-one is 42161 [wrong_chain]",
        ),
        (
            [RAW, "--network", "nowhere"],
            "there are arbitrum-one, arbitrum-sepolia, cor-l3, cor-testnet1a",
        ),
        ([RAW, "--network", "none.toml"], "no file none.toml"),
        ([RAW, "--network", "arbitrum-sepolia", "--l2-gas", "100000"], "[gas_limit_too_low]"),
        ([LOW, "--network", "arbitrum-sepolia"], "its gas limit is 10; its bytes take"),
        (
            [RAW, "--network", "arbitrum-sepolia", "--l2-gas", "24199"],
            "l2_gas: is 24199; it uses 24200 at least [l2_gas_too_low]",
        ),
        ([RAW, "--network", "arbitrum-sepolia", "--l2-gas", "0"], "[l2_gas_too_low]"),
        ([SCARCE, "--network", "arbitrum-sepolia"], "execution 24200 and more"),
        ([RAW, "--network", "arbitrum-sepolia", "--prices", "none"], "no file none"),
    ],
)
def test_refusals_are_one_line(words: list[str], error: str) -> None:
    done = run(*words)
    assert done.exit_code == 2
    assert error in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_outside_the_project_it_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = (FEES / "arbitrum-sepolia.toml").resolve()
    monkeypatch.chdir(tmp_path)
    for network, words in (
        ("arbitrum-sepolia", "run this in the project's folder, or name a TOML file"),
        (
            str(kept),
            "no file config/fees/prices.toml; run this in the project's folder, or name a file",
        ),
    ):
        done = run(RAW, "--network", network)
        assert (done.exit_code, done.stdout) == (2, "")
        assert words in done.stderr


@pytest.mark.parametrize("path", sorted(set(FEES.glob("*.toml")) - {FEES / "prices.toml"}), ids=str)
def test_every_snapshot_is_whole(path: Path) -> None:
    snapshot = load_snapshot(path)
    assert snapshot.network == path.stem
    assert set(snapshot.assumed) <= set(snapshot.__struct_fields__)


def test_prices_are_whole() -> None:
    assert set(load_prices(FEES / "prices.toml").micro_usd) == {"ETH", "COR"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (("brotli_level = 1", "brotli_level = 12"), "brotli_level"),
        (('base_fee_wei = "20032000"', "base_fee_wei = 20032000"), "base_fee_wei"),
        (("arbos = 51\n", ""), "arbos"),
        (("arbos = 51", "arbos = 51\nextra = 1"), "extra"),
    ],
)
def test_a_broken_snapshot_names_its_field(
    tmp_path: Path, change: tuple[str, str], field: str
) -> None:
    file = tmp_path / "broken.toml"
    file.write_text((FEES / "arbitrum-one.toml").read_text().replace(*change))
    done = run(RAW, "--network", str(file))
    assert done.exit_code == 2
    assert done.stderr.startswith(f"error: {field}: ")
