# SPDX-License-Identifier: Apache-2.0
"""`cortensor calibrate` on a real database, and a router that then says how sure it may be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from click.testing import CliRunner

from cortensor.cli import main
from cortensor.receipts.bundle import Bundle
from cortensor.receipts.verify import verify_bundle
from cortensor.router.measured import load_calibrations
from cortensor.store.store import Store
from tests.python.router.fake_model import Script
from tests.python.router.harness import token

if TYPE_CHECKING:
    from tests.python.router.conftest import Start
    from tests.python.router.fake_model import FakeModel

LABELS = ("VALID", "INVALID")


def lines(count: int) -> str:
    """Gold items of five sessions that err once in 3, 4, 5, 6 and 7 times, all of them at times."""
    rows = []
    for number in range(count):
        right = number % 2
        votes = {
            f"20{r + 1}": LABELS[(right + ((number * 5 + r) % (r + 3) == 0)) % 2] for r in range(5)
        }
        rows.append({"item": f"q{number}", "answer": LABELS[right], "votes": votes})
    return "".join(json.dumps(row) + "\n" for row in rows)


class Done(NamedTuple):
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


def cortensor(*arguments: object) -> Done:
    """The command in this process: an interpreter of its own would load for seconds each time."""
    done = CliRunner().invoke(main, list(map(str, arguments)), prog_name="cortensor")
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return Done(done.exit_code, done.stdout, done.stderr)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A router's database with sixty gold items, handed in by the command."""
    path, given = tmp_path / "router.db", tmp_path / "gold.jsonl"
    Store(path).close()
    given.write_text(lines(60))
    done = cortensor("gold", "add", "--database", path, given)
    assert done.stdout == "60 items, 300 new votes\n", done.stderr
    return path


def test_it_fits_all_strategies_and_shows_how_good_they_are(database: Path, tmp_path: Path) -> None:
    output = tmp_path / "calibration.json"
    done = cortensor("calibrate", "--database", database, "--output", output)
    assert (done.returncode, done.stderr) == (0, "")
    assert "60 gold items (VALID 30, INVALID 30), 0 others left out" in done.stdout
    for strategy in ("majority", "weighted by reputation", "ensemble_model"):
        assert f"\n{strategy}, n = 60, held out\n" in done.stdout
    assert done.stdout.count("ECE before  after  Brier before  after") == 3
    assert done.stdout.count("confidence   rounds   mean  right") == 3
    found = load_calibrations(output)
    assert [(each.strategy, each.weight_by) for each in found] == [
        ("majority", None),
        ("weighted", "reputation"),
        ("ensemble_model", None),
    ]
    assert {each.n_history for each in found} == {60}
    assert len({each.version for each in found}) == 1
    assert all(sorted(each.fits) == [1, 3, 5] for each in found)


def test_the_same_votes_give_the_same_file(database: Path, tmp_path: Path) -> None:
    first, second, votes = (tmp_path / name for name in ("1.json", "2.json", "again.jsonl"))
    votes.write_text("".join(reversed(lines(60).splitlines(keepends=True))))
    assert cortensor("calibrate", "--database", database, "--output", first).returncode == 0
    assert cortensor("calibrate", "--votes", votes, "--output", second).returncode == 0
    assert first.read_bytes() == second.read_bytes()


def test_one_strategy_is_fitted_again_and_the_others_stay(database: Path, tmp_path: Path) -> None:
    output = tmp_path / "calibration.json"
    where = ("--database", database, "--output", output)
    assert cortensor("calibrate", *where, "--strategy", "weighted").returncode == 0
    (old,) = load_calibrations(output)
    done = cortensor("calibrate", *where, "--strategy", "majority", "--mean-replicas", "3.35")
    assert "adaptive stops at 0." in done.stdout
    kept, new = load_calibrations(output)
    assert (kept, new.strategy, new.stop_bps is None) == (old, "majority", False)


