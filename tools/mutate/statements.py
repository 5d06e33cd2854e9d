# SPDX-License-Identifier: Apache-2.0
"""Operators that leave a statement out. Events stay: each has a test that reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vyper.ast import nodes as vy_ast

from tools.mutate.mutant import Edit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.mutate.expressions import Scope

_FIRST_WORDS = {vy_ast.Assert: "assert", vy_ast.Raise: "raise"}


def edits(scope: Scope, nodes: list[Any]) -> Iterator[Edit]:
    """Lists the statements of a function that can be left out.

    Args:
        scope: The function.
        nodes: All nodes of its body.

    Yields:
        `drop-check` for an assert or a raise, `drop-statement` for an assignment, a call, a
        `continue` or a `break`.
    """
    for node in nodes:
        if isinstance(node, (vy_ast.Assert, vy_ast.Raise)):
            if scope.text.of(node).startswith(_FIRST_WORDS[type(node)]):
                yield _drop(scope, node, "drop-check")
        elif _is_dropped(scope, node):
            yield _drop(scope, node, "drop-statement")


def _is_dropped(scope: Scope, node: Any) -> bool:
    if isinstance(node, (vy_ast.AugAssign, vy_ast.Continue, vy_ast.Break)):
        return True
    if isinstance(node, vy_ast.Assign):
        # An immutable must be written: without this it does not compile.
        return not (scope.name == "__init__" and isinstance(node.target, vy_ast.Name))
    if not isinstance(node, vy_ast.Expr):
        return False
    called = node.value
    if isinstance(called, (vy_ast.ExtCall, vy_ast.StaticCall)):
        return True
    return isinstance(called, vy_ast.Call) and not scope.text.of(called).endswith(".__init__()")


def _drop(scope: Scope, node: Any, operator: str) -> Edit:
    return Edit(operator, scope.text.start(node), scope.text.end(node), "pass", scope.name)
