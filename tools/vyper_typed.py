# SPDX-License-Identifier: Apache-2.0
"""Rules that need a compiled contract: types, NatSpec, and what it imports."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from vyper.ast import natspec
from vyper.ast import nodes as vy_ast
from vyper.exceptions import NatSpecSyntaxException
from vyper.semantics.types import DArrayT, SArrayT

from tools.findings import Finding
from tools.vyper_project import closure, display
from tools.vyper_syntax import advisories, reasons
from tools.vyper_text import bad_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vyper.compiler.phases import CompilerData


def array_ternaries(path: str, tree: Any) -> Iterator[Finding]:
    """Finds conditional expressions whose value is an array (CVE-2026-114115).

    Args:
        path: Name for the findings.
        tree: An annotated syntax tree.

    Yields:
        One finding for each.
    """
    for ternary in tree.get_descendants(vy_ast.IfExp):
        if isinstance(ternary._metadata.get("type"), SArrayT | DArrayT):  # noqa: SLF001 - Vyper's only access
            message = "ternary on arrays (CVE-2026-114115): use if and else"
            yield Finding(path, ternary.lineno, "ternary", message)


def imports(root: Path, data: CompilerData) -> Iterator[Finding]:
    """Checks all that a contract imports, installed packages included, against the advisories.

    Args:
        root: The repository root.
        data: An analysed contract.

    Yields:
        Findings in the imported files; none in the contract itself.
    """
    for tree in closure(data)[1:]:
        name = display(root, tree.resolved_path)
        for finding in bad_bytes(name, Path(tree.resolved_path).read_bytes()):
            yield finding
            break  # one is enough to forbid the import
        yield from advisories(name, tree)
        yield from array_ternaries(name, tree)


def kill_switch(path: str, data: CompilerData) -> Iterator[Finding]:
    """Checks that a deployable says how it is switched off, or why it need not be.

    Args:
        path: Name for the findings.
        data: An analysed contract.

    Yields:
        A finding for each missing tag.
    """
    for tag in ("title", "license", "author", "custom:security", "custom:kill"):
        if not data.natspec.devdoc.get(tag):
            yield Finding(path, 0, "natspec", f"the contract's docstring lacks @{tag}")
    if not data.natspec.userdoc.get("notice"):
        yield Finding(path, 0, "natspec", "the contract's docstring lacks @notice")


def function_docs(path: str, tree: Any, inherited: list[Any]) -> Iterator[Finding]:
    """Checks that each function says what it does, takes and returns.

    An external function may leave that to the interface it implements.

    Args:
        path: Name for the findings.
        tree: A module's syntax tree, with `full_source_code`.
        inherited: Syntax trees of the interfaces that it implements.

    Yields:
        One finding for each function or part of it that is undocumented.
    """
    for function in tree.get_children(vy_ast.FunctionDef):
        candidates = [function, *_declarations(function.name, inherited)]
        documented = [node for node in candidates if node.get("doc_string") is not None]
        arguments = [argument.arg for argument in function.args.args]
        if not documented:
            # A constructor that takes nothing has nothing to say.
            if arguments or function.name != "__init__":
                message = f"{function.name} has no docstring, here or in its interface"
                yield Finding(path, function.lineno, "natspec", message)
            continue
        yield from _parts(path, function, documented[0])


def _declarations(name: str, interfaces: list[Any]) -> Iterator[Any]:
    for interface in interfaces:
        for function in interface.get_children(vy_ast.FunctionDef):
            if function.name == name:
                yield function


def _parts(path: str, function: Any, documented: Any) -> Iterator[Finding]:
    """Compares the tags of a docstring with the function's parameters and returns."""
    arguments = tuple(argument.arg for argument in documented.args.args)
    if isinstance(function.returns, vy_ast.Tuple):
        returns = len(function.returns.elements)
    else:
        returns = int(function.returns is not None)
    source = documented.module_node.full_source_code
    try:
        tags = natspec._parse_docstring(  # noqa: SLF001 - the compiler's own reading, not a second one
            source, documented.doc_string.value, ("title", "license"), arguments, returns
        )
    except NatSpecSyntaxException as error:
        yield Finding(path, function.lineno, "natspec", f"{function.name}: {error.message}")
        return
    if not tags.get("notice") and not tags.get("details"):
        yield Finding(path, function.lineno, "natspec", f"{function.name} lacks @notice or @dev")
    for argument in arguments:
        if argument not in tags.get("params", {}):
            message = f"{function.name} lacks @param {argument}"
            yield Finding(path, function.lineno, "natspec", message)
    told = len(tags.get("returns", {}))
    if told != returns:
        message = f"{function.name} returns {returns} values, @return tells {told}"
        yield Finding(path, function.lineno, "natspec", message)


def implemented(data: CompilerData) -> list[Any]:
    """Lists the interface files that a contract implements.

    Args:
        data: An analysed contract.

    Returns:
        Their syntax trees.
    """
    own = data.annotated_vyper_module
    names = {
        node.id
        for declaration in own.get_children(vy_ast.ImplementsDecl)
        for node in declaration.get_descendants(vy_ast.Name)
    }
    return [tree for tree in closure(data)[1:] if Path(tree.resolved_path).stem in names]


def reachable_reasons(root: Path, data: CompilerData) -> dict[str, str]:
    """Collects every reason a contract can revert with, its imports' included.

    Args:
        root: The repository root.
        data: An analysed contract.

    Returns:
        Reason -> file of the function that gives it; the first by name where several do.
    """
    module = data.global_ctx
    entries = list(module.exposed_functions)
    if module.init_function is not None:
        entries.append(module.init_function)
    reachable = {function for entry in entries for function in entry.reachable_internal_functions}
    found: dict[str, str] = {}
    for function in {*entries, *reachable}:
        if not isinstance(function.ast_def, vy_ast.FunctionDef):
            continue  # a public variable's getter
        place = display(root, function.ast_def.module_node.resolved_path)
        for _, reason in reasons(function.ast_def):
            if reason is not None:
                found[reason] = min(place, found.get(reason, place))
    return dict(sorted(found.items()))
