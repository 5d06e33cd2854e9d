# SPDX-License-Identifier: Apache-2.0
"""Who may import whom, where the import graph (importlinter in pyproject.toml) cannot say it."""

from __future__ import annotations

import ast
import importlib.util
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = ROOT / "src" / "cortensor"
APE_FOLDERS = (ROOT / "scripts", ROOT / "tests" / "ape")
PYTHON = sorted(
    path
    for folder in ("src", "scripts", "tools", "tests", "benchmarks")
    for path in (ROOT / folder).rglob("*.py")
)
SCRIPTS = sorted((ROOT / "scripts").rglob("*.py"))
MAX_LINES = 400


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported(path: Path) -> set[str]:
    """Top-level names of all that a file imports, inside functions too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.partition(".")[0])
    return found


def test_only_scripts_and_their_tests_import_ape() -> None:
    users = [path for path in PYTHON if imported(path) & {"ape", "ape_vyper", "ape_foundry"}]
    allowed = ("scripts/", "tests/ape/")
    assert [name(path) for path in users if not name(path).startswith(allowed)] == []


def test_only_chain_imports_web3_in_the_package() -> None:
    users = [path for path in PACKAGE.rglob("*.py") if "web3" in imported(path)]
    assert users, "cortensor.chain talks RPC"
    assert [name(path) for path in users if not path.is_relative_to(PACKAGE / "chain")] == []


@pytest.mark.skipif(
    importlib.util.find_spec("ape") is not None, reason="this is the environment that has Ape"
)
def test_package_environment_has_no_ape_and_no_compiler() -> None:
    for module in ("ape", "vyper", "boa", "snekmate"):
        assert importlib.util.find_spec(module) is None


def test_every_package_has_its_place_in_the_layers() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    layers = next(contract for contract in contracts if contract["id"] == "layers")["layers"]
    placed = {part.strip(" ()") for layer in layers for part in layer.split(":")}
    there = {
        f"cortensor.{path.stem}"
        for path in PACKAGE.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert there - {"cortensor.__init__", "cortensor.__main__"} == placed


@pytest.mark.parametrize("path", SCRIPTS, ids=name)
def test_script_does_nothing_when_imported(path: Path) -> None:
    # Ape imports every script to list its commands.
    harmless = (
        ast.Import,
        ast.ImportFrom,
        ast.FunctionDef,
        ast.AsyncFunctionDef,
        ast.ClassDef,
        ast.Assign,
        ast.AnnAssign,
        ast.If,
        ast.Try,
    )
    body = ast.parse(path.read_text(encoding="utf-8")).body
    docstrings = [n for n in body if isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant)]
    doing = [n for n in body if not isinstance(n, harmless) and n not in docstrings]
    assert [node.lineno for node in doing] == []


@pytest.mark.parametrize("path", PYTHON, ids=name)
def test_file_is_one_idea(path: Path) -> None:
    assert path.stem not in {"utils", "helpers", "misc", "common"}, "name it for what it does"
    length = path.read_text(encoding="utf-8").count("\n")
    assert length <= MAX_LINES
