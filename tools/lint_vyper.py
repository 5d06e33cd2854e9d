# SPDX-License-Identifier: Apache-2.0
"""Lints contracts/ against Vyper 0.4.3's compiler advisories and the rules in STYLE.md.

Run as `python -m tools.lint_vyper` in the contracts environment. Rules that can be read off the
compiler's syntax tree are; a contract that does not compile is a finding, never a pass.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from vyper.ast import nodes as vy_ast
from vyper.ast import parse_to_ast
from vyper.exceptions import VyperException
from vyper.warnings import VyperWarning

from tools import vyper_syntax, vyper_text, vyper_typed
from tools.findings import ROOT, Finding, report
from tools.vyper_project import deployables, is_deployable, load, sources

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Folders of code that is measured or stands in for others in tests; the advisories hold there too,
#: the rules of documentation do not.
_UNDOCUMENTED = frozenset({"mocks", "baseline"})
#: Lines of code, without blanks, comments and docstrings; True: compilation target, False: module.
_MAX_CODE_LINES = {True: 400, False: 250}


def lint_source(root: Path, path: Path, speakers: dict[str, str]) -> Iterator[Finding]:
    """Checks one file by itself.

    Args:
        root: The repository root.
        path: A Vyper file under it.
        speakers: Prefix of revert reasons -> the file that uses it; added to.

    Yields:
        Broken rules.
    """
    name = path.relative_to(root).as_posix()
    content = path.read_bytes()
    broken = list(vyper_text.bad_bytes(name, content))
    yield from broken
    if broken:
        return  # positions in such a file mean nothing
    source = content.decode("ascii")
    exempt = bool(_UNDOCUMENTED.intersection(path.parts))
    target = path.suffix == ".vy" and path.stem[0].isupper()
    yield from vyper_text.header(name, source, target=target, double=exempt)
    yield from vyper_text.habits(name, source)
    is_interface = path.suffix == ".vyi"
    try:
        tree = parse_to_ast(source, resolved_path=str(path), is_interface=is_interface)
    except VyperException as error:
        yield Finding(name, 0, "syntax", f"does not parse: {_one_line(error)}")
        return
    yield from vyper_syntax.advisories(name, tree)
    if exempt:
        return
    fixed = vyper_syntax.ERC8004_REASONS if "erc8004" in path.parts else frozenset()
    yield from vyper_syntax.revert_reasons(name, tree, fixed)
    yield from vyper_syntax.length(name, tree, _MAX_CODE_LINES[target])
    for prefix in sorted(vyper_syntax.prefixes(tree)):
        owner = speakers.setdefault(prefix, name)
        if owner != name:
            yield Finding(name, 0, "reason", f"`{prefix}:` is the prefix of {owner}")
    if not is_deployable(root, path):
        yield from vyper_typed.function_docs(name, tree, list(_interfaces(root, tree)))


def lint_contract(root: Path, path: Path) -> Iterator[Finding]:
    """Checks one deployable with all that it imports.

    Args:
        root: The repository root.
        path: A contract.

    Yields:
        Broken rules, in imported files too.
    """
    name = path.relative_to(root).as_posix()
    try:
        data = load(root, path)
    except (VyperException, VyperWarning) as error:
        yield Finding(name, 0, "compile", f"does not compile: {_one_line(error)}")
        return
    tree = data.annotated_vyper_module
    yield from vyper_typed.kill_switch(name, data)
    yield from vyper_typed.function_docs(name, tree, vyper_typed.implemented(data))
    yield from vyper_typed.array_ternaries(name, tree)
    yield from vyper_typed.imports(root, data)
    yield from vyper_syntax.exports(name, tree)


def lint(root: Path) -> Iterator[Finding]:
    """Checks every Vyper file of a repository.

    Args:
        root: The repository root.

    Yields:
        Broken rules.
    """
    speakers: dict[str, str] = {}
    for path in sources(root):
        yield from lint_source(root, path, speakers)
    for path in deployables(root):
        yield from lint_contract(root, path)


def _interfaces(root: Path, tree: Any) -> Iterator[Any]:
    """Parses the interfaces that a module implements; its functions are documented there."""
    for declaration in tree.get_children(vy_ast.ImplementsDecl):
        for node in declaration.get_descendants(vy_ast.Name):
            path = root / "contracts" / "interfaces" / f"{node.id}.vyi"
            yield parse_to_ast(path.read_text(), resolved_path=str(path), is_interface=True)


def _one_line(error: Exception) -> str:
    """Shortens a compiler's message to its first lines."""
    return " ".join(str(error).split())[:300]


def main() -> int:
    """Lints this repository.

    Returns:
        The exit code.
    """
    count = len(sources(ROOT))
    if not count:
        return report([Finding("contracts", 0, "compile", "no Vyper file found")], "contracts")
    return report(lint(ROOT), f"{count} Vyper files")


if __name__ == "__main__":
    sys.exit(main())
