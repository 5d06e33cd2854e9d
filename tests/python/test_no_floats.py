# SPDX-License-Identifier: Apache-2.0
"""Money, votes and receipts are integers: no float can enter the pure packages."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import cortensor

PURE = ("pricing", "consensus", "receipts", "rewards")
ROOT = Path(cortensor.__file__).parent
# Numbers of callers' own JSON, which are floats by its standard where integers end.
OTHERS_NUMBERS = {"receipts/verify_request.py": {"_whole"}}
FILES = [path for package in PURE for path in sorted((ROOT / package).rglob("*.py"))]


def is_float(node: ast.AST) -> bool:
    # pathlib's `/` is the same operator; the pure packages join no paths.
    match node:
        case ast.Constant(value=float() | complex()):
            return True
        case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
            return True
        case ast.Name(id="float" | "complex") | ast.ImportFrom(module="math"):
            return True
        case ast.Import(names=names):
            return any(alias.name == "math" for alias in names)
    return False


def floats_in(tree: ast.AST) -> list[str]:
    return [
        f"line {getattr(node, 'lineno', 0)}: {ast.unparse(node)}"
        for node in ast.walk(tree)
        if is_float(node)
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_pure_packages_have_no_floats(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    apart = OTHERS_NUMBERS.get(path.relative_to(ROOT).as_posix(), set())
    assert apart <= {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    tree.body = [node for node in tree.body if getattr(node, "name", None) not in apart]
    assert floats_in(tree) == []


def test_every_pure_package_is_covered() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in FILES} == set(PURE)


@pytest.mark.parametrize(
    "source",
    ["x = 1.5", "x = a / b", "x /= 2", "x = float(a)", "import math", "x = 1e18", "y = 2j"],
)
def test_the_check_sees_floats(source: str) -> None:
    assert floats_in(ast.parse(source))
