# SPDX-License-Identifier: Apache-2.0
"""`ape run gas --mix`: drawn the same for ever, run for real, and as committed."""

from __future__ import annotations

import io
import tomllib
from functools import partial

import pytest
from click.testing import CliRunner

from cortensor.errors import InvalidInput
from cortensor.gas.mix import mix_text
from cortensor.pricing import RateCard
from scripts import gas
from scripts._anvil import ROOT
from scripts._gas import fees, progress
from scripts._gas.bench import run_bench
from scripts._gas.flames import Flames
from scripts._gas.mix import command
from scripts._gas.mix.costs import recorded
from scripts._gas.mix.document import mix_document, page_with
from scripts._gas.mix.plan import Dice, draw
from scripts._gas.mix.run import run_mix
from scripts._gas.mix.weights import PATHS, ROUTES, TIERS, WEIGHTS_PATH, load_weights

WEIGHTS = load_weights()


@pytest.mark.anvil
@pytest.mark.timeout(300)
def test_the_committed_mix_is_exact():
    done = CliRunner().invoke(gas.cli, ["--mix", "--check"])
    assert done.exit_code == 0, done.output
    assert "every number as committed" in done.output


@pytest.mark.anvil
@pytest.mark.timeout(300)
def test_another_seed_is_another_mix_and_the_check_says_so(monkeypatch, tmp_path):
    # Line maps would take the compiler seconds each: contracts are boxes.
    monkeypatch.setattr(command, "Flames", partial(Flames, lambda _name: None))
    stacks = tmp_path / "mix.folded"
    words = ["--mix", "--check", "--seed", "2", "--sessions", "3", "--flame", str(stacks)]
    done = CliRunner().invoke(gas.cli, words)
    assert done.exit_code == 1
    assert f"wrote {stacks}" in done.output
    outermost = {line.rpartition(" ")[0].split(";")[0] for line in stacks.read_text().splitlines()}
    assert "SessionPayment" in outermost
    assert "gas/mix.json, docs/gas.md: not as committed" in done.output


@pytest.mark.anvil
@pytest.mark.timeout(300)
def test_the_same_seed_gives_the_same_bytes():
    def text():
        with run_bench(RateCard.load(ROOT / "config" / "rate-card.toml")) as bench:
            plans = draw(WEIGHTS, 5, 6)
            found, cost_of = recorded(fees.snapshots())
            run_mix(bench, plans, WEIGHTS.settling_hours, found, cost_of, lambda _: None)
            return mix_text(mix_document(found, WEIGHTS, 5, 6, bench.version))

    assert text() == text()


def test_what_is_drawn_follows_the_weights():
    plans = draw(WEIGHTS, 3, 800)
    assert plans == draw(WEIGHTS, 3, 800)
    assert plans[:50] == draw(WEIGHTS, 3, 50)
    assert plans[:50] != draw(WEIGHTS, 4, 50)
    for name, table in (
        ("route", WEIGHTS.route_permille),
        ("tier", WEIGHTS.tier_permille),
        ("path", WEIGHTS.path_permille),
    ):
        for kind, permille in table.items():
            share = sum(getattr(plan, name) == kind for plan in plans) / len(plans)
            assert abs(share - permille / 1_000) < 0.05, (name, kind)
    for plan in plans:
        assert (plan.path == "none") == (plan.requests == 0)
        replicas = {request.replicas for asked in plan.hours.values() for request in asked}
        fixed = {"fast": {1}, "safe": {3}, "oracle": {5}}.get(plan.tier, {1, 3, 5})
        assert replicas <= fixed
        assert set(plan.hours) <= set(range(WEIGHTS.settling_hours))


def test_dice_are_the_same_for_ever():
    dice = Dice(1)
    assert [dice.below(1_000) for _ in range(4)] == [352, 161, 535, 790]


def changed(**values: object) -> str:
    """The weights as TOML, with changes."""
    found = tomllib.loads(WEIGHTS_PATH.read_text())
    for name, value in values.items():
        if isinstance(value, dict):
            found[name] = found[name] | value
        else:
            found[name] = value
    plain = [f"{k} = {v}" for k, v in found.items() if not isinstance(v, dict)]
    tables = [(k, v) for k, v in found.items() if isinstance(v, dict)]
    for name, table in tables:
        plain += [f"[{name}]", *(f"{k} = {v}" for k, v in table.items())]
    return "\n".join(plain)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"route_permille": {"escrow": 501}}, "route_permille: sums to 1001, and not 1000"),
        ({"tier_permille": {"turbo": 0}}, "must have fast, safe, oracle, adaptive and no other"),
        ({"path_permille": {"none": -1}}, "path_permille"),
        ({"requests": {"input_tokens_min": 9_999}}, "requests.input_tokens_min: is above"),
        ({"requests": {"output_tokens_min": 9_999}}, "requests.output_tokens_min: is above"),
        ({"sessions": 0}, "sessions"),
        ({"more": 1}, "more"),
    ],
)
def test_weights_that_are_wrong_are_named(tmp_path, values, words):
    path = tmp_path / "mix.toml"
    path.write_text(changed(**values))
    with pytest.raises(InvalidInput) as refused:
        load_weights(path)
    assert words in str(refused.value)


def test_the_weights_name_every_kind():
    assert tuple(WEIGHTS.route_permille) == ROUTES
    assert tuple(WEIGHTS.tier_permille) == TIERS
    assert tuple(WEIGHTS.path_permille) == PATHS


def test_a_page_without_a_place_for_the_table_is_refused():
    with pytest.raises(InvalidInput, match="has no place"):
        page_with(None, "# Gas")


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_is_a_bar_on_a_terminal_and_a_line_elsewhere(monkeypatch):
    shown = {}
    for kind in (Terminal, io.StringIO):
        out = kind()
        monkeypatch.setattr(progress.sys, "stderr", out)
        with progress.progress("scenarios", 2) as step:
            step("session.open.first")
            step("session.open.steady")
        shown[kind] = out.getvalue()
    assert shown[io.StringIO] == "measuring scenarios, 2 in all\n"
    assert "2/2" in shown[Terminal]
    assert "session.open.steady" in shown[Terminal]
