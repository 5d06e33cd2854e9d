# SPDX-License-Identifier: Apache-2.0
"""Finds every place of a Vyper file where an operator of the mutation check applies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vyper.ast import nodes as vy_ast
from vyper.ast import parse_to_ast

from tools.mutate import expressions, statements
from tools.mutate.mutant import Mutant, Text, name_mutants

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.mutate.mutant import Edit

#: Calls whose arguments are types or sizes rather than values.
_TYPED_CALLS = frozenset({"empty", "method_id", "max_value", "min_value"})


def mutants_of(path: str, source: str) -> list[Mutant]:
    """Lists every mutant of one file.

    Args:
        path: The file, relative to the repository root.
        source: Its text.

    Returns:
        Mutants, in the order of the file. Some will not compile; only the compiler can tell.
    """
    tree = parse_to_ast(source)
    return name_mutants(path, source, _edits(tree, Text(source)))


def _edits(tree: Any, text: Text) -> Iterator[Edit]:
    accounts = _addresses(tree.get_children(vy_ast.VariableDecl))
    for declaration in tree.get_children(vy_ast.VariableDecl):
        if declaration.is_constant and declaration.value is not None:
            scope = expressions.Scope(text, declaration.target.id, ())
            yield from _in_nodes(scope, [declaration.value, *_below(declaration.value)])
    for function in tree.get_children(vy_ast.FunctionDef):
        names = [argument.arg for argument in function.args.args if _is_address(argument)]
        locals_ = _addresses(function.get_descendants(vy_ast.AnnAssign))
        scope = expressions.Scope(text, function.name, (*names, *accounts, *locals_))
        nodes = [node for part in function.body for node in (part, *_below(part))]
        unread = {id(value) for block in _blocks(function, nodes) for value in _unread(block)}
        nodes = [node for node in nodes if id(node) not in unread]
        yield from _in_nodes(scope, nodes)
        yield from statements.edits(scope, nodes)


def _in_nodes(scope: expressions.Scope, nodes: list[Any]) -> Iterator[Edit]:
    """Applies the operators on expressions outside of events, types and documentation."""
    hidden = {id(node) for parent in nodes for node in _hidden(parent)}
    visible = [node for node in nodes if id(node) not in hidden]
    yield from expressions.edits(scope, visible)


def _hidden(parent: Any) -> Iterator[Any]:
    """Lists what lies below a node and is no value of the program, or only told in an event."""
    roots: list[Any] = []
    if isinstance(parent, vy_ast.Log):
        roots = parent.get_children()
    elif isinstance(parent, vy_ast.AnnAssign):
        roots = [parent.annotation]
    elif isinstance(parent, vy_ast.For):
        roots = [parent.target]
    elif isinstance(parent, vy_ast.Call) and isinstance(parent.func, vy_ast.Name):
        roots = [keyword for keyword in parent.keywords if keyword.arg in {"bound", "method_id"}]
        if parent.func.id in _TYPED_CALLS:
            roots += parent.args
        elif parent.func.id in {"convert", "_abi_decode", "abi_decode"}:
            roots += parent.args[1:]
    for root in roots:
        yield root
        yield from _below(root)


def _blocks(function: Any, nodes: list[Any]) -> Iterator[list[Any]]:
    """Lists the blocks of statements of a function."""
    yield function.body
    for node in nodes:
        if isinstance(node, (vy_ast.If, vy_ast.For)):
            yield node.body
        if isinstance(node, vy_ast.If):
            yield node.orelse


def _unread(block: list[Any]) -> Iterator[Any]:
    """Lists values that a variable is declared with, since it must be, and that nothing reads.

    The statement after the declarations assigns to several of them at once. A mutant of such a
    value compiles to other code that does the same.
    """
    declared: list[Any] = []
    for statement in block:
        if isinstance(statement, vy_ast.AnnAssign) and isinstance(statement.value, vy_ast.Constant):
            declared.append(statement)
        elif not _is_declared_empty(statement):
            if isinstance(statement, vy_ast.Assign) and isinstance(statement.target, vy_ast.Tuple):
                written = _names(statement.target) - _names(statement.value)
                yield from (d.value for d in declared if d.target.id in written)
            declared = []


def _is_declared_empty(statement: Any) -> bool:
    """Tells `name: type = empty(type)`."""
    value = statement.value if isinstance(statement, vy_ast.AnnAssign) else None
    called = value.func if isinstance(value, vy_ast.Call) else None
    return isinstance(called, vy_ast.Name) and called.id == "empty"


def _names(node: Any) -> set[str]:
    return {part.id for part in (node, *_below(node)) if isinstance(part, vy_ast.Name)}


def _below(node: Any) -> list[Any]:
    return list(node.get_descendants())


def _is_address(declared: Any) -> bool:
    annotation = declared.annotation
    return isinstance(annotation, vy_ast.Name) and annotation.id == "address"


def _addresses(declarations: Any) -> list[str]:
    """Spells the addresses among declarations as an expression reads them."""
    found = []
    for declared in declarations:
        if not isinstance(declared.target, vy_ast.Name) or not _is_address(declared):
            continue
        is_plain = isinstance(declared, vy_ast.AnnAssign) or (
            declared.is_immutable or declared.is_constant
        )
        found.append(declared.target.id if is_plain else f"self.{declared.target.id}")
    return found
