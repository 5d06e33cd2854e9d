# SPDX-License-Identifier: Apache-2.0
"""The mutation check kills what tests see, reports what they do not, and fails when it should."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.tools.jar import JAR
from tools.findings import ROOT
from tools.mutate import trial
from tools.mutate.__main__ import ARGUED, main
from tools.mutate.check import Options, mutants
from tools.mutate.mutant import Mutant, key_of
from tools.mutate.operators import mutants_of
from tools.mutate.runner import Outcome, Runner
from tools.mutate.sample import ordered
from tools.mutate.suites import SUITES, CannotRunError, imported, suite_of, users
from tools.mutate.verdict import Argued, Verdict, gone, read_argued

RULES = """\
# pragma version ~=0.4.3


@internal
@pure
def _check(amount: uint256):
    assert amount != 0, "rules: empty tip"
"""
DEEPER_RULES = """\
# pragma version ~=0.4.3

from contracts.lib import limits


@internal
@pure
def _check(amount: uint256):
    assert amount >= limits.LEAST, "rules: empty tip"
"""
LIMITS = """\
# pragma version ~=0.4.3
LEAST: constant(uint256) = 1
"""
TESTS = """\
from pathlib import Path

import boa
import pytest

JAR = Path(__file__).parents[4] / "contracts" / "Jar.vy"


@pytest.fixture(scope="session")
def jar():
    boa.interpret.set_search_paths([str(JAR.parents[1])])
    return boa.load_partial(str(JAR)).deploy()


def test_adds_up(jar):
    giver = boa.env.generate_address("giver")
    for _ in range(3):
        jar.tip_for(giver, 1)
    assert jar.tips(giver) == 3


@pytest.mark.parametrize(("amount", "reason"), [(0, "rules: empty tip"), (1_000, "jar: too much")])
def test_refuses(jar, amount, reason):
    giver = boa.env.generate_address("giver")
    with boa.reverts(reason):
        jar.tip_for(giver, amount)
"""
EDGE = """

def test_takes_a_hundred_and_no_more(jar):
    giver = boa.env.generate_address("giver")
    jar.tip_for(giver, 100)
    with boa.reverts("jar: too much"):
        jar.tip_for(giver, 101)
"""
#: A long test that sees all that the short ones do, and a run that begins with such tests.
LONG = """

@pytest.mark.stateful
def test_for_long(jar):
    test_adds_up(jar)
    test_takes_a_hundred_and_no_more(jar)