def test_too_few_gold_items_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    votes, output = tmp_path / "gold.jsonl", tmp_path / "calibration.json"
    checked = {"item": "x", "answer": "VALID", "votes": {"201": "VALID"}, "gold": False}
    votes.write_text(lines(24) + json.dumps(checked) + "\n")
    done = cortensor("calibrate", "--votes", votes, "--output", output)
    assert done.returncode == 2
    assert done.stderr == ("error: items: needs 25 gold items, there are 24 [too_few_gold_items]\n")
    assert not output.exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--output", "c.json"], "give either a database"),
        (["--database", "router.db"], "say which file to write"),
        (["--database", "router.db", "--votes", "gold.jsonl", "--output", "c.json"], "give either"),
        (["--votes", "twice.jsonl", "--output", "c.json"], "'q0' is there twice"),
        (["--votes", "broken.jsonl", "--output", "c.json"], "line 1"),
        (["--database", "router.db", "--output", "other.json"], "is no list of calibrations"),
    ],
)
def test_what_cannot_be_done_is_said(
    database: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    says: str,
) -> None:
    monkeypatch.chdir(database.parent)
    Path("twice.jsonl").write_text(lines(1) * 2)
    Path("broken.jsonl").write_text("{}\n")
    Path("other.json").write_text("{}")
    done = cortensor("calibrate", *arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert not Path("c.json").exists()
    assert Path("other.json").read_text() == "{}"


def test_a_router_started_with_the_file_says_calibrated_confidences(
    database: Path, tmp_path: Path, start: Start, session: str, model: FakeModel
) -> None:
    output = tmp_path / "calibration.json"
    done = cortensor("calibrate", "--database", database, "--output", output)
    assert done.returncode == 0, done.stderr
    router = start(consensus={"calibration": str(output)})
    for name, verdict in zip(("201", "202", "203"), ("VALID", "VALID", "INVALID"), strict=True):
        model.scripts[name] = Script(json.dumps({"verdict": verdict}))

    def ask(**consensus: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        asked = {
            "session_id": session,
            "claim": "Water is wet.",
            "consensus": {"replicas": 3, **consensus},
        }
        answer = router.post("validate", asked)
        assert answer.status_code == 200, answer.text
        path = f"/api/v4/receipt/{answer.json()['receipt_id']}?bundle=1"
        bundle = Bundle.load(router.get(path, auth=token(session)).content)
        assert not verify_bundle(bundle).failures
        return answer.json()["consensus"], bundle.receipt.to_json()["consensus"]["calibration"]

    fits = {each.strategy: each for each in load_calibrations(output)}
    for strategy, method in (
        ("majority", "margin_table"),
        ("weighted", "temperature"),
        ("ensemble_model", "temperature"),
    ):
        shown, calibration = ask(strategy=strategy)
        assert (shown["strategy"], shown["fallback"]) == (strategy, None)
        assert (shown["confidence_method"], shown["n_history"]) == (method, 60)
        assert calibration["version"] == fits[strategy].version
        assert calibration["ece_bps"] == fits[strategy].fits[3].ece_bps
    # Two of three, as often right as on the gold items; not (2 + 1) / (3 + 2).
    shown, calibration = ask()
    right, rounds = fits["majority"].fits[3].cells[2]
    assert (calibration["right"], calibration["rounds"]) == (right, rounds)
    assert shown["confidence"] == pytest.approx((right + 4.8) / (rounds + 8), abs=1e-4)


def test_the_configuration_names_database_and_file(database: Path, tmp_path: Path) -> None:
    config = tmp_path / "router.toml"
    config.write_text(
        'rpc_url = "http://127.0.0.1:1"\n'
        'deployments = "deployments"\n'
        "router_id = 1\n"
        'signer_key_env = "KEY"\n'
        '[backend]\nkind = "embedded"\n'
        '[[sessions]]\nid = "201"\n'
        '[consensus]\ncalibration = "fitted.json"\ngold_items = 5\n'
        "records.201 = { right = 4, total = 5, audited = 5 }\n"
    )
    done = cortensor("calibrate", "--config", config, "--strategy", "weighted")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(load_calibrations(tmp_path / "fitted.json")) == 1
    database.unlink()
    done = cortensor("calibrate", "--config", config)
    assert (done.returncode, "there is no database" in done.stderr) == (2, True)
    assert not database.exists()
