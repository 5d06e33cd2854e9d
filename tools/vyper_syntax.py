# SPDX-License-Identifier: Apache-2.0
"""Rules on a Vyper syntax tree, before types: compiler advisories and revert reasons."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from vyper.ast import nodes as vy_ast

from tools.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

_REASON = re.compile(r"[a-z][a-z0-9_]*: [a-z0-9][ -~]*")
_MAX_REASON_BYTES = 32
#: Refusals of ERC-8004's registries as deployed elsewhere: clients compare these texts.
ERC8004_REASONS = frozenset(
    {
        "Already revoked",
        "Empty URI",
        "Not authorized",
        "Self-feedback not allowed",
        "bad identity",
        "bad validator",
        "bad wallet",
        "clientAddresses required",
        "deadline too far",
        "exists",
        "expired",
        "index must be > 0",
        "index out of bounds",
        "invalid wallet sig",
        "not validator",
        "reserved key",
        "resp>100",
        "too many decimals",
        "unknown",
        "value too large",
    }
)


def _is_volatile(node: Any) -> bool:
    """Says whether a node is `msg.value` or `len(msg.data)`."""
    if isinstance(node, vy_ast.Call):
        is_len = isinstance(node.func, vy_ast.Name) and node.func.id == "len"
        return is_len and len(node.args) == 1 and _is_message(node.args[0], "data")
    return _is_message(node, "value")


def _is_message(node: Any, name: str) -> bool:
    return (
        isinstance(node, vy_ast.Attribute)
        and node.attr == name
        and isinstance(node.value, vy_ast.Name)
        and node.value.id == "msg"
    )


def advisories(path: str, tree: Any) -> Iterator[Finding]:
    """Finds code that Vyper 0.4.3 is known to miscompile and that needs no types to see.

    Args:
        path: Name for the findings.
        tree: A module's syntax tree.

    Yields:
        One finding for each place.
    """
    for operation in tree.get_descendants((vy_ast.BinOp, vy_ast.AugAssign)):
        if not isinstance(operation.op, vy_ast.BitOr):
            continue
        if any(_is_volatile(node) for node in operation.get_descendants()):
            message = "`|` on msg.value or len(msg.data) (CVE-2026-114117): bind a local first"
            yield Finding(path, operation.lineno, "bitor", message)
    for call in tree.get_descendants(vy_ast.Call):
        if not (isinstance(call.func, vy_ast.Name) and call.func.id == "create_from_blueprint"):
            continue
        for keyword in call.keywords:
            if keyword.arg == "code_offset" and not isinstance(keyword.value, vy_ast.Int):
                message = "code_offset must be a literal (CVE-2026-114118)"
                yield Finding(path, call.lineno, "blueprint", message)
    for ternary in tree.get_descendants(vy_ast.IfExp):
        if isinstance(ternary.body, vy_ast.List) or isinstance(ternary.orelse, vy_ast.List):
            message = "ternary on arrays (CVE-2026-114115): use if and else"
            yield Finding(path, ternary.lineno, "ternary", message)


def exports(path: str, tree: Any) -> Iterator[Finding]:
    """Checks that exports are listed: a new external function must show in a diff.

    Args:
        path: Name for the findings.
        tree: A deployable's syntax tree.

    Yields:
        One finding for each `module.__interface__`.
    """
    for declaration in tree.get_children(vy_ast.ExportsDecl):
        for node in declaration.get_descendants(vy_ast.Attribute):
            if node.attr == "__interface__":
                yield Finding(path, node.lineno, "exports", "list the exports one by one")


def reasons(tree: Any) -> Iterator[tuple[Any, str | None]]:
    """Lists what a module can revert with.

    Args:
        tree: A module's, or one function's, syntax tree.

    Yields:
        The asserting or raising node and its reason; None where there is no literal reason.
        `UNREACHABLE` is left out: it marks what no input can reach.
    """
    constants = _string_constants(tree)
    for node in tree.get_descendants((vy_ast.Assert, vy_ast.Raise)):
        given = node.msg if isinstance(node, vy_ast.Assert) else node.exc
        if isinstance(given, vy_ast.Name) and given.id == "UNREACHABLE":
            continue
        if isinstance(given, vy_ast.Str):
            yield node, given.value
        elif isinstance(given, vy_ast.Name) and given.id in constants:
            yield node, constants[given.id]
        else:
            yield node, None


def _string_constants(tree: Any) -> dict[str, str]:
    """Maps the names of a module's string constants to their values."""
    module = tree if isinstance(tree, vy_ast.Module) else tree.module_node
    return {
        declaration.target.id: declaration.value.value
        for declaration in module.get_children(vy_ast.VariableDecl)
        if declaration.is_constant and isinstance(declaration.value, vy_ast.Str)
    }


def revert_reasons(path: str, tree: Any, fixed: frozenset[str] = frozenset()) -> Iterator[Finding]:
    """Checks that each revert says why, as `module: reason`, in one word of calldata.

    One file speaks as one module. A reason may be given at several places of a file: it names the
    broken rule, not the line.

    Args:
        path: Name for the findings.
        tree: A module's syntax tree.
        fixed: Texts that a standard fixes, to which no rule applies.

    Yields:
        One finding for each broken rule.
    """
    module: str | None = None
    for node, reason in reasons(tree):
        if reason is None:
            yield Finding(path, node.lineno, "reason", "give a literal reason string")
            continue
        if reason in fixed:
            continue
        if not _REASON.fullmatch(reason):
            message = f"`{reason}` must read `module: reason`, lower case"
            yield Finding(path, node.lineno, "reason", message)
        if len(reason.encode()) > _MAX_REASON_BYTES:
            size = len(reason.encode())
            message = f"`{reason}` has {size} bytes, at most {_MAX_REASON_BYTES}"
            yield Finding(path, node.lineno, "reason", message)
        prefix = reason.partition(":")[0]
        module = module or prefix
        if prefix != module:
            message = f"`{reason}`: this file's reasons start with `{module}:`"
            yield Finding(path, node.lineno, "reason", message)


def prefixes(tree: Any) -> set[str]:
    """Collects who a file's revert reasons say is speaking.

    Args:
        tree: A module's syntax tree.

    Returns:
        The parts before the colon; a text that a standard fixes has none.
    """
    given = {reason for _, reason in reasons(tree) if reason is not None}
    return {reason.partition(":")[0] for reason in given if ":" in reason}


def length(path: str, tree: Any, limit: int) -> Iterator[Finding]:
    """Checks how much code a file holds.

    Args:
        path: Name for the findings.
        tree: A module's syntax tree, with its source.
        limit: Most lines of code.

    Yields:
        At most one finding.
    """
    silent: set[int] = set()
    for node in tree.get_descendants(vy_ast.DocStr):
        silent.update(range(node.lineno, node.end_lineno + 1))
    count = sum(
        bool(line.strip()) and not line.lstrip().startswith("#") and number not in silent
        for number, line in enumerate(tree.full_source_code.split("\n"), 1)
    )
    if count > limit:
        yield Finding(path, 0, "length", f"{count} lines of code, at most {limit}: split by idea")