"""
LONG_FIRST = """\
def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.get_closest_marker("stateful") is None)
"""
SUITE = {"Jar": ("unit/jar", "scenarios")}
TEST_FILE = "tests/contracts/unit/jar/test_jar.py"


@pytest.fixture
def jar(tmp_path: Path) -> Path:
    """A repository with one contract, its library and tests that look at everything."""
    files = {
        "contracts/Jar.vy": JAR,
        "contracts/lib/rules.vy": RULES,
        TEST_FILE: TESTS + EDGE,
        "pyproject.toml": '[tool.pytest.ini_options]\naddopts = ["--import-mode=importlib"]\n',
        "argued.toml": "",
    }
    root = tmp_path / "jar"
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="ascii")
    return root


def run(root: Path, *arguments: str) -> int:
    """Runs the command on a small repository."""
    return main(arguments, root, root / "argued.toml", SUITE)


def content_of(root: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_good_tests_kill_everything_and_the_working_tree_is_left_alone(
    jar: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = content_of(jar)
    assert run(jar, "--all") == 0
    told = capsys.readouterr()
    assert told.err == ""
    assert "survived" not in told.out
    assert "| contracts/Jar.vy | 11 | 11 |" in told.out
    assert "| contracts/lib/rules.vy | 3 | 3 |" in told.out
    assert "| all | 14 | 14 |" in told.out
    # `100 - 0` is `100`; two arguments of different types cannot be swapped.
    assert "Not counted: 1 that do not compile, 1 that compile to the same code." in told.out
    assert f"by {TEST_FILE}::test_takes_a_hundred_and_no_more" in told.out
    assert content_of(jar) == before


def test_a_library_that_only_a_library_imports_is_changed_too(
    jar: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (jar / "contracts/lib/rules.vy").write_text(DEEPER_RULES, encoding="ascii")
    (jar / "contracts/lib/limits.vy").write_text(LIMITS, encoding="ascii")
    assert run(jar, "--all", "--only", "contracts/lib/limits.vy") == 0
    told = capsys.readouterr().out
    assert "| contracts/lib/limits.vy | 2 | 2 |" in told
    assert "0 that compile to the same code" in told


def test_what_no_test_sees_is_named_and_fails(
    jar: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (jar / TEST_FILE).write_text(TESTS, encoding="ascii")
    assert run(jar, "--all") == 1
    told = capsys.readouterr()
    assert "| all | 14 | 10 |" in told.out
    alive = [line for line in told.err.splitlines() if "survived: kill it" in line]
    assert Counter(line.split(":")[2] for line in alive) == {"off-by-one": 3, "compare": 1}
    assert "10 of 14 killed, at least 90 % needed" in told.err

    # One of them again, by its id, and argued for.
    survivor = next(line.partition(" ")[0] for line in alive if ":compare:" in line)
    entry = f'[[argued]]\nids = ["{survivor}"]\nchange = "<= to <"\nreason = "nobody tips 100"\n'
    (jar / "argued.toml").write_text(entry, encoding="ascii")
    assert run(jar, "--only", survivor) == 1
    told = capsys.readouterr()
    assert "nobody tips 100" in told.out
    assert told.err == "0 of 1 killed, at least 90 % needed\n"


def test_failing_tests_kill_nothing(jar: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (jar / TEST_FILE).write_text(TESTS.replace("== 3", "== 4"), encoding="ascii")
    assert run(jar, "--limit", "1") == 2
    assert "must pass before mutants mean anything" in capsys.readouterr().err


def test_a_mutant_that_hangs_is_killed(jar: Path, tmp_path: Path) -> None:
    chosen, contracts = mutants(jar, Options(), SUITE)
    runner = Runner(jar, tmp_path / "work", SUITE, workers=2)
    runner.baseline(["Jar"])
    runner._cpu_seconds = 0
    outcomes = list(runner.outcomes(chosen, contracts, limit=3))
    assert [outcome.result for outcome in outcomes] == [
        trial.Result(trial.KILLED, "running for too long")
    ] * 3


def test_the_short_tests_of_a_trial_come_first(
    jar: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (jar / TEST_FILE).write_text(TESTS + EDGE + LONG, encoding="ascii")
    (jar / "tests/contracts/conftest.py").write_text(LONG_FIRST, encoding="ascii")
    assert run(jar, "--all") == 0
    told = capsys.readouterr().out
    assert f"by {TEST_FILE}::test_adds_up" in told
    assert "test_for_long" not in told


def test_a_trial_that_breaks_is_no_kill(jar: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dying = TESTS.replace(
        "    assert jar.tips(giver) == 3", "    jar.tips(giver) == 3 or os._exit(3)"
    )
    (jar / TEST_FILE).write_text(f"import os\n{dying}", encoding="ascii")
    assert run(jar, "--all") == 2
    assert "the process of the trial died with 3" in capsys.readouterr().err


def test_lists_without_trying(jar: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(jar, "--list", "--only", "contracts/lib/rules.vy") == 0
    listed = capsys.readouterr().out.splitlines()
    assert len(listed) == 3
    assert all(line.startswith("contracts/lib/rules.vy:7:") for line in listed)


@pytest.mark.parametrize("only", ["Nothing", "contracts/Jar.vy:x:compare:00000000"])
def test_refuses_what_is_not_there(
    jar: Path, only: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(jar, "--only", only) == 2
    assert capsys.readouterr().err != ""


# --- choice ---------------------------------------------------------------------------------------


def test_a_sample_is_the_same_every_time_and_operators_take_turns() -> None:
    source = "contracts/ReceiptAnchor.vy"
    found = mutants_of(source, (ROOT / source).read_text(encoding="ascii"))
    chosen = ordered(found, seed=1)
    assert chosen == ordered(list(reversed(found)), seed=1)
    assert chosen != ordered(found, seed=2)
    assert sorted(chosen, key=lambda m: m.id) == sorted(found, key=lambda m: m.id)
    operators = {mutant.edit.operator for mutant in found}
    assert {mutant.edit.operator for mutant in chosen[: len(operators)]} == operators


def test_a_library_is_judged_by_every_contract_that_imports_it(jar: Path) -> None:
    other = JAR.replace("Tip jar", "Other jar")
    (jar / "contracts/Cup.vy").write_text(other, encoding="ascii")
    assert imported(jar, "Jar") == ["contracts/Jar.vy", "contracts/lib/rules.vy"]
    assert users(jar, ["Jar", "Cup"])["contracts/lib/rules.vy"] == ["Jar", "Cup"]


def test_quick_tests_come_first(jar: Path) -> None:
    suites = {"Jar": ("unit/jar", "scenarios", "stateful"), "Cup": ("unit/cup", "stateful")}
    for folder in ("unit/cup", "scenarios"):
        (jar / "tests/contracts" / folder).mkdir()
    expected = ["unit/cup", "unit/jar", "scenarios"]
    found = suite_of(jar, ["Jar", "Cup"], suites)
    assert found == [f"tests/contracts/{path}" for path in expected]
    with pytest.raises(CannotRunError, match="unit/mug is missing"):
        suite_of(jar, ["Mug"], {"Mug": ("unit/mug",)})


def test_every_contract_of_the_check_and_its_tests_are_here() -> None:
    for contract, row in SUITES.items():
        assert imported(ROOT, contract)
        assert (ROOT / "tests/contracts" / row[0]).is_dir(), row[0]
    plan, contracts = mutants(ROOT, Options())
    assert len(plan) > 1_000
    assert gone(read_argued(ARGUED), plan) == []
    assert set(contracts) >= {f"contracts/{contract}.vy" for contract in SUITES}


# --- verdict --------------------------------------------------------------------------------------


def trials(statuses: list[str]) -> list[Outcome]:
    """One outcome for each status, each of another mutant."""
    found: list[Mutant] = mutants_of("Jar.vy", JAR)
    pairs = zip(found, statuses, strict=False)
    return [Outcome(mutant, trial.Result(status), 1.0) for mutant, status in pairs]


def test_nine_of_ten_are_enough_if_the_tenth_is_argued() -> None:
    outcomes = trials([trial.KILLED] * 9 + [trial.SURVIVED])
    survivor = outcomes[-1].mutant
    assert Verdict(outcomes, {}).complaints() == [
        f"{survivor.id} survived: kill it, or argue in argued.toml why it may live"
    ]
    argued = {survivor.key: Argued(survivor.id, survivor.change, "nobody can tell")}
    assert Verdict(outcomes, argued).complaints() == []
    assert "  nobody can tell" in list(Verdict(outcomes, argued).lines())


def test_arguments_do_not_lift_the_share() -> None:
    outcomes = trials([trial.KILLED] * 8 + [trial.SURVIVED] * 2)
    argued = {outcome.mutant.key: Argued(outcome.mutant.id, "x", "y") for outcome in outcomes[-2:]}
    complaints = Verdict(outcomes, argued).complaints()
    assert complaints == ["8 of 10 killed, at least 90 % needed"]


def test_an_argument_about_a_killed_or_vanished_mutant_fails() -> None:
    outcomes = trials([trial.KILLED] * 3)
    killed = outcomes[0].mutant
    entry = Argued(killed.id, "x", "y")
    assert Verdict(outcomes, {killed.key: entry}).complaints() == [
        f"{killed.id} is argued and was killed: delete the entry"
    ]
    lost = Argued("Jar.vy:9:compare:00000000", "x", "y")
    found = gone({key_of(lost.id): lost, killed.key: entry}, [killed])
    assert found == [lost]
    assert Verdict(outcomes, {}, found).complaints() == [
        f"{lost.id} is argued and gone: delete the entry"
    ]


def test_nothing_tried_is_no_success() -> None:
    outcomes = trials([trial.INVALID, trial.SAME])
    assert Verdict(outcomes, {}).complaints() == ["no mutant counted: nothing was checked"]


@pytest.mark.parametrize(
    "entry",
    [
        'ids = ["Jar.vy:1:compare:00000000"]\nchange = "x"',
        'ids = ["Jar.vy:1:compare:00000000"]\nchange = "x"\nreason = " "',
        'ids = []\nchange = "x"\nreason = "y"',
        'ids = "Jar.vy:1:compare:00000000"\nchange = "x"\nreason = "y"',
        'ids = ["Jar.vy:compare:00000000"]\nchange = "x"\nreason = "y"',
        'ids = ["Jar.vy:1:compare:00000000"]\nchange = "x"\nreason = "y"\nby = "me"',
    ],
)
def test_an_argument_without_its_parts_is_refused(tmp_path: Path, entry: str) -> None:
    path = tmp_path / "argued.toml"
    path.write_text(f"[[argued]]\n{entry}\n", encoding="ascii")
    with pytest.raises(CannotRunError, match="entry 1"):
        read_argued(path)


def test_a_mutant_is_argued_once(tmp_path: Path) -> None:
    entry = '[[argued]]\nids = ["Jar.vy:{}:compare:00000000"]\nchange = "x"\nreason = "y"\n'
    path = tmp_path / "argued.toml"
    path.write_text(entry.format(1) + entry.format(2), encoding="ascii")
    with pytest.raises(CannotRunError, match="argued twice"):
        read_argued(path)
