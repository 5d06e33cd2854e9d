# SPDX-License-Identifier: Apache-2.0
"""Operators that change one expression."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vyper.ast import nodes as vy_ast

from tools.mutate.mutant import Edit, Text

if TYPE_CHECKING:
    from collections.abc import Iterator

_COMPARISONS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}
_COMPARISONS |= {"in": "not in", "not in": "in"}
_ARITHMETIC = {"+": "-", "-": "+"}
_BITS = {"&": "|", "|": "&", "<<": ">>", ">>": "<<"}
_FUNCTIONS = {"min": "max", "max": "min", "unsafe_add": "unsafe_sub", "unsafe_sub": "unsafe_add"}
#: Calls in which the order of the arguments means nothing, or the second is a type.
_UNORDERED = frozenset(
    {"min", "max", "unsafe_add", "unsafe_mul", "convert", "empty", "range", "slice", "_abi_decode"}
)


@dataclass(frozen=True)
class Scope:
    """Where an expression stands.

    Attributes:
        text: The file.
        name: The function or constant.
        accounts: What holds an address there, as an expression reads it.
    """

    text: Text
    name: str
    accounts: tuple[str, ...]

    def replace(self, operator: str, node: Any, new: str) -> Iterator[Edit]:
        """Replaces an expression, if the compiler's position of it is to be trusted."""
        old = self.text.of(node)
        if _is_whole(old):
            yield Edit(operator, self.text.start(node), self.text.end(node), new, self.name)

    def replace_between(
        self, operator: str, left: Any, right: Any, swaps: dict[str, str]
    ) -> Iterator[Edit]:
        """Replaces the operator that stands between two operands, behind any closing bracket."""
        start, end = self.text.end(left), self.text.start(right)
        gap = re.sub(r"#[^\n]*", lambda c: " " * len(c.group()), self.text.source[start:end])
        found = re.fullmatch(r"[\s)]*?([^\s()](?:[^()]*[^\s()])?)[\s(]*", gap)
        if found and found.group(1) in swaps:
            at = start + found.start(1)
            new = swaps[found.group(1)]
            yield Edit(operator, at, start + found.end(1), new, self.name)


def edits(scope: Scope, nodes: list[Any]) -> Iterator[Edit]:
    """Lists what can be changed in the expressions of one function or constant.

    Args:
        scope: The function or constant.
        nodes: Its nodes, without events and types.

    Yields:
        Changes; not all compile.
    """
    shifts = sorted({node.right.value for node in nodes if _is_literal_shift(node)})
    for node in nodes:
        if isinstance(node, vy_ast.Compare):
            yield from scope.replace_between("compare", node.left, node.right, _COMPARISONS)
        elif isinstance(node, vy_ast.BinOp):
            yield from _binary(scope, node, shifts)
        elif isinstance(node, vy_ast.BoolOp):
            for left, right in zip(node.values, node.values[1:], strict=False):
                swaps = {"and": "or", "or": "and"}
                yield from scope.replace_between("and-or", left, right, swaps)
        elif isinstance(node, vy_ast.AugAssign):
            swaps = {f"{old}=": f"{new}=" for old, new in (_ARITHMETIC | _BITS).items()}
            yield from scope.replace_between("plus-minus", node.target, node.value, swaps)
        elif isinstance(node, vy_ast.Call):
            yield from _call(scope, node)
        elif isinstance(node, vy_ast.Int):
            yield from _number(scope, node)
        yield from _condition(scope, node)
        yield from _account(scope, node)


def _condition(scope: Scope, node: Any) -> Iterator[Edit]:
    """Decides a branch once and for all, drops a `not`, turns a truth value round."""
    if isinstance(node, (vy_ast.If, vy_ast.IfExp)):
        yield from scope.replace("condition", node.test, "True")
        yield from scope.replace("condition", node.test, "False")
    elif isinstance(node, vy_ast.UnaryOp) and isinstance(node.op, vy_ast.Not):
        yield from scope.replace("condition", node, scope.text.of(node.operand))
    elif isinstance(node, vy_ast.NameConstant) and isinstance(node.value, bool):
        yield from scope.replace("condition", node, str(not node.value))


def _binary(scope: Scope, node: Any, shifts: list[int]) -> Iterator[Edit]:
    yield from scope.replace_between("plus-minus", node.left, node.right, _ARITHMETIC)
    yield from scope.replace_between("bits", node.left, node.right, _BITS)
    if isinstance(node.op, vy_ast.FloorDiv):
        yield from _rounding(scope, node)
    if _is_literal_shift(node) and len(shifts) > 1:
        other = shifts[(shifts.index(node.right.value) + 1) % len(shifts)]
        yield from scope.replace("shift-amount", node.right, str(other))


def _rounding(scope: Scope, node: Any) -> Iterator[Edit]:
    """Rounds a division up, or down where it is written as `(a + b - 1) // b`."""
    left, right = scope.text.of(node.left), scope.text.of(node.right)
    ceiling = _numerator(node.left, right, scope.text)
    start, end = scope.text.start(node), scope.text.end(node)
    if not (_is_whole(left) and _is_whole(right) and scope.text.of(node).endswith(right)):
        return
    if ceiling is not None:
        yield Edit("rounding", start, end, f"({ceiling}) // ({right})", scope.name)
    else:
        new = f"(({left}) + ({right}) - 1) // ({right})"
        yield Edit("rounding", start, end, new, scope.name)


def _numerator(node: Any, divisor: str, text: Text) -> str | None:
    """Returns `a` of `a + b - 1`, also written `unsafe_add(a, b - 1)`; None if it is neither."""
    if isinstance(node, vy_ast.BinOp) and isinstance(node.op, vy_ast.Sub):
        inner = node.left
        if text.of(node.right) == "1" and isinstance(inner, vy_ast.BinOp):
            return text.of(inner.left)
    if isinstance(node, vy_ast.BinOp) and isinstance(node.op, vy_ast.Add):
        parts = [node.left, node.right]
    elif isinstance(node, vy_ast.Call) and text.of(node.func) == "unsafe_add":
        parts = node.args
    else:
        return None
    return text.of(parts[0]) if text.of(parts[1]) == f"{divisor} - 1" else None


def _call(scope: Scope, node: Any) -> Iterator[Edit]:
    """Swaps the function, or two arguments that stand beside each other."""
    name = node.func.id if isinstance(node.func, vy_ast.Name) else None
    if name in _FUNCTIONS:
        operator = "min-max" if name in {"min", "max"} else "plus-minus"
        yield from scope.replace(operator, node.func, _FUNCTIONS[name])
    if name in _UNORDERED:
        return
    text = scope.text
    for first, second in zip(node.args, node.args[1:], strict=False):
        one, two = text.of(first), text.of(second)
        if _is_whole(one) and _is_whole(two) and not _is_literal_pair(first, second):
            between = text.source[text.end(first) : text.start(second)]
            new = f"{two}{between}{one}"
            yield Edit("swap-arguments", text.start(first), text.end(second), new, scope.name)


def _number(scope: Scope, node: Any) -> Iterator[Edit]:
    """Makes a number one larger and one smaller; the base of a power is left alone."""
    parent = node.get_ancestor()
    is_power = isinstance(parent, vy_ast.BinOp) and isinstance(parent.op, vy_ast.Pow)
    if is_power and parent.left is node:
        return
    yield from scope.replace("off-by-one", node, str(node.value + 1))
    if node.value > 0:
        yield from scope.replace("off-by-one", node, str(node.value - 1))


def _account(scope: Scope, node: Any) -> Iterator[Edit]:
    """Takes one account for another: the caller for a known account and the other way round."""
    if not isinstance(node, (vy_ast.Name, vy_ast.Attribute)):
        return
    parent = node.get_ancestor()
    is_assignment = isinstance(parent, (vy_ast.Assign, vy_ast.AugAssign, vy_ast.AnnAssign))
    if is_assignment and parent.target is node:
        return
    spelled = scope.text.of(node)
    if spelled == "msg.sender":
        if scope.accounts:
            yield from scope.replace("swap-accounts", node, scope.accounts[0])
    elif spelled in scope.accounts:
        yield from scope.replace("swap-accounts", node, "msg.sender")


def _is_literal_shift(node: Any) -> bool:
    return (
        isinstance(node, vy_ast.BinOp)
        and isinstance(node.op, (vy_ast.LShift, vy_ast.RShift))
        and isinstance(node.right, vy_ast.Int)
    )


def _is_literal_pair(first: Any, second: Any) -> bool:
    return isinstance(first, vy_ast.Constant) and isinstance(second, vy_ast.Constant)


def _is_whole(expression: str) -> bool:
    """Says whether a text is one expression: the compiler shifts a few positions.

    It counts columns after it replaced its own keywords, so behind `log`, `extcall` and in the head
    of a loop a position may be some characters off.
    """
    if re.search(r"\b(extcall|staticcall)\b", expression):
        return False
    try:
        ast.parse(f"({expression})", mode="eval")
    except SyntaxError:
        return False
    return expression == expression.strip()
